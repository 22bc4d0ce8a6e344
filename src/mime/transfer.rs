//! Which octets did a part have before it was encoded for its way? (RFC 2045 section 6)
//!
//! mail-parser hands out text in UTF-8, whatever it was. A file is what was sent, octet by octet.

use mail_parser::Encoding;
use mail_parser::decoders::base64::base64_decode;
use std::borrow::Cow;

/// The octets behind a transfer encoding; `None` where base64 is none. Takes time linear in them.
pub(super) fn decoded<'a>(encoding: &Encoding, raw: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match encoding {
        Encoding::None => Some(Cow::Borrowed(raw)),
        Encoding::Base64 => base64_decode(raw).map(Cow::Owned),
        Encoding::QuotedPrintable => Some(Cow::Owned(quoted_printable(raw))),
    }
}

/// What is no quoted-printable stays as it stands, as RFC 2045 section 6.7 advises.
fn quoted_printable(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let line_end = &line[content.len()..];
        // Blanks at the end of a line were added on the way.
        let content = content.trim_ascii_end();
        let (content, line_end) = match content.strip_suffix(b"=") {
            Some(joined) => (joined, &b""[..]),
            None => (content, line_end),
        };
        push_unquoted(content, &mut out);
        out.extend_from_slice(line_end);
    }
    out
}

fn push_unquoted(mut content: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'=', content) {
        out.extend_from_slice(&content[..at]);
        content = &content[at + 1..];
        let digit = |n: usize| {
            let digit = char::from(*content.get(n)?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        match (digit(0), digit(1)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                content = &content[2..];
            }
            _ => out.push(b'='),
        }
    }
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_gives_back_every_octet() {
        for (raw, octets) in [
            (&b"a=\r\nb=3D=3d\r\n"[..], &b"ab==\r\n"[..]),
            (b"=89PNG=0D=0A=1A=0A=\n=00", b"\x89PNG\r\n\x1a\n\0"),
            (b"blanks  \t\nsoft = \nend", b"blanks\nsoft end"),
            (b"=G1 = =4", b"=G1 = =4"),
            (b"=", b""),
            (b"", b""),
        ] {
            assert_eq!(quoted_printable(raw), octets, "{raw:?}");
        }
    }
}
