//! What does an entity ask of the opener? Where the OpenPGP part sits, and what stands beside it.

use super::control;
use super::entity::{Entity, File, is, is_blank, is_multipart};
use super::inline::has_armor;
use super::sniff;
use crate::model::reading::Repair;
use mail_parser::{MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// What the root of an entity asks for.
pub enum Layout<'a> {
    /// RFC 3156 section 4, and its mangles. Each sealed part is a document of its own; `others`
    /// stand outside all of them.
    Encrypted {
        sealed: Vec<Sealed<'a>>,
        others: Vec<File<'a>>,
    },
    /// RFC 3156 section 5: the signed octets exactly as they stand, CRLF line ends, and the
    /// signature.
    Signed {
        signed: Vec<u8>,
        signature: Cow<'a, [u8]>,
    },
    /// RFC 8551 sections 3.3 to 3.6: a CMS message that holds its content. `claims_sealed`: its
    /// type does not say that anybody can read it.
    Smime {
        message: Cow<'a, [u8]>,
        claims_sealed: bool,
    },
    /// RFC 8551 section 3.5.3: the signed octets exactly as they stand, CRLF line ends, and the
    /// signature beside them.
    SmimeSigned {
        signed: Vec<u8>,
        signature: Cow<'a, [u8]>,
    },
    Bare,
}

/// The ciphertext of one sealed part, and what had to be mended to find it.
pub struct Sealed<'a> {
    pub ciphertext: Cow<'a, [u8]>,
    /// As it stands in the letter: a transfer encoding may have been named that was never applied.
    pub raw: Cow<'a, [u8]>,
    pub repaired: Option<Repair>,
}

/// What a walk through the tree found.
#[derive(Default)]
struct Found<'a, 'x> {
    sealed: Vec<Sealed<'a>>,
    outside: Vec<&'a MessagePart<'x>>,
}

impl<'x> Entity<'x> {
    /// Where the encrypted or signed part sits. Wrappers with a single part are passed through, and
    /// structures that mail systems changed are recognised.
    pub fn layout(&self) -> Layout<'_> {
        let Some(mut root) = self.root() else {
            return Layout::Bare;
        };
        // A wrapper with a single part in it adds nothing, and takes no cover away.
        while let ([one], true) = (self.children(root).as_slice(), is_multipart(root)) {
            root = one;
        }
        if is(root, "multipart", "signed")
            && let Some(signed) = self.signed_at(root)
        {
            return signed;
        }
        if is_smime(root) {
            let kind = root
                .content_type()
                .and_then(|ct| ct.attribute("smime-type"))
                .unwrap_or_default();
            let open = ["signed-data", "compressed-data", "certs-only"];
            return Layout::Smime {
                message: self.sealed(root, None).ciphertext,
                claims_sealed: !open.iter().any(|open| kind.eq_ignore_ascii_case(open)),
            };
        }
        let Some(root) = self.root() else {
            return Layout::Bare;
        };
        let mut found = Found::default();
        self.look_for_sealed(root, 0, &mut found);
        if found.sealed.is_empty() {
            return Layout::Bare;
        }
        Layout::Encrypted {
            others: self.outside(&found.outside),
            sealed: found.sealed,
        }
    }

    /// Sealed parts at the root and inside the wrappers that were seen around it.
    fn look_for_sealed<'a>(
        &'a self,
        part: &'a MessagePart<'x>,
        depth: usize,
        found: &mut Found<'a, 'x>,
    ) {
        let children = self.children(part);
        if is(part, "multipart", "encrypted")
            && let Some(cipher) = children
                .iter()
                .find(|p| self.looks_sealed(p))
                .or_else(|| children.get(1))
        {
            // Google Workspace and mailing lists put the sealed entity beside a footer of theirs.
            let repaired = [None, Some(Repair::Google)]
                .get(depth)
                .copied()
                .unwrap_or(Some(Repair::Other));
            found.sealed.push(self.sealed(cipher, repaired));
            return self.look_beside(&children, cipher, depth, found);
        }
        if !is_multipart(part) {
            return found.outside.push(part);
        }
        // Exchange turns multipart/encrypted into multipart/mixed and may put an empty text before
        // the two parts; so does ProtonMail, which names the first of them attachment.pgp.
        let control = children
            .iter()
            .position(|p| is(p, "application", "pgp-encrypted") && !self.looks_sealed(p));
        let cipher = control.and_then(|at| {
            let sealed = children[at..]
                .iter()
                .chain(&children[..at])
                .find(|p| self.looks_sealed(p));
            Some((
                at,
                sealed.or_else(|| children[at + 1..].iter().find(|p| !is_blank(p)))?,
            ))
        });
        if let Some((at, cipher)) = cipher {
            let proton = children[at].attachment_name() == Some("attachment.pgp");
            let repaired = if depth > 0 {
                Repair::Other
            } else if proton {
                Repair::Proton
            } else {
                Repair::Exchange
            };
            found.sealed.push(self.sealed(cipher, Some(repaired)));
            return self.look_beside(&children, cipher, depth, found);
        }
        children
            .iter()
            .for_each(|child| self.look_for_sealed(child, depth + 1, found));
    }

    /// What stands beside a sealed part: more of them, perhaps, or parts outside.
    fn look_beside<'a>(
        &'a self,
        children: &[&'a MessagePart<'x>],
        cipher: &MessagePart<'x>,
        depth: usize,
        found: &mut Found<'a, 'x>,
    ) {
        for part in children.iter().filter(|p| !std::ptr::eq(**p, cipher)) {
            if is_multipart(part) {
                self.look_for_sealed(part, depth + 1, found);
            } else {
                found.outside.push(part);
            }
        }
    }

    fn sealed<'a>(&'a self, part: &'a MessagePart<'x>, repaired: Option<Repair>) -> Sealed<'a> {
        let raw = self.raw(part).unwrap_or_default();
        let ciphertext = self
            .salvaged(part)
            .map_or_else(|| self.sent(part), |(octets, _)| Cow::Owned(octets));
        Sealed {
            ciphertext,
            raw: Cow::Borrowed(raw),
            repaired,
        }
    }

    /// Parts outside everything sealed, as files: kept and shown apart, never joined with it.
    fn outside<'a>(&'a self, parts: &[&'a MessagePart<'x>]) -> Vec<File<'a>> {
        let others = parts
            .iter()
            .filter(|p| !is_control_part(p) && !is_blank(p) && !is_multipart(p));
        let named = |(n, part): (usize, &&'a MessagePart<'x>)| {
            let mut file = self.file(part);
            if file.name == "unnamed" {
                file.name = format!("outside-{}.txt", n + 1);
            }
            file
        };
        others.enumerate().map(named).collect()
    }

    fn signed_at(&self, root: &MessagePart<'x>) -> Option<Layout<'_>> {
        let children = self.children(root);
        let [signed, signature] = children.as_slice() else {
            return None;
        };
        let retyped = signature
            .contents()
            .trim_ascii_start()
            .starts_with(b"-----BEGIN PGP SIGNATURE");
        let is_smime = is(signature, "application", "pkcs7-signature")
            || is(signature, "application", "x-pkcs7-signature");
        if !is(signature, "application", "pgp-signature") && !retyped && !is_smime {
            return None;
        }
        let raw = self
            .octets
            .get(signed.raw_header_offset() as usize..signed.raw_end_offset() as usize)?;
        if is_smime {
            return Some(Layout::SmimeSigned {
                signed: canonical(raw),
                signature: self.sent(signature),
            });
        }
        Some(Layout::Signed {
            signed: canonical(raw),
            signature: Cow::Borrowed(signature.contents()),
        })
    }

    /// Whether these are the octets of an encrypted OpenPGP message, whatever their part is called.
    fn looks_sealed(&self, part: &MessagePart<'x>) -> bool {
        const START_OCTETS: usize = 4_096;
        let contents = part.contents();
        let has_armor = has_armor(&contents[..contents.len().min(START_OCTETS)]);
        // Armor in HTML is read as the text that it is.
        (has_armor && !matches!(part.body, PartType::Html(_)))
            || sniff::is_encrypted_message(&self.sent(part))
    }
}

/// A part that is a CMS message by its type, or by its name where a mail system made it a file of
/// no type (RFC 8551 section 3.2.1).
fn is_smime(part: &MessagePart<'_>) -> bool {
    let named = || {
        let name = part.attachment_name().unwrap_or_default();
        is(part, "application", "octet-stream") && is_smime_name(name)
    };
    is(part, "application", "pkcs7-mime") || is(part, "application", "x-pkcs7-mime") || named()
}

/// Whether a file is called as CMS messages with their content are.
pub fn is_smime_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".p7m", ".p7z"].iter().any(|end| name.ends_with(end))
}

/// The first part of PGP/MIME (RFC 3156 section 4), whatever type it was given on the way.
fn is_control_part(part: &MessagePart<'_>) -> bool {
    let contents = part.contents();
    control::is_control(contents)
        || (is(part, "application", "pgp-encrypted") && contents.trim_ascii().is_empty())
}

/// The canonical form that signatures are made over: CRLF line ends (RFC 3156 section 5).
fn canonical(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for (i, b) in raw.iter().enumerate() {
        if *b == b'\n' && (i == 0 || raw[i - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*b);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::budget::Budget;

    fn letter(content_type: &str, body: &str) -> String {
        format!(
            "From: a@b.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: \
             {content_type}\n\n{body}"
        )
    }

    #[test]
    fn the_sealed_part_is_found_whole_and_mangled() {
        let pgp = "--x\nContent-Type: application/pgp-encrypted\n\nVersion: \
            1\n\n--x\nContent-Type: application/octet-stream\n\n-----BEGIN PGP \
            MESSAGE-----\n\nAA\n--x--\n";
        let rows = [
            (
                "multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x",
                None,
            ),
            ("multipart/mixed; boundary=x", Some(Repair::Exchange)),
        ];
        for (content_type, expected) in rows {
            let text = letter(content_type, pgp);
            let entity = Entity::parse(text.as_bytes(), &Budget::ours()).unwrap();
            let Layout::Encrypted { sealed, .. } = entity.layout() else {
                panic!("{content_type}")
            };
            assert!(sealed[0].ciphertext.starts_with(b"-----BEGIN PGP MESSAGE"));
            assert_eq!(sealed[0].repaired, expected);
        }
    }

    #[test]
    fn the_signed_octets_are_those_between_the_boundaries() {
        let body = "--x\nContent-Type: text/plain\n\nhello \n\n--x\nContent-Type: \
            application/pgp-signature\n\nSIG\n--x--\n";
        let text = letter(
            "multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; \
             boundary=x",
            body,
        );
        let entity = Entity::parse(text.as_bytes(), &Budget::ours()).unwrap();
        let Layout::Signed { signed, signature } = entity.layout() else {
            panic!()
        };
        assert_eq!(signed, b"Content-Type: text/plain\r\n\r\nhello \r\n");
        assert!(signature.starts_with(b"SIG"));
    }
}
