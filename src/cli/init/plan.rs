//! What was answered, as the config that it becomes; and the proofs that the desk's own adapters
//! give of it.

mod config_text;

use crate::cli::credentials::private_file;
use crate::cli::init::Security;
use crate::cli::init::interview::Interview;
use crate::config::{self, AuthorizationServerSection, Settings};
use crate::model::address::Address;
use crate::model::secret::Secret;
use crate::wiring::{self, read_certificates};
use anyhow::{Context, Result, anyhow, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the login at a mail server is proven.
#[derive(Clone)]
pub enum LoginProof {
    Password(Arc<Secret>),
    /// Somebody logged in by a browser.
    Oauth(Arc<PlannedOauth>),
    /// Of the SMTP server: by what the IMAP server took.
    AsMailbox,
}

/// What a login by a browser brought.
#[derive(Clone)]
pub struct PlannedOauth {
    pub server: AuthorizationServerSection,
    pub client_id: String,
    pub client_secret: Option<Arc<Secret>>,
    pub refresh_token: Secret,
}

/// A mail server, with the login that was given for it.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: Option<u16>,
    pub security: Security,
    pub user: String,
    pub proof: LoginProof,
    /// Its certificate is by the CA that was named, and not by one that the machine trusts.
    pub has_own_ca: bool,
}

impl Server {
    /// Reads `HOST` or `HOST:PORT`; without a port the one of `security` is meant.
    pub fn new(written: &str, security: Security, user: String, proof: LoginProof) -> Result<Self> {
        let (host, port) = match written.rsplit_once(':') {
            Some((host, port)) => (
                host,
                Some(
                    port.parse()
                        .map_err(|_| anyhow!("{written:?} is not written HOST or HOST:PORT"))?,
                ),
            ),
            None => (written, None),
        };
        if host.is_empty() {
            bail!("{written:?} names no server");
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            security,
            user,
            proof,
            has_own_ca: false,
        })
    }

    /// What its login takes, by the name of each credential.
    fn secrets(&self, password_name: &'static str) -> Vec<(&'static str, &Secret)> {
        match &self.proof {
            LoginProof::Password(password) => vec![(password_name, password.as_ref())],
            LoginProof::Oauth(oauth) => {
                let secret = oauth.client_secret.as_deref();
                let secret = secret.map(|secret| (CLIENT_SECRET, secret));
                let token = (REFRESH_TOKEN, &oauth.refresh_token);
                std::iter::once(token).chain(secret).collect()
            }
            LoginProof::AsMailbox => Vec::new(),
        }
    }

    /// The same server, whose certificate is by the CA that was named, or not.
    pub fn with_own_ca(self, has_own_ca: bool) -> Self {
        Self { has_own_ca, ..self }
    }
}

/// The certificates of a CA, PEM. Fails unless the file holds one.
pub fn certificates_of_ca(file: &Path) -> Result<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if !String::from_utf8_lossy(&pem).contains(BEGIN) {
        bail!("{} holds no certificate in PEM ({BEGIN})", file.display());
    }
    Ok(pem)
}

/// Where drafts are to go.
pub enum PlannedTracker {
    Github {
        repository: String,
        token: Arc<Secret>,
        url: Option<String>,
    },
    Folder(PathBuf),
}

/// A responder, with a certificate that letters can be encrypted to.
pub struct PlannedResponder {
    pub address: Address,
    /// Armored.
    pub certificate: String,
}

impl PlannedResponder {
    /// Fails unless the file holds one certificate alone, which names the address and can be
    /// encrypted to.
    pub fn read(address: &str, file: &Path) -> Result<Self> {
        let address =
            Address::parse(address).with_context(|| format!("{address:?} is no address"))?;
        let certificates = read_certificates(file)?;
        let [certificate] = certificates.as_slice() else {
            bail!(
                "{} holds {} certificates, and should hold theirs alone",
                file.display(),
                certificates.len()
            )
        };
        certificate
            .usable_for_encryption()
            .with_context(|| format!("nothing can be encrypted to {}", file.display()))?;
        if !certificate.is_of(address.as_str()) {
            bail!(
                "{} names {}, and not {address}",
                file.display(),
                certificate.addresses().join(", ")
            );
        }
        Ok(Self {
            address,
            certificate: certificate.minimal()?.armored()?,
        })
    }

    /// Of their file beside the config.
    pub fn file_name(&self) -> String {
        let plain: String = self
            .address
            .as_str()
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-') {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        format!("responder-{plain}.asc")
    }
}

/// What was answered so far.
pub struct Plan {
    pub address: Address,
    pub name: String,
    /// The CA of the mail servers, where it is not one that the machine trusts.
    pub ca: Option<Vec<u8>>,
    trial: Trial,
    pub imap: Option<Server>,
    pub smtp: Option<Server>,
    pub tracker: Option<PlannedTracker>,
    pub responders: Vec<PlannedResponder>,
}

/// Where things lie when the desk reads its config.
pub struct Places {
    /// Of the config, the certificates and, without systemd, of all else.
    pub folder: PathBuf,
    pub state: PathBuf,
    /// The folder of secrets, as the config writes it.
    pub secrets: String,
    /// The secret keys: of mail, and of storage.
    pub keys: [String; 2],
    /// The opener's socket; without it the desk starts its opener itself.
    pub socket: bool,
}

const IMAP_PASSWORD: &str = "imap-password";
const SMTP_PASSWORD: &str = "smtp-password";
const REFRESH_TOKEN: &str = "mail-refresh-token";
const CLIENT_SECRET: &str = "mail-client-secret";
const GITHUB_TOKEN: &str = "github-token";

/// `mailbox.name` of the one that is planned.
const MAILBOX: &str = "security";

/// The CA of the mail servers, beside the config.
pub const CA_FILE: &str = "mail-ca.pem";

impl Plan {
    /// Asks for what every desk needs. `ca_file` is read at once.
    pub fn new(
        interview: &Interview,
        address: Option<String>,
        name: Option<String>,
        ca_file: Option<PathBuf>,
    ) -> Result<Self> {
        let address = interview.checked(
            address,
            "--address",
            "The address that reporters write to",
            |text| Address::parse(text).with_context(|| format!("{text:?} is no address")),
        )?;
        let name = interview.text(
            name,
            "--name",
            "How letters present the desk",
            Some(&format!("{} Security Team", address.domain())),
        )?;
        let ca = ca_file.map(|path| certificates_of_ca(&path));
        let ca = match ca.transpose() {
            Ok(ca) => ca,
            // It is asked for where a server's certificate is not trusted.
            Err(why) => interview.wrong("--ca-file", &why).map(|()| None)?,
        };
        Ok(Self {
            address,
            name,
            ca,
            trial: Trial::new()?,
            imap: None,
            smtp: None,
            tracker: None,
            responders: Vec::new(),
        })
    }

    /// Every secret that the config names, by the name of its credential.
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        let token = match &self.tracker {
            Some(PlannedTracker::Github { token, .. }) => Some((GITHUB_TOKEN, token.as_ref())),
            _ => None,
        };
        let imap = self.imap.as_ref();
        let imap = imap.map(|server| server.secrets(IMAP_PASSWORD));
        let smtp = self.smtp.as_ref();
        let smtp = smtp.map(|server| server.secrets(SMTP_PASSWORD));
        let of_mail = [imap, smtp].into_iter().flatten().flatten();
        of_mail.chain(token).collect()
    }

    /// Logs in at the IMAP server by the desk's own adapter, and says what it found.
    pub async fn probe_mailbox(&self) -> Result<String> {
        let settings = self.trial()?;
        let mut mailboxes = wiring::mailboxes(&settings)?;
        let first = mailboxes.first_mut().context("no mailbox")?;
        Ok(first.mailbox.probe().await?)
    }

    /// Logs in at the SMTP server by the desk's own adapter, and says what it found.
    pub async fn probe_courier(&self) -> Result<String> {
        Ok(wiring::courier(&self.trial()?)?.probe().await?)
    }

    /// The proofs may have been answered with another refresh token than the login: the last one is
    /// taken.
    pub fn take_latest_token(&mut self) -> Result<()> {
        let Some(LoginProof::Oauth(oauth)) = self.imap.as_ref().map(|server| &server.proof) else {
            return Ok(());
        };
        let settings = self.trial()?;
        let configured = self.trial.0.join(REFRESH_TOKEN);
        let refresh_token = wiring::latest_refresh_token(&settings.state, &configured)?;
        let latest = PlannedOauth {
            refresh_token,
            ..oauth.as_ref().clone()
        };
        if let Some(imap) = &mut self.imap {
            imap.proof = LoginProof::Oauth(Arc::new(latest));
        }
        Ok(())
    }

    /// Proves that drafts can be filed, and says who would see them.
    pub async fn probe_tracker(&self) -> Result<String> {
        Ok(wiring::tracker(&self.trial()?)?.probe().await?)
    }

    /// The config as far as it is answered.
    fn trial(&self) -> Result<Settings> {
        let folder = &self.trial.0;
        for (name, octets) in self
            .secrets()
            .into_iter()
            .map(|(name, secret)| (name, secret.expose()))
            .chain(self.ca.as_deref().map(|ca| (CA_FILE, ca)))
        {
            let _ = std::fs::remove_file(folder.join(name));
            private_file(&folder.join(name), octets)?;
        }
        let places = Places {
            folder: folder.clone(),
            state: folder.join("state"),
            secrets: folder.display().to_string(),
            keys: ["security-key".to_owned(), "storage-key".to_owned()],
            socket: false,
        };
        // A token that a server gives in exchange must not be lost.
        std::fs::create_dir_all(&places.state)?;
        let file = folder.join("sealdesk.toml");
        std::fs::write(&file, self.config(&places))?;
        Ok(config::load(&file)?)
    }
}

/// A folder for proofs that nobody else can read, gone with the plan, and with whoever interrupts
/// it.
struct Trial(PathBuf);

impl Trial {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|e| anyhow!("no randomness: {e}"))?;
        let path =
            std::env::temp_dir().join(format!("sealdesk-init-{:016x}", u64::from_le_bytes(random)));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        let left_behind = path.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                let _ = std::fs::remove_dir_all(left_behind);
                std::process::exit(INTERRUPTED);
            }
        });
        Ok(Self(path))
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// As a shell says of a program that SIGINT ended.
const INTERRUPTED: i32 = 130;
