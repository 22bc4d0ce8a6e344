//! What does an archive hold? Its list alone: nothing is ever unpacked.

use super::File;
use super::filename::visible;
use crate::model::limits::{ARCHIVE_ENTRIES_MAX, ARCHIVE_NAME_CHARACTERS_MAX, ARCHIVE_OCTETS_MAX};
use std::io::Cursor;

/// The entries of a ZIP or tar archive, one line each: its name as a human may see it, its size,
/// and whether a password protects it. Empty where it is no archive, or none that can be read.
pub fn entries(file: &File<'_>, media_type: &str) -> Vec<String> {
    if file.octets.len() > ARCHIVE_OCTETS_MAX {
        return Vec::new();
    }
    match media_type {
        "application/zip" => zip(&file.octets).unwrap_or_default(),
        "application/x-tar" => tar(&file.octets).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn zip(octets: &[u8]) -> Option<Vec<String>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(octets)).ok()?;
    let count = archive.len();
    let line = |n: usize| {
        let Ok(entry) = archive.by_index_raw(n) else {
            return "an entry that cannot be read".to_owned();
        };
        let sealed = if entry.encrypted() { ", encrypted" } else { "" };
        format!(
            "{} ({} octets{sealed})",
            entry_name(&String::from_utf8_lossy(entry.name_raw())),
            entry.size()
        )
    };
    let mut lines: Vec<String> = (0..count.min(ARCHIVE_ENTRIES_MAX)).map(line).collect();
    if count > ARCHIVE_ENTRIES_MAX {
        lines.push(format!("and {} more", count - ARCHIVE_ENTRIES_MAX));
    }
    Some(lines)
}

fn tar(octets: &[u8]) -> Option<Vec<String>> {
    let mut archive = tar::Archive::new(octets);
    let mut lines = Vec::new();
    for entry in archive.entries().ok()? {
        let Ok(entry) = entry else {
            lines.extend((!lines.is_empty()).then(|| "and more that cannot be read".to_owned()));
            break;
        };
        if lines.len() == ARCHIVE_ENTRIES_MAX {
            lines.push("and more".to_owned());
            break;
        }
        lines.push(format!(
            "{} ({} octets)",
            entry_name(&String::from_utf8_lossy(&entry.path_bytes())),
            entry.size()
        ));
    }
    Some(lines)
}

fn entry_name(name: &str) -> String {
    visible(name)
        .chars()
        .take(ARCHIVE_NAME_CHARACTERS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(octets: &[u8], media_type: &str) -> Vec<String> {
        entries(
            &File {
                name: "x".to_owned(),
                media_type: media_type.to_owned(),
                charset: None,
                octets: octets.into(),
            },
            media_type,
        )
    }

    #[test]
    fn archives_are_listed_and_their_names_are_harmless() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["poc/run.py", "../../etc/cron.d/x", "in\u{202e}exe.txt"] {
            writer
                .start_file(
                    name,
                    zip::write::SimpleFileOptions::default()
                        .compression_method(zip::CompressionMethod::Stored),
                )
                .unwrap();
            std::io::Write::write_all(&mut writer, b"print(1)").unwrap();
        }
        let octets = writer.finish().unwrap().into_inner();
        assert_eq!(
            listed(&octets, "application/zip"),
            [
                "poc/run.py (8 octets)",
                "../../etc/cron.d/x (8 octets)",
                "inexe.txt (8 octets)"
            ]
        );
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        builder
            .append_data(&mut header, "a/b.txt", &b"abc"[..])
            .unwrap();
        assert_eq!(
            listed(&builder.into_inner().unwrap(), "application/x-tar"),
            ["a/b.txt (3 octets)"]
        );
    }

    #[test]
    fn what_is_no_archive_or_a_broken_one_is_not_listed() {
        assert!(listed(b"PK\x03\x04 and nothing more", "application/zip").is_empty());
        assert!(listed(&[0; 2_000], "application/x-tar").is_empty());
        assert!(listed(b"text", "text/plain").is_empty());
    }
}
