//! `sealdesk init`: from nothing to a desk whose letters to itself come through. It asks what it
//! must, and proves each answer before the next.

mod beforehand;
mod install;
mod interview;
mod plan;
mod provider;
mod proving;

use crate::cli::{exit, screen};
use crate::config;
use crate::wiring;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use interview::Interview;
use plan::{LoginProof, Plan, PlannedResponder, PlannedTracker, Server};
use proving::{MailServer, prove};
use std::path::{Path, PathBuf};

/// Sets a desk up: asks what it must, proves each answer, makes the key, writes config and
/// credentials, and starts it
#[derive(Args)]
#[command(
    after_help = "What a flag says is not asked. Without a terminal, what is needed and not said ends it before anything is written. \
An existing config or key is never overwritten; a key that lies in the folder keys beside the config (see `sealdesk key adopt`) is used."
)]
pub struct Init {
    /// The config file to write; keys, credentials and certificates go beside it
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
    config: PathBuf,
    /// The address that reporters write to
    #[arg(long)]
    address: Option<String>,
    /// How letters present the desk
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    provider: provider::ProviderFlags,
    /// The IMAP server
    #[arg(long, value_name = "HOST[:PORT]")]
    imap: Option<String>,
    #[arg(long, value_enum)]
    imap_security: Option<Security>,
    /// The login at the IMAP server
    #[arg(long, value_name = "LOGIN")]
    imap_user: Option<String>,
    #[arg(long, value_name = "FILE")]
    imap_password_file: Option<PathBuf>,
    /// The SMTP server
    #[arg(long, value_name = "HOST[:PORT]")]
    smtp: Option<String>,
    #[arg(long, value_enum)]
    smtp_security: Option<Security>,
    /// The login at the SMTP server; that of the IMAP server without it
    #[arg(long, value_name = "LOGIN")]
    smtp_user: Option<String>,
    /// The password at the SMTP server; that of the IMAP server without it
    #[arg(long, value_name = "FILE")]
    smtp_password_file: Option<PathBuf>,
    /// The CA that the mail servers' certificates are of, where it is one of your own
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The GitHub repository whose advisories are drafted
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "tracker_folder")]
    repository: Option<String>,
    /// A token with read and write access to repository security advisories
    #[arg(long, value_name = "FILE")]
    github_token_file: Option<PathBuf>,
    /// The API of a GitHub Enterprise Server
    #[arg(long, value_name = "URL")]
    github_url: Option<String>,
    /// Drafts become files in this folder; it needs no account
    #[arg(long, value_name = "DIR")]
    tracker_folder: Option<PathBuf>,
    /// Who is called, with the certificate to which their letters are encrypted; repeat it
    #[arg(long, value_name = "ADDRESS=FILE", value_parser = responder)]
    responder: Vec<(String, PathBuf)>,
    /// Writes everything and starts nothing
    #[arg(long)]
    no_start: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Security {
    Tls,
    Starttls,
    /// To loopback only
    Plaintext,
}

fn responder(text: &str) -> Result<(String, PathBuf), String> {
    let (address, file) = text.split_once('=').ok_or("written ADDRESS=FILE")?;
    Ok((address.to_owned(), PathBuf::from(file)))
}

/// Asks, proves each answer, writes, and starts the desk. Before everything is proven nothing is
/// written beside the config.
pub async fn run(args: Init) -> Result<u8> {
    let args = args.at_home();
    let interview = Interview::new();
    let home = install::Home::at(&args.config)?;
    home.is_free()?;
    home.is_ready()?;
    args.check_files(&interview)?;
    let managed = home.is_managed();
    let mut plan = Plan::new(
        &interview,
        args.address.clone(),
        args.name.clone(),
        args.ca_file.clone(),
    )?;
    if !provider::log_in(&interview, &args, &mut plan).await? {
        ask_imap(&interview, &args, &mut plan).await?;
        ask_smtp(&interview, &args, &mut plan).await?;
    }
    tracker(&interview, &args, &mut plan, managed).await?;
    responders(&interview, &args, &mut plan)?;
    plan.take_latest_token()?;

    let secrets = install::write(&home, &plan)?;
    // As the desk reads it, before anything is started.
    config::load(&args.config)?;
    screen::print(&format!(
        "{} is written; every key of it is explained in config/sealdesk.example.toml\n",
        args.config.display()
    ))?;
    for line in secrets {
        screen::print(&format!("{line}\n"))?;
    }
    if !managed || args.no_start {
        return by_hand(&args.config, &home, managed).await;
    }
    install::start()?;
    screen::print(
        "The desk is open. It writes to itself, in five shapes, through your servers:\n",
    )?;
    let good = crate::cli::canary::sing(&args.config).await?;
    if !good {
        bail!(
            "not every letter came through: sealdesk status says more, and journalctl -u sealdesk"
        );
    }
    publish(&args.config, &home).await?;
    Ok(exit::GOOD)
}

/// Says what is left to do where systemd does not start the desk.
async fn by_hand(config: &Path, home: &install::Home, managed: bool) -> Result<u8> {
    let file = config.display();
    let start = if managed {
        "systemctl enable --now sealdesk-opener.socket sealdesk".to_owned()
    } else {
        format!("sealdesk run --config {file}")
    };
    screen::print(&format!(
        "\nStart it with: {start}\nThen let it write to itself: sealdesk canary --config {file}\n"
    ))?;
    let later = format!(
        "\nThen publish what reporters need to find you and to encrypt:\nsealdesk key publish \
         --config {file} --out {}\n",
        home.folder.join("publish").display()
    );
    // Under systemd nobody can read the keys before the units run.
    if managed {
        screen::print(&later)?;
    } else if let Err(why) = publish(config, home).await {
        screen::print(&format!(
            "\nWhat is to be published cannot be made yet: {}\n{later}",
            screen::tame(&format!("{why:#}"))
        ))?;
    }
    Ok(exit::GOOD)
}

/// Asks until the IMAP server takes what was said, and no longer than there is somebody to ask.
async fn ask_imap(interview: &Interview, args: &Init, plan: &mut Plan) -> Result<()> {
    let mut first = true;
    let (mut host, mut user) = (
        format!("imap.{}", plan.address.domain()),
        plan.address.as_str().to_owned(),
    );
    loop {
        let flag = |value: &Option<String>| value.clone().filter(|_| first);
        host = interview.text(
            flag(&args.imap),
            "--imap",
            "IMAP server (HOST[:PORT])",
            Some(&host),
        )?;
        user = interview.text(
            flag(&args.imap_user),
            "--imap-user",
            "Login there",
            Some(&user),
        )?;
        let password = interview.secret(
            args.imap_password_file.as_ref().filter(|_| first),
            "--imap-password-file",
            "Password",
        )?;
        first = false;
        let security = args.imap_security.unwrap_or(Security::Tls);
        let has_own_ca = args.ca_file.is_some() && plan.ca.is_some();
        let server = Server::new(
            &host,
            security,
            user.clone(),
            LoginProof::Password(password),
        )
        .map(|server| server.with_own_ca(has_own_ca));
        if prove(interview, plan, MailServer::Imap, server).await? {
            return Ok(());
        }
    }
}

/// The same of the SMTP server: its login is first taken to be that of the IMAP server.
async fn ask_smtp(interview: &Interview, args: &Init, plan: &mut Plan) -> Result<()> {
    let Some(imap) = plan.imap.clone() else {
        return Ok(());
    };
    let likely = imap
        .host
        .strip_prefix("imap.")
        .map_or_else(|| imap.host.clone(), |rest| format!("smtp.{rest}"));
    let mut first = true;
    loop {
        let flag = |value: &Option<String>| value.clone().filter(|_| first);
        let host = interview.text(
            flag(&args.smtp),
            "--smtp",
            "SMTP server (HOST[:PORT])",
            Some(&likely),
        )?;
        let user = flag(&args.smtp_user).unwrap_or_else(|| imap.user.clone());
        let user = if first {
            user
        } else {
            interview.text(None, "--smtp-user", "Login there", Some(&imap.user))?
        };
        let password = match (&args.smtp_password_file, first) {
            (None, true) if let LoginProof::Password(password) = &imap.proof => password.clone(),
            (file, _) => interview.secret(
                file.as_ref().filter(|_| first),
                "--smtp-password-file",
                "Password there",
            )?,
        };
        first = false;
        let security = args.smtp_security.unwrap_or(Security::Tls);
        let has_own_ca = args.ca_file.is_some() && plan.ca.is_some();
        let server = Server::new(&host, security, user, LoginProof::Password(password))
            .map(|server| server.with_own_ca(has_own_ca));
        if prove(interview, plan, MailServer::Smtp, server).await? {
            return Ok(());
        }
    }
}

async fn tracker(interview: &Interview, args: &Init, plan: &mut Plan, managed: bool) -> Result<()> {
    if let Some(folder) = &args.tracker_folder {
        let folder = std::path::absolute(folder)?;
        if managed && !folder.starts_with(install::STATE) {
            bail!(
                "--tracker-folder: the unit lets the desk write below {} alone",
                install::STATE
            );
        }
        plan.tracker = Some(PlannedTracker::Folder(folder));
        // The desk makes it, as the user that it is.
        if !managed && !interview.proven("tracker", plan.probe_tracker().await)? {
            bail!("--tracker-folder cannot be used; nothing was written");
        }
        return Ok(());
    }
    let mut first = true;
    loop {
        let repository = interview.text(
            args.repository.clone().filter(|_| first),
            "--repository (or --tracker-folder)",
            "GitHub repository (OWNER/NAME)",
            None,
        )?;
        let token = interview.secret(
            args.github_token_file.as_ref().filter(|_| first),
            "--github-token-file",
            "Token with read and write access to its repository security advisories",
        )?;
        plan.tracker = Some(PlannedTracker::Github {
            repository,
            token,
            url: args.github_url.clone(),
        });
        first = false;
        if interview.proven("tracker", plan.probe_tracker().await)? {
            return Ok(());
        }
    }
}

/// At least one, since nobody else is told of a report.
fn responders(interview: &Interview, args: &Init, plan: &mut Plan) -> Result<()> {
    for (address, file) in &args.responder {
        match PlannedResponder::read(address, file) {
            Ok(responder) => plan.responders.push(responder),
            Err(why) => interview.wrong("--responder", &why)?,
        }
    }
    let all_said = !args.responder.is_empty() && plan.responders.len() == args.responder.len();
    while plan.responders.is_empty() || (!all_said && interview.yes("Another responder?")?) {
        let address = interview.text(
            None,
            "--responder",
            "Who is called (a responder's address)",
            None,
        )?;
        let file = interview.path("--responder", "Their OpenPGP certificate (a file)")?;
        match PlannedResponder::read(&address, &file) {
            Ok(responder) => plan.responders.push(responder),
            Err(why) => interview.wrong("responder", &why)?,
        }
    }
    Ok(())
}

async fn publish(config: &Path, home: &install::Home) -> Result<()> {
    let folder = home.folder.join("publish");
    screen::print("\nPublish this, so that reporters find you and can encrypt:\n")?;
    crate::cli::key::publish(config, &folder).await?;
    let settings = config::load(config)?;
    screen::print(&format!(
        "\n{}\n",
        wiring::security_md(&settings).context("the section for SECURITY.md cannot be written")?
    ))
}
