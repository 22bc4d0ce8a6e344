//! How does a letter leave without any mail server? As a file: one `.eml` a letter, for the demo
//! and for trials.

use crate::ports::{Courier, Parcel, PortError};
use async_trait::async_trait;
use std::path::PathBuf;

/// Writes each letter as `KEY.eml` into a folder, which it makes where it is missing.
pub struct FolderCourier {
    folder: PathBuf,
}

impl FolderCourier {
    /// Touches nothing: whether the folder can be written to shows when it is probed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Courier for FolderCourier {
    /// The file's name comes from the key, so that sending again writes the same file.
    async fn send(&self, parcel: &Parcel) -> Result<(), PortError> {
        let name: String = parcel
            .key
            .as_str()
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '@') {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let path = self.folder.join(format!("{name}.eml"));
        let sender = parcel
            .envelope_sender
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let mut octets = format!(
            "Return-Path: <{sender}>\r\nX-Envelope-To: <{}>\r\n",
            parcel.envelope_recipient
        )
        .into_bytes();
        octets.extend_from_slice(&parcel.octets);
        let part = path.with_extension("part");
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&part, octets))
            .and_then(|()| std::fs::rename(&part, &path));
        written
            .map_err(|e| PortError::passing(format!("cannot write {}", path.display())).because(e))
    }

    async fn probe(&self) -> Result<String, PortError> {
        let probe = self.folder.join(".probe");
        let tried = std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&probe, b""))
            .and_then(|()| std::fs::remove_file(&probe));
        tried.map_err(|e| {
            PortError::lasting(format!("cannot write into {}", self.folder.display())).because(e)
        })?;
        Ok(format!("letters become files in {}", self.folder.display()))
    }
}
