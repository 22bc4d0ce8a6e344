//! How do we say who we are to an IMAP server?

use super::dialogue::{Dialogue, DialogueError};
use super::refusal;
use crate::adapters::net::login::{Means, TokenMechanism};
use crate::ports::PortError;
use std::collections::BTreeSet;

/// Who logs in, and how they prove it.
pub struct ImapLogin {
    pub user: String,
    pub means: Means,
}

impl ImapLogin {
    pub(super) async fn log_in(
        &mut self,
        dialogue: &mut Dialogue,
        offered: &BTreeSet<String>,
        server: &str,
        (host, port): (&str, u16),
    ) -> Result<(), PortError> {
        let at_once = offered.contains("SASL-IR");
        let user = self.user.clone();
        let secret = self.means.secret().await?;
        let secret = secret
            .expose_text()
            .map_err(|_| PortError::lasting("the IMAP password or token is not text"))?;
        let is_password = self.means.is_password();
        let done = if !is_password {
            let mechanism = token_mechanism(offered);
            let message = mechanism.message(&user, secret, host, port);
            let refusal = mechanism.acknowledgement();
            dialogue
                .authenticate(
                    mechanism.name(),
                    message.as_bytes(),
                    secret,
                    refusal,
                    at_once,
                )
                .await
        } else if offered.contains("AUTH=PLAIN") {
            let message = format!("\0{user}\0{secret}");
            dialogue
                .authenticate("PLAIN", message.as_bytes(), secret, "", at_once)
                .await
        } else if offered.contains("LOGINDISABLED") {
            return Err(PortError::lasting(format!(
                "{server} offers neither AUTH=PLAIN nor LOGIN: use security = \"tls\", or a token"
            )));
        } else {
            dialogue.login(&user, secret).await
        };
        if done.is_err() {
            self.means.forget();
        }
        done.map_err(|err| refused(err, &user, !is_password, server))
    }
}

/// What a login that was not taken means. A token grows old, and something else may be about to
/// renew it: no words of a server are reason enough to end for it.
fn refused(err: DialogueError, user: &str, token: bool, server: &str) -> PortError {
    match &err {
        DialogueError::No(words) | DialogueError::Bad(words) => {
            let told = format!("{server} refuses our login as {user}: it {err}");
            let is_wrong = refusal::login_is_wrong(words);
            let told = if is_wrong {
                format!("{told}; check mailbox.user and the password or token")
            } else {
                told
            };
            if is_wrong && !token {
                PortError::lasting(told)
            } else {
                PortError::passing(told)
            }
        }
        // LOGIN carries ASCII alone (RFC 6855 section 5); AUTHENTICATE carries UTF-8.
        DialogueError::Unsendable => PortError::lasting(format!(
            "{server} offers LOGIN and not AUTH=PLAIN, and LOGIN carries ASCII alone: our user or \
             password has other characters; set a password without them, or use a token"
        )),
        _ => err.port(server),
    }
}

/// The standard's where it alone is offered. XOAUTH2 is tried where neither is: some servers take it
/// and do not say so.
fn token_mechanism(offered: &BTreeSet<String>) -> TokenMechanism {
    let standard_alone = offered.contains("AUTH=OAUTHBEARER") && !offered.contains("AUTH=XOAUTH2");
    if standard_alone {
        TokenMechanism::Oauthbearer
    } else {
        TokenMechanism::Xoauth2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_password_that_login_cannot_carry_is_a_lasting_fault_that_says_what_to_mend() {
        let rows = [
            ("security@desk.example", "pässword"),
            ("sécurité@desk.example", "hunter2"),
        ];
        for (user, password) in rows {
            let (ours, _server) = tokio::io::duplex(1024);
            let mut dialogue = Dialogue::after_greeting(Box::new(ours));
            let mut login = ImapLogin {
                user: user.to_owned(),
                means: Means::Password(Arc::new(|| Ok(Secret::new(password.into())))),
            };
            let offered = BTreeSet::from(["IMAP4REV1".to_owned()]);
            let refused = login
                .log_in(
                    &mut dialogue,
                    &offered,
                    "imap.example",
                    ("imap.example", 143),
                )
                .await
                .unwrap_err();
            assert!(refused.is_lasting(), "{refused}");
            let told = refused.to_string();
            assert!(
                told.contains("AUTH=PLAIN") && !told.contains(password),
                "{told}"
            );
        }
    }

    /// What we say of a login that a server refuses with these words, once we said who we are.
    async fn refused_with(means: Means, offered: &[&str], words: &str) -> PortError {
        let (ours, mut theirs) = tokio::io::duplex(8 * 1024);
        let server = async {
            let mut heard = vec![0; 4096];
            let _ = theirs.read(&mut heard).await.unwrap();
            let said = format!("S000001 NO {words}\r\n");
            theirs.write_all(said.as_bytes()).await.unwrap();
        };
        let mut dialogue = Dialogue::after_greeting(Box::new(ours));
        let mut login = ImapLogin {
            user: "security@desk.example".to_owned(),
            means,
        };
        let offered = offered.iter().map(|name| (*name).to_owned()).collect();
        let at = ("imap.example", 993);
        let talk = login.log_in(&mut dialogue, &offered, "imap.example", at);
        futures::join!(server, talk).1.unwrap_err()
    }

    fn token() -> Means {
        Means::Token(Arc::new(|| Ok(Secret::new("ya29.of-this-hour".into()))))
    }

    #[tokio::test]
    async fn a_token_that_is_refused_may_be_renewed_and_a_password_is_wrong() {
        let words = "[AUTHENTICATIONFAILED] Invalid credentials (Failure)";
        let offered = ["SASL-IR", "AUTH=XOAUTH2", "AUTH=PLAIN"];
        let refused = refused_with(token(), &offered, words).await;
        assert!(!refused.is_lasting(), "{refused}");
        assert!(refused.to_string().contains("mailbox.user"), "{refused}");
        let password = Means::Password(Arc::new(|| Ok(Secret::new("hunter2".into()))));
        let refused = refused_with(password, &offered, words).await;
        assert!(refused.is_lasting(), "{refused}");
    }

    #[tokio::test]
    async fn no_refusal_tells_a_secret_that_the_server_repeats() {
        let standard = ["SASL-IR", "AUTH=OAUTHBEARER"];
        for offered in [&["SASL-IR", "AUTH=XOAUTH2"], &standard] {
            let told = refused_with(token(), offered, "expired: ya29.of-this-hour").await;
            let told = told.to_string();
            assert!(told.contains("repeat our login"), "{told}");
            assert!(!told.contains("ya29"), "{told}");
        }
        // The server's words are shown with one blank where there were two.
        for offered in [&["AUTH=PLAIN", "SASL-IR"][..], &[]] {
            let password = Means::Password(Arc::new(|| Ok(Secret::new("two  blanks".into()))));
            let told = refused_with(password, offered, "wrong: two  blanks").await;
            let told = told.to_string();
            assert!(told.contains("repeat our login"), "{told}");
            assert!(!told.contains("blanks"), "{told}");
        }
    }
}
