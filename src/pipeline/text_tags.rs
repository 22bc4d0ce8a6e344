//! What does a letter say, so that others that say the same are found? Tags of its paragraphs,
//! which tell nothing by themselves.

use crate::desk::Desk;
use crate::model::reading::Reading;
use crate::ports::{PortError, TextTag};
use std::collections::HashSet;

/// Shorter paragraphs are alike by chance, and more of them than this tell nothing more.
const SAYING_CHARACTERS_MIN: usize = 40;
const SAYINGS_MAX: usize = 32;

/// What is said further down tells nothing more, and the desk itself looks at it.
const SAYINGS_OCTETS_MAX: usize = 256 * 1024;

/// Keyed digests of what a letter says, paragraph by paragraph, without quotes, layout and case:
/// whoever sees the database and not the desk's secret can test no guess with them.
pub(super) async fn text_tags(desk: &Desk, reading: &Reading) -> Result<Vec<TextTag>, PortError> {
    // What somebody on the way may have written is compared with nothing.
    if reading.kind.is_machine() || reading.is_unproven() {
        return Ok(Vec::new());
    }
    let text = &reading.text[..reading.text.floor_char_boundary(SAYINGS_OCTETS_MAX)];
    let own: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('>'))
        .take_while(|line| *line != "-- ")
        .collect();
    let paragraphs = own.split(|line| line.trim().is_empty());
    let plain = |lines: &[&str]| -> String {
        lines
            .iter()
            .flat_map(|line| line.chars())
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let distinct: HashSet<String> = paragraphs.map(plain).collect();
    let mut heaviest: Vec<(usize, String)> = distinct
        .into_iter()
        .map(|text| (text.chars().count(), text))
        .collect();
    heaviest.retain(|(weight, _)| *weight >= SAYING_CHARACTERS_MIN);
    heaviest.sort_by(|a, b| b.cmp(a));
    heaviest.truncate(SAYINGS_MAX);
    let mut found = Vec::new();
    for (weight, text) in heaviest {
        let tag = desk.content_tag(&[b"saying", text.as_bytes()]).await?;
        found.push(TextTag {
            tag,
            weight: u32::try_from(weight).unwrap_or(u32::MAX / SAYINGS_MAX as u32),
        });
    }
    Ok(found)
}
