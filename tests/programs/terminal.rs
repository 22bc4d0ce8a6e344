//! A terminal that nobody sees: keys go in, and the screen is read.

use super::servers::run;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    pub fn start(folder: &Path, environment: &[(&str, &str)], command: &str) -> Self {
        let terminal = Self {
            socket: folder.join("tmux"),
        };
        let mut start = terminal.tmux();
        for (name, value) in environment {
            start.env(name, value);
        }
        run(start
            .args([
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-x",
                "100",
                "-y",
                "50",
            ])
            .arg("-c")
            .arg(folder)
            .arg(command));
        terminal
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(&self.socket);
        tmux
    }

    pub fn screen(&self) -> String {
        let shown = self.tmux().args(["capture-pane", "-p"]).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).into_owned()
    }

    /// Waits until all of these words stand on the screen.
    pub fn shows(&self, words: &[&str]) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if words.iter().all(|words| screen.contains(words)) {
                return screen;
            }
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "the terminal does not show {words:?}:\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Names of keys, as tmux has them, or single characters.
    pub fn press(&self, keys: &[&str]) {
        run(self.tmux().arg("send-keys").args(keys));
    }

    pub fn type_in(&self, words: &str) {
        run(self.tmux().args(["send-keys", "-l", "--"]).arg(words));
    }

    /// Waits for a question, and answers it with words in place of those that are offered.
    pub fn answer(&self, question: &str, words: &str) {
        self.shows(&[question]);
        self.press(&["C-u"]);
        self.type_in(words);
        self.press(&["Enter"]);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self
            .tmux()
            .arg("kill-server")
            .stderr(Stdio::null())
            .status();
    }
}
