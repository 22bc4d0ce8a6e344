//! A piece of a text that still knows where each of its octets stands.

use std::ops::Range;

/// A piece of text, and where each of its octets stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapped {
    pub text: String,
    pub offsets: Vec<u32>,
}

impl Mapped {
    /// Adds a text that stands at a place.
    pub fn push(&mut self, text: &str, at: usize) {
        self.text.push_str(text);
        self.offsets
            .extend((0..text.len()).map(|i| (at + i) as u32));
    }

    /// A part of it.
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self {
            text: self.text[range.clone()].to_owned(),
            offsets: self.offsets[range].to_vec(),
        }
    }

    /// White space collapsed, and none at the ends.
    pub fn squashed(&self) -> Self {
        let mut squashed = Self::default();
        let mut blank = false;
        for (at, c) in self.text.char_indices() {
            if c.is_whitespace() {
                blank = !squashed.text.is_empty();
                continue;
            }
            if std::mem::take(&mut blank) {
                squashed.text.push(' ');
                squashed.offsets.push(self.offsets[at].saturating_sub(1));
            }
            squashed.text.push(c);
            squashed
                .offsets
                .extend_from_slice(&self.offsets[at..at + c.len_utf8()]);
        }
        squashed
    }

    /// Adds another piece.
    pub fn push_all(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.offsets.extend_from_slice(&other.offsets);
    }

    /// Where it begins.
    pub fn place(&self) -> usize {
        self.offsets.first().map_or(0, |at| *at as usize)
    }

    /// What follows so many octets.
    pub fn after(&self, octets: usize) -> Self {
        self.slice(octets.min(self.text.len())..self.text.len())
    }
}

/// The lines of a piece.
pub(super) fn lines(part: &Mapped) -> Vec<Mapped> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in part.text.split('\n') {
        found.push(part.slice(at..at + line.len()));
        at += line.len() + 1;
    }
    found
}
