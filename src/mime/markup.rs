//! Is HTML tame enough to be laid out? It is told by its tags alone, as html5ever's tokenizer sees
//! them, before html5ever sees any: a tag costs it the square of its attributes, and an element
//! that is never closed costs each later one, and a level of recursion.
//!
//! What opens is always counted. What closes is believed only where it closes the innermost element
//! for certain, so that elements are at most taken for deeper than they are.

use crate::model::limits::{
    HTML_ATTRIBUTES_MAX, HTML_NESTING_MAX, HTML_OCTETS_MAX, HTML_TAG_OCTETS_MAX, HTML_TAGS_MAX,
};

/// Elements that hold nothing (HTML section 13.1.2), and `p`, which the next one closes.
const HOLD_NOTHING: [&[u8]; 20] = [
    b"area",
    b"base",
    b"basefont",
    b"bgsound",
    b"br",
    b"col",
    b"embed",
    b"frame",
    b"hr",
    b"image",
    b"img",
    b"input",
    b"keygen",
    b"link",
    b"meta",
    b"param",
    b"source",
    b"track",
    b"wbr",
    b"p",
];

/// Elements whose content is text up to their own end tag, wherever they may stand.
const HOLD_TEXT: [&[u8]; 4] = [b"script", b"style", b"textarea", b"title"];

/// What closes within these depends on what the parser makes of them: behind the first of them, no
/// tag closes anything.
const UNCERTAIN: [&[u8]; 11] = [
    b"frameset",
    b"iframe",
    b"math",
    b"noembed",
    b"noframes",
    b"noscript",
    b"plaintext",
    b"select",
    b"svg",
    b"template",
    b"xmp",
];

/// These are closed together with what stands around them ...
const CLOSED_WITH_OTHERS: [&[u8]; 12] = [
    b"dd",
    b"dt",
    b"li",
    b"optgroup",
    b"option",
    b"span",
    b"tbody",
    b"td",
    b"tfoot",
    b"th",
    b"thead",
    b"tr",
];
/// ... by the end of these.
const CLOSE_OTHERS: [&[u8]; 15] = [
    b"blockquote",
    b"center",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"li",
    b"ol",
    b"table",
    b"tbody",
    b"td",
    b"th",
    b"thead",
    b"tr",
    b"ul",
];

/// Whether nothing in it can make laying it out cost more than its octets.
pub fn is_tame(html: &str) -> bool {
    let html = html.as_bytes();
    html.len() <= HTML_OCTETS_MAX
        && memchr::memchr_iter(b'<', html).count() <= HTML_TAGS_MAX
        && Open::default().take(html).is_some()
}

/// The elements that are open, innermost last.
#[derive(Default)]
struct Open(Vec<Vec<u8>>);

impl Open {
    /// Goes through all tags; `None` as soon as one makes it wild.
    fn take(&mut self, html: &[u8]) -> Option<()> {
        let mut at = 0;
        while let Some(next) = memchr::memchr(b'<', &html[at..]) {
            at += next;
            let rest = &html[at + 1..];
            at += 1 + match rest {
                [b'!', b'-', b'-', comment @ ..] => 3 + comment_length(comment),
                [b'/', first, ..] if first.is_ascii_alphabetic() => {
                    let tag = Tag::of(&rest[1..])?;
                    self.close(&tag.name);
                    1 + tag.length
                }
                [b'!' | b'?' | b'/', ..] => length_to(rest, b">"),
                [first, ..] if first.is_ascii_alphabetic() => {
                    let tag = Tag::of(rest)?;
                    let content = &rest[tag.length..];
                    let name = tag.name.as_slice();
                    if UNCERTAIN.contains(&name) {
                        return self.take_unclosed(rest);
                    }
                    if HOLD_TEXT.contains(&name) {
                        let text = text_length(content, name);
                        if memchr::memmem::find(&content[..text], b"<!--").is_some() {
                            return self.take_unclosed(rest);
                        }
                        tag.length + text
                    } else {
                        let length = tag.length;
                        self.open(tag.name)?;
                        length
                    }
                }
                _ => 0,
            };
            at = at.min(html.len());
        }
        Some(())
    }

    /// As [`Self::take`], where nothing is sure but that each tag begins with its name.
    fn take_unclosed(&mut self, html: &[u8]) -> Option<()> {
        let mut begun = html;
        loop {
            let name = begun.strip_prefix(b"/").unwrap_or(begun);
            if name.first().is_some_and(u8::is_ascii_alphabetic) {
                let tag = Tag::of(name)?;
                if begun.len() == name.len() {
                    self.open(tag.name)?;
                }
            }
            let Some(next) = memchr::memchr(b'<', begun) else {
                return Some(());
            };
            begun = &begun[next + 1..];
        }
    }

    fn open(&mut self, name: Vec<u8>) -> Option<()> {
        if !HOLD_NOTHING.contains(&name.as_slice()) {
            self.0.push(name);
        }
        (self.0.len() <= HTML_NESTING_MAX).then_some(())
    }

    fn close(&mut self, name: &[u8]) {
        let closes_others = CLOSE_OTHERS.contains(&name);
        let stays = |open: &Vec<u8>| {
            open == name || !closes_others || !CLOSED_WITH_OTHERS.contains(&open.as_slice())
        };
        if let Some(at) = self.0.iter().rposition(stays)
            && self.0[at] == name
        {
            self.0.truncate(at);
        }
    }
}

/// Octets up to the end of what ends it, or all.
fn length_to(html: &[u8], end: &[u8]) -> usize {
    memchr::memmem::find(html, end).map_or(html.len(), |at| at + end.len())
}

/// Octets of a comment behind its `<!--`, with its end.
fn comment_length(comment: &[u8]) -> usize {
    match comment {
        [b'>', ..] => 1,
        [b'-', b'>', ..] => 2,
        _ => length_to(comment, b"-->").min(length_to(comment, b"--!>")),
    }
}

/// Octets of text up to the end tag of this name, or all.
fn text_length(text: &[u8], name: &[u8]) -> usize {
    let ends = memchr::memmem::find_iter(text, b"</");
    let mut ends = ends.filter(|at| {
        let rest = &text[at + 2..];
        rest.len() > name.len()
            && rest[..name.len()].eq_ignore_ascii_case(name)
            && (is_blank(rest[name.len()]) || matches!(rest[name.len()], b'/' | b'>'))
    });
    ends.next().unwrap_or(text.len())
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

/// A tag: its name in small letters, and how many octets from there to behind its `>`.
struct Tag {
    name: Vec<u8>,
    length: usize,
}

/// Where in a tag the tokenizer is (HTML sections 13.2.5.8 and 13.2.5.32 to 13.2.5.40).
enum Within {
    BeforeAttribute,
    AttributeName,
    AfterAttributeName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

impl Tag {
    /// The tag whose name begins here; `None` where it is too long or has too many attributes.
    fn of(html: &[u8]) -> Option<Self> {
        let ends_name = |octet: &u8| is_blank(*octet) || matches!(octet, b'/' | b'>');
        let name_length = html.iter().take(HTML_TAG_OCTETS_MAX).position(ends_name);
        let name_length = name_length.unwrap_or(html.len());
        let mut attributes = 0;
        let mut within = Within::BeforeAttribute;
        let mut length = name_length;
        for octet in &html[name_length..] {
            length += 1;
            if length > HTML_TAG_OCTETS_MAX || attributes > HTML_ATTRIBUTES_MAX {
                return None;
            }
            within = match (within, *octet) {
                (Within::Quoted(quote), octet) if octet == quote => Within::BeforeAttribute,
                (Within::Quoted(quote), _) => Within::Quoted(quote),
                (_, b'>') => break,
                (Within::BeforeValue, quote @ (b'"' | b'\'')) => Within::Quoted(quote),
                (Within::BeforeValue, octet) if is_blank(octet) => Within::BeforeValue,
                (Within::BeforeValue, _) => Within::Unquoted,
                (Within::Unquoted, octet) if is_blank(octet) => Within::BeforeAttribute,
                (Within::Unquoted, _) => Within::Unquoted,
                (_, b'/') => Within::BeforeAttribute,
                (Within::AttributeName | Within::AfterAttributeName, b'=') => Within::BeforeValue,
                (Within::AttributeName, octet) if is_blank(octet) => Within::AfterAttributeName,
                (Within::AttributeName, _) => Within::AttributeName,
                (before, octet) if is_blank(octet) => before,
                (Within::BeforeAttribute | Within::AfterAttributeName, _) => {
                    attributes += 1;
                    Within::AttributeName
                }
            };
        }
        let is_tame = length <= HTML_TAG_OCTETS_MAX && attributes <= HTML_ATTRIBUTES_MAX;
        is_tame.then(|| Self {
            name: html[..name_length].to_ascii_lowercase(),
            length,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_are_not_closed_for_certain_count_as_nested() {
        let many = |unit: &str| unit.repeat(HTML_NESTING_MAX + 1);
        for wild in [
            "<section>",
            "<x-y>",
            "<section><b></section></b>",
            "<section></b>",
            "<b><p>",
            "<li><dd>",
            "<table><tr><td>",
            // An end tag that is none.
            "<section><!-- </section> -->",
            "<section><a title=\"</section>\"></a>",
            "<section><a title='x'b=\"</section>\"></a>",
            "<section><style></section></style>",
            "<section><TEXTAREA></section></textareas></section></TextArea >",
            "<section><script><!--<script></script></section></script>",
            "<section><!--><a title=\"--></section>\"></a>",
            "<section><!x \"></section></a>",
            "<section><object></section></object>",
            "<section><select></section></select>",
            "<x><svg><style><!-- </style></svg></x>",
            "<section><? </section >",
        ] {
            let counted = matches!(wild, "<section><!x \"></section></a>");
            assert_eq!(is_tame(&many(wild)), counted, "{wild}");
        }
        for tame in [
            "<section></section>",
            "<p>words<br><img src=x>",
            "<DIV><span></div>",
            "<ul><li>a<li>b<li><p>c</ul>",
            "<table><tbody><tr><td>a<td>b<tr><td>c</table>",
            "<dl><dt>a<dd>b</dl>",
            "<!-- <section> --><b title='<i>'>x</b>",
            "<style>a > b {} <b></style>",
            "<o:p></o:p>a < b <3 <",
            "<!DOCTYPE html><![if !mso]><div></div><![endif]></>",
        ] {
            assert!(is_tame(&many(tame)), "{tame}");
        }
    }

    #[test]
    fn a_tag_has_few_octets_and_attributes() {
        let attributes = |n: usize| format!("<b{}>x</b>", " a=1".repeat(n));
        assert!(is_tame(&attributes(HTML_ATTRIBUTES_MAX)));
        for wild in [
            attributes(HTML_ATTRIBUTES_MAX + 1),
            attributes(40_000),
            format!("<b{}>", "/a".repeat(HTML_ATTRIBUTES_MAX + 1)),
            format!("<b{}>", " a=''".repeat(HTML_ATTRIBUTES_MAX + 1)),
            format!("<b {}>", "a=''".repeat(HTML_ATTRIBUTES_MAX + 1)),
            format!("</b{}>", " a".repeat(HTML_ATTRIBUTES_MAX + 1)),
            format!("<svg><b{}>", " a".repeat(HTML_ATTRIBUTES_MAX + 1)),
            format!("<b{}", " a".repeat(HTML_ATTRIBUTES_MAX + 1)),
            format!("<b a='{}'>", "x".repeat(HTML_TAG_OCTETS_MAX)),
            format!("<{}>", "x".repeat(HTML_TAG_OCTETS_MAX + 1)),
        ] {
            assert!(!is_tame(&wild), "{}", &wild[..20]);
        }
        assert!(is_tame(&format!("<b style='{}'>", "a: b; ".repeat(2_000))));
    }
}
