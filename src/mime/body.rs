//! What would a human read? Body text, whether it came as plain text that flows or as HTML.

use html2text::config;

/// The text of an entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// LF line ends. Lines still stand as they came, since armor and signatures rest on them.
    pub text: String,
    /// It came as format=flowed (RFC 3676): see [`Body::shown`].
    pub flowed: bool,
}

/// Larger HTML, or HTML with more tags, is only stripped of its tags: laying it out would cost too much.
const HTML_OCTETS_MAX: usize = 1024 * 1024;
const HTML_TAGS_MAX: usize = 20_000;

/// Wide enough that no line of armor or of a report is broken.
const WIDTH: usize = 10_000;

impl Body {
    /// A stretch of the text as a human reads it: lines that flow are joined again.
    pub fn shown(&self, stretch: &str) -> String {
        if self.flowed { unflowed(stretch) } else { stretch.to_owned() }
    }
}

/// HTML as text. Nothing is fetched; links, images and styles are left out.
pub(super) fn html_text(html: &str) -> String {
    let stripped = || mail_parser::decoders::html::html_to_text(html);
    if html.len() > HTML_OCTETS_MAX || html.bytes().filter(|b| *b == b'<').count() > HTML_TAGS_MAX {
        return stripped();
    }
    let laid_out = config::plain_no_decorate().link_footnotes(false).raw_mode(true).allow_width_overflow();
    match laid_out.string_from_read(html.as_bytes(), WIDTH) {
        // Blanks at line ends are the layout's, and no mail program's.
        Ok(text) => text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"),
        Err(_) => stripped(),
    }
}

/// Joins the lines that flow (RFC 3676 section 4). Quotes keep their depth; a signature's mark stays.
fn unflowed(text: &str) -> String {
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
        out.push_str(rest);
        flowing = (rest.ends_with(' ') && !is_mark).then_some(depth);
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

    #[test]
    fn lines_that_flow_are_joined_and_quotes_keep_their_depth() {
        let text = "a long \nline\n stuffed\n> quoted \n> on\n>> deeper \nnot quoted\n-- \nAda \n";
        assert_eq!(unflowed(text), "a long line\nstuffed\n> quoted on\n>> deeper \nnot quoted\n-- \nAda \n");
    }

    #[test]
    fn html_is_read_without_its_machinery() {
        let html = "<html><head><style>p{}</style><script>x()</script></head><body><p>It is &lt;b&gt; &amp; bad</p><pre>line 1\n  line 2</pre><img src='http://x/y'><a href='http://z'>here</a></body></html>";
        let text = html_text(html);
        assert!(text.contains("It is <b> & bad") && text.contains("line 1\n  line 2") && text.contains("here"), "{text}");
        assert!(!text.contains("x()") && !text.contains("http"), "{text}");
    }

    #[test]
    fn html_made_to_hurt_is_stripped_instead() {
        let deep = format!("{}deep{}", "<div>".repeat(200_000), "</div>".repeat(200_000));
        assert!(html_text(&deep).contains("deep"));
        let nested = format!("{}deep", "<table><tr><td>".repeat(6_000));
        assert!(html_text(&nested).contains("deep"));
    }
}
