//! What does CWE call a weakness? The names of those that reports are about (CWE 4.x), since CSAF
//! demands name beside number.

/// A weakness a line, by number: `CWE-20 Improper Input Validation`.
const NAMES: &str = include_str!("cwe.txt");

/// The name of a weakness, such as `CWE-20`.
pub fn name(id: &str) -> Option<&'static str> {
    let mut named = NAMES.lines().filter_map(|line| line.split_once(' '));
    named.find(|(known, _)| *known == id).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weakness_has_its_name_and_others_have_none() {
        assert_eq!(name("CWE-20"), Some("Improper Input Validation"));
        assert_eq!((name("CWE-2"), name("")), (None, None));
        assert!(
            NAMES
                .lines()
                .all(|line| line.starts_with("CWE-") && line.contains(' '))
        );
    }
}
