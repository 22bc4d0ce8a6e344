//! What did our own mail server find of who sent a letter? Authentication-Results by a tokenizer
//! (RFC 8601 section 2.2).
//!
//! The field holds strings that the sender chose: local parts, domains of signatures, reasons. So
//! it is cut into tokens with its comments, quoted strings and escapes understood, and no text
//! inside one of them can pose as a verdict.

use super::outer::{all_raw, is_spelt_throughout};
use crate::model::letter::Dmarc;
use mail_parser::Message;

/// What the fields of our own server say, all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdicts {
    /// Results of the method `dmarc`, each with the domain of From that it is about.
    dmarc: Vec<(String, Option<String>)>,
    /// Domains whose DKIM signatures passed.
    signed_by: Vec<String>,
    /// A field of our server could not be read to its end.
    malformed: bool,
}

impl Verdicts {
    /// Every Authentication-Results field that bears this authserv-id. Whoever put a second one
    /// there proves nothing by it.
    pub fn of(message: &Message<'_>, id: &str) -> Self {
        let mut found = Self::default();
        for value in all_raw(message, "Authentication-Results") {
            let tokens = tokens(&value);
            let mut sections = tokens.parts.split(|token| *token == Token::Mark(';'));
            let server = match sections.next().and_then(<[Token]>::first) {
                Some(Token::Word(server)) => server,
                _ => continue,
            };
            if !server.eq_ignore_ascii_case(id) {
                continue;
            }
            found.malformed |= !tokens.whole;
            sections
                .filter_map(result)
                .for_each(|result| found.take(result));
        }
        found
    }

    fn take(&mut self, result: MethodResult) {
        let property = |ptype: &str, name: &str| {
            let named = result
                .properties
                .iter()
                .find(|(p, n, _)| p.eq_ignore_ascii_case(ptype) && n.eq_ignore_ascii_case(name));
            named.map(|(.., value)| {
                value
                    .rsplit_once('@')
                    .map_or(value.as_str(), |(_, domain)| domain)
                    .to_ascii_lowercase()
            })
        };
        match result.method.as_str() {
            "dmarc" => self.dmarc.push((result.result, property("header", "from"))),
            "dkim" if result.result == "pass" => self.signed_by.extend(property("header", "d")),
            _ => {}
        }
    }

    /// The verdict on this domain of From. A failure wins; a pass must be the only verdict, and
    /// name this domain.
    pub fn dmarc(&self, from: &str) -> Dmarc {
        if self.dmarc.iter().any(|(result, _)| result == "fail") {
            return Dmarc::Fail;
        }
        match self.dmarc.as_slice() {
            [(result, Some(about))]
                if result == "pass" && !self.malformed && about.eq_ignore_ascii_case(from) =>
            {
                Dmarc::Pass
            }
            _ => Dmarc::Unknown,
        }
    }

    /// Whether a DKIM signature of this very domain passed.
    pub fn is_signed_by(&self, domain: &str) -> bool {
        !self.malformed
            && self
                .signed_by
                .iter()
                .any(|signer| signer.eq_ignore_ascii_case(domain))
    }
}

/// One `method=result` with its properties.
struct MethodResult {
    method: String,
    result: String,
    /// ptype, property and value, such as `header`, `from` and `example.org`.
    properties: Vec<(String, String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// An atom or a quoted string, without its quotes and escapes.
    Word(String),
    /// `;` or `=`.
    Mark(char),
}

struct Tokens {
    parts: Vec<Token>,
    /// Every quoted string and every comment came to its end.
    whole: bool,
}

fn tokens(value: &str) -> Tokens {
    let mut parts = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = value.chars();
    let mut whole = true;
    while let Some(c) = rest.next() {
        match c {
            '(' => {
                parts.extend(word.take().map(Token::Word));
                whole &= skip_comment(&mut rest);
            }
            // Within a value, as in `smtp.mailfrom="a b"@example.org`, it goes on.
            '"' => whole &= quoted(&mut rest, word.get_or_insert_default()),
            ';' | '=' => {
                parts.extend(word.take().map(Token::Word));
                parts.push(Token::Mark(c));
            }
            c if c.is_whitespace() => parts.extend(word.take().map(Token::Word)),
            c => word.get_or_insert_default().push(c),
        }
    }
    parts.extend(word.map(Token::Word));
    Tokens { parts, whole }
}

/// Skips a comment, which may hold others (RFC 5322 section 3.2.2); `false` where it does not end.
fn skip_comment(rest: &mut std::str::Chars<'_>) -> bool {
    let mut depth = 1usize;
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return true;
        }
    }
    false
}

/// Takes a quoted string (RFC 5322 section 3.2.4); `false` where it does not end.
fn quoted(rest: &mut std::str::Chars<'_>, into: &mut String) -> bool {
    while let Some(c) = rest.next() {
        match c {
            '\\' => into.extend(rest.next()),
            '"' => return true,
            c => into.push(c),
        }
    }
    false
}

/// `method[/version]=result`, and what follows it: `reason=…` and `ptype.property=…`.
fn result(section: &[Token]) -> Option<MethodResult> {
    let [
        Token::Word(method),
        Token::Mark('='),
        Token::Word(result),
        rest @ ..,
    ] = section
    else {
        return None;
    };
    let method = method
        .split('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut properties = Vec::new();
    let mut rest = rest;
    while let [
        Token::Word(name),
        Token::Mark('='),
        Token::Word(value),
        more @ ..,
    ] = rest
    {
        if let Some((ptype, property)) = name.split_once('.') {
            properties.push((ptype.to_owned(), property.to_owned(), value.clone()));
        }
        rest = more;
    }
    Some(MethodResult {
        method,
        result: result.to_ascii_lowercase(),
        properties,
    })
}

/// The first word of a field's value, without comments and parameters.
pub(super) fn first_word(value: &str) -> String {
    match tokens(value).parts.into_iter().next() {
        Some(Token::Word(word)) => word,
        _ => String::new(),
    }
}

const SIGNATURE: &str = "DKIM-Signature";

/// A tag of a DKIM signature (RFC 6376 section 3.5), without white space; empty where it has none.
fn tag(signature: &str, name: &str) -> String {
    let value = signature.split(';').find_map(|tag| {
        tag.trim()
            .strip_prefix(name)?
            .trim_start()
            .strip_prefix('=')
            .map(str::to_owned)
    });
    value
        .unwrap_or_default()
        .split_whitespace()
        .collect::<String>()
}

/// The DKIM signatures of an organisation. With a DMARC pass by DKIM, the one that passed is among
/// them; which one that was, no verdict says.
fn signatures_of(message: &Message<'_>, organisation: &str) -> Vec<String> {
    let mut signatures = all_raw(message, SIGNATURE);
    signatures.retain(|signature| {
        let domain = tag(signature, "d").to_ascii_lowercase();
        psl::domain_str(&domain)
            .unwrap_or(&domain)
            .eq_ignore_ascii_case(organisation)
    });
    signatures
}

/// Whether a signature covers this field (RFC 6376 section 3.5, `h=`). One that says so twice says
/// nothing (section 3.2).
fn covers(signature: &str, field: &str) -> bool {
    let tags = signature.split(';').filter_map(|tag| tag.split_once('='));
    let named = tags.filter(|(name, _)| name.trim() == "h");
    if named.count() != 1 {
        return false;
    }
    tag(signature, "h")
        .split(':')
        .any(|name| name.eq_ignore_ascii_case(field))
}

/// Whether every DKIM signature of the From's organisation covers this field, and there is one.
pub(super) fn is_covered(message: &Message<'_>, field: &str, organisation: &str) -> bool {
    let signatures = signatures_of(message, organisation);
    !signatures.is_empty()
        && is_spelt_throughout(message, field)
        && is_spelt_throughout(message, SIGNATURE)
        && signatures.iter().all(|one| covers(one, field))
}

/// Fields that say into which parts a body is divided, and how they are written (RFC 2045).
const STRUCTURE: [&str; 2] = ["Content-Type", "Content-Transfer-Encoding"];

/// Whether no DKIM signature of the From's organisation lets others divide the body anew, or add to
/// it (RFC 6376 section 8.2): whoever got a signed letter may send it again with another boundary,
/// by which a quotation becomes an attachment. What no signature of theirs covers, a DMARC pass
/// vouches for by SPF, as the sender's own server sent it.
pub(super) fn covers_structure(message: &Message<'_>, organisation: &str) -> bool {
    leaves_nothing_open(message, organisation, &STRUCTURE)
        && signatures_of(message, organisation)
            .iter()
            .all(|one| tag(one, "l").is_empty())
}

/// Fields that say to whom a letter goes, and what it answers.
const ADDRESSING: [&str; 4] = ["To", "Cc", "In-Reply-To", "References"];

/// Whether no DKIM signature of the From's organisation lets others say to whom the letter goes, and
/// what it answers: whoever got a signed letter may send it again, to others and in another thread.
pub(super) fn covers_addressing(message: &Message<'_>, organisation: &str) -> bool {
    leaves_nothing_open(message, organisation, &ADDRESSING)
}

/// Whether no DKIM signature of the From's organisation lets others say where answers go.
pub(super) fn covers_reply_to(message: &Message<'_>, organisation: &str) -> bool {
    leaves_nothing_open(message, organisation, &["Reply-To"])
}

/// Whether every signature of the organisation covers each of these fields that is there.
fn leaves_nothing_open(message: &Message<'_>, organisation: &str, fields: &[&str]) -> bool {
    let mut decisive = fields.iter().chain([&SIGNATURE]);
    decisive.all(|field| is_spelt_throughout(message, field))
        && signatures_of(message, organisation).iter().all(|one| {
            fields
                .iter()
                .all(|field| match all_raw(message, field).len() {
                    0 => true,
                    1 => covers(one, field),
                    // Which of several was signed, and which is read, are two questions.
                    _ => false,
                })
        })
}

#[cfg(test)]
mod tests {
    use super::super::tolerant;
    use super::*;

    fn check(fields: &str, expected: Dmarc) {
        let head = format!("{fields}\r\nFrom: a@b.example\r\n\r\n");
        let message = tolerant::parse_headers(head.as_bytes());
        assert_eq!(
            Verdicts::of(&message, "mx.desk.example").dmarc("b.example"),
            expected,
            "{fields}"
        );
    }

    #[test]
    fn only_a_single_whole_verdict_on_our_own_from_passes() {
        let good =
            "Authentication-Results: mx.desk.example; dmarc=pass (p=none) header.from=b.example";
        check(good, Dmarc::Pass);
        check(
            "Authentication-Results: \"mx.desk.example\" 1; dkim=pass header.d=b.example; dmarc = \
             pass header.from=b.example",
            Dmarc::Pass,
        );
        check(
            "Authentication-Results: mx.desk.example; spf=fail \
             smtp.mailfrom=\"x;dmarc=fail\"@b.example; dmarc=pass header.from=a@B.example",
            Dmarc::Pass,
        );
        // Another From, no From, another server, two verdicts.
        check(
            "Authentication-Results: mx.desk.example; dmarc=pass header.from=c.example",
            Dmarc::Unknown,
        );
        check(
            "Authentication-Results: mx.desk.example; dmarc=pass",
            Dmarc::Unknown,
        );
        check(
            "Authentication-Results: mx.desk.example.evil.example; dmarc=pass \
             header.from=b.example",
            Dmarc::Unknown,
        );
        check(&format!("{good}\r\n{good}"), Dmarc::Unknown);
        check(
            &format!(
                "{good}\r\nAuthentication-Results: mx.desk.example; dmarc=fail \
                 header.from=b.example"
            ),
            Dmarc::Fail,
        );
    }

    /// Whoever got a signed letter may send it again, divided into other parts.
    #[test]
    fn a_body_is_its_writers_where_no_signature_leaves_its_parts_open() {
        let covers = |fields: &str| {
            let head = format!("{fields}\r\nFrom: a@b.example\r\n\r\n");
            let message = tolerant::parse_headers(head.as_bytes());
            covers_structure(&message, "b.example")
        };
        let (plain, divided) = (
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed; boundary=x",
        );
        let signed = |fields: &str| format!("DKIM-Signature: v=1; d=b.example; h={fields}; b=x");
        assert!(covers(divided), "DMARC by SPF");
        assert!(covers(&format!("{}\r\n{plain}", signed("from:subject"))));
        assert!(!covers(&format!("{}\r\n{divided}", signed("from:subject"))));
        let whole = signed("From:Content-Type");
        assert!(covers(&format!("{whole}\r\n{divided}")));
        assert!(!covers(&format!("{whole}\r\n{divided}\r\n{divided}")));
        let encoded = "Content-Transfer-Encoding: base64";
        assert!(!covers(&format!("{whole}\r\n{divided}\r\n{encoded}")));
        // Which of two passed, no verdict says; of another organisation's none did.
        let both = format!("{whole}\r\n{}\r\n{divided}", signed("from"));
        assert!(!covers(&both));
        let another = "DKIM-Signature: v=1; d=list.example; h=from; b=x";
        assert!(covers(&format!("{whole}\r\n{another}\r\n{divided}")));
        // A field that is bent is read, and no server knows it.
        let bent = [
            format!("{divided}\r\nContent-Type : text/plain"),
            format!("Content-Type\t: multipart/mixed; boundary=x\r\n{divided}"),
            format!("{divided}\r\nContent-Transfer-Encoding : base64"),
        ];
        for bent in bent {
            assert!(!covers(&format!("{whole}\r\n{bent}")), "{bent}");
            assert!(!covers(&bent), "{bent}");
        }
        let doubled = whole.replace("b=x", "h=from; b=x");
        assert!(!covers(&format!("{doubled}\r\n{divided}")));
        let hidden = whole.replace("DKIM-Signature:", "DKIM-Signature :");
        assert!(!covers(&format!("{hidden}\r\n{divided}")));
        let shortened = whole.replace("v=1;", "v=1; l=12;");
        assert!(!covers(&format!("{shortened}\r\n{divided}")));
    }

    #[test]
    fn what_stands_in_strings_and_comments_is_no_verdict() {
        let fail = "dmarc=fail header.from=b.example";
        for bent in [
            "spf=pass smtp.mailfrom=\"a; dmarc=pass header.from=b.example\"@evil.example",
            "spf=pass (a \\) ; dmarc=pass header.from=b.example) smtp.mailfrom=x",
            "spf=pass (nested (comment) ; dmarc=pass header.from=b.example)",
            "spf=pass reason=\"x\\\"; dmarc=pass header.from=b.example\"",
        ] {
            check(
                &format!("Authentication-Results: mx.desk.example; {bent}; {fail}"),
                Dmarc::Fail,
            );
            check(
                &format!("Authentication-Results: mx.desk.example; {bent}"),
                Dmarc::Unknown,
            );
        }
        // A string that never ends swallows the verdict behind it; what stood before it is not
        // believed either.
        check(
            "Authentication-Results: mx.desk.example; dmarc=pass header.from=b.example; spf=pass \
             smtp.mailfrom=\"x",
            Dmarc::Unknown,
        );
        check(
            "Authentication-Results: (mx.desk.example; dmarc=pass header.from=b.example",
            Dmarc::Unknown,
        );
    }

    #[test]
    fn autocrypt_is_covered_where_every_signature_of_the_sender_says_so() {
        let covered = |fields: &str| {
            is_covered(
                &tolerant::parse_headers(format!("{fields}\r\n\r\n").as_bytes()),
                "autocrypt",
                "b.example",
            )
        };
        assert!(covered(
            "DKIM-Signature: v=1; d=mail.b.example; h=From:Subject:\r\n Autocrypt; b=x"
        ));
        assert!(!covered(
            "DKIM-Signature: v=1; d=b.example; h=From:Subject; b=x"
        ));
        assert!(!covered(
            "DKIM-Signature: v=1; d=evil.example; h=From:Autocrypt; b=x"
        ));
        assert!(!covered(
            "DKIM-Signature: v=1; d=b.example; h=From:Autocrypt; b=x\r\nDKIM-Signature: v=1; \
             d=b.example; h=From; b=y"
        ));
        assert!(!covered("Subject: x"));
    }
}
