//! Into which words, numbers and marks is a text cut, so that days can be read from it?

use super::names::{is_numeral, number_word};

/// A word, a number or a mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'t> {
    pub text: &'t str,
    pub start: usize,
    /// Of a number; words for numbers too.
    pub number: Option<i32>,
    pub is_digits: bool,
}

impl Piece<'_> {
    /// Where it ends.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The pieces of a text in lower case.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let class = |c: char| match c {
        c if c.is_ascii_digit() => 1,
        c if c.is_whitespace() => 0,
        '年' | '月' | '日' | '天' | '周' | '号' | '週' | '個' | '个' | '间' | '間' | '后'
        | '後' | '前' | '内' | '以' => 100 + c as u32,
        c if is_numeral(c) => 3,
        c if c.is_alphabetic() => 2,
        c => 100 + c as u32,
    };
    let mut found: Vec<Piece<'_>> = Vec::new();
    let mut run: Option<(usize, u32)> = None;
    let ends = text
        .char_indices()
        .map(|(at, c)| (at, class(c)))
        .chain([(text.len(), 0)]);
    for (at, kind) in ends {
        if let Some((start, running)) = run
            && (running != kind || running >= 100)
        {
            let word = &text[start..at];
            let number = match running {
                1 => word.parse().ok(),
                2 | 3 => number_word(word),
                _ => None,
            };
            found.push(Piece {
                text: word,
                start,
                number,
                is_digits: running == 1,
            });
            run = None;
        }
        if run.is_none() && kind != 0 {
            run = Some((at, kind));
        }
    }
    found
}
