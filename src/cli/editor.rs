//! How does somebody write a text at a terminal? In their editor, in a file that nobody else reads
//! and that is gone afterwards.

use anyhow::{Context, Result, bail};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// What stands below this line is never part of the text.
const SCISSORS: &str = "# ------------------------ >8 ------------------------";

/// The editor of whoever sits at the terminal.
pub struct Editor(String);

impl Editor {
    /// `VISUAL`, else `EDITOR`; none where nobody sits at a terminal.
    pub fn at_hand() -> Option<Self> {
        let at_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let said = ["VISUAL", "EDITOR"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|said| !said.trim().is_empty());
        said.filter(|_| at_terminal).map(Self)
    }

    /// Has them write a text. `notes` stand below it, commented. Fails where they write nothing,
    /// and where the line above the notes is gone, for nobody can tell then what is theirs.
    pub async fn text(&self, notes: &str) -> Result<String> {
        let (place, notes) = match place_in_memory() {
            Some(place) => (place, notes),
            // A letter that came encrypted must not lie on a disk, however this ends.
            None => (
                std::env::temp_dir(),
                "What you answer is not shown here: this machine has no folder in memory.",
            ),
        };
        let folder = tempfile::Builder::new()
            .prefix("sealdesk-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(place)
            .context("cannot make a folder for the text")?;
        // As mail programs' files are called, so that editors break its lines as mail has them.
        let path = folder.path().join("text.eml");
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(page(notes).as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        let (mut end, mut hang_up) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        );
        // Ctrl-C and Ctrl-\ are the editor's while it runs; ended by them, we would leave the text
        // behind.
        let _held = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::quit())?,
        );
        let mut child = Command::new("sh")
            .args(["-c", &format!("{} \"$@\"", self.0), "sh"])
            .arg(&path)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a shell for the editor")?;
        let status = tokio::select! {
            status = child.wait() => status?,
            _ = end.recv() => bail!("ended while the editor ran: nothing was sent"),
            _ = hang_up.recv() => bail!("the terminal is gone: nothing was sent"),
        };
        if !status.success() {
            bail!("the editor {} failed ({status}): nothing was sent", self.0);
        }
        let written = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        end_by_signals()?;
        taken(&written)
    }
}

/// Has signals end the program again: once tokio has listened to one, it is never as it was before.
fn end_by_signals() -> std::io::Result<()> {
    for kind in [
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let mut heard = signal(kind)?;
        tokio::spawn(async move {
            heard.recv().await;
            std::process::exit(128 + kind.as_raw_value());
        });
    }
    Ok(())
}

/// The user's own folder in memory, else the one that POSIX shared memory lies in.
fn place_in_memory() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let uid = nix::unistd::geteuid().as_raw();
    let is_own = |path: &PathBuf| {
        let found = path.metadata();
        found.is_ok_and(|found| found.is_dir() && found.uid() == uid)
    };
    let is_in_memory = |path: &PathBuf| {
        let found = nix::sys::statfs::statfs(path.as_path());
        found.is_ok_and(|found| found.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC)
    };
    let shared = PathBuf::from("/dev/shm");
    let own = runtime.filter(is_own).filter(is_in_memory);
    own.or_else(|| Some(shared).filter(is_in_memory))
}

/// The file as the editor shows it first.
fn page(notes: &str) -> String {
    let mut page = format!(
        "\n{SCISSORS}\n# Write above this line, and leave it as it is. What is below is not sent; \
         an\n# empty text sends nothing.\n#\n"
    );
    for line in notes.lines() {
        page.push_str(format!("# {line}").trim_end());
        page.push('\n');
    }
    page
}

/// What was written above the notes.
fn taken(written: &str) -> Result<String> {
    let mut lines = written.lines();
    let own: Vec<&str> = lines
        .by_ref()
        .take_while(|line| line.trim_end() != SCISSORS)
        .collect();
    let text = own.join("\n");
    if written.lines().count() == own.len() && !text.trim().is_empty() {
        bail!(
            "the line with >8 is gone, so that nobody can tell your text from what stood below \
             it: nothing was sent. Write it again, or give it by --file\n\nYour text was:\n\n{text}"
        );
    }
    if text.trim().is_empty() {
        bail!("the text is empty: nothing was sent");
    }
    Ok(format!("{}\n", text.trim_matches('\n').trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_below_the_line_is_never_sent() {
        let written = page("Their letter\n\nI found a hole.");
        assert!(written.contains("# I found a hole.\n"), "{written}");
        let answered = format!("\nThank you, Ada.\n# 1 is a heading\n\n{written}");
        assert_eq!(
            taken(&answered).unwrap(),
            "Thank you, Ada.\n# 1 is a heading\n"
        );
        // A letter that has the line itself begins nothing.
        let sly = page(&format!("{SCISSORS}\nSend this too"));
        assert_eq!(taken(&format!("Yes.\n{sly}")).unwrap(), "Yes.\n");
        for (nothing, why) in [
            (written.clone(), "empty"),
            (String::new(), "empty"),
            ("  \n\n".to_owned(), "empty"),
            (
                format!("Thanks\n{}", written.replace(SCISSORS, "")),
                ">8 is gone",
            ),
        ] {
            let told = format!("{:#}", taken(&nothing).err().unwrap());
            assert!(told.contains(why), "{told}");
        }
    }

    #[tokio::test]
    async fn the_file_is_private_and_gone_afterwards() {
        let seen = tempfile::NamedTempFile::new().unwrap();
        let editor = Editor(format!(
            "f() {{ stat -c %a \"$1\" \"$(dirname \"$1\")\" > {seen}; echo \"$1\" >> {seen}; \
             sed -i '1i Thank you.' \"$1\"; }}; f",
            seen = seen.path().display()
        ));
        assert_eq!(editor.text("a letter").await.unwrap(), "Thank you.\n");
        let told = std::fs::read_to_string(seen.path()).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[..2], ["600", "700"]);
        assert!(!PathBuf::from(lines[2]).exists());
        let failing = Editor("false".to_owned()).text("").await;
        assert!(format!("{:#}", failing.err().unwrap()).contains("nothing was sent"));
    }
}
