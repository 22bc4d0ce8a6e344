//! Of what is a letter's text made? Its units: headings, sentences, items, answers of a form, cells
//! of a table and code, each with the place where it stands.
//!
//! First as mail programs write (quotations by their depth, signatures, forwards), then by a
//! Markdown parser, then line by line for `Key: value`.

mod forms;
mod mapped;
mod segments;
mod sentences;
mod walk;

use super::lexicon::{Concept, Said, concepts, lower};
use forms::{bracketed_field, is_log, next_field, plain_key};
use mapped::{Mapped, lines};
use segments::{Segment, segments};
use sentences::sentences;
use std::ops::Range;
use std::rc::Rc;
use walk::Walk;

/// A part of the text that says one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub kind: UnitKind,
    /// On one line: white space is collapsed, marks of Markdown and of quoting are gone.
    pub text: String,
    /// Where each octet of `text` stands in the letter's text, and where its end does.
    offsets: Vec<u32>,
    /// How deep it is quoted; 0 are the writer's own words.
    pub depth: u8,
    /// The unit that is its heading.
    pub heading: Option<usize>,
    /// `text` in lower case.
    pub lower: String,
    /// What its words say; of code and signatures nothing.
    pub said: Vec<Said>,
    /// The key of a form's answer, or the head of its column.
    pub key: Option<Rc<Head>>,
    /// Units of one paragraph, item or row share it.
    pub block: u32,
}

/// A key or the head of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// In lower case.
    pub text: String,
    pub said: Vec<Said>,
}

impl Head {
    fn new(text: &str) -> Rc<Self> {
        let text = lower(text);
        let said = concepts(&text);
        Rc::new(Self { text, said })
    }
}

/// What stands above or before a unit and says what it is about: its key, else its heading.
pub(super) fn head_of(units: &[Unit], at: usize) -> Option<(&str, &[Said])> {
    let unit = &units[at];
    match (&unit.key, unit.heading) {
        (Some(key), _) => Some((&key.text, &key.said)),
        (None, Some(heading)) => Some((&units[heading].lower, &units[heading].said)),
        (None, None) => None,
    }
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnitKind {
    Heading,
    Sentence,
    /// A sentence of a list's item.
    Item,
    /// `Key: value` on a line of its own.
    Field,
    /// Of a table, with the head of its column as key.
    Cell,
    /// A line of code, of a log or of headers.
    Code,
    /// Under `-- `.
    Signature,
}

impl Unit {
    /// Whether a word of it says so.
    pub fn says(&self, concept: Concept) -> bool {
        self.said.iter().any(|said| said.concept == concept)
    }

    /// Where a part of its text stands in the letter's text.
    pub fn place(&self, part: Range<usize>) -> Range<usize> {
        let start = self.offsets[part.start] as usize;
        let last = self.text[part.clone()].char_indices().next_back();
        let end = last.map_or(start, |(at, c)| {
            self.offsets[part.start + at] as usize + c.len_utf8()
        });
        start..end.max(start)
    }
}

/// Whether a key is one of a form's, whose answer is a unit of its own.
pub(super) trait Keys {
    /// `key` is in lower case, without marks.
    fn is_key(&self, key: &str) -> bool;
}

/// The units of a letter's text, in order.
pub(super) fn units(text: &str, keys: &dyn Keys) -> Vec<Unit> {
    let mut builder = Builder {
        units: Vec::new(),
        heading: None,
        block: 0,
        keys,
    };
    for segment in segments(text) {
        builder.heading = None;
        builder.segment(&segment);
    }
    builder.units
}

/// The lines that nobody is quoted in, without signatures.
pub(super) fn own_lines(text: &str) -> String {
    let own = segments(text)
        .into_iter()
        .filter(|s| s.depth == 0 && !s.is_signature);
    own.map(|segment| segment.lines.text).collect()
}

/// All lines, without the marks of quoting.
pub(super) fn unquoted_lines(text: &str) -> String {
    segments(text)
        .into_iter()
        .map(|segment| segment.lines.text)
        .collect()
}

struct Builder<'k> {
    units: Vec<Unit>,
    heading: Option<usize>,
    block: u32,
    keys: &'k dyn Keys,
}

impl Builder<'_> {
    fn segment(&mut self, segment: &Segment) {
        if segment.is_signature {
            for line in lines(&segment.lines) {
                self.push(UnitKind::Signature, line, segment.depth, None);
            }
            return;
        }
        Walk::through(self, segment);
    }

    fn push(&mut self, kind: UnitKind, part: Mapped, depth: u8, key: Option<Rc<Head>>) {
        let part = part.squashed();
        if part.text.is_empty() {
            return;
        }
        let mut offsets = part.offsets;
        let end = offsets.last().map_or(0, |last| last + 1);
        offsets.push(end);
        let heading = if kind == UnitKind::Heading {
            None
        } else {
            self.heading
        };
        let small = lower(&part.text);
        let is_words = !matches!(kind, UnitKind::Code | UnitKind::Signature);
        let said = if is_words {
            concepts(&small)
        } else {
            Vec::new()
        };
        self.units.push(Unit {
            kind,
            text: part.text,
            lower: small,
            said,
            offsets,
            depth,
            heading,
            key,
            block: self.block,
        });
        if kind == UnitKind::Heading {
            self.heading = Some(self.units.len() - 1);
        }
    }

    /// A block of prose: its lines joined, but for those that are `Key: value`.
    fn prose(&mut self, kind: UnitKind, block: &Mapped, depth: u8) {
        self.block += 1;
        let mut joined = Mapped::default();
        let mut open: Option<(String, Mapped)> = None;
        for line in lines(block) {
            if is_log(&line.text) {
                self.answer(open.take(), depth);
                self.sentences(kind, &std::mem::take(&mut joined), depth);
                self.push(UnitKind::Code, line, depth, None);
                continue;
            }
            let next = || {
                let is_form = open.is_some();
                bracketed_field(&line).or_else(|| next_field(&line).filter(|_| is_form))
            };
            if let Some((key, value)) = self.field(&line).or_else(next) {
                self.answer(open.take(), depth);
                self.sentences(kind, &std::mem::take(&mut joined), depth);
                self.block += 1;
                let answer = line.after(value);
                // Its value may follow on the next lines.
                if answer.text.trim().is_empty() {
                    self.push(UnitKind::Heading, line.slice(0..value), depth, None);
                } else {
                    open = Some((key, answer));
                }
                continue;
            }
            // A value goes on below: indented, or in the middle of its sentence.
            if let Some((_, answer)) = &mut open {
                let goes_on = line.text.starts_with(' ')
                    || !answer.text.trim_end().ends_with(['.', '!', '?', '。']);
                if goes_on && !line.text.trim().is_empty() {
                    answer.push("\n", line.place());
                    answer.push_all(&line);
                    continue;
                }
                self.answer(open.take(), depth);
            }
            let at = line.place();
            if !joined.text.is_empty() {
                joined.push(
                    if ends_in_wide(&joined.text) && begins_wide(&line.text) {
                        ""
                    } else {
                        " "
                    },
                    at,
                );
            }
            joined.push_all(&line);
        }
        self.answer(open, depth);
        self.sentences(kind, &joined, depth);
    }

    /// The answer of a form.
    fn answer(&mut self, answer: Option<(String, Mapped)>, depth: u8) {
        let Some((key, answer)) = answer else {
            return;
        };
        let key = Head::new(&key);
        for sentence in sentences(&answer) {
            self.push(UnitKind::Field, sentence, depth, Some(key.clone()));
        }
    }

    fn sentences(&mut self, kind: UnitKind, block: &Mapped, depth: u8) {
        for sentence in sentences(block) {
            self.push(kind, sentence, depth, None);
        }
    }

    /// The key, and where the value begins.
    fn field(&self, line: &Mapped) -> Option<(String, usize)> {
        let marks = line.text.char_indices();
        // The colon of `1:2.4-1` parts no key.
        let parts = |at: usize| {
            let before = line.text[..at].chars().next_back();
            let after = line.text[at + 1..].chars().next();
            !(before.is_some_and(|c| c.is_ascii_digit())
                && after.is_some_and(|c| c.is_ascii_digit()))
        };
        let colon = marks
            .clone()
            .find(|(at, c)| matches!(c, '：' | '=') || *c == ':' && parts(*at));
        // `Has it been exploited? No`: the answer to a question of a form.
        let asked = marks.clone().find(|(_, c)| matches!(c, '?' | '？'));
        let asked = asked.filter(|(at, c)| {
            let question = &line.text[..*at];
            let has_answer = !line.text[at + c.len_utf8()..].trim().is_empty();
            let is_first = colon.is_none_or(|(colon, _)| *at < colon);
            is_first && has_answer && self.keys.is_key(&format!("{}?", plain_key(question)))
        });
        if let Some((at, c)) = asked {
            // `Exploited? (yes / no): no`
            let after = at + c.len_utf8();
            let offers = line.text[after..].trim_start().starts_with('(');
            let answer = line.text[after..].find("):").filter(|_| offers);
            return Some((
                plain_key(&line.text[..at]),
                after + answer.map_or(0, |at| at + 2),
            ));
        }
        let (at, width) = match (line.text.find("..."), colon) {
            // `Fixed version ........ 7.4`
            (Some(dots), colon) if colon.is_none_or(|(at, _)| dots < at) => {
                let rest = &line.text[dots..];
                let value = rest.trim_start_matches(['.', ' ', ':']);
                (dots, rest.len() - value.len())
            }
            (_, colon) => colon.map(|(at, c)| (at, c.len_utf8()))?,
        };
        let key = plain_key(&line.text[..at]);
        let is_short = (1..=60).contains(&key.chars().count());
        (is_short && (key.ends_with(['?', '？']) || self.keys.is_key(&key)))
            .then(|| (key, at + width))
    }
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

fn ends_in_wide(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_wide)
}

fn begins_wide(text: &str) -> bool {
    text.trim_start().chars().next().is_some_and(is_wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;
    impl Keys for Known {
        fn is_key(&self, key: &str) -> bool {
            matches!(key, "product" | "affected versions" | "影响版本")
        }
    }

    fn shown(text: &str) -> Vec<String> {
        let found = units(text, &Known);
        for unit in &found {
            for (at, c) in unit.text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
                let place = unit.place(at..at + c.len_utf8());
                assert_eq!(&text[place], c.encode_utf8(&mut [0; 4]), "{:?}", unit.text);
            }
        }
        found
            .iter()
            .map(|u| {
                format!(
                    "{:?}{} {}{}",
                    u.kind,
                    u.depth,
                    u.key
                        .as_ref()
                        .map_or(String::new(), |k| format!("[{}] ", k.text)),
                    u.text
                )
            })
            .collect()
    }

    #[test]
    fn a_mail_is_cut_as_people_write() {
        assert_eq!(
            shown(
                "Hello,\n\nacme v. 2.3.1 is\naffected. We publish on 13. November 2026. Thanks\n\nProduct: acme\nAffected versions: < 2.3\n\n```\nServer: Apache/2.4\n```\n> quoted *line*\n> again\n\n1. Log in.\n2. Look at <script>alert(1)\n\n| Version | State |\n|---|---|\n| 1.2 | bad |\n\n影响版本：<= 3.2.3\n-- \nAda\n"
            ),
            [
                "Sentence0 Hello,",
                "Sentence0 acme v. 2.3.1 is affected.",
                "Sentence0 We publish on 13. November 2026.",
                "Sentence0 Thanks",
                "Field0 [product] acme",
                "Field0 [affected versions] < 2.3",
                "Code0 Server: Apache/2.4",
                "Sentence1 quoted line again",
                "Item0 Log in.",
                "Item0 Look at <script>alert(1)",
                "Cell0 [version] 1.2",
                "Cell0 [state] bad",
                "Field0 [影响版本] <= 3.2.3",
                "Signature0 --",
                "Signature0 Ada",
            ]
        );
    }

    /// What a cell says is held against all of its row.
    #[test]
    fn of_a_row_so_many_cells_are_read() {
        let row = |cell: &str| format!("|{}\n", format!("{cell}|").repeat(3_000));
        let text = row("a") + &row("-") + &row("1");
        assert_eq!(shown(&text).len(), 64);
    }
}
