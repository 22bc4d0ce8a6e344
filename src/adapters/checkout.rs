//! Does what a report names exist? Asked of a clone of the product's repository on this machine, by
//! git.
//!
//! No word of a report stands in an argument, where any user of the machine could read it: lists
//! are compared here, and what is searched for goes through git's standard input.

use crate::model::quality::Found;
use crate::model::report::Report;
use crate::ports::{PortError, Sources};
use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// One call of git.
const GIT_S: u64 = 20;

/// Names of one report that are looked up.
const NAMES_MAX: usize = 15;

/// How long an answer holds; a clone changes when somebody fetches.
const ANSWER_S: u64 = 600;
const ANSWERS_MAX: usize = 1_000;

/// Clones on this machine in which the words of reports are looked for. Nothing is fetched.
pub struct Checkouts {
    /// By product in lower case; `*` for all others.
    clones: BTreeMap<String, PathBuf>,
    known: Mutex<HashMap<String, (Instant, Found)>>,
}

impl Checkouts {
    /// Clones by the product that reports name, in any case; `*` stands for every other product.
    pub fn new(clones: BTreeMap<String, PathBuf>) -> Self {
        Self {
            clones: clones
                .into_iter()
                .map(|(product, path)| (product.to_lowercase(), path))
                .collect(),
            known: Mutex::default(),
        }
    }

    fn clone_of(&self, product: Option<&str>) -> Option<&Path> {
        let named = product.and_then(|product| self.clones.get(&product.to_lowercase()));
        named.or_else(|| self.clones.get("*")).map(PathBuf::as_path)
    }
}

async fn git(
    clone: &Path,
    arguments: &[&str],
    input: Option<&str>,
) -> Result<(bool, String), PortError> {
    let here = format!("git in {}", clone.display());
    let mut command = Command::new("git");
    // The clone may belong to another user, and its config is not ours to obey.
    command
        .arg("-C")
        .arg(clone)
        .args([
            "-c",
            "safe.directory=*",
            "-c",
            "core.fsmonitor=false",
            "--no-pager",
        ])
        .args(arguments);
    command
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|e| PortError::passing(format!("{here}: it cannot be run")).because(e))?;
    let asked = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A broken pipe means that it ended before it read: its exit code says the rest.
            let _ = stdin.write_all(input.unwrap_or_default().as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(Duration::from_secs(GIT_S), asked)
        .await
        .map_err(|_| PortError::passing(format!("{here}: no answer within {GIT_S} s")))?;
    let output = output.map_err(|e| PortError::passing(here).because(e))?;
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    ))
}

async fn look(clone: &Path, report: &Report) -> Result<Found, PortError> {
    let (is_clone, tags) = git(clone, &["tag", "--list"], None).await?;
    if !is_clone {
        return Err(PortError::lasting(format!(
            "checkout: {} is no clone of a git repository, or may not be read",
            clone.display()
        )));
    }
    let released: Vec<&str> = tags
        .lines()
        .map(|tag| tag.trim_start_matches(|c: char| !c.is_ascii_digit()))
        .collect();
    let mut versions: Vec<String> = named_versions(report)
        .into_iter()
        .filter(|v| released.contains(&v.as_str()))
        .collect();
    versions.truncate(NAMES_MAX);
    let (_, tracked) = git(clone, &["ls-tree", "-r", "--name-only", "-z", "HEAD"], None).await?;
    let is_tracked = |file: &&String| {
        tracked
            .split('\0')
            .any(|known| known == file.as_str() || known.ends_with(&format!("/{file}")))
    };
    let files = report
        .files
        .iter()
        .take(NAMES_MAX)
        .filter(is_tracked)
        .cloned()
        .collect();
    let mut functions = Vec::new();
    for function in report.functions.iter().take(NAMES_MAX) {
        // The last part of a path such as `Parser::next` is what stands in the source.
        let name = function
            .rsplit([':', '.', '>', '#'])
            .next()
            .unwrap_or(function);
        if name.len() > 2
            && git(
                clone,
                &[
                    "grep",
                    "--quiet",
                    "--fixed-strings",
                    "--word-regexp",
                    "-f",
                    "-",
                    "HEAD",
                ],
                Some(&format!("{name}\n")),
            )
            .await?
            .0
        {
            functions.push(function.clone());
        }
    }
    Ok(Found {
        versions,
        files,
        functions,
    })
}

/// The versions that a report names, in ranges and alone.
fn named_versions(report: &Report) -> Vec<String> {
    let ranges = report.affected.iter().flat_map(|a| &a.ranges);
    let bounds = ranges.flat_map(|r| {
        [
            Some(r.introduced.clone()).filter(|v| v != "0"),
            r.fixed.clone(),
            r.last_affected.clone(),
        ]
        .into_iter()
        .flatten()
    });
    bounds
        .chain(report.affected.iter().flat_map(|a| a.versions.clone()))
        .collect()
}

#[async_trait]
impl Sources for Checkouts {
    async fn find(&self, report: &Report) -> Result<Option<Found>, PortError> {
        let Some(clone) = self.clone_of(report.product.as_deref()) else {
            return Ok(None);
        };
        let key = format!(
            "{}\0{:?}\0{:?}\0{:?}",
            clone.display(),
            named_versions(report),
            report.files,
            report.functions
        );
        if let Ok(known) = self.known.lock()
            && let Some((at, found)) = known.get(&key)
            && at.elapsed() < Duration::from_secs(ANSWER_S)
        {
            return Ok(Some(found.clone()));
        }
        let found = look(clone, report).await?;
        if let Ok(mut known) = self.known.lock() {
            if known.len() >= ANSWERS_MAX {
                known.clear();
            }
            known.insert(key, (Instant::now(), found.clone()));
        }
        Ok(Some(found))
    }

    async fn probe(&self) -> Result<String, PortError> {
        for clone in self.clones.values() {
            look(clone, &Report::default()).await?;
        }
        Ok(format!("{} clones can be searched", self.clones.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clone_knows_what_exists() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let identity = [
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@t.example",
                "-c",
                "init.defaultBranch=main",
            ];
            assert!(
                std::process::Command::new("git")
                    .arg("-C")
                    .arg(folder.path())
                    .args(identity)
                    .args(arguments)
                    .output()
                    .unwrap()
                    .status
                    .success()
            );
        };
        run(&["init"]);
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(
            folder.path().join("src/parse.c"),
            "int parse_chunk(void) { return 1; }\n",
        )
        .unwrap();
        run(&["add", "."]);
        run(&["commit", "-m", "x"]);
        run(&["tag", "v1.2.0"]);
        let report = Report {
            affected: vec![crate::model::report::Affected {
                versions: vec!["1.2.0".to_owned(), "7.7".to_owned()],
                ..Default::default()
            }],
            files: vec!["parse.c".to_owned(), "made_up.c".to_owned()],
            functions: vec![
                "parse_chunk".to_owned(),
                "made_up".to_owned(),
                "--open-files-in-pager=touch".to_owned(),
            ],
            ..Report::default()
        };
        let checkouts = Checkouts::new([("*".to_owned(), folder.path().to_owned())].into());
        let found = checkouts.find(&report).await.unwrap().unwrap();
        assert_eq!(
            found,
            Found {
                versions: vec!["1.2.0".to_owned()],
                files: vec!["parse.c".to_owned()],
                functions: vec!["parse_chunk".to_owned()]
            }
        );
        let nowhere = Checkouts::new([("*".to_owned(), folder.path().join("src/none"))].into());
        assert!(nowhere.probe().await.is_err());
    }
}
