//! Who may use the page for responders, where is it, and what lets them sign in?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// What a responder may do on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageAccess {
    /// Everything that they may command by a signed letter.
    #[default]
    Command,
    /// They see every case and change nothing.
    Read,
    /// They can't sign in.
    None,
}

/// Where browsers find the page: a scheme, a host and perhaps a port, and no path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageUrl {
    origin: String,
    host: String,
}

/// The text that the page can't be found at.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is not where a page can be: write https:// and a host, such as https://desk.example.org; \
     http:// is for localhost alone"
)]
pub struct NotAPageUrl(String);

impl PageUrl {
    /// As a browser writes it in Origin (RFC 6454 section 6.1), without a slash behind it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// As a browser writes it in Host: with the port where it is not the scheme's own.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Whether a host is this machine: browsers keep secure cookies for it without TLS.
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

impl TryFrom<String> for PageUrl {
    type Error = NotAPageUrl;
    fn try_from(text: String) -> Result<Self, NotAPageUrl> {
        let refused = || NotAPageUrl(text.chars().take(80).collect());
        let url = Url::parse(&text).map_err(|_| refused())?;
        let host = url.host().ok_or_else(refused)?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&host);
        if !is_bare || !is_safe {
            return Err(refused());
        }
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        let host = format!("{host}{port}");
        Ok(Self {
            origin: format!("{}://{host}", url.scheme()),
            host,
        })
    }
}

impl From<PageUrl> for String {
    fn from(url: PageUrl) -> String {
        url.origin
    }
}

/// What a letter holds by which a responder signs in. Each part is of a few plain characters, so
/// that no letter of ours can be made to say anything else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SignInTicketParts")]
pub struct SignInTicket {
    link: String,
    code: String,
    words: String,
}

/// The texts of a ticket before they are proven.
#[derive(Deserialize)]
struct SignInTicketParts {
    link: String,
    code: String,
    words: String,
}

/// A part of a ticket has a character that it can't have, or too many.
#[derive(Debug, thiserror::Error)]
#[error("a ticket for signing in is not written as one")]
pub struct NotATicket;

impl SignInTicket {
    const LINK_OCTETS_MAX: usize = 64;
    const CODE_OCTETS_MAX: usize = 16;
    const WORDS_OCTETS_MAX: usize = 40;

    /// Fails where `link` is no base64url, `code` is not of upper-case letters, digits and hyphens,
    /// or `words` is not of lower-case letters and blanks.
    pub fn new(link: String, code: String, words: String) -> Result<Self, NotATicket> {
        let fits = |text: &str, octets_max, plain: fn(u8) -> bool| {
            (1..=octets_max).contains(&text.len()) && text.bytes().all(plain)
        };
        let is_link = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let is_code = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        let is_word = |b: u8| b.is_ascii_lowercase() || b == b' ';
        if fits(&link, Self::LINK_OCTETS_MAX, is_link)
            && fits(&code, Self::CODE_OCTETS_MAX, is_code)
            && fits(&words, Self::WORDS_OCTETS_MAX, is_word)
        {
            Ok(Self { link, code, words })
        } else {
            Err(NotATicket)
        }
    }

    /// What stands in the link.
    pub fn expose_link(&self) -> &str {
        &self.link
    }

    /// What is typed where the letter is read on another device.
    pub fn expose_code(&self) -> &str {
        &self.code
    }

    /// Shown in the letter and on the page: they tell one asking from another.
    pub fn words(&self) -> &str {
        &self.words
    }
}

impl TryFrom<SignInTicketParts> for SignInTicket {
    type Error = NotATicket;
    fn try_from(parts: SignInTicketParts) -> Result<Self, NotATicket> {
        Self::new(parts.link, parts.code, parts.words)
    }
}

impl std::fmt::Debug for SignInTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInTicket")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_at_a_bare_origin_with_tls_or_on_this_machine() {
        for (text, host) in [
            ("https://desk.example.org", "desk.example.org"),
            ("https://desk.example.org/", "desk.example.org"),
            ("https://Desk.Example.org:8443", "desk.example.org:8443"),
            ("http://localhost:8093", "localhost:8093"),
            ("http://127.0.0.1:8093", "127.0.0.1:8093"),
            ("http://[::1]:8093", "[::1]:8093"),
        ] {
            let url = PageUrl::try_from(text.to_owned()).unwrap();
            assert_eq!(url.host(), host);
            let lower = text.to_lowercase();
            assert_eq!(url.origin(), lower.trim_end_matches('/'));
        }
        for text in [
            "http://desk.example.org",
            "https://desk.example.org/desk",
            "https://desk.example.org/?a",
            "https://u:p@desk.example.org",
            "http://localhost.example.org",
            "desk.example.org",
            "file:///etc",
        ] {
            assert!(PageUrl::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_ticket_holds_plain_characters_alone() {
        let ticket = |link: &str, code: &str, words: &str| {
            SignInTicket::new(link.to_owned(), code.to_owned(), words.to_owned())
        };
        assert!(ticket("a-Z_9", "7K3Q-F2MX", "amber otter").is_ok());
        for (link, code, words) in [
            ("", "7K3Q", "amber otter"),
            ("a b", "7K3Q", "amber otter"),
            ("a/../b", "7K3Q", "amber otter"),
            ("a", "7K3Q\r\nX", "amber otter"),
            ("a", "7K3Q", "amber\notter"),
            ("a", "7K3Q", "click https"),
        ] {
            let is_plain = link == "a" && words == "click https";
            assert_eq!(
                ticket(link, code, words).is_ok(),
                is_plain && code == "7K3Q"
            );
        }
        assert!(ticket(&"a".repeat(65), "7K3Q", "amber otter").is_err());
        let hidden = ticket("a", "7K3Q", "amber otter").unwrap();
        assert_eq!(format!("{hidden:?}"), "SignInTicket");
    }
}
