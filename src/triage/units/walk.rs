//! What does a Markdown parser make of a segment? Its events become units.

use super::mapped::{Mapped, lines};
use super::{Builder, Head, Segment, UnitKind};
use crate::triage::lexicon::lower;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;
use std::rc::Rc;

/// Cells of a row that are read. What a cell says is held against all of its row.
const COLUMNS_MAX: usize = 64;

/// The walk through the events of a segment.
pub(super) struct Walk<'b, 'k, 's> {
    builder: &'b mut Builder<'k>,
    segment: &'s Segment,
    /// Text of the block at hand, with its line breaks.
    gathered: Mapped,
    /// Blocks that are open.
    kinds: Vec<UnitKind>,
    columns: Vec<Rc<Head>>,
    column: usize,
    in_head: bool,
    head_cells: Vec<Mapped>,
    row_key: Option<Rc<Head>>,
}

impl<'b, 'k, 's> Walk<'b, 'k, 's> {
    /// Builds the units of a segment.
    pub fn through(builder: &'b mut Builder<'k>, segment: &'s Segment) {
        let mut walk = Self {
            builder,
            segment,
            gathered: Mapped::default(),
            kinds: Vec::new(),
            columns: Vec::new(),
            column: 0,
            in_head: false,
            head_cells: Vec::new(),
            row_key: None,
        };
        let structure = plain_angles(&segment.lines.text);
        let parser = Parser::new_ext(&structure, Options::ENABLE_TABLES);
        for (event, range) in parser.into_offset_iter() {
            walk.event(event, range);
        }
        walk.flush(UnitKind::Sentence);
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(_) | Event::Code(_) | Event::Html(_) | Event::InlineHtml(_) => {
                self.gather(range)
            }
            Event::SoftBreak | Event::HardBreak => {
                let at = self
                    .segment
                    .lines
                    .offsets
                    .get(range.start)
                    .copied()
                    .unwrap_or_default();
                self.gathered.push("\n", at as usize);
            }
            Event::Rule => self.flush(UnitKind::Sentence),
            _ => {}
        }
    }

    /// The letter's own octets, and not what the parser made of them.
    fn gather(&mut self, range: Range<usize>) {
        let text = &self.segment.lines.text[range.clone()];
        let inner = text.trim_matches('`');
        let skipped = if inner.len() < text.len() {
            text.len() - text.trim_start_matches('`').len()
        } else {
            0
        };
        let part = self
            .segment
            .lines
            .slice(range.start + skipped..range.start + skipped + inner.len());
        self.gathered.push_all(&part);
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let kind = match tag {
            Tag::Heading { .. } => UnitKind::Heading,
            Tag::Item => UnitKind::Item,
            Tag::CodeBlock(_) => UnitKind::Code,
            Tag::TableCell => UnitKind::Cell,
            Tag::TableHead => {
                self.columns.clear();
                self.in_head = true;
                return;
            }
            Tag::TableRow => {
                self.column = 0;
                self.row_key = None;
                self.builder.block += 1;
                return;
            }
            Tag::Paragraph => return,
            _ => return,
        };
        self.flush(self.kinds.last().copied().unwrap_or(UnitKind::Sentence));
        self.kinds.push(kind);
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock => {
                let kind = self.kinds.pop().unwrap_or(UnitKind::Sentence);
                self.flush(kind);
            }
            TagEnd::TableCell => {
                self.kinds.pop();
                self.cell();
            }
            TagEnd::TableHead => {
                self.in_head = false;
                self.head_as_row();
            }
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                let kind = self.kinds.last().copied().unwrap_or(UnitKind::Sentence);
                self.flush(kind);
            }
            _ => {}
        }
    }

    fn cell(&mut self) {
        let cell = std::mem::take(&mut self.gathered);
        if self.in_head && self.columns.len() >= COLUMNS_MAX {
            return;
        }
        if self.in_head {
            self.columns.push(Head::new(&cell.squashed().text));
            self.head_cells.push(cell);
            return;
        }
        let column = self.columns.get(self.column).cloned();
        let key = self.row_key.take().or(column);
        self.column += 1;
        if self.column > COLUMNS_MAX {
            return;
        }
        self.row_key = self.key_of_row(&cell);
        self.builder
            .push(UnitKind::Cell, cell, self.segment.depth, key);
    }

    /// In a table of two columns, what the first cell of a row names: `| Credit | Ada |`.
    fn key_of_row(&self, cell: &Mapped) -> Option<Rc<Head>> {
        let text = cell.squashed().text;
        let is_first_of_two = self.column == 1 && self.columns.len() == 2;
        (is_first_of_two && self.builder.keys.is_key(&lower(&text))).then(|| Head::new(&text))
    }

    /// A table of keys and values may begin with one in its head.
    fn head_as_row(&mut self) {
        let cells = std::mem::take(&mut self.head_cells);
        let [key, value] = cells.as_slice() else {
            return;
        };
        let key = key.squashed().text;
        if self.builder.keys.is_key(&lower(&key)) {
            let head = Some(Head::new(&key));
            let depth = self.segment.depth;
            self.builder
                .push(UnitKind::Cell, value.clone(), depth, head);
        }
    }

    /// What was gathered becomes units.
    fn flush(&mut self, kind: UnitKind) {
        let block = std::mem::take(&mut self.gathered);
        if block.text.trim().is_empty() {
            return;
        }
        let depth = self.segment.depth;
        match kind {
            UnitKind::Code => {
                self.builder.block += 1;
                for line in lines(&block) {
                    self.builder.push(UnitKind::Code, line, depth, None);
                }
            }
            // A paragraph above a line of dashes is no heading, whatever Markdown makes of it.
            UnitKind::Heading if block.text.chars().count() <= HEADING_CHARACTERS_MAX => {
                self.builder.block += 1;
                self.builder.push(UnitKind::Heading, block, depth, None);
            }
            UnitKind::Heading => self.builder.prose(UnitKind::Sentence, &block, depth),
            _ if is_bare_heading(&block.text) => {
                self.builder.block += 1;
                self.builder.push(UnitKind::Heading, block, depth, None);
            }
            _ => self.builder.prose(kind, &block, depth),
        }
    }
}

/// Longer headings are sentences.
const HEADING_CHARACTERS_MAX: usize = 120;

/// A short line that ends in a colon, stands alone and has no other punctuation.
fn is_bare_heading(block: &str) -> bool {
    let line = block.trim();
    let is_short = line.chars().count() <= 60 && !line.contains('\n');
    is_short
        && line.ends_with([':', '：'])
        && !line
            .trim_end_matches([':', '：'])
            .contains([':', '.', ',', '：', '。', '，'])
}

/// What looks like HTML is none here: a letter that shows `<script>` would be swallowed from there;
/// and a line that begins with `>=` quotes nothing.
/// The octets keep their places.
fn plain_angles(text: &str) -> String {
    text.replace('<', "\u{1}").replace(">=", "\u{1}=")
}
