//! What does the desk say of itself in public? Typed fields; who holds the keys makes words of them
//! and signs.

use super::Timestamp;
use serde::{Deserialize, Serialize};

/// What a security.txt says (RFC 9116) besides who we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityTxt {
    /// Where the file is to be found, each place on a line of its own.
    pub canonical: Vec<HttpsUrl>,
    /// Where the certificate is to be found.
    pub encryption: Vec<HttpsUrl>,
    pub policy: Option<HttpsUrl>,
    pub languages: Vec<Language>,
    pub expires: Timestamp,
}

/// A web address that a line can hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpsUrl(String);

/// The text that was no URL with https and a host.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a web address that begins with https://")]
pub struct NotAnHttpsUrl(String);

impl HttpsUrl {
    /// In printable ASCII, so that it fits on one line of a security.txt.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HttpsUrl {
    type Error = NotAnHttpsUrl;
    fn try_from(text: String) -> Result<Self, NotAnHttpsUrl> {
        match url::Url::parse(&text) {
            Ok(url)
                if url.scheme() == "https"
                    && url.has_host()
                    && url.as_str().bytes().all(|b| b.is_ascii_graphic()) =>
            {
                Ok(Self(url.into()))
            }
            _ => Err(NotAnHttpsUrl(text.chars().take(80).collect())),
        }
    }
}

impl From<HttpsUrl> for String {
    fn from(url: HttpsUrl) -> String {
        url.0
    }
}

/// A language tag (RFC 5646).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// The text that was no language tag in the form of RFC 5646.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a language tag such as en or pt-BR")]
pub struct NotALanguage(String);

impl Language {
    /// The tag as it was written, such as `en` or `pt-BR`: 2 to 35 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Language {
    type Error = NotALanguage;
    fn try_from(text: String) -> Result<Self, NotALanguage> {
        let fits = (2..=35).contains(&text.len())
            && text.split('-').all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        if fits {
            Ok(Self(text))
        } else {
            Err(NotALanguage(text.chars().take(40).collect()))
        }
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_break_a_line_is_refused() {
        for good in [
            "https://example.org/.well-known/security.txt",
            "https://example.org/a?b=c",
        ] {
            assert!(HttpsUrl::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "http://example.org/",
            "https://",
            "javascript:alert(1)",
            "example.org",
        ] {
            assert!(HttpsUrl::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        // What the parser takes it also escapes.
        assert_eq!(
            HttpsUrl::try_from("https://example.org/a b".to_owned())
                .unwrap()
                .as_str(),
            "https://example.org/a%20b"
        );
        assert!(Language::try_from("pt-BR".to_owned()).is_ok());
        assert!(Language::try_from("en\nExpires: never".to_owned()).is_err());
    }
}
