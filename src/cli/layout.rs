//! How does text fit the columns of a terminal? Lines break between words, tables cut their last
//! column; wide characters count as two columns, and styles as none.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Row, Table, TableStyle};
use dialoguer::console;
use std::io::IsTerminal;
use unicode_segmentation::UnicodeSegmentation;

/// Of a terminal that does not say how wide it is.
pub const COLUMNS: usize = 80;

/// No terminal is taken to be narrower.
const COLUMNS_MIN: usize = 40;

/// As wide as a tab is shown.
const TAB: &str = "    ";

/// The columns of standard output; `None` where it is no terminal, and nothing need fit.
pub fn columns() -> Option<usize> {
    let size = || console::Term::stdout().size_checked();
    std::io::stdout().is_terminal().then(|| match size() {
        Some((_, columns)) if columns > 0 => usize::from(columns).max(COLUMNS_MIN),
        _ => COLUMNS,
    })
}

/// The columns that a text takes.
pub fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The beginning of a text that is too wide, with `…` behind it.
pub fn cut(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// A text after `first`, its further lines after `rest`. Without columns no line is broken.
pub fn paragraph(first: &str, rest: &str, text: &str, columns: Option<usize>) -> String {
    let before = width(first).max(width(rest));
    let room = columns.map(|columns| columns.saturating_sub(before).max(1));
    let lines = text.trim_end_matches('\n').split('\n');
    let lines = lines.flat_map(|line| match room {
        Some(room) => wrapped(line, room),
        None => vec![line.to_owned()],
    });
    let before = std::iter::once(first).chain(std::iter::repeat(rest));
    before
        .zip(lines)
        .map(|(before, line)| format!("{before}{line}\n"))
        .collect()
}

/// Lines that are too wide, broken so that what follows stands below the line's own beginning.
pub fn fitted(text: &str, columns: Option<usize>) -> String {
    if columns.is_none() {
        return text.to_owned();
    }
    let line = |line: &str| paragraph("", "    ", line, columns);
    text.lines().map(line).collect()
}

/// One line as several that are no wider than `columns`, except for a word that is. Words of a
/// script without spaces break anywhere.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let line = line.replace('\t', TAB);
    if width(&line) <= columns {
        return vec![line];
    }
    let words = line.trim_start_matches(' ');
    let indent = " ".repeat((line.len() - words.len()).min(columns / 2));
    let mut lines = Lines {
        done: Vec::new(),
        current: indent.clone(),
        taken: indent.len(),
        indent,
        columns,
    };
    let mut is_first = true;
    for word in words.split(' ') {
        lines.word(word, is_first);
        is_first = lines.is_empty();
    }
    lines.end()
}

/// Lines as far as they are broken.
struct Lines {
    done: Vec<String>,
    current: String,
    /// Columns of the current line.
    taken: usize,
    indent: String,
    columns: usize,
}

impl Lines {
    fn is_empty(&self) -> bool {
        self.taken == self.indent.len()
    }

    fn begin(&mut self) {
        let line = std::mem::replace(&mut self.current, self.indent.clone());
        self.done.push(line.trim_end().to_owned());
        self.taken = self.indent.len();
    }

    fn push(&mut self, text: &str, columns: usize) {
        self.current.push_str(text);
        self.taken += columns;
    }

    fn word(&mut self, word: &str, is_first: bool) {
        let columns = width(word);
        let fits = self.taken + usize::from(!is_first) + columns <= self.columns;
        let is_wide = columns > word.chars().count();
        if !is_first && (fits || is_wide) {
            self.push(" ", 1);
        } else if !is_first {
            self.begin();
        }
        if fits || !is_wide {
            return self.push(word, columns);
        }
        for character in word.graphemes(true) {
            let columns = width(character);
            if self.taken + columns > self.columns && !self.is_empty() {
                self.begin();
            }
            self.push(character, columns);
        }
    }

    fn end(mut self) -> Vec<String> {
        self.done.push(self.current.trim_end().to_owned());
        self.done
    }
}

/// Rows under each other, each of one line. The last column is cut where the terminal ends; without
/// columns nothing is cut.
pub fn table(header: &[&str], rows: Vec<Vec<Cell>>, columns: Option<usize>) -> String {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_truncation_indicator("…");
    if !header.is_empty() {
        table.set_header(header.iter().map(Cell::new));
    }
    for cells in rows {
        let mut row = Row::from(cells);
        if columns.is_some() {
            row.max_height(1);
        }
        table.add_row(row);
    }
    if let Some(columns) = columns {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    }
    let last = table.column_count().saturating_sub(1);
    for (n, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if n == last { 0 } else { 2 }));
        if n != last {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_their_indentation() {
        let rows: [(&str, usize, &[&str]); 7] = [
            ("short", 10, &["short"]),
            ("one two three four", 9, &["one two", "three", "four"]),
            ("  if a  ==  b then", 10, &["  if a  ==", "  b then"]),
            // A URL stays whole, so that it can be copied.
            (
                "see https://example.org/a/b for it",
                12,
                &["see", "https://example.org/a/b", "for it"],
            ),
            ("漏洞在登录页面", 6, &["漏洞在", "登录页", "面"]),
            ("a 漏洞在登录页面", 6, &["a 漏洞", "在登录", "页面"]),
            ("", 5, &[""]),
        ];
        for (line, columns, broken) in rows {
            assert_eq!(wrapped(line, columns), broken, "{line:?}");
        }
    }

    #[test]
    fn a_paragraph_hangs_below_its_beginning() {
        assert_eq!(
            paragraph("  name  ", "        ", "one two three", Some(16)),
            "  name  one two\n        three\n"
        );
        assert_eq!(
            paragraph("  name  ", "        ", "one two three", None),
            "  name  one two three\n"
        );
        // No line of a stranger's looks like one of ours.
        assert_eq!(paragraph("  | ", "  | ", "a\nb\n", None), "  | a\n  | b\n");
    }

    #[test]
    fn long_lines_without_a_space_end() {
        let long = "x".repeat(1_000_000);
        assert_eq!(wrapped(&long, 80).len(), 1);
        let wide = "漏".repeat(10_000);
        assert_eq!(wrapped(&wide, 80).len(), 250);
        let spaces = " ".repeat(100_000);
        assert!(wrapped(&spaces, 80).iter().all(String::is_empty));
    }

    #[test]
    fn a_table_is_cut_at_the_terminal_alone() {
        let rows = || {
            vec![
                vec![Cell::new("a"), Cell::new("one two three four five")],
                vec![Cell::new("bbb"), Cell::new("漏洞在登录页面漏洞在登录页面")],
            ]
        };
        let whole = table(&["N", "WORDS"], rows(), None);
        assert!(whole.contains("a    one two three four five\n"), "{whole}");
        let fitted = table(&["N", "WORDS"], rows(), Some(20));
        assert_eq!(fitted.lines().count(), 3, "{fitted}");
        assert!(fitted.lines().all(|line| width(line) <= 20), "{fitted}");
        assert!(fitted.contains('…'), "{fitted}");
    }
}
