//! `sealdesk page`: what responders see in a browser. Started by systemd, which hands it the
//! listening socket, or for a try by a person.

use crate::adapters::net::serve::WebListener;
use crate::adapters::opener::take_stdin;
use crate::cli::{CONFIG_PATH, exit};
use crate::config;
use crate::daemon::NotReady;
use crate::page::Page;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};

/// Serves the page for responders; it holds no key and no store, and asks the desk
#[derive(Args)]
#[command(
    after_help = "Under systemd the unit sealdesk-page does it. The config needs a section [page]."
)]
pub struct PageArgs {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = CONFIG_PATH)]
    config: PathBuf,
    /// A loopback address and port, where systemd hands over no socket
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// Serves until a signal ends it.
pub async fn run(args: PageArgs) -> Result<u8> {
    let settings = config::load(&args.config)?;
    let Some(page) = settings.page else {
        let why = "the config has no section [page]: the page needs its url";
        return Err(NotReady(why.to_owned()).into());
    };
    let listener = listener(args.listen).await?;
    let (mut stop, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let url = page.url.origin().to_owned();
    let page = Page::new(page.url, page.socket)?;
    tracing::info!(url, "the page is served");
    tokio::select! {
        () = page.serve(listener) => {}
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(exit::GOOD)
}

/// systemd's socket where there is one (sd_listen_fds), else one on this machine alone.
async fn listener(listen: Option<SocketAddr>) -> Result<WebListener> {
    let passed = sd_notify::listen_fds()
        .context("reading LISTEN_FDS")?
        .next();
    match (passed, listen) {
        (Some(number), _) => handed_over(number),
        (None, Some(address)) if address.ip().is_loopback() => {
            let listener = TcpListener::bind(address).await;
            let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
            Ok(WebListener::Tcp(listener))
        }
        (None, Some(address)) => bail!(
            "{address} is not a loopback address: put a web server with TLS in front of one that is"
        ),
        (None, None) => bail!(
            "systemd handed over no socket: start the unit sealdesk-page.socket, or name an \
             address by --listen"
        ),
    }
}

fn handed_over(number: i32) -> Result<WebListener> {
    let socket = take_stdin(number);
    let family = nix::sys::socket::getsockname::<nix::sys::socket::SockaddrStorage>(number)
        .context("what systemd handed over is no socket")?;
    if family.as_unix_addr().is_some() {
        let listener = std::os::unix::net::UnixListener::from(socket);
        listener.set_nonblocking(true)?;
        return Ok(WebListener::Unix(UnixListener::from_std(listener)?));
    }
    let listener = std::net::TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(WebListener::Tcp(TcpListener::from_std(listener)?))
}
