//! How do we hold what must not be printed?

use std::fmt;

/// Octets that no log, error or dump may show. Reading them has a name that is easy to grep.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets themselves; keep them out of every `format!`.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, for protocols that want text.
    pub fn expose_text(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.0)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // A volatile write would need `unsafe`; black_box keeps the compiler from dropping a plain one.
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_its_length_alone() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(7 octets)");
    }
}
