//! What can't be guessed, and how is it kept? Random texts for browsers and letters; of those that
//! are to come back, the desk keeps an HMAC alone.

use crate::model::secret::{Secret, hmac_sha256};
use crate::ports::PortError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// An HMAC-SHA-256 of a token, under a key that this process made and nobody else knows.
pub(super) type Kept = [u8; 32];

/// Octets of a token that a browser or a link carries.
const TOKEN_OCTETS: usize = 32;

/// Crockford's base 32: what is typed by hand has no I, L, O or U.
const CODE_LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a code, with a hyphen in their middle: 40 bits.
const CODE_CHARACTERS: usize = 8;

/// Short words that nobody mixes up over the phone.
const WORDS: &[u8] = include_bytes!("words.txt");

/// The key under which this process keeps what it gave out.
pub(super) struct TokenKey(Secret);

impl TokenKey {
    pub fn new() -> Result<Self, PortError> {
        Ok(Self(Secret::new(crate::desk::random::<32>()?.to_vec())))
    }

    /// What is kept of a token for a purpose; a token for one is none for another.
    pub fn keep(&self, purpose: &str, token: &str) -> Kept {
        hmac_sha256(
            self.0.expose(),
            &[purpose.as_bytes(), b"\0", token.as_bytes()],
        )
    }

    /// Two words that belong to a token, the same each time.
    pub fn words_of(&self, token: &str) -> String {
        let words: Vec<&str> = std::str::from_utf8(WORDS)
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let octets = self.keep("words", token);
        let word = |n: usize| {
            let number = usize::from(octets[2 * n]) * 256 + usize::from(octets[2 * n + 1]);
            words[number % words.len()]
        };
        format!("{} {}", word(0), word(1))
    }
}

/// A token that nobody can guess, in base64url.
pub(super) fn token() -> Result<String, PortError> {
    Ok(URL_SAFE_NO_PAD.encode(crate::desk::random::<TOKEN_OCTETS>()?))
}

/// A code to be typed: `7K3Q-F2MX`.
pub(super) fn code() -> Result<String, PortError> {
    let octets = crate::desk::random::<CODE_CHARACTERS>()?;
    let mut code: String = octets
        .iter()
        .map(|octet| char::from(CODE_LETTERS[usize::from(octet % 32)]))
        .collect();
    code.insert(CODE_CHARACTERS / 2, '-');
    Ok(code)
}

/// A code as it was made, however it was typed: without its hyphen, in small letters, and with
/// letters that look like digits.
pub(super) fn straightened_code(typed: &str) -> String {
    let mut code: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            c => c,
        })
        .take(CODE_CHARACTERS + 1)
        .collect();
    if code.len() == CODE_CHARACTERS {
        code.insert(CODE_CHARACTERS / 2, '-');
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_however_it_is_typed() {
        for typed in ["7K30-F1MX", "7k3o f1mx", "7K3OFLMX", " 7k30-fimx\n"] {
            assert_eq!(straightened_code(typed), "7K30-F1MX", "{typed}");
        }
        assert_ne!(straightened_code("7K30-F1MXX"), "7K30-F1MX");
        let made = code().unwrap();
        assert_eq!(straightened_code(&made.to_lowercase()), made);
    }

    #[test]
    fn words_belong_to_a_token_and_are_many() {
        let key = TokenKey::new().unwrap();
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_eq!(key.words_of(&one), key.words_of(&one));
        assert_ne!(key.keep("session", &one), key.keep("link", &one));
        assert_ne!(key.keep("session", &one), key.keep("session", &other));
        let words: Vec<&str> = std::str::from_utf8(WORDS)
            .unwrap()
            .split_whitespace()
            .collect();
        let mut unique = words.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), words.len());
        assert!(words.len() >= 256, "{}", words.len());
        let is_plain = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
        assert!(words.iter().all(is_plain) && words.iter().all(|word| word.len() <= 8));
    }
}
