//! What would a human read of this entity? Its plain text, else its HTML as text, with what mail
//! programs broke on the way mended.

use super::Entity;
use super::part::{attribute_is, body_text, charset, is_multipart, media_type, repeats_header};
use crate::mime::body::{Body, decode, decode_page, html_text, stripped, with_plain_ends};
use crate::mime::markup::is_tame;
use crate::mime::precheck;
use crate::model::limits::HTML_PARTS_MAX;
use mail_parser::{MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// A plain text as short as this, beside HTML that says far more, only says that there is HTML.
const STUB_OCTETS_MAX: usize = 300;

impl<'x> Entity<'x> {
    /// The body that a human would read: plain text where there is one, else HTML as text. Inside a
    /// protected payload, what only repeats its header for old programs is left out.
    pub fn body(&self, protected: bool) -> Body {
        let mut body = self.first_choice(protected);
        if let Some(text) = self.fuller_html(&body.text) {
            body = Body {
                text,
                without_layout: is_wild(&self.body_parts(&self.message.html_body)),
                ..Body::default()
            };
        }
        if body.text.trim().is_empty()
            && let Some(text) = self.lone_text()
        {
            body = Body {
                text,
                ..Body::default()
            };
        }
        if body.text.starts_with('\u{feff}') {
            body.text = body.text.trim_start_matches('\u{feff}').to_owned();
        }
        body.text = with_plain_ends(body.text);
        if self.renamed {
            body.text = body.text.replace(precheck::RENAMED_TYPE, "message/");
        }
        body
    }

    /// The parts that mail-parser takes for the plain text of the letter: HTML among them only
    /// where there is no other.
    fn first_choice(&self, protected: bool) -> Body {
        let armored = (0..).zip(&self.message.parts);
        let armored = armored.filter(|(_, part)| self.is_armored_text(part));
        let mut ids: Vec<u32> = armored.map(|(id, _)| id).collect();
        ids.extend(&self.message.text_body);
        ids.sort_unstable();
        let parts = self.body_parts(&ids);
        let shown = parts
            .iter()
            .filter(|part| !(protected && self.is_legacy_display(part)));
        let mut texts: Vec<String> = shown
            .enumerate()
            .map(|(n, part)| self.read_part(n, part, protected))
            .collect();
        let text = if texts.len() == 1 {
            texts.swap_remove(0)
        } else {
            texts.join("\n")
        };
        let all_say = |name: &str, value: &str| {
            !parts.is_empty() && parts.iter().all(|part| attribute_is(part, name, value))
        };
        let charset = match parts.as_slice() {
            [part] => charset(part).map(str::to_owned),
            _ => None,
        };
        Body {
            text,
            flowed: all_say("format", "flowed"),
            delete_space: all_say("delsp", "yes"),
            charset,
            without_layout: is_wild(&parts),
        }
    }

    /// Parts of the body, without files that only call themselves text.
    fn body_parts(&self, ids: &[u32]) -> Vec<&MessagePart<'x>> {
        let parts = ids.iter().filter_map(|id| self.message.part(*id));
        parts.filter(|part| !self.is_disguised_file(part)).collect()
    }

    /// The text of the n-th shown part.
    fn read_part(&self, n: usize, part: &MessagePart<'x>, protected: bool) -> String {
        if let PartType::Html(html) = &part.body {
            return self.read_html(n, part, html);
        }
        if self.is_armored_text(part) {
            return decode(part.contents(), charset(part));
        }
        self.salvaged_text(part)
            .or_else(|| self.redecoded(part))
            .unwrap_or_else(|| body_text(part, protected))
    }

    /// The text of the n-th part of HTML.
    fn read_html(&self, n: usize, part: &MessagePart<'x>, html: &str) -> String {
        let page = self.page(part, html);
        if n >= HTML_PARTS_MAX {
            return stripped(&page);
        }
        self.salvaged_text(part).unwrap_or_else(|| html_text(&page))
    }

    /// HTML in the charset that its part names, where that fits; else in the one that its own head
    /// or its octets tell.
    fn page<'a>(&self, part: &MessagePart<'x>, html: &'a str) -> Cow<'a, str> {
        let named = charset(part);
        let fits = named.is_some_and(|named| !named.eq_ignore_ascii_case("us-ascii"))
            && !html.contains(char::REPLACEMENT_CHARACTER);
        // ISO-2022-JP is ASCII to look at.
        if fits || (html.is_ascii() && !html.contains('\u{1b}')) {
            return Cow::Borrowed(html);
        }
        Cow::Owned(decode_page(&self.sent(part), named))
    }

    /// The HTML beside a plain text that is empty, or that only says that there is more: the words
    /// stand in the HTML.
    fn fuller_html(&self, plain: &str) -> Option<String> {
        let has_block = |text: &str| text.contains("-----BEGIN PGP ");
        if has_block(plain) {
            return None;
        }
        let html = self.html();
        let (plain_octets, html_octets) = (plain.trim().len(), html.trim().len());
        let is_stub = plain_octets < STUB_OCTETS_MAX && html_octets > 4 * plain_octets;
        (is_stub || has_block(&html)).then_some(html)
    }

    /// Every HTML part as text.
    fn html(&self) -> String {
        let parts = self.body_parts(&self.message.html_body);
        let pages = parts.into_iter().filter_map(|part| match &part.body {
            PartType::Html(html) => Some((part, html)),
            _ => None,
        });
        let texts: Vec<String> = pages
            .enumerate()
            .map(|(n, (part, html))| self.read_html(n, part, html))
            .collect();
        texts.join("\n")
    }

    /// The text of a letter whose single part is text under another name, or of a multipart whose
    /// boundary is lost.
    fn lone_text(&self) -> Option<String> {
        let root = self.root()?;
        let named = root.attachment_name().is_some()
            || root
                .content_disposition()
                .is_some_and(|d| d.is_attachment());
        let children = self.children(root);
        if self.is_disguised_file(root) {
            return None;
        }
        let octets = if is_multipart(root) && children.is_empty() {
            self.message
                .raw_message
                .get(root.raw_body_offset() as usize..)?
        } else if !named
            && children.is_empty()
            && matches!(
                root.body,
                PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Text(_)
            )
        {
            root.contents()
        } else {
            return None;
        };
        let kind = media_type(root);
        let is_text = (kind.starts_with("text/") || std::str::from_utf8(octets).is_ok())
            && !octets.contains(&0);
        is_text.then(|| decode(octets, None))
    }

    fn salvaged_text(&self, part: &MessagePart<'_>) -> Option<String> {
        let (octets, rest) = self.salvaged(part)?;
        let charset = charset(part);
        let text = if part.is_text_html() {
            html_text(&decode_page(&octets, charset))
        } else {
            decode(&octets, charset)
        };
        Some(format!("{}\n{rest}", text.trim_end()))
    }

    /// Text whose charset was named wrongly, where its octets tell the right one.
    fn redecoded(&self, part: &MessagePart<'_>) -> Option<String> {
        let PartType::Text(text) = &part.body else {
            return None;
        };
        let charset = charset(part);
        if charset.is_some_and(|c| c.eq_ignore_ascii_case("us-ascii")) && !text.is_ascii() {
            // mail-parser read it as windows-1252.
            return Some(decode(&self.sent(part), None));
        }
        if !text.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        Some(decode(&self.sent(part), charset))
    }

    /// A part that shows the protected header to programs that know nothing of it (the older
    /// protected-headers="v1").
    fn is_legacy_display(&self, part: &MessagePart<'x>) -> bool {
        let Some(root) = self.root() else {
            return false;
        };
        let claimed = !std::ptr::eq(root, part)
            && attribute_is(root, "protected-headers", "v1")
            && attribute_is(part, "protected-headers", "v1");
        claimed && part.text_contents().is_some_and(repeats_header)
    }
}

/// Whether HTML among the parts of a body is not laid out.
fn is_wild(parts: &[&MessagePart<'_>]) -> bool {
    let pages = parts.iter().filter_map(|part| match &part.body {
        PartType::Html(html) => Some(html),
        _ => None,
    });
    pages
        .enumerate()
        .any(|(n, html)| n >= HTML_PARTS_MAX || !is_tame(html))
}
