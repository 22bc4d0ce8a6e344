//! Which octets of a letter came, and are they the last?

use super::CHUNK_OCTETS;
use super::dialogue::{Piece, Row};

/// What to do with the answer to a request for octets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More follow.
    Piece(Vec<u8>),
    /// The letter ends with these.
    Last(Vec<u8>),
    /// Why this letter can't be had.
    Withheld(String),
}

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

/// What follows from an answer to the request for the octets from `offset` on. `size` is
/// RFC822.SIZE, which is wrong on some servers, so that a letter ends where a chunk comes short.
/// Exactly behind the end, servers answer with nothing, with NIL, or with a refusal too.
pub(super) fn next_octets(
    answered: Result<Option<Piece>, String>,
    offset: u64,
    size: Option<u64>,
) -> Next {
    let chunk = CHUNK_OCTETS as usize;
    let is_at_end = offset > 0 && size == Some(offset);
    match answered {
        // Some servers know no partial fetch, and send all of it.
        Ok(Some(Piece {
            origin: None,
            octets,
        })) if offset == 0 && !octets.is_empty() => Next::Last(octets),
        Ok(Some(Piece { origin, octets }))
            if origin.map_or(0, u64::from) == offset && octets.len() <= chunk =>
        {
            if offset == 0 && octets.is_empty() && size != Some(0) {
                Next::Withheld("the server sent an empty letter".to_owned())
            } else if octets.len() < chunk {
                Next::Last(octets)
            } else {
                Next::Piece(octets)
            }
        }
        Ok(None) | Err(_) if is_at_end => Next::Last(Vec::new()),
        Ok(Some(_)) => {
            Next::Withheld("the server sent other octets than were asked for".to_owned())
        }
        Ok(None) => Next::Withheld("the server lists it and sends no octets of it".to_owned()),
        Err(why) => Next::Withheld(format!("asked for it, the server {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let full = Some(CHUNK_OCTETS);
        let refused = || Err("says NO".to_owned());
        let rows = [
            ("short", piece(Some(0), 5), 0, Some(5), "last 5"),
            ("full", piece(Some(0), chunk), 0, Some(at), "piece"),
            ("a wrong size", piece(Some(0), chunk), 0, Some(3), "piece"),
            ("nothing at the end", Ok(None), at, Some(at), "last 0"),
            ("NO at the end", refused(), at, Some(at), "last 0"),
            (
                "an empty string there",
                piece(full, 0),
                at,
                Some(at),
                "last 0",
            ),
            ("nothing sooner", Ok(None), at, Some(at + 1), "withheld"),
            ("NO sooner", refused(), at, Some(at + 1), "withheld"),
            ("nothing later", Ok(None), 2 * at, Some(at), "withheld"),
            ("nothing, of unknown size", Ok(None), at, None, "withheld"),
            ("nothing at all", Ok(None), 0, None, "withheld"),
            ("an empty string", piece(Some(0), 0), 0, Some(5), "withheld"),
            (
                "the same, of unknown size",
                piece(Some(0), 0),
                0,
                None,
                "withheld",
            ),
            ("an empty letter", piece(Some(0), 0), 0, Some(0), "last 0"),
            ("other octets", piece(Some(7), 5), 0, Some(5), "withheld"),
            ("too many", piece(Some(0), chunk + 1), 0, None, "withheld"),
            ("all of it", piece(None, chunk + 1), 0, None, "last 262145"),
        ];
        for (what, answered, offset, size, wanted) in rows {
            let found = match next_octets(answered, offset, size) {
                Next::Piece(_) => "piece".to_owned(),
                Next::Last(octets) => format!("last {}", octets.len()),
                Next::Withheld(_) => "withheld".to_owned(),
            };
            assert_eq!(found, wanted, "{what}");
        }
    }
}
