//! Under which name may a stranger's file be kept and shown?

/// Longer names are cut: what every file system takes, with room for a number before it.
const NAME_OCTETS_MAX: usize = 120;

/// A safe basename: no folder, no control, bidi or zero-width character, never hidden, never empty.
pub fn safe_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = sanitize_filename::sanitize_with_options(
        visible(base).trim().trim_start_matches(['.', '-', ' ']),
        sanitize_filename::Options {
            windows: true,
            truncate: true,
            replacement: "_",
        },
    );
    let mut clean = clean.trim_start_matches(['.', '-', ' ']).to_owned();
    while clean.len() > NAME_OCTETS_MAX {
        clean.pop();
    }
    if clean.is_empty() {
        "unnamed".to_owned()
    } else {
        clean
    }
}

/// A name without what could drive a terminal or an eye.
pub(super) fn visible(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .collect()
}

/// Characters that change how text looks without being seen: bidi controls (Unicode UAX 9),
/// zero-width characters, and tags.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_cut_to_a_safe_basename() {
        let rows = [
            ("poc.c", "poc.c"),
            ("../../etc/passwd", "passwd"),
            ("C:\\boot.ini", "boot.ini"),
            ("inno\u{202E}cod.exe", "innocod.exe"),
            ("-rf", "rf"),
            (".ssh", "ssh"),
            ("..", "unnamed"),
            ("", "unnamed"),
            ("a\nb", "ab"),
            ("nul", "_"),
        ];
        for (name, safe) in rows {
            assert_eq!(safe_name(name), safe, "{name:?}");
        }
        assert!(safe_name(&"x".repeat(500)).len() <= NAME_OCTETS_MAX);
    }
}
