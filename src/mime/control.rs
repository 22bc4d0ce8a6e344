//! Is this the first part of PGP/MIME? (RFC 3156 section 4)
//!
//! It is dropped, and no signature need cover it, so that no words for a human may hide in it.

/// A longer one is shown as the file that it is.
const OCTETS_MAX: usize = 1024;

/// Header fields that PHPMailer and others write a second time, into the part itself.
const FIELDS: &[&str] = &[
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-description",
    "mime-version",
];

/// The words of these fields. No sentence can be made of them.
const WORDS: &[&str] = &[
    "",
    "1.0",
    "7bit",
    "8bit",
    "application/pgp-encrypted",
    "attachment",
    "attachment.pgp",
    "charset",
    "encrypted.asc",
    "filename",
    "identification",
    "inline",
    "name",
    "pgp/mime",
    "pgpmime",
    "us-ascii",
    "utf-8",
    "version",
    "version.asc",
    "version.txt",
    "versions",
];

/// Whether octets say `Version: 1` and nothing else, but for header fields of their own part.
pub fn is_control(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else {
        return false;
    };
    if octets.len() > OCTETS_MAX {
        return false;
    }
    let (mut versions, mut in_field) = (0, false);
    text.lines().all(|line| {
        if line.trim().eq_ignore_ascii_case("Version: 1") {
            (versions, in_field) = (versions + 1, false);
            return true;
        }
        let is_folded = in_field && line.starts_with([' ', '\t']);
        in_field = !line.trim().is_empty();
        !in_field || (is_folded && is_value(line)) || is_field(line)
    }) && versions == 1
}

fn is_field(line: &str) -> bool {
    let is_known = |name: &str| FIELDS.iter().any(|known| name.eq_ignore_ascii_case(known));
    line.split_once(':')
        .is_some_and(|(name, value)| is_known(name) && is_value(value))
}

fn is_value(value: &str) -> bool {
    value
        .split([' ', '\t', ';', '=', '"'])
        .all(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_part_says_its_version_and_nothing_to_a_human() {
        let field = "Content-Description: PGP/MIME version identification\n";
        for (text, is) in [
            ("Version: 1", true),
            ("version: 1\r\n\r\n", true),
            (&format!("{field}\nVersion: 1\n"), true),
            (
                "Content-Type: application/pgp-encrypted;\n name=\"version.asc\"\nVersion: 1\n",
                true,
            ),
            (
                "MIME-Version: 1.0\nContent-Disposition: inline; filename=version.asc\n\nVersion: 1",
                true,
            ),
            ("", false),
            ("Version: 1\nVersion: 1\n", false),
            (field, false),
            (&format!("{field}Version: 1\nPay Eve.\n"), false),
            ("Content-Description: pay Eve\nVersion: 1\n", false),
            (
                "Content-Type: application/pgp-encrypted; name=\"pay-eve.asc\"\nVersion: 1\n",
                false,
            ),
            (
                "Content-Type: application/pgp-encrypted\n\n pay Eve\nVersion: 1\n",
                false,
            ),
            ("Subject: inline\nVersion: 1\n", false),
            ("Version: 1\n name\n", false),
            (&format!("{}Version: 1\n", "\n".repeat(OCTETS_MAX)), false),
        ] {
            assert_eq!(is_control(text.as_bytes()), is, "{text:?}");
        }
        assert!(!is_control(b"Version: 1\n\xff"));
    }
}
