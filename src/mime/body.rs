//! What would a human read? Body text, whether it came as plain text that flows or as HTML.

use super::markup::is_tame;
use crate::model::limits::{
    CONVERTED_OCTETS_MAX, DECODED_OCTETS_MAX, GUESSED_OCTETS_MAX, HTML_META_OCTETS_MAX,
};
use html2text::config;
use html2text::render::TrivialDecorator;

/// The text of an entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// LF line ends. Lines still stand as they came, since armor and signatures rest on them.
    pub text: String,
    /// It came as format=flowed (RFC 3676): see [`Body::shown`].
    pub flowed: bool,
    /// As `flowed`, with DelSp=yes: the blank that marks a line as flowing is no part of the text.
    pub delete_space: bool,
    /// The charset that it came in, where one was named and it was not UTF-8.
    pub charset: Option<String>,
    /// It is HTML that is too large or too intricate to be laid out: only its tags are taken out.
    pub without_layout: bool,
}

/// Wide enough that no line of armor or of a report is broken.
const WIDTH: usize = 10_000;

impl Body {
    /// A stretch of the text as a human reads it: lines that flow are joined again.
    pub fn shown(&self, stretch: &str) -> String {
        if self.flowed {
            unflowed(stretch, self.delete_space)
        } else {
            stretch.to_owned()
        }
    }

    /// A stretch in the octets that it came in: a signature may have been made over them.
    pub fn as_sent(&self, stretch: &str) -> Option<Vec<u8>> {
        let encoding = encoding(self.charset.as_ref()?)?;
        let (octets, _, unmappable) = encoding.encode(stretch);
        (!unmappable).then(|| octets.into_owned())
    }
}

/// Octets as text: in UTF-8, as RFC 9580 section 5.9 asks for; else in the charset that somebody
/// named; else in the one that their frequencies tell (chardetng, as browsers do).
pub fn decode(octets: &[u8], named: Option<&str>) -> String {
    // What is longer is no text that anybody reads; in another charset it would take three times
    // its octets.
    let most = if std::str::from_utf8(octets).is_ok() {
        DECODED_OCTETS_MAX
    } else {
        CONVERTED_OCTETS_MAX
    };
    let octets = &octets[..octets.len().min(most)];
    let bom = encoding_rs::Encoding::for_bom(octets);
    let named = named.and_then(encoding);
    let text = match (bom, std::str::from_utf8(octets)) {
        (Some((encoding, length)), _) => encoding
            .decode_without_bom_handling(&octets[length..])
            .0
            .into_owned(),
        // ISO-2022-JP is ASCII to look at.
        (None, Ok(text)) if named != Some(encoding_rs::ISO_2022_JP) => text.to_owned(),
        (None, _) => match named.filter(|e| *e != encoding_rs::UTF_8) {
            Some(named) => named.decode_without_bom_handling(octets).0.into_owned(),
            None => mostly_utf8(octets).unwrap_or_else(|| guessed(octets)),
        },
    };
    with_plain_ends(text)
}

/// HTML as `decode` reads it. Where nobody named its charset, or named UTF-8 wrongly, the `<meta>` in
/// its own head does.
pub fn decode_page(octets: &[u8], named: Option<&str>) -> String {
    let tells = named.is_some_and(|label| foreign_charset(label).is_some());
    if tells {
        decode(octets, named)
    } else {
        decode(octets, meta_charset(octets))
    }
}

/// The charset of `<meta charset=…>` or `<meta … content="text/html; charset=…">` (HTML section
/// 13.2.3.2). UTF-16 is none of them: who can read the tag knows better.
fn meta_charset(octets: &[u8]) -> Option<&str> {
    let head = &octets[..octets.len().min(HTML_META_OCTETS_MAX)];
    let tags = head.split(|b| *b == b'<').skip(1);
    let label = tags
        .filter(|tag| tag.len() > 5 && tag[..4].eq_ignore_ascii_case(b"meta"))
        .filter(|tag| tag[4].is_ascii_whitespace() || tag[4] == b'/')
        .find_map(|tag| charset_in(tag.split(|b| *b == b'>').next()?))?;
    Some(label).filter(|label| !label.to_ascii_lowercase().starts_with("utf-16"))
}

/// The label behind `charset=` in a tag.
fn charset_in(tag: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"charset";
    let at = tag
        .windows(NAME.len())
        .position(|word| word.eq_ignore_ascii_case(NAME))?;
    let value = tag[at + NAME.len()..].trim_ascii_start();
    let value = value.strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let value = value.strip_prefix(b"'").unwrap_or(value);
    let is_label = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:+".contains(b);
    let length = value.iter().take_while(|b| is_label(b)).count();
    std::str::from_utf8(&value[..length]).ok()
}

/// Line ends in LF, without a copy where they are that already.
pub(super) fn with_plain_ends(text: String) -> String {
    if memchr::memmem::find(text.as_bytes(), b"\r\n").is_some() {
        text.replace("\r\n", "\n")
    } else {
        text
    }
}

/// The name of a charset that is known, where text in it is not UTF-8 to begin with.
pub(super) fn foreign_charset(label: &str) -> Option<String> {
    encoding(label)
        .filter(|e| *e != encoding_rs::UTF_8)
        .map(|e| e.name().to_owned())
}

/// The encoding behind a label: those of the WHATWG's list, and code pages by their number.
fn encoding(label: &str) -> Option<&'static encoding_rs::Encoding> {
    let label = label.trim().to_ascii_lowercase();
    if label == "us-ascii" || label == "ascii" {
        return None; // what is not ASCII was not meant
    }
    let page = ["cp", "ms", "x-ms-cp", "x-cp", "ibm"]
        .iter()
        .find_map(|prefix| label.strip_prefix(prefix));
    let by_number = match page.unwrap_or(&label) {
        "949" | "uhc" => Some(encoding_rs::EUC_KR),
        "936" => Some(encoding_rs::GBK),
        "932" => Some(encoding_rs::SHIFT_JIS),
        "950" => Some(encoding_rs::BIG5),
        "65001" => Some(encoding_rs::UTF_8),
        _ => None,
    };
    by_number
        .or_else(|| encoding_rs::Encoding::for_label(label.as_bytes()))
        .filter(|e| *e != encoding_rs::REPLACEMENT)
}

/// UTF-8 in which a few octets were lost or cut.
fn mostly_utf8(octets: &[u8]) -> Option<String> {
    let sample = String::from_utf8_lossy(sample(octets));
    let lost = sample
        .chars()
        .filter(|c| *c == char::REPLACEMENT_CHARACTER)
        .count();
    let kept = sample.chars().filter(|c| !c.is_ascii()).count() - lost;
    (kept > 4 * lost).then(|| String::from_utf8_lossy(octets).into_owned())
}

/// The part of a text that tells its charset: from the first octet on that is not ASCII.
fn sample(octets: &[u8]) -> &[u8] {
    let from = octets
        .iter()
        .position(|b| !b.is_ascii())
        .unwrap_or(octets.len());
    &octets[from..octets.len().min(from + GUESSED_OCTETS_MAX)]
}

fn guessed(octets: &[u8]) -> String {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(sample(octets), true);
    detector
        .guess(None, chardetng::Utf8Detection::Deny)
        .decode_without_bom_handling(octets)
        .0
        .into_owned()
}

/// Whether a text is a page of HTML.
pub fn is_html(text: &str) -> bool {
    let start: String = text
        .trim_start()
        .chars()
        .take(15)
        .collect::<String>()
        .to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// HTML as text. Nothing is fetched; links, images and styles are left out.
pub fn html_text(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(CONVERTED_OCTETS_MAX)];
    let stripped = || stripped(html);
    if !is_tame(html) {
        return stripped();
    }
    let laid_out = config::with_decorator(TrivialDecorator::new())
        .raw_mode(true)
        .allow_width_overflow();
    match laid_out.string_from_read(html.as_bytes(), WIDTH) {
        // Blanks at line ends are the layout's, and no mail program's.
        Ok(text) => text
            .replace('\u{a0}', " ")
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n"),
        Err(_) => stripped(),
    }
}

/// HTML without its tags, and without any layout: cheap, whatever it is.
pub(super) fn stripped(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(CONVERTED_OCTETS_MAX)];
    mail_parser::decoders::html::html_to_text(html)
}

/// Joins the lines that flow (RFC 3676 section 4). Quotes keep their depth; a signature's mark
/// stays.
fn unflowed(text: &str, delete_space: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut flowing: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let rest = &line[depth..];
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let is_mark = rest == "-- ";
        if flowing != Some(depth) || is_mark {
            if flowing.is_some() {
                out.push('\n');
            }
            out.push_str(&">".repeat(depth));
            if depth > 0 {
                out.push(' ');
            }
        }
        flowing = (rest.ends_with(' ') && !is_mark).then_some(depth);
        out.push_str(if delete_space && flowing.is_some() {
            &rest[..rest.len() - 1]
        } else {
            rest
        });
        if flowing.is_none() {
            out.push('\n');
        }
    }
    if flowing.is_some() {
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::HTML_NESTING_MAX;

    #[test]
    fn lines_that_flow_are_joined_and_quotes_keep_their_depth() {
        let text = "a long \nline\n stuffed\n> quoted \n> on\n>> deeper \nnot quoted\n-- \nAda \n";
        assert_eq!(
            unflowed(text, false),
            "a long line\nstuffed\n> quoted on\n>> deeper \nnot quoted\n-- \nAda \n"
        );
    }

    #[test]
    fn a_charset_is_what_the_octets_say_then_what_was_named() {
        assert_eq!(decode("früh".as_bytes(), Some("koi8-r")), "früh");
        assert_eq!(decode(b"fr\xfch", None), "früh");
        assert_eq!(decode(b"\xbe\xc8\xb3\xe7", Some("cp949")), "안녕");
        assert_eq!(decode(b"\xc4\xe3\xba\xc3", Some("x-ms-cp936")), "你好");
        // UTF-8 that was cut stays UTF-8.
        assert_eq!(
            decode(
                "früh, später, Grüße, höflich\u{fc}"
                    .as_bytes()
                    .split_last()
                    .unwrap()
                    .1,
                Some("utf-8")
            ),
            "früh, später, Grüße, höflich\u{fffd}"
        );
        let (russian, ..) = encoding_rs::WINDOWS_1251
            .encode("Уязвимость в программе: любой пользователь может прочитать чужие файлы.");
        assert_eq!(
            decode(&russian, Some("x-nowhere")),
            "Уязвимость в программе: любой пользователь может прочитать чужие файлы."
        );
        assert_eq!(decode(b"\xf0\xd2\xc9", Some("koi8-r")), "При");
        assert_eq!(decode(b"\xff\xfea\0", None), "a");
        assert_eq!(unflowed("al \nles\n", true), "alles\n");
    }

    #[test]
    fn html_tells_its_charset_in_its_own_head() {
        let words = "Уязвимость в программе";
        for (head, named) in [
            ("<meta charset=koi8-r>", None),
            ("<META CHARSET = 'KOI8-R'>", Some("utf-8")),
            (
                "<meta http-equiv=x content=\"text/html; charset=koi8-r\">",
                Some("us-ascii"),
            ),
            (
                "<metadata charset=utf-8><meta name=a><meta charset=\"koi8-r\">",
                None,
            ),
            ("<meta charset=utf-8>", Some("koi8-r")),
        ] {
            let page = format!("<html><head>{head}</head><body>{words}</body></html>");
            let (octets, ..) = encoding_rs::KOI8_R.encode(&page);
            assert_eq!(decode_page(&octets, named), page, "{head} {named:?}");
        }
        // What is UTF-8 is UTF-8, and what nobody named is guessed.
        let page = format!("<meta charset=koi8-r>{words}");
        assert_eq!(decode_page(page.as_bytes(), None), page);
        let page = format!("<p>{words}: любой может прочитать чужие файлы.</p>");
        for head in [
            "",
            "<meta charset=utf-16>",
            "<meta charset=",
            "<meta charset",
        ] {
            let (octets, ..) = encoding_rs::WINDOWS_1251.encode(&page);
            let octets = [head.as_bytes(), b"<p>", &octets].concat();
            assert!(decode_page(&octets, None).ends_with(&page), "{head}");
        }
    }

    #[test]
    fn html_is_read_without_its_machinery() {
        let html = "<html><head><style>p{}</style><script>x()</script></head><body><p>It is \
            &lt;b&gt; &amp; bad</p><pre>line 1\n  line 2</pre><img src='http://x/y'><a \
            href='http://z'>here</a></body></html>";
        let text = html_text(html);
        assert!(
            text.contains("It is <b> & bad")
                && text.contains("line 1\n  line 2")
                && text.contains("here"),
            "{text}"
        );
        assert!(!text.contains("x()") && !text.contains("http"), "{text}");
    }

    #[test]
    fn html_made_to_hurt_is_stripped_instead() {
        let deep = format!(
            "{}deep{}",
            "<div>".repeat(200_000),
            "</div>".repeat(200_000)
        );
        assert!(html_text(&deep).contains("deep"));
        let nested = format!("{}deep", "<table><tr><td>".repeat(6_000));
        assert!(html_text(&nested).contains("deep"));
        // 166 KiB that once took all of a reader's memory and time.
        let open = format!("{}deep", "<section>".repeat(19_000));
        assert_eq!(html_text(&open).trim(), "deep");
        let attributes: String = (0..40_000).map(|n| format!(" a{n}")).collect();
        assert_eq!(
            html_text(&format!("<p{attributes}>words</p>")).trim(),
            "words"
        );
    }

    #[test]
    fn the_deepest_html_that_is_laid_out_is_cheap() {
        for unit in [
            "<section>",
            "<table><tr><td>",
            "<b><i>",
            "<ul><li>",
            "<p><blockquote>",
        ] {
            let times = HTML_NESTING_MAX / unit.matches('<').count();
            let page = format!("{}deep", unit.repeat(times));
            assert!(
                is_tame(&page) && html_text(&page).contains("deep"),
                "{unit}"
            );
        }
    }
}
