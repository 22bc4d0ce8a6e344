//! `sealdesk mailbox`: lets the desk into a mailbox by the provider's own page, and proves it.

use crate::cli::browser::{BrowserLogin, LoggedIn};
use crate::cli::screen::{self, GOOD, styled};
use crate::cli::{credentials, exit};
use crate::config::{self, CourierSection, Login, MailboxSection, PersonLogin, Settings};
use crate::model::secret::Secret;
use crate::wiring;
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Lets the desk into mailboxes
#[derive(Args)]
pub struct Mailbox {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Logs in at the provider by a browser, on this machine or another, and keeps what the desk
    /// needs to read and send mail from then on
    #[command(
        after_help = "The mailbox needs a login of kind \"oauth2\" in the config. Nothing is kept \
            before it has been proven at the IMAP server, and at the SMTP server where the courier \
            logs in as the mailbox does."
    )]
    Login(LoginArgs),
}

#[derive(Args)]
struct LoginArgs {
    /// mailbox.name; the only one with such a login where it is left out
    name: Option<String>,
    /// The config file
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
    config: PathBuf,
    /// By a redirect to this machine, even where the provider gives a code to enter
    #[arg(long)]
    redirect: bool,
    /// The port that the browser is redirected to, for a tunnel (ssh -L PORT:127.0.0.1:PORT)
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    port: u16,
}

/// Ends with [`exit::GOOD`] once the desk may read the mailbox.
pub async fn run(args: Mailbox) -> Result<u8> {
    let Verb::Login(args) = args.verb;
    let settings = config::load(&args.config)?;
    let (name, user, login) = person(&settings, args.name.as_deref())?;
    let place = Place::of(&settings, &login.refresh_token_file)?;
    let logged_in = BrowserLogin {
        server: wiring::authorization_server(&login.server, user),
        client_id: login.client_id.clone(),
        client_secret: client_secret(&settings, login)?.map(Arc::new),
        scopes: login.server.scopes.clone(),
        user: user.to_owned(),
        redirect: args.redirect,
        port: args.port,
    };
    let logged_in = logged_in.run().await?;
    // What the trial wrote goes with it, whoever ends it.
    let token = tokio::select! {
        proven = prove(&settings, name, &logged_in) => proven?,
        _ = tokio::signal::ctrl_c() => bail!("stopped before the login was proven; nothing was kept"),
    };
    let is_whole = login.client_id.is_some();
    if !is_whole {
        let id = &logged_in.client_id;
        screen::print(&format!(
            "\nThe provider registered a client for this desk. Add it to login of the mailbox in \
             {}, or the token is worth nothing:\n\n  client_id = {}\n\n",
            settings.file.display(),
            toml::Value::String(id.clone())
        ))?;
    }
    place.keep(&token, is_whole)?;
    Ok(exit::GOOD)
}

/// The secret of the client. systemd hands credentials to units that run, and people log in for those
/// that do not, too.
fn client_secret(settings: &Settings, login: &PersonLogin) -> Result<Option<Secret>> {
    let named = login
        .client_secret_file
        .as_ref()
        .and_then(|path| credentials::named_by(path));
    let stored = named
        .filter(|_| credentials::is_managed(&settings.file))
        .and_then(|name| credentials::read(&credentials::folder(&settings.file), &name));
    match stored {
        Some(secret) => Ok(Some(secret)),
        None => wiring::client_secret(login),
    }
}

/// The mailbox of this name, or the only one that a person can log in to.
fn person<'a>(
    settings: &'a Settings,
    name: Option<&str>,
) -> Result<(&'a str, &'a str, &'a PersonLogin)> {
    let persons = settings
        .mailboxes
        .iter()
        .filter_map(|mailbox| match mailbox {
            MailboxSection::Imap(imap) => match &imap.login {
                Login::Oauth2(login) => Some((imap.name.as_str(), imap.user.as_str(), login)),
                _ => None,
            },
            MailboxSection::Maildir(_) => None,
        });
    let persons: Vec<_> = persons.collect();
    let names: Vec<&str> = persons.iter().map(|(name, ..)| *name).collect();
    match (name, persons.as_slice()) {
        (None, [only]) => Ok(*only),
        (None, []) => bail!(
            "no mailbox of {} has a login of kind \"oauth2\": such a one is logged in to by browser",
            settings.file.display()
        ),
        (None, _) => bail!("say which mailbox: {}", names.join(", ")),
        (Some(name), _) => {
            let named = persons.iter().find(|(known, ..)| *known == name);
            named.copied().with_context(|| {
                let known = if names.is_empty() {
                    String::new()
                } else {
                    format!("; there are: {}", names.join(", "))
                };
                format!(
                    "no mailbox called {name:?} of {} has a login of kind \"oauth2\"{known}",
                    settings.file.display()
                )
            })
        }
    }
}

/// Logs in to the servers with the token; the one that is good afterwards, for a server may have
/// given another in exchange.
async fn prove(settings: &Settings, name: &str, logged_in: &LoggedIn) -> Result<Secret> {
    let folder = tempfile::tempdir().context("no folder for a trial can be made")?;
    let file = folder.path().join("token");
    credentials::private_file(&file, logged_in.refresh_token.expose())?;
    let mut trial = settings.clone();
    trial.state = folder.path().to_owned();
    let mailbox = trial.mailboxes.iter_mut().find(|one| one.name() == name);
    let Some(MailboxSection::Imap(imap)) = mailbox else {
        bail!("the mailbox {name} is gone");
    };
    if let Login::Oauth2(login) = &mut imap.login {
        login.refresh_token_file.clone_from(&file);
        login.client_id = Some(logged_in.client_id.clone());
    }
    let section = imap.clone();
    let mut watched = wiring::mailbox(&MailboxSection::Imap(section.clone()), &trial.state)?;
    let wrong = || {
        format!(
            "the login at the provider worked, and {} does not take it for {}: perhaps somebody \
             else was logged in in that browser; nothing was kept",
            section.host, section.user
        )
    };
    let found = watched.mailbox.probe().await.with_context(wrong)?;
    good(&format!("mailbox {name}"), &found)?;
    let is_same = matches!(&trial.courier, CourierSection::Smtp(smtp)
        if matches!(&smtp.login, Some(Login::Mailbox(as_mailbox)) if as_mailbox.name == name));
    if is_same {
        let courier = wiring::courier(&trial)?;
        let refused = "the mailbox can be read with it, and nothing be sent; nothing was kept";
        good("courier", &courier.probe().await.context(refused)?)?;
    }
    wiring::latest_refresh_token(&trial.state, &file)
}

fn good(what: &str, found: &str) -> Result<()> {
    let found = screen::tame(found);
    screen::print(&format!("{} {what}: {found}\n", styled(GOOD, "good")))
}

/// Where the token rests.
enum Place {
    /// A credential of the unit, in the folder of secrets.
    Credential { folder: PathBuf, name: String },
    /// A file, which belongs to whom the desk's state belongs to.
    File { path: PathBuf, state: PathBuf },
}

impl Place {
    /// Fails before anybody logs in where nothing could be kept afterwards.
    fn of(settings: &Settings, path: &Path) -> Result<Self> {
        if let Some(name) = credentials::named_by(path) {
            if !credentials::is_managed(&settings.file) {
                bail!(
                    "mailbox.login.refresh_token_file is a credential of systemd: run this as root \
                     on the machine whose units run the desk, with the config {}",
                    crate::cli::CONFIG_PATH
                );
            }
            let folder = credentials::folder(&settings.file);
            return Ok(Self::Credential { folder, name });
        }
        let path = config::expanded("mailbox.login.refresh_token_file", path)?;
        let folder = path.parent().filter(|folder| folder.is_dir());
        let folder = folder.with_context(|| {
            format!(
                "mailbox.login.refresh_token_file: {} has no folder",
                path.display()
            )
        })?;
        nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK).map_err(|why| {
            anyhow!(
                "nothing can be written into {}: {}",
                folder.display(),
                why.desc()
            )
        })?;
        let state = settings.state.clone();
        Ok(Self::File { path, state })
    }

    /// A desk whose config lacks something of the login is left alone: it would not start again.
    fn keep(&self, token: &Secret, is_whole: bool) -> Result<()> {
        match self {
            Self::Credential { folder, name } => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder {}", folder.display()))?;
                let line = credentials::write(folder, name, token.expose())?;
                credentials::hand_over(&[line])?;
                credentials::systemctl(&["daemon-reload"])?;
                if !is_whole {
                    return screen::print(&format!(
                        "The token is kept as the credential {name}. Once the config is whole: \
                         systemctl restart sealdesk\n"
                    ));
                }
                // It gets its credentials at its start alone.
                credentials::systemctl(&["try-restart", "sealdesk.service"])?;
                screen::print(&format!(
                    "The token is kept as the credential {name}. A desk that runs was restarted \
                     with it; else: systemctl start sealdesk\n"
                ))
            }
            Self::File { path, state } => {
                let part = path.with_extension("part");
                let owner = state.symlink_metadata().ok();
                let owner = owner.filter(|_| nix::unistd::geteuid().is_root());
                credentials::anew_for(&part, token.expose(), owner.map(|o| (o.uid(), o.gid())))?;
                std::fs::rename(&part, path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                screen::print(&format!(
                    "The token is kept in {}. A desk that runs takes it up when it next needs it.\n",
                    path.display()
                ))
            }
        }
    }
}
