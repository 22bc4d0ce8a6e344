//! Which files stand uuencoded in a text? (POSIX.1, uuencode)
//!
//! Only what is well formed from `begin` to `end` is taken out. Anything else stays as it stood.

use super::File;
use super::filename::safe_name;
use crate::model::limits::UUENCODED_FILES_MAX;

/// A text without the files that stood in it.
pub struct Uuencoded {
    pub text: String,
    pub files: Vec<File<'static>>,
    /// Names of files that begin well and do not end so. They are still in the text.
    pub damaged: Vec<String>,
}

/// Whether a line of a text begins a file.
pub fn may_be_uuencoded(text: &str) -> bool {
    text.lines().any(|line| file_name(line).is_some())
}

/// Takes the files out of a text, in time that is linear in it.
pub fn uuencoded(text: &str) -> Uuencoded {
    let mut out = Uuencoded {
        text: String::new(),
        files: Vec::new(),
        damaged: Vec::new(),
    };
    let (mut copied, mut at) = (0, 0);
    while let Some(line) = text[at..].split_inclusive('\n').next() {
        let begin_at = at;
        at += line.len();
        let Some(name) = file_name(line) else {
            continue;
        };
        if out.files.len() + out.damaged.len() == UUENCODED_FILES_MAX {
            break;
        }
        let content = content_at(&text[at..]);
        // A line of content begins no file: nothing is looked at twice.
        at += content.length;
        if content.is_whole {
            out.text.push_str(&text[copied..begin_at]);
            copied = at;
            out.files.push(File {
                name: safe_name(name),
                media_type: "application/octet-stream".to_owned(),
                charset: None,
                octets: content.octets.into(),
            });
        } else if !content.octets.is_empty() {
            out.damaged.push(safe_name(name));
        }
    }
    out.text.push_str(&text[copied..]);
    out
}

/// The name in `begin MODE NAME`.
fn file_name(line: &str) -> Option<&str> {
    let (mode, name) = line.strip_prefix("begin ")?.split_once(' ')?;
    let is_mode = matches!(mode.len(), 3 | 4) && mode.bytes().all(|b| matches!(b, b'0'..=b'7'));
    Some(name.trim()).filter(|name| is_mode && !name.is_empty())
}

/// What stands behind a `begin`.
#[derive(Default)]
struct Content {
    octets: Vec<u8>,
    /// Octets of the text that were read.
    length: usize,
    is_whole: bool,
}

fn content_at(rest: &str) -> Content {
    let mut content = Content::default();
    let mut is_over = false;
    for line in rest.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        if bare == "end" && !content.octets.is_empty() {
            content.length += line.len();
            content.is_whole = true;
            return content;
        }
        // A line of no octets: a grave accent, or a blank that may have been lost.
        let is_empty = matches!(bare, "`" | " " | "");
        if is_over || (!is_empty && push_decoded(bare.as_bytes(), &mut content.octets).is_none()) {
            return content;
        }
        is_over = is_empty;
        content.length += line.len();
    }
    content
}

/// Decodes one line; `None`, and nothing pushed, where it is none.
fn push_decoded(line: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let value = |b: &u8| matches!(b, b' '..=b'`').then(|| (b - b' ') & 0x3f);
    let (first, digits) = line.split_first()?;
    let octets = usize::from(value(first)?);
    let fewest = (octets * 8).div_ceil(6);
    // Some programs add a checksum.
    let most = octets.div_ceil(3) * 4 + 1;
    if !(fewest..=most).contains(&digits.len()) || digits.iter().any(|b| value(b).is_none()) {
        return None;
    }
    let end = out.len() + octets;
    for group in digits.chunks(4) {
        let bits = (0..4).fold(0u32, |bits, n| {
            bits << 6 | u32::from(group.get(n).and_then(value).unwrap_or(0))
        });
        out.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    out.truncate(end);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAT: &str = "begin 644 cat.txt\n#0V%T\n`\nend\n";

    #[test]
    fn a_file_is_taken_out_of_the_text() {
        for text in [
            CAT.to_owned(),
            CAT.replace('\n', "\r\n"),
            CAT.replace('`', " "),
            CAT.replace("`\n", ""),
            CAT.replace("#0V%T", "#0V%TX"),
        ] {
            let found = uuencoded(&format!("see below\n{text}Ada\n"));
            assert_eq!(found.text, "see below\nAda\n", "{text}");
            assert_eq!(found.files[0].name, "cat.txt");
            assert_eq!(found.files[0].octets.as_ref(), b"Cat");
        }
        let full = "_".repeat(60);
        let long = format!("begin 0755 ../a b.bin\nM{full}\n!````\n#````\n`\nend\n");
        let found = uuencoded(&long);
        let expected = [&[0xff; 45][..], &[0; 4]].concat();
        assert_eq!(found.files[0].octets.as_ref(), expected);
        assert_eq!(found.files[0].name, "a b.bin");
    }

    #[test]
    fn what_is_no_file_stays_in_the_text() {
        for (text, damaged) in [
            ("begin 644 a.txt\nwith words\nend\n", 0),
            ("begin 644 a.txt\n`\nend\n", 0),
            ("begin with me\n#0V%T\n`\nend\n", 0),
            ("> begin 644 cat.txt\n> #0V%T\n> `\n> end\n", 0),
            ("begin 644 cat.txt\n#0V%T\n", 1),
            ("begin 644 cat.txt\n#0V%T\nPay Eve.\n`\nend\n", 1),
            ("begin 644 cat.txt\n#0V%T\n`\nPay Eve.\nend\n", 1),
            ("begin 644 cat.txt\n#0V%\n`\nend\n", 0),
        ] {
            let found = uuencoded(text);
            assert_eq!(found.text, text);
            assert_eq!(
                (found.files.len(), found.damaged.len()),
                (0, damaged),
                "{text}"
            );
        }
        let cut_off = format!("begin 644 x\n#0V%T\n{CAT}");
        assert_eq!(uuencoded(&cut_off).text, "begin 644 x\n#0V%T\n");
        let many = CAT.repeat(UUENCODED_FILES_MAX + 1);
        let found = uuencoded(&many);
        assert_eq!(
            (found.text.as_str(), found.files.len()),
            (CAT, UUENCODED_FILES_MAX)
        );
    }
}
