//! How does a letter leave by SMTP? lettre's connection over our own TLS stream, kept open between
//! letters.

mod line;
mod login;

pub use login::SmtpLogin;

use super::net::{self, Trust};
use crate::ports::{Courier, Parcel, PortError, PortErrorKind};
use async_trait::async_trait;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use line::Line;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// A command and its answer.
const COMMAND_S: u64 = 5 * 60;

/// The answer to the final dot: a shorter patience would double letters (RFC 5321 section
/// 4.5.3.2.6).
const DATA_S: u64 = 10 * 60;

/// An idle connection is not trusted for longer.
const IDLE_S: u64 = 30;

/// The one good answer to DATA.
const START_MAIL_INPUT: u16 = 354;

/// The longest line, and the most lines of an answer, that are read before TLS.
const PLAIN_LINE_OCTETS_MAX: u64 = 8 * 1024;
const PLAIN_LINES_MAX: usize = 100;

/// The answer to QUIT.
const FAREWELL_S: u64 = 5;

/// How the server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpPrivacy {
    Tls,
    Starttls,
    /// To loopback only; the config has proven it.
    None,
}

/// A courier by SMTP (RFC 5321), which keeps one connection between letters.
pub struct SmtpCourier {
    host: String,
    port: u16,
    privacy: SmtpPrivacy,
    trust: Trust,
    login: Option<Mutex<SmtpLogin>>,
    hello: String,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    connection: AsyncSmtpConnection,
    used: tokio::time::Instant,
}

impl SmtpCourier {
    /// Without a `login`, none is tried; `hello` is the name given in EHLO. Nothing connects
    /// before the first letter or probe.
    pub fn new(
        host: String,
        port: u16,
        privacy: SmtpPrivacy,
        trust: Trust,
        login: Option<SmtpLogin>,
        hello: String,
    ) -> Self {
        Self {
            host,
            port,
            privacy,
            trust,
            login: login.map(Mutex::new),
            hello,
            kept: Mutex::new(None),
        }
    }

    fn whole(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, PortError> {
        let stream = net::connect(&self.host, self.port).await?;
        let peer = stream
            .peer_addr()
            .map_err(|e| PortError::passing(self.whole()).because(e))?;
        let stream: Box<dyn AsyncTokioStream> = match self.privacy {
            SmtpPrivacy::None => Box::new(Line::new(stream, peer, b"")),
            SmtpPrivacy::Tls => {
                let inner = net::secure(stream, &self.host, net::tls(&self.trust)?).await?;
                Box::new(Line::new(inner, peer, b""))
            }
            SmtpPrivacy::Starttls => {
                let stream = self.within(COMMAND_S, self.starttls(stream)).await?;
                // lettre begins with a greeting, which the server gave before TLS; it is said again
                // for it.
                let inner = net::secure(stream, &self.host, net::tls(&self.trust)?).await?;
                Box::new(Line::new(inner, peer, b"220 ready\r\n"))
            }
        };
        let hello = ClientId::Domain(self.hello.clone());
        let connected = self.within(COMMAND_S, async {
            AsyncSmtpConnection::connect_with_transport(stream, &hello)
                .await
                .map_err(|e| self.fault("greet", &e))
        });
        let mut connection = connected.await?;
        if let Some(login) = &self.login {
            self.log_in(&mut connection, &mut *login.lock().await)
                .await?;
        }
        Ok(connection)
    }

    /// The dialogue of RFC 3207 up to the handshake. What a server sends before it is refused: it
    /// could be injected.
    async fn starttls(&self, stream: TcpStream) -> Result<TcpStream, PortError> {
        let gone = |e: std::io::Error| {
            PortError::passing(format!("{} broke off before STARTTLS", self.whole())).because(e)
        };
        let mut stream = BufReader::new(stream);
        let mut offered = false;
        for command in [
            None,
            Some(format!("EHLO {}\r\n", self.hello)),
            Some("STARTTLS\r\n".to_owned()),
        ] {
            if command.as_deref() == Some("STARTTLS\r\n") && !offered {
                return Err(PortError::lasting(format!(
                    "{} does not offer STARTTLS: use security = \"tls\", or mend the server",
                    self.whole()
                )));
            }
            if let Some(command) = command {
                stream
                    .get_mut()
                    .write_all(command.as_bytes())
                    .await
                    .map_err(gone)?;
            }
            for lines in 1.. {
                let mut line = String::new();
                let mut bounded = (&mut stream).take(PLAIN_LINE_OCTETS_MAX);
                if bounded.read_line(&mut line).await.map_err(gone)? == 0 {
                    return Err(PortError::passing(format!(
                        "{} closed the connection before STARTTLS",
                        self.whole()
                    )));
                }
                if bounded.limit() == 0 && !line.ends_with('\n') || lines > PLAIN_LINES_MAX {
                    return Err(PortError::passing(format!(
                        "{} says too much before STARTTLS",
                        self.whole()
                    )));
                }
                offered |= line
                    .get(4..)
                    .is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
                if !line.starts_with('2') {
                    return Err(PortError::passing(format!(
                        "{} refuses: {}",
                        self.whole(),
                        line.trim()
                    )));
                }
                if line.as_bytes().get(3) != Some(&b'-') {
                    break;
                }
            }
        }
        if !stream.buffer().is_empty() {
            return Err(PortError::passing(format!(
                "{} sent something after STARTTLS and before TLS",
                self.whole()
            )));
        }
        Ok(stream.into_inner())
    }

    /// Says QUIT, and waits no longer for the answer than it is worth: a server that keeps silent
    /// must not hold the outbox.
    async fn take_leave(&self, mut connection: AsyncSmtpConnection) {
        let _ = tokio::time::timeout(Duration::from_secs(FAREWELL_S), connection.abort()).await;
    }

    async fn within<T>(
        &self,
        seconds: u64,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        match tokio::time::timeout(Duration::from_secs(seconds), work).await {
            Ok(result) => result,
            Err(_) => Err(PortError::passing(format!(
                "{} kept silent for {seconds} s",
                self.whole()
            ))),
        }
    }

    /// The code tells whether it passes; the server's words help the operator.
    fn fault(&self, what: &str, err: &SmtpError) -> PortError {
        let said = if what == LETTER {
            without_words(err)
        } else {
            chain(err)
        };
        let text = format!("{} would not {what}: {said}", self.whole());
        // Only a refused recipient is this letter's fault; a relay that refuses all letters will be
        // mended.
        if err.is_permanent() && what == RECIPIENT {
            PortError::lasting(text)
        } else {
            PortError::passing(text)
        }
    }

    async fn deliver(
        &self,
        connection: &mut AsyncSmtpConnection,
        parcel: &Parcel,
    ) -> Result<(), PortError> {
        let address = |a: &crate::model::address::Address| {
            a.as_str()
                .parse::<lettre::Address>()
                .map_err(|e| PortError::lasting("an envelope address cannot be sent").because(e))
        };
        let from = parcel.envelope_sender.as_ref().map(address).transpose()?;
        let to = address(&parcel.envelope_recipient)?;
        self.within(COMMAND_S, async {
            connection
                .command(Mail::new(from, Vec::new()))
                .await
                .map_err(|e| self.fault("take the sender", &e))
        })
        .await?;
        self.within(COMMAND_S, async {
            connection
                .command(Rcpt::new(to, Vec::new()))
                .await
                .map_err(|e| self.fault(RECIPIENT, &e))
        })
        .await?;
        let go_ahead = self
            .within(COMMAND_S, async {
                connection
                    .command(Data)
                    .await
                    .map_err(|e| self.fault(LETTER, &e))
            })
            .await?;
        // Any other code is no go-ahead (RFC 5321 section 4.3.2), and what follows would be read as
        // commands.
        if !go_ahead.has_code(START_MAIL_INPUT) {
            return Err(PortError::passing(format!(
                "{} answers DATA with {} where 354 is due",
                self.whole(),
                go_ahead.code()
            )));
        }
        let octets = parcel
            .octets
            .strip_suffix(b"\r\n")
            .unwrap_or(&parcel.octets);
        match tokio::time::timeout(Duration::from_secs(DATA_S), connection.message(octets)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(err)) if err.status().is_some() => Err(self.fault(LETTER, &err)),
            // The last octet may have arrived, and only the answer be lost.
            Ok(Err(err)) => Err(PortError::in_doubt(format!(
                "{} did not say whether it took the letter: {}",
                self.whole(),
                without_words(&err)
            ))),
            Err(_) => Err(PortError::in_doubt(format!(
                "{} did not say within {DATA_S} s whether it took the letter",
                self.whole()
            ))),
        }
    }
}

/// What a server may refuse for good.
const RECIPIENT: &str = "take the recipient";
const LETTER: &str = "take the letter";

/// Of an answer to a letter, what says enough: filters quote what they refuse, in whatever form.
fn without_words(err: &SmtpError) -> String {
    match err.status() {
        Some(code) => format!("it answers {code}"),
        None if err.is_response() => "its answer is none of SMTP".to_owned(),
        None if err.is_timeout() => "it kept silent".to_owned(),
        None => "the connection broke".to_owned(),
    }
}

/// An error and its causes. Servers repeat addresses, which belong into no log.
fn chain(err: &dyn std::error::Error) -> String {
    let words = whole_chain(err);
    words
        .split_whitespace()
        .map(|w| if w.contains('@') { "(address)" } else { w })
        .collect::<Vec<_>>()
        .join(" ")
}

fn whole_chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[async_trait]
impl Courier for SmtpCourier {
    async fn send(&self, parcel: &Parcel) -> Result<(), PortError> {
        let mut kept = self.kept.lock().await;
        let fresh = kept.take().filter(|k| {
            k.used.elapsed() < Duration::from_secs(IDLE_S) && !k.connection.has_broken()
        });
        let mut connection = match fresh {
            Some(kept) => kept.connection,
            // Whatever keeps us from connecting is not this letter's fault: it is tried again.
            None => self
                .connect()
                .await
                .map_err(|e| e.with_kind(PortErrorKind::Passing))?,
        };
        let sent = self.deliver(&mut connection, parcel).await;
        if sent.is_ok() {
            *kept = Some(Kept {
                connection,
                used: tokio::time::Instant::now(),
            });
        } else {
            self.take_leave(connection).await;
        }
        sent
    }

    async fn probe(&self) -> Result<String, PortError> {
        self.take_leave(self.connect().await?).await;
        let how = match self.privacy {
            SmtpPrivacy::None => "without TLS (loopback)",
            SmtpPrivacy::Tls => "with TLS",
            SmtpPrivacy::Starttls => "with STARTTLS",
        };
        Ok(format!(
            "{} answers {how}{}",
            self.whole(),
            if self.login.is_some() {
                " and takes our login"
            } else {
                ""
            }
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn what_comes_before_tls_is_read_up_to_a_bound() {
        let long = "220 ".to_owned() + &"x".repeat(64 * 1024);
        let many = "220-x\r\n".repeat(1000);
        for said in [long, many] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let ours = TcpStream::connect(("127.0.0.1", port));
            let (ours, (mut theirs, _)) = futures::try_join!(ours, listener.accept()).unwrap();
            // The server's side stays open.
            theirs.write_all(said.as_bytes()).await.unwrap();
            let courier = SmtpCourier::new(
                "127.0.0.1".to_owned(),
                port,
                SmtpPrivacy::Starttls,
                Trust::default(),
                None,
                "desk.example".to_owned(),
            );
            let limit = Duration::from_secs(20);
            let refused = tokio::time::timeout(limit, courier.starttls(ours)).await;
            let told = refused.expect("it reads on").unwrap_err().to_string();
            assert!(told.contains("says too much"), "{told}");
        }
    }
}
