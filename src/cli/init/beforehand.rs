//! What can be known before the first question? Whether the files that flags name can be used, and
//! where a typed path leads.

use crate::cli::init::Init;
use crate::cli::init::interview::Interview;
use crate::cli::init::plan::{PlannedResponder, certificates_of_ca};
use crate::config;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// A path as it was typed, where no shell read it: `~` is the home of whoever typed.
pub fn at_home(typed: &Path) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    below_home(typed, home.as_deref())
}

fn below_home(typed: &Path, home: Option<&Path>) -> PathBuf {
    match (typed.strip_prefix("~"), home) {
        // A home with a slash behind it is no other file.
        (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.to_owned(),
        (Ok(rest), Some(home)) => home.join(rest),
        _ => typed.to_owned(),
    }
}

impl Init {
    /// The flags, their paths expanded: a shell expands no `~` behind a `=`.
    pub fn at_home(mut self) -> Self {
        let files = [
            &mut self.imap_password_file,
            &mut self.smtp_password_file,
            &mut self.github_token_file,
            &mut self.provider.client_secret_file,
            &mut self.ca_file,
            &mut self.tracker_folder,
        ];
        for file in files {
            *file = file.as_deref().map(at_home);
        }
        for (_, file) in &mut self.responder {
            *file = at_home(file);
        }
        self.config = at_home(&self.config);
        self
    }

    /// Tries every file that a flag names. Fails where one cannot be used and nobody can be asked
    /// for another; at a terminal it is said, and asked for when its question comes.
    pub fn check_files(&self, interview: &Interview) -> Result<()> {
        let faults = self.faults();
        if !faults.is_empty() && !interview.can_ask() {
            bail!("{}; nothing was written", faults.join("; "));
        }
        for fault in faults {
            interview.warn(&format!("{fault}; you will be asked for it"))?;
        }
        Ok(())
    }

    /// What is wrong with the files of the flags.
    fn faults(&self) -> Vec<String> {
        let secrets = [
            ("--imap-password-file", &self.imap_password_file),
            ("--smtp-password-file", &self.smtp_password_file),
            ("--github-token-file", &self.github_token_file),
            ("--client-secret-file", &self.provider.client_secret_file),
        ];
        let secrets = secrets.into_iter().filter_map(|(flag, file)| {
            let read = config::secret(flag, file.as_ref()?);
            read.err().map(|why| why.to_string())
        });
        let ca = self.ca_file.iter().filter_map(|file| {
            let read = certificates_of_ca(file);
            read.err().map(|why| format!("--ca-file: {why:#}"))
        });
        let responders = self.responder.iter().filter_map(|(address, file)| {
            let read = PlannedResponder::read(address, file);
            read.err().map(|why| format!("--responder: {why:#}"))
        });
        secrets.chain(ca).chain(responders).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::os::unix::fs::PermissionsExt;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        init: Init,
    }

    #[test]
    fn a_tilde_is_the_home_of_whoever_typed_it() {
        let home = Some(Path::new("/home/rita"));
        for (typed, path) in [
            ("~/rita.asc", "/home/rita/rita.asc"),
            ("~", "/home/rita"),
            ("/tmp/~/x", "/tmp/~/x"),
            ("~ada/x", "~ada/x"),
            ("x~", "x~"),
        ] {
            assert_eq!(below_home(Path::new(typed), home), Path::new(path));
        }
        assert_eq!(below_home(Path::new("~/x"), None), Path::new("~/x"));
    }

    #[test]
    fn files_that_cannot_be_used_are_told_before_the_first_question() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "secret").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let (open, closed) = (write("open", 0o644), write("closed", 0o600));
        let line = [
            "init",
            "--imap-password-file",
            &open,
            "--smtp-password-file",
            &closed,
            "--github-token-file",
            "/nowhere/token",
            "--ca-file",
            &closed,
            "--responder",
            &format!("rita@desk.example={closed}"),
        ];
        let faults = Line::parse_from(line).init.faults();
        for (fault, word) in
            faults
                .iter()
                .zip(["chmod 600", "/nowhere", "--ca-file", "--responder"])
        {
            assert!(fault.contains(word), "{fault}");
        }
        assert_eq!(faults.len(), 4, "{faults:#?}");
    }
}
