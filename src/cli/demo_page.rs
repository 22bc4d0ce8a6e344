//! `sealdesk demo --page`: the page for responders on the demo's desk. Who signs in as Rita needs her
//! key, which the demo has: it opens her letters here.

use crate::adapters::net::serve::WebListener;
use crate::adapters::opener::{OWN_PROGRAM, OpenerClient, OpenerEndpoint};
use crate::cli::screen::{self, BOLD, styled, tame};
use crate::config::Settings;
use crate::control;
use crate::desk::Desk;
use crate::mime::OwnAddresses;
use crate::model::reading::Wanted;
use crate::page::Page;
use crate::ports::{LetterOctets, Opener};
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Where the page is, unless something else is there.
const PORT: u16 = 8093;

/// How often it is looked whether a letter left.
const LOOK: Duration = Duration::from_millis(300);

/// The section of a demo's config.
pub(super) fn section() -> Result<String> {
    let at = |port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = at(PORT).or_else(|_| at(0)).context("no port is free")?;
    let port = listener.local_addr()?.port();
    Ok(format!("\n[page]\nurl = \"http://localhost:{port}\"\n"))
}

/// Serves the page, and shows the letters by which Rita signs in, until the tasks are dropped.
pub(super) async fn serve(
    settings: &Settings,
    desk: Arc<Desk>,
    folder: &Path,
) -> Result<JoinSet<()>> {
    let Some(page) = &settings.page else {
        bail!(
            "{} holds a demo without a page: name an empty folder",
            folder.display()
        );
    };
    let port = page.url.host().rsplit_once(':');
    let port: u16 = port.and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("cannot listen on port {port}"))?;
    let asked = control::listen_for_page(&page.socket, page.group.as_deref())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(control::page::serve(desk, asked));
    let served = Page::new(page.url.clone(), page.socket.clone())?;
    tasks.spawn(served.serve(WebListener::Tcp(listener)));
    screen::print(&format!(
        "{}: open {} and type rita@demo.example.\nThe letter by which she signs in is opened here, \
         since the demo has her key.\n\n",
        styled(BOLD, "The page for responders"),
        page.url.origin()
    ))?;
    let client = OpenerClient::new(
        OpenerEndpoint::Child {
            program: OWN_PROGRAM.into(),
            arguments: vec![
                "opener".to_owned(),
                "--no-config".to_owned(),
                "--key".to_owned(),
                folder.join("keys/rita.secret.asc").display().to_string(),
            ],
        },
        OwnAddresses::default(),
    );
    tasks.spawn(show_letters(client, folder.join("outgoing")));
    Ok(tasks)
}

/// Prints each letter to sign in that leaves from now on.
async fn show_letters(client: OpenerClient, outgoing: PathBuf) {
    let mut shown: HashSet<PathBuf> = letters(&outgoing).into_iter().collect();
    loop {
        tokio::time::sleep(LOOK).await;
        for path in letters(&outgoing) {
            if !shown.insert(path.clone()) {
                continue;
            }
            let Ok(octets) = std::fs::read(&path) else {
                continue;
            };
            let opened = client
                .read(LetterOctets::Raw(octets), None, &[], Wanted::FACTS)
                .await;
            let text = match opened {
                Ok(opened) => tame(&opened.reading.text),
                Err(err) => format!("A letter to sign in cannot be opened: {err}\n"),
            };
            if screen::print(&format!("{text}\n")).is_err() {
                return;
            }
        }
    }
}

fn letters(outgoing: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(outgoing).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with("sign-in") && name.ends_with(".eml"))
    };
    paths.filter(is_one).collect()
}
