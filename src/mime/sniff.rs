//! What is a file, whatever its letter says? Its first octets decide.

use super::File;
use infer::MatcherType;

/// The media type that the octets show, else the one that was declared.
pub fn true_type(file: &File<'_>) -> String {
    let declared = file.media_type.as_str();
    if file
        .octets
        .trim_ascii_start()
        .starts_with(b"-----BEGIN PGP ")
    {
        return declared.to_owned(); // any armor passes for an X.509 certificate there
    }
    match infer::get(&file.octets) {
        // What is inside a container is told better by a name of its own: application/vnd.… is a
        // ZIP too.
        Some(seen)
            if seen.mime_type() == "application/zip"
                && declared.starts_with("application/vnd.") =>
        {
            declared.to_owned()
        }
        Some(seen) => seen.mime_type().to_owned(),
        None => declared.to_owned(),
    }
}

/// Whether octets begin with a session key for somebody, or for a password (RFC 9580 sections 4.2,
/// 5.1 and 5.3).
pub fn is_encrypted_message(octets: &[u8]) -> bool {
    let Some((first, rest)) = octets.split_first() else {
        return false;
    };
    let (tag, length_octets) = match first {
        0xc0.. => (
            first & 0x3f,
            rest.first().map_or(1, |l| {
                if *l < 192 {
                    1
                } else if *l == 255 {
                    5
                } else {
                    2
                }
            }),
        ),
        0x80.. => ((first >> 2) & 0x0f, [1, 2, 4, 0][usize::from(first & 3)]),
        _ => return false,
    };
    let version = rest.get(length_octets);
    matches!((tag, version), (1, Some(3 | 6)) | (3, Some(4..=6)))
}

/// Whether octets begin with a packet that an OpenPGP message may begin with (RFC 9580 section
/// 10.3), and are no text.
pub fn is_openpgp_message(octets: &[u8]) -> bool {
    let first = octets.first().copied().unwrap_or_default();
    let tag = if first >= 0xc0 {
        first & 0x3f
    } else {
        (first >> 2) & 0x0f
    };
    first >= 0x80 && matches!(tag, 1 | 3 | 4 | 8 | 18) && std::str::from_utf8(octets).is_err()
}

/// Whether octets are no text in any charset that a human would write in.
pub fn is_binary(octets: &[u8]) -> bool {
    let unicode = encoding_rs::Encoding::for_bom(octets).is_some();
    !unicode
        && (octets.contains(&0)
            || (infer::get(octets).is_some_and(|seen| seen.matcher_type() != MatcherType::Text)
                && std::str::from_utf8(octets).is_err()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_speak_louder_than_names() {
        let typed = |declared: &str, octets: &[u8]| {
            true_type(&File {
                name: "x".to_owned(),
                media_type: declared.to_owned(),
                charset: None,
                octets: octets.into(),
            })
        };
        let program = [&b"\x7fELF\x02\x01\x01"[..], &[0; 60]].concat();
        assert_eq!(typed("text/plain", &program), "application/x-executable");
        assert_eq!(
            typed("application/octet-stream", b"%PDF-1.7\n"),
            "application/pdf"
        );
        assert_eq!(
            typed("application/octet-stream", b"PK\x03\x04\x14\x00\x01\x00"),
            "application/zip"
        );
        assert_eq!(
            typed("application/vnd.acme", b"PK\x03\x04\x14\x00\x01\x00"),
            "application/vnd.acme"
        );
        assert_eq!(typed("text/x-python", b"print(1)"), "text/x-python");
    }
}
