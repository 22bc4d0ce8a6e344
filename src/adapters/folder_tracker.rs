//! How are advisories kept without any tracker? As files: Markdown for people, JSON for programs.

use crate::model::case::AdvisoryId;
use crate::model::outgoing::{Addition, Advisory};
use crate::ports::{Capabilities, Filed, PortError, Tracker};
use async_trait::async_trait;
use std::path::{Path, PathBuf};

/// Keeps each advisory as a Markdown and a JSON file in a folder.
pub struct FolderTracker {
    folder: PathBuf,
}

impl FolderTracker {
    /// Touches nothing: whether the folder can be written to shows when it is probed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

fn fault(what: &'static str, path: &Path) -> impl Fn(std::io::Error) -> PortError {
    let path = path.display().to_string();
    move |err| PortError::passing(format!("cannot {what} {path}")).because(err)
}

/// Written beside and renamed, so that no reader sees half a file.
fn write(path: &Path, text: &str) -> Result<(), PortError> {
    let part = path.with_extension("part");
    std::fs::write(&part, text)
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(fault("write", path))
}

#[async_trait]
impl Tracker for FolderTracker {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn file(&self, advisory: &Advisory, _: bool) -> Result<Filed, PortError> {
        std::fs::create_dir_all(&self.folder).map_err(fault("make the folder", &self.folder))?;
        let id = advisory.case.as_str().to_owned();
        let (text, data) = (
            self.folder.join(format!("{id}.md")),
            self.folder.join(format!("{id}.json")),
        );
        let filed = Filed {
            advisory: AdvisoryId {
                url: format!("file://{}", text.display()),
                id,
            },
            doubled: Vec::new(),
        };
        // The case names the file, so an earlier try is found again; a human may have edited it
        // since.
        if text.exists() && data.exists() {
            return Ok(filed);
        }
        let json = serde_json::json!({
            "case": advisory.case,
            "state": "draft",
            "summary": advisory.summary,
            "severity": if advisory.report.cvss.is_some() { None } else { advisory.report.severity.as_deref() },
            "cvss_vector_string": advisory.report.cvss,
            "cwe_ids": advisory.report.cwe_ids,
            "cve_ids": advisory.report.cve_ids,
            "vulnerabilities": [{
                "package": advisory.report.product,
                "vulnerable_versions": advisory.report.affected_versions,
            }],
            "disclosure": advisory.report.disclosure,
            "missing": advisory.report.missing,
        });
        let json = serde_json::to_string_pretty(&json)
            .map_err(|e| PortError::lasting("cannot write JSON").because(e))?;
        write(&data, &format!("{json}\n"))?;
        write(
            &text,
            &format!("# {}\n\n{}\n", advisory.summary, advisory.description),
        )?;
        Ok(filed)
    }

    async fn append(&self, advisory: &AdvisoryId, addition: &Addition) -> Result<(), PortError> {
        let path = self.folder.join(format!("{}.md", advisory.id));
        let before = std::fs::read_to_string(&path).map_err(fault("read", &path))?;
        if before.contains(&addition.mark) {
            return Ok(());
        }
        write(
            &path,
            &format!("{}\n\n{}\n", before.trim_end(), addition.text),
        )
    }

    async fn probe(&self) -> Result<String, PortError> {
        let probe = self.folder.join(".probe");
        let tried = std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&probe, b""))
            .and_then(|()| std::fs::remove_file(&probe));
        tried.map_err(|e| {
            PortError::lasting(format!("cannot write into {}", self.folder.display())).because(e)
        })?;
        Ok(format!(
            "drafts become files in {}, readable by whoever can read that folder",
            self.folder.display()
        ))
    }
}
