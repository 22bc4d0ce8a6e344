//! How does somebody at a terminal log in by their browser, which may run on another machine?

use crate::adapters::net::oauth::{
    AuthorizationServer, Browser, Client, Prompt, device_login, loopback_login, register,
};
use crate::cli::screen::{self, BOLD, WARN, styled};
use crate::model::secret::Secret;
use anyhow::{Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Who should log in, where, and how.
pub struct BrowserLogin {
    pub server: AuthorizationServer,
    /// `None`: the provider is asked to register one.
    pub client_id: Option<String>,
    pub client_secret: Option<Arc<Secret>>,
    /// `None`: what the provider is known to need for mail.
    pub scopes: Option<Vec<String>>,
    pub user: String,
    /// By a redirect of the browser even where codes are given out.
    pub redirect: bool,
    /// The port that the browser is redirected to; 0 for any.
    pub port: u16,
}

/// What a login brought.
pub struct LoggedIn {
    pub client_id: String,
    pub refresh_token: Secret,
}

impl BrowserLogin {
    /// Says what is to be done in the browser, and waits until it is done.
    pub async fn run(self) -> Result<LoggedIn> {
        let endpoints = self.server.endpoints().await?;
        let scopes = self.scopes.unwrap_or_else(|| {
            let known = self.server.scopes(false);
            let supported = endpoints.scopes_supported.as_ref();
            let is_supported = |scope: &String| supported.is_none_or(|all| all.contains(scope));
            known.into_iter().filter(is_supported).collect()
        });
        let client_id = match (self.client_id, &endpoints.registration_endpoint) {
            (Some(id), _) => id,
            (None, Some(endpoint)) => register(&self.server, endpoint, &scopes).await?,
            (None, None) => {
                bail!("client_id is needed: this provider registers no clients by itself")
            }
        };
        let client = Client {
            server: self.server,
            endpoints,
            client_id,
            client_secret: self.client_secret,
            scopes,
            user: self.user,
        };
        let gives_codes = client.endpoints.device_authorization_endpoint.is_some();
        let mut terminal = Terminal {
            user: client.user.clone(),
        };
        let refresh_token = if gives_codes && !self.redirect {
            device_login(&client, &mut terminal).await?
        } else {
            let mut pasted = Pasted::from_stdin();
            loopback_login(&client, self.port, &mut terminal, &mut pasted.lines).await?
        };
        Ok(LoggedIn {
            client_id: client.client_id,
            refresh_token,
        })
    }
}

/// Whoever reads and pastes at the terminal.
struct Terminal {
    user: String,
}

impl Browser for Terminal {
    fn show(&mut self, prompt: &Prompt) {
        let _ = screen::print(&shown(prompt, &self.user));
    }

    fn refuse(&mut self, why: &str) {
        let _ = screen::print(&format!("{} {why}\n", styled(WARN, "not that one:")));
    }
}

/// What somebody is asked to do.
fn shown(prompt: &Prompt, user: &str) -> String {
    let page = styled(BOLD, &screen::one_line(&prompt.page));
    let minutes = prompt.lives.as_secs().div_ceil(60);
    let mut text = format!(
        "\nOpen this page in a browser, on any machine, and log in there as {}:\n\n  {page}\n\n",
        screen::one_line(user)
    );
    if let Some(code) = &prompt.code {
        let code = styled(BOLD, &screen::one_line(code));
        text.push_str(&format!("It asks for this code, or shows it: {code}\n"));
    }
    if let Some(redirect) = &prompt.redirect {
        text.push_str(&format!(
            "If the browser runs on this machine, that is all.\nIf it runs on another one, it ends \
             at a page that it cannot load ({redirect}…):\ncopy the whole address of that page from \
             the browser, paste it here, and press Enter.\n"
        ));
    }
    text.push_str(&format!("Waiting for at most {minutes} minutes …\n"));
    text
}

/// Lines of standard input, read beside everything else for as long as this lives: what is typed
/// later is not taken from whoever asks next.
struct Pasted {
    lines: mpsc::Receiver<String>,
    is_over: Arc<AtomicBool>,
}

/// How often it is looked whether nobody waits for lines any more.
const LOOK_MS: u16 = 100;

/// An address that is longer is none.
const PASTE_OCTETS: usize = 16 * 1024;

impl Pasted {
    fn from_stdin() -> Self {
        let (found, lines) = mpsc::channel(1);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            // Without a buffer, in which a line could lie that no poll sees.
            let input = std::io::stdin();
            let mut held = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let mut waits = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
                match poll(&mut waits, PollTimeout::from(LOOK_MS)) {
                    Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
                    Ok(_) => {}
                    Err(_) => return,
                }
                let mut octets = [0; PASTE_OCTETS];
                let read = match nix::unistd::read(&input, &mut octets) {
                    Ok(0) | Err(_) => return,
                    Ok(read) => read,
                };
                held.extend_from_slice(&octets[..read]);
                while let Some(line) = first_line(&mut held) {
                    if found.blocking_send(line).is_err() {
                        return;
                    }
                }
                held.truncate(PASTE_OCTETS);
            }
        });
        Self { lines, is_over }
    }
}

/// Takes the first whole line away.
fn first_line(held: &mut Vec<u8>) -> Option<String> {
    let end = held.iter().position(|octet| *octet == b'\n')?;
    let line: Vec<u8> = held.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line).trim().to_owned())
}

impl Drop for Pasted {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn two_lines_that_come_at_once_are_two() {
        let mut held = b"one\r\ntwo\nthr".to_vec();
        let mut next = || first_line(&mut held);
        assert_eq!(
            [next(), next(), next()],
            [Some("one".to_owned()), Some("two".to_owned()), None]
        );
        assert_eq!(held, b"thr");
    }

    #[test]
    fn a_prompt_says_what_to_open_and_what_to_do_there() {
        let prompt = |code: Option<&str>, redirect: Option<&str>| Prompt {
            page: "https://id.example/\u{1b}[2Jdevice".to_owned(),
            code: code.map(str::to_owned),
            redirect: redirect.map(str::to_owned),
            lives: Duration::from_secs(899),
        };
        let user = "security@desk.example";
        let text = shown(&prompt(Some("ABCD-EFGH"), None), user);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(
            plain.contains("log in there as security@desk.example"),
            "{plain}"
        );
        assert!(plain.contains("code, or shows it: ABCD-EFGH"), "{plain}");
        assert!(plain.contains("at most 15 minutes"), "{plain}");
        assert!(!plain.contains("paste"), "{plain}");
        assert!(!text.contains("\u{1b}[2J"), "the terminal was driven");
        let text = shown(&prompt(None, Some("http://127.0.0.1:4711/")), user);
        assert!(
            text.contains("paste it here") && text.contains("127.0.0.1:4711"),
            "{text}"
        );
    }
}
