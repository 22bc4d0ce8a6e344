//! Who hosts the mailbox? At a known provider somebody logs in by its own page, and both servers are
//! known; anywhere else they are asked for.

use crate::cli::browser::BrowserLogin;
use crate::cli::init::interview::Interview;
use crate::cli::init::plan::{LoginProof, Plan, PlannedOauth, Server};
use crate::cli::init::proving::{MailServer, prove};
use crate::cli::init::{Init, Security};
use crate::config::{AuthorizationServerSection, Provider};
use crate::model::secret::Secret;
use crate::wiring;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::sync::Arc;

/// Where the desk logs in by a browser.
#[derive(Args)]
pub struct ProviderFlags {
    /// Who hosts the mailbox; with one that is known, somebody logs in at its page in a browser
    #[arg(long, value_enum, conflicts_with = "issuer")]
    provider: Option<Host>,
    /// Any other authorization server, by its metadata (RFC 8414)
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The directory of Microsoft 365, by its id or a domain of it
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// The client that you registered with the provider
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Its secret, where it has one
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// Log in by a redirect of the browser, even where the provider gives a code
    #[arg(long)]
    redirect: bool,
    /// The port that the browser is redirected to, for a tunnel
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    redirect_port: u16,
}

/// Who may host a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Host {
    Google,
    Microsoft,
    Fastmail,
    /// A password, at servers that are asked for
    Other,
}

/// How each is offered.
const OFFERED: &[(&str, Host)] = &[
    ("another, or ourselves (by a password)", Host::Other),
    (
        "Google Workspace or Gmail (by their login page)",
        Host::Google,
    ),
    ("Microsoft 365 (by their login page)", Host::Microsoft),
    ("Fastmail (by their login page)", Host::Fastmail),
];

/// Both servers of a provider.
struct Servers {
    imap: (String, Security),
    smtp: (String, Security),
}

/// Asks who hosts the mailbox, and has somebody log in there; whether both servers are proven then.
/// `false`: they are to be asked for, with a password.
pub async fn log_in(interview: &Interview, args: &Init, plan: &mut Plan) -> Result<bool> {
    let flags = &args.provider;
    let host = match (flags.provider, &flags.issuer) {
        (Some(host), _) => Some(host),
        (None, Some(_)) => None,
        (None, None) if args.imap.is_some() => return Ok(false),
        (None, None) => Some(interview.choice("Who hosts the mailbox?", OFFERED, Host::Other)?),
    };
    if host == Some(Host::Other) {
        return Ok(false);
    }
    let oauth = AuthorizationServerSection {
        provider: host.and_then(Host::provider),
        tenant: flags.tenant.clone(),
        issuer: flags.issuer.clone(),
        token_url: None,
        scopes: None,
    };
    let address = plan.address.as_str().to_owned();
    let user = args.imap_user.clone();
    let user = interview.text(user, "--imap-user", "Login there", Some(&address))?;
    let servers = servers(interview, args, host, plan.address.domain())?;
    let mut is_first = true;
    loop {
        let login = begin(interview, flags, is_first, host, &oauth, &user)?;
        let client_secret = login.client_secret.clone();
        let logged_in = match login.run().await {
            Ok(logged_in) => logged_in,
            Err(why) => {
                interview.wrong("login", &why)?;
                if interview.yes("Try it again? (No: servers and a password are asked for)")? {
                    is_first = false;
                    continue;
                }
                return Ok(false);
            }
        };
        let proof = LoginProof::Oauth(Arc::new(PlannedOauth {
            server: oauth.clone(),
            client_id: logged_in.client_id,
            client_secret,
            refresh_token: logged_in.refresh_token,
        }));
        let has_own_ca = args.ca_file.is_some() && plan.ca.is_some();
        let server = |(host, security): &(String, Security), proof| {
            let server = Server::new(host, *security, user.clone(), proof);
            server.map(|server| server.with_own_ca(has_own_ca))
        };
        let imap = server(&servers.imap, proof);
        let smtp = server(&servers.smtp, LoginProof::AsMailbox);
        if prove(interview, plan, MailServer::Imap, imap).await?
            && prove(interview, plan, MailServer::Smtp, smtp).await?
        {
            return Ok(true);
        }
        if !interview.yes("Log in again? (No: servers and a password are asked for)")? {
            return Ok(false);
        }
        is_first = false;
    }
}

/// Asks for the client, where there must be one.
fn begin(
    interview: &Interview,
    flags: &ProviderFlags,
    is_first: bool,
    host: Option<Host>,
    oauth: &AuthorizationServerSection,
    user: &str,
) -> Result<BrowserLogin> {
    // What was said at first and did not do is asked for.
    let asks = matches!(host, Some(Host::Google | Host::Microsoft)) || flags.client_id.is_some();
    let client_id = match flags.client_id.as_ref().filter(|_| is_first) {
        Some(id) => Some(id.clone()),
        None if asks => {
            let question = "Id of the client that you registered there (the guide says how)";
            Some(interview.text(None, "--client-id", question, None)?)
        }
        None => None,
    };
    let has_secret = flags.client_secret_file.is_some() || host == Some(Host::Google);
    let client_secret = has_secret.then(|| {
        let file = flags.client_secret_file.as_ref().filter(|_| is_first);
        interview.secret(file, "--client-secret-file", "Its secret")
    });
    let client_secret: Option<Arc<Secret>> = client_secret.transpose()?;
    Ok(BrowserLogin {
        server: wiring::authorization_server(oauth, user),
        client_id,
        client_secret,
        scopes: None,
        user: user.to_owned(),
        redirect: flags.redirect,
        port: flags.redirect_port,
    })
}

/// The servers of a known provider; flags say others. At any other provider both are asked for.
fn servers(
    interview: &Interview,
    args: &Init,
    host: Option<Host>,
    domain: &str,
) -> Result<Servers> {
    let known = host.and_then(Host::servers);
    let ask = |said: &Option<String>, flag, question, known: Option<&str>, likely: String| match (
        said, known,
    ) {
        (Some(said), _) => Ok(said.clone()),
        (None, Some(known)) => Ok(known.to_owned()),
        (None, None) => interview.text(None, flag, question, Some(&likely)),
    };
    let imap = ask(
        &args.imap,
        "--imap",
        "IMAP server (HOST[:PORT])",
        known.map(|(imap, ..)| imap),
        format!("imap.{domain}"),
    )?;
    let smtp = ask(
        &args.smtp,
        "--smtp",
        "SMTP server (HOST[:PORT])",
        known.map(|(_, smtp, _)| smtp),
        format!("smtp.{domain}"),
    )?;
    let smtp_security = known.map_or(Security::Tls, |(.., security)| security);
    Ok(Servers {
        imap: (imap, args.imap_security.unwrap_or(Security::Tls)),
        smtp: (smtp, args.smtp_security.unwrap_or(smtp_security)),
    })
}

impl Host {
    fn provider(self) -> Option<Provider> {
        match self {
            Self::Google => Some(Provider::Google),
            Self::Microsoft => Some(Provider::Microsoft),
            Self::Fastmail => Some(Provider::Fastmail),
            Self::Other => None,
        }
    }

    /// IMAP by TLS, SMTP, and how the latter is protected.
    fn servers(self) -> Option<(&'static str, &'static str, Security)> {
        match self {
            Self::Google => Some(("imap.gmail.com", "smtp.gmail.com", Security::Tls)),
            Self::Microsoft => Some((
                "outlook.office365.com",
                "smtp.office365.com",
                Security::Starttls,
            )),
            Self::Fastmail => Some(("imap.fastmail.com", "smtp.fastmail.com", Security::Tls)),
            Self::Other => None,
        }
    }
}
