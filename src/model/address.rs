//! To whom may a letter go? Addresses that are proven before anything is sent to them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An addr-spec (RFC 5322 section 3.4.1) in ASCII that SMTP can carry: `local@domain`, the domain
/// in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    whole: String,
    at: usize,
}

/// Why a text is no address. The variants quote nothing of the text, which may be a stranger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    #[error("it is empty")]
    Empty,
    #[error("it has no single @ between a local part and a domain")]
    Shape,
    #[error("it has a character that cannot stand in an SMTP command")]
    Character,
    #[error("it is longer than SMTP allows")]
    Length,
    #[error("its domain has an empty part, or one that begins or ends with a hyphen")]
    Domain,
}

impl Address {
    /// RFC 5321 section 4.5.3.1: 64 octets of local part, 255 of domain.
    const LOCAL_OCTETS_MAX: usize = 64;
    const DOMAIN_OCTETS_MAX: usize = 255;

    /// Reads `local@domain`, with spaces around it or without. A domain in Unicode becomes its
    /// A-label (RFC 5891). Quoted local parts and display names are refused.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NotAnAddress::Empty);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnAddress::Shape)?;
        if local.is_empty() || domain.is_empty() || local.contains('@') {
            return Err(NotAnAddress::Shape);
        }
        // A domain in Unicode travels as its A-label (RFC 5891), which no look-alike can hide
        // behind.
        let ascii = if domain.is_ascii() {
            domain.to_owned()
        } else {
            idna::domain_to_ascii_strict(domain).map_err(|_| NotAnAddress::Character)?
        };
        let (text, domain) = (format!("{local}@{ascii}"), ascii.as_str());
        let plain = |b: u8| {
            b.is_ascii_graphic()
                && !matches!(b, b'<' | b'>' | b',' | b';' | b'"' | b'\\' | b'(' | b')')
        };
        if !text.bytes().all(plain) {
            return Err(NotAnAddress::Character);
        }
        if local.len() > Self::LOCAL_OCTETS_MAX || domain.len() > Self::DOMAIN_OCTETS_MAX {
            return Err(NotAnAddress::Length);
        }
        let domain = domain
            .strip_suffix('.')
            .unwrap_or(domain)
            .to_ascii_lowercase();
        // RFC 1123 section 2.1. An address literal is no domain, and is told apart where it
        // matters.
        let is_label =
            |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        if !domain.starts_with('[') && !domain.split('.').all(is_label) {
            return Err(NotAnAddress::Domain);
        }
        let whole = format!("{local}@{domain}");
        Ok(Self {
            at: local.len(),
            whole,
        })
    }

    /// The part before the @, in the case in which it was written.
    pub fn local(&self) -> &str {
        &self.whole[..self.at]
    }

    /// The part behind the @, in lower case.
    pub fn domain(&self) -> &str {
        &self.whole[self.at + 1..]
    }

    /// The whole `local@domain`, as SMTP carries it, without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The domain that somebody registered: all of its subdomains are theirs (by the public suffix
    /// list).
    pub fn organisation(&self) -> &str {
        psl::domain_str(self.domain()).unwrap_or(self.domain())
    }

    /// Whether two addresses reach the same mailbox for all we know: domains never have case, and
    /// no server in use tells local parts apart by it (RFC 5321 section 2.4 advises against it).
    pub fn same_mailbox(&self, other: &Self) -> bool {
        self.whole.eq_ignore_ascii_case(&other.whole)
    }

    /// The address with `tag` after a plus: `bounce+TAG@domain` (RFC 5233).
    pub fn tagged(&self, tag: &str) -> Self {
        let local = format!("{}+{tag}", self.local());
        Self {
            whole: format!("{local}@{}", self.domain()),
            at: local.len(),
        }
    }

    /// The tag after the plus, where the rest of the address is ours.
    pub fn tag_of<'a>(&self, other: &'a Self) -> Option<&'a str> {
        if self.domain() != other.domain() {
            return None;
        }
        let (base, tag) = other.local().split_once('+')?;
        base.eq_ignore_ascii_case(self.local()).then_some(tag)
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;
    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.whole
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)
    }
}

/// Local parts behind which no person sits (RFC 2142, RFC 3834 section 2 and what is seen in the
/// wild).
const DAEMONS: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "do_not_reply",
    "bounce",
    "bounces",
    "listserv",
    "majordomo",
    "mailman",
    "daemon",
    "root",
    "nobody",
    "auto-reply",
    "autoreply",
];

/// An address that an automatic answer may be sent to. It can't be made for a machine or for
/// nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Address", into = "Address")]
pub struct ReplyAddress(Address);

impl TryFrom<Address> for ReplyAddress {
    type Error = NoReplyAddress;
    fn try_from(address: Address) -> Result<Self, NoReplyAddress> {
        Self::prove(address)
    }
}

impl From<ReplyAddress> for Address {
    fn from(reply: ReplyAddress) -> Address {
        reply.0
    }
}

/// Why no automatic answer may go to an address (RFC 3834 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReplyAddress {
    #[error("the return path is empty")]
    Empty,
    #[error("the address cannot be read: {0}")]
    Malformed(NotAnAddress),
    #[error("the address belongs to a daemon")]
    Daemon,
    #[error("the domain is an address literal or names no host on the net")]
    Domain,
    #[error("the local part begins with a hyphen")]
    Hyphen,
}

impl ReplyAddress {
    /// Proves the value of a Return-Path header, with or without angle brackets.
    pub fn from_return_path(text: &str) -> Result<Self, NoReplyAddress> {
        let bare = text
            .trim()
            .trim_start_matches('<')
            .trim_end_matches('>')
            .trim();
        if bare.is_empty() {
            // RFC 3834 section 2: MUST NOT respond to the null return path.
            return Err(NoReplyAddress::Empty);
        }
        Self::prove(Address::parse(bare).map_err(NoReplyAddress::Malformed)?)
    }

    /// Proves that an automatic answer may go there: no daemon, list or bounce address, no address
    /// literal, and no local part that a program could take for an option.
    pub fn prove(address: Address) -> Result<Self, NoReplyAddress> {
        let local = address.local().to_ascii_lowercase();
        if local.starts_with('-') {
            return Err(NoReplyAddress::Hyphen); // it could pass for an option of some mail program
        }
        let daemon = DAEMONS.contains(&local.as_str())
            || local.starts_with("owner-")
            || ["-request", "-owner", "-bounces", "-bounce"]
                .iter()
                .any(|end| local.ends_with(end))
            || [
                "bounce+",
                "bounces+",
                "bounce-",
                "bounces-",
                "prvs=bounce",
                "msprvs1=",
            ]
            .iter()
            .any(|s| local.starts_with(s));
        if daemon {
            return Err(NoReplyAddress::Daemon);
        }
        let domain = address.domain();
        // An address literal is never a reporter's; a name without a dot is a host of ours or
        // nobody's.
        if domain.starts_with('[')
            || domain == "localhost"
            || domain.ends_with(".localhost")
            || domain.ends_with(".invalid")
            || !domain.contains('.')
        {
            return Err(NoReplyAddress::Domain);
        }
        Ok(Self(address))
    }

    /// The address, which may be written to by hand too.
    pub fn address(&self) -> &Address {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reply_to_nobody_or_to_a_machine_can_be_written() {
        let refuse = |text: &str| ReplyAddress::from_return_path(text).unwrap_err();
        assert_eq!(refuse("<>"), NoReplyAddress::Empty);
        assert_eq!(
            refuse("<MAILER-DAEMON@mx.example.org>"),
            NoReplyAddress::Daemon
        );
        assert_eq!(
            refuse("list-bounces@lists.example.org"),
            NoReplyAddress::Daemon
        );
        assert_eq!(refuse("owner-list@example.org"), NoReplyAddress::Daemon);
        assert_eq!(refuse("a@[192.0.2.1]"), NoReplyAddress::Domain);
        assert_eq!(refuse("root2@localhost"), NoReplyAddress::Domain);
        assert_eq!(refuse("-oQ/tmp/x@example.org"), NoReplyAddress::Hyphen);
        assert!(matches!(refuse("no at sign"), NoReplyAddress::Malformed(_)));
        assert!(matches!(
            refuse("a@b.example\r\nBcc: c@d.example"),
            NoReplyAddress::Malformed(_)
        ));
        assert_eq!(
            ReplyAddress::from_return_path("<Ada@Example.ORG>")
                .unwrap()
                .address()
                .as_str(),
            "Ada@example.org"
        );
    }

    #[test]
    fn a_tag_is_found_again_under_our_own_address_only() {
        let ours = Address::parse("bounce@desk.example").unwrap();
        let tagged = ours.tagged("k3q");
        assert_eq!(tagged.as_str(), "bounce+k3q@desk.example");
        assert_eq!(ours.tag_of(&tagged), Some("k3q"));
        assert_eq!(
            ours.tag_of(&Address::parse("bounce+k3q@other.example").unwrap()),
            None
        );
    }
}
