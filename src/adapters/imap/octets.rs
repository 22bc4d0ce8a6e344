//! Which octets of a letter came, and are they the last?

use super::CHUNK_OCTETS;
use super::dialogue::{Piece, Row};

/// What to do with the answer to a request for octets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More may follow.
    Piece(Vec<u8>),
    /// The letter ends with these.
    Last(Vec<u8>),
    /// Why this letter can't be had.
    Withheld(String),
}

/// What came of a letter.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// How many octets: the next are asked for from there.
    pub octets: u64,
    /// The last piece was shorter than what was asked for.
    is_short: bool,
    /// The first piece, where the server did not say with which octet it begins.
    unplaced: Option<Vec<u8>>,
}

/// How many octets a letter may have: some servers count them wrongly, and one that never ends must
/// not fill the disk.
fn most(size: Option<u64>) -> u64 {
    const WRONG_BY: u64 = 1024 * 1024;
    let listed = size.map(|size| size.saturating_mul(2).saturating_add(WRONG_BY));
    listed.unwrap_or(LETTER_OCTETS_MAX).min(LETTER_OCTETS_MAX)
}

/// No mail server takes a letter as large.
const LETTER_OCTETS_MAX: u64 = 512 * 1024 * 1024;

/// What the rows hold of this letter. A lone row that names no letter is about the only one that
/// was asked for.
pub(super) fn piece_of(uid: u64, rows: Vec<Row>) -> Option<Piece> {
    let is_lone = rows.iter().filter(|row| row.body.is_some()).count() == 1;
    rows.into_iter()
        .filter(|row| match row.uid {
            Some(named) => u64::from(named) == uid,
            None => is_lone,
        })
        .find_map(|row| row.body)
}

impl Came {
    /// What follows from the answer to the request for the octets behind those that came. `size` is
    /// RFC822.SIZE, which is wrong on some servers: they are asked for what is missing, and a
    /// letter ends where nothing more comes. There, servers answer with no octets, with NIL, or with
    /// a refusal.
    pub fn next(&mut self, answered: Result<Option<Piece>, String>, size: Option<u64>) -> Next {
        let may_end = self.octets > 0 && (self.is_short || size == Some(self.octets));
        match answered {
            Ok(Some(piece)) => self.next_piece(piece, size),
            Ok(None) | Err(_) if may_end => Next::Last(Vec::new()),
            Ok(None) => Next::Withheld("the server lists it and sends no octets of it".to_owned()),
            Err(why) => Next::Withheld(format!("asked for it, the server {why}")),
        }
    }

    fn next_piece(&mut self, Piece { origin, octets }: Piece, size: Option<u64>) -> Next {
        let chunk = CHUNK_OCTETS as usize;
        let is_first = self.octets == 0;
        if octets.is_empty() {
            return if is_first && size != Some(0) {
                Next::Withheld("the server sent an empty letter".to_owned())
            } else {
                Next::Last(octets)
            };
        }
        let came = self.octets + octets.len() as u64;
        if came > most(size) {
            return Next::Withheld(format!(
                "the server lists it with {} octets and sent {came}, and does not end",
                size.map_or("no".to_owned(), |size| size.to_string())
            ));
        }
        let is_listed = size.is_some_and(|size| came >= size);
        match origin {
            Some(origin) if u64::from(origin) == self.octets && octets.len() <= chunk => {
                if octets.len() < chunk && is_listed {
                    return Next::Last(octets);
                }
            }
            // Some servers know no partial fetch, and send all of it, however often they are asked.
            None if is_first && octets.len() > chunk => return Next::Last(octets),
            None if is_first && octets.len() == chunk => {
                return if size.is_none_or(|size| size == came) {
                    Next::Last(octets)
                } else {
                    Next::Withheld("the server sent a part of it and does not say which".to_owned())
                };
            }
            None if is_first && (is_listed || size.is_none()) => return Next::Last(octets),
            None if is_first => self.unplaced = Some(octets.clone()),
            None if self.unplaced.as_ref() == Some(&octets) => return Next::Last(Vec::new()),
            _ => {
                return Next::Withheld(
                    "the server sent other octets than were asked for".to_owned(),
                );
            }
        }
        self.octets = came;
        self.is_short = octets.len() < chunk;
        Next::Piece(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a letter of this size whose pieces come so.
    fn ended(size: Option<u64>, answers: Vec<Result<Option<Piece>, String>>) -> String {
        let mut came = Came::default();
        for answered in answers {
            match came.next(answered, size) {
                Next::Piece(_) => {}
                Next::Last(octets) => {
                    return format!("whole {}", came.octets + octets.len() as u64);
                }
                Next::Withheld(_) => return "withheld".to_owned(),
            }
        }
        format!("asks from {}", came.octets)
    }

    #[test]
    fn a_letter_ends_where_its_octets_do() {
        let chunk = CHUNK_OCTETS as usize;
        let at = u64::from(CHUNK_OCTETS);
        let piece = |origin: Option<u32>, octets: usize| {
            Ok(Some(Piece {
                origin,
                octets: vec![b'x'; octets],
            }))
        };
        let first = |octets| piece(Some(0), octets);
        let full = || piece(Some(0), chunk);
        let refused = || Err("says NO".to_owned());
        let second = Some(CHUNK_OCTETS);
        let rows = [
            ("short", vec![first(5)], Some(5), "whole 5"),
            ("longer than listed", vec![first(5)], Some(3), "whole 5"),
            ("full", vec![full()], Some(at), "asks from 262144"),
            ("a wrong size", vec![full()], Some(3), "asks from 262144"),
            (
                "nothing at the end",
                vec![full(), Ok(None)],
                Some(at),
                "whole 262144",
            ),
            (
                "NO at the end",
                vec![full(), refused()],
                Some(at),
                "whole 262144",
            ),
            (
                "an empty string there",
                vec![full(), piece(second, 0)],
                Some(at),
                "whole 262144",
            ),
            (
                "nothing sooner",
                vec![full(), Ok(None)],
                Some(at + 1),
                "withheld",
            ),
            (
                "NO sooner",
                vec![full(), refused()],
                Some(at + 1),
                "withheld",
            ),
            (
                "nothing later",
                vec![full(), piece(second, chunk), Ok(None)],
                Some(at),
                "withheld",
            ),
            (
                "nothing, of unknown size",
                vec![full(), Ok(None)],
                None,
                "withheld",
            ),
            ("nothing at all", vec![Ok(None)], None, "withheld"),
            ("an empty string", vec![first(0)], Some(5), "withheld"),
            (
                "the same, of unknown size",
                vec![first(0)],
                None,
                "withheld",
            ),
            ("an empty letter", vec![first(0)], Some(0), "whole 0"),
            ("other octets", vec![piece(Some(7), 5)], Some(5), "withheld"),
            ("too many", vec![first(chunk + 1)], None, "withheld"),
            (
                "no end",
                (0..8)
                    .map(|n| piece(Some(n * CHUNK_OCTETS), chunk))
                    .collect(),
                Some(9),
                "withheld",
            ),
        ];
        for (what, answers, size, wanted) in rows {
            assert_eq!(ended(size, answers), wanted, "{what}");
        }
    }

    #[test]
    fn a_piece_that_comes_short_ends_no_letter_that_is_longer() {
        let piece = |origin: Option<u32>, octets: usize| {
            Ok(Some(Piece {
                origin,
                octets: vec![b'x'; octets],
            }))
        };
        let short = || piece(Some(0), 100_000);
        let all = Some(630_105);
        let rows = [
            ("a short piece", vec![short()], all, "asks from 100000"),
            (
                "the next as well",
                vec![short(), piece(Some(100_000), 9)],
                all,
                "asks from 100009",
            ),
            (
                "the rest",
                vec![short(), piece(Some(100_000), 105)],
                Some(100_105),
                "whole 100105",
            ),
            (
                "a size too large, and an empty string",
                vec![short(), piece(Some(100_000), 0)],
                all,
                "whole 100000",
            ),
            (
                "a size too large, and one of no place",
                vec![short(), piece(None, 0)],
                all,
                "whole 100000",
            ),
            (
                "a size too large, and NIL",
                vec![short(), Ok(None)],
                all,
                "whole 100000",
            ),
            (
                "a size too large, and a refusal",
                vec![short(), Err("says BAD".to_owned())],
                all,
                "whole 100000",
            ),
            ("of unknown size", vec![short()], None, "asks from 100000"),
        ];
        for (what, answers, size, wanted) in rows {
            assert_eq!(ended(size, answers), wanted, "{what}");
        }
    }

    #[test]
    fn octets_of_no_place_are_whole_only_where_they_can_be() {
        let chunk = CHUNK_OCTETS as usize;
        let at = u64::from(CHUNK_OCTETS);
        let piece = |with: u8, octets: usize| {
            Ok(Some(Piece {
                origin: None,
                octets: vec![with; octets],
            }))
        };
        let all = Some(630_105);
        let rows = [
            (
                "one chunk of three",
                vec![piece(b'x', chunk)],
                all,
                "withheld",
            ),
            (
                "one of one",
                vec![piece(b'x', chunk)],
                Some(at),
                "whole 262144",
            ),
            (
                "one of unknown size",
                vec![piece(b'x', chunk)],
                None,
                "whole 262144",
            ),
            ("all of it", vec![piece(b'x', 630_105)], all, "whole 630105"),
            (
                "all, listed as larger",
                vec![piece(b'x', 630_105)],
                Some(700_000),
                "whole 630105",
            ),
            (
                "all of a small one",
                vec![piece(b'x', 5)],
                Some(5),
                "whole 5",
            ),
            (
                "the same, of unknown size",
                vec![piece(b'x', 5)],
                None,
                "whole 5",
            ),
            (
                "a small one that is listed as larger",
                vec![piece(b'x', 5), piece(b'x', 5)],
                Some(6),
                "whole 5",
            ),
            (
                "pieces that fit nowhere",
                vec![piece(b'x', 5), piece(b'y', 5)],
                Some(15),
                "withheld",
            ),
        ];
        for (what, answers, size, wanted) in rows {
            assert_eq!(ended(size, answers), wanted, "{what}");
        }
    }
}
