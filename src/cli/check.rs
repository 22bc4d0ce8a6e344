//! `sealdesk check`: tries everything for real, and names the mend for each failure.

mod certificates;
mod page;
mod smime;

use crate::adapters::clock::SystemClock;
use crate::adapters::published;
use crate::cli::screen::{BAD, GOOD, WARN, styled};
use crate::cli::{exit, screen};
use crate::config::{self, Settings};
use crate::control;
use crate::ports::{Clock, Opener};
use crate::wiring::{self, Watched};
use anyhow::{Context, Result, anyhow};
use clap::Args;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Tries a configuration for real: keys, mailboxes, courier, tracker, store. Sends and files
/// nothing
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 all good (perhaps with warnings), 1 something must be mended, 78 \
        the config itself is wrong."
)]
pub struct Check {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
    config: PathBuf,
    /// Only the config and the certificates that it names: no server is asked, and no secret read
    #[arg(long)]
    config_only: bool,
}

struct Findings {
    text: String,
    failed: bool,
}

impl Findings {
    fn good(&mut self, what: &str, found: &str) {
        self.text.push_str(&format!(
            "{} {what}: {}\n",
            styled(GOOD, "good"),
            screen::tame(found)
        ));
    }

    fn warn(&mut self, what: &str, found: &str) {
        self.text.push_str(&format!(
            "{} {what}: {}\n",
            styled(WARN, "warn"),
            screen::tame(found)
        ));
    }

    fn bad(&mut self, what: &str, why: &str) {
        self.failed = true;
        self.text.push_str(&format!(
            "{}  {what}: {}\n",
            styled(BAD, "bad"),
            screen::tame(why)
        ));
    }

    fn take<T>(
        &mut self,
        what: &str,
        tried: Result<T>,
        found: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        match tried {
            Ok(value) => {
                let found = found(&value);
                self.good(what, &found);
                Some(value)
            }
            Err(err) => {
                self.bad(what, &format!("{err:#}"));
                None
            }
        }
    }
}

/// Ends with [`exit::FAILED`] where something must be mended; warnings alone are good.
pub async fn run(args: Check) -> Result<u8> {
    let settings = config::load(&args.config)?;
    if args.config_only {
        wiring::check_certificates(&settings)?;
        return Ok(exit::GOOD);
    }
    let mut findings = Findings {
        text: String::new(),
        failed: false,
    };
    findings.good("config", &args.config.display().to_string());
    certificates::check(&settings, &mut findings);
    state(&settings, &mut findings);
    opener(&settings, &mut findings).await;
    match wiring::mailboxes(&settings) {
        Ok(mailboxes) => {
            for Watched { mut mailbox, .. } in mailboxes {
                let what = format!("mailbox {}", mailbox.name());
                let probed = mailbox.probe().await.map_err(anyhow::Error::from);
                findings.take(&what, probed, Clone::clone);
            }
        }
        Err(err) => findings.bad("mailboxes", &format!("{err:#}")),
    }
    match wiring::courier(&settings) {
        Ok(courier) => drop(findings.take(
            "courier",
            courier.probe().await.map_err(anyhow::Error::from),
            Clone::clone,
        )),
        Err(err) => findings.bad("courier", &format!("{err:#}")),
    }
    match wiring::tracker(&settings) {
        Ok(tracker) => drop(findings.take(
            "tracker",
            tracker.probe().await.map_err(anyhow::Error::from),
            Clone::clone,
        )),
        Err(err) => findings.bad("tracker", &format!("{err:#}")),
    }
    if let Ok(expected) = wiring::expected(&settings) {
        for url in &settings.publish.fetch {
            match published::differs(url.as_str(), &expected, SystemClock.now()).await {
                Ok(None) => findings.good("published", &format!("{url} is as we hold it")),
                Ok(Some(why)) => findings.bad("published", &format!("{url}: {why}")),
                Err(err) => findings.warn("published", &err.to_string()),
            }
        }
    }
    dmarc(&settings, &mut findings).await;
    humans(&settings, &mut findings);
    page::check(&settings, &mut findings).await;
    checkouts(&settings, &mut findings).await;
    screen::print(&findings.text)?;
    Ok(if findings.failed {
        exit::FAILED
    } else {
        exit::GOOD
    })
}

fn state(settings: &Settings, findings: &mut Findings) {
    let state = &settings.state;
    // Root can write anywhere, and must not follow what somebody else laid there.
    if nix::unistd::geteuid().is_root()
        && let Ok(found) = state.symlink_metadata()
        && found.uid() != 0
    {
        return findings.good(
            "state",
            &format!(
                "{}, which belongs to {}",
                state.display(),
                control::account(found.uid())
            ),
        );
    }
    // Where there is none it is made, even by root: systemd gives it to the desk's user.
    let tried = std::fs::create_dir_all(state)
        .and_then(|()| tempfile::tempfile_in(state))
        .map(drop);
    let tried = tried.with_context(|| {
        format!(
            "cannot write into {}: it must belong to the desk's user",
            state.display()
        )
    });
    findings.take("state", tried, |()| state.display().to_string());
}

/// The opener answers, holds the keys that the certificates promise, and opens what we seal.
async fn opener(settings: &Settings, findings: &mut Findings) {
    let client = match wiring::opener(settings) {
        Ok(client) => client,
        Err(err) => return findings.bad("opener", &format!("{err:#}")),
    };
    let inspected = client.inspect().await.map_err(anyhow::Error::from);
    let Some(lines) = findings.take("opener", inspected, |lines| lines.join("; ")) else {
        return;
    };
    for path in &settings.certificates {
        for certificate in wiring::read_certificates(path).unwrap_or_default() {
            if !lines
                .iter()
                .any(|line| line.contains(&certificate.fingerprint()))
            {
                findings.bad(
                    "opener",
                    &format!(
                        "it does not hold the secret key of {}: letters to it would stay \
                        shut; add it to opener.secret_keys",
                        path.display()
                    ),
                );
            }
        }
    }
    smime::check_held(settings, &lines, findings);
    let Ok(seal) = wiring::seal_to(settings) else {
        return;
    };
    let round_trip = async {
        let sealed = seal.seal(b"round trip")?;
        let back = client.unseal(sealed).await?;
        if back == b"round trip" {
            Ok(())
        } else {
            Err(anyhow!(
                "what was sealed does not come back: keys.storage_certificate and \
                 opener.storage_key do not belong together"
            ))
        }
    };
    findings.take("storage key", round_trip.await, |()| {
        "what is sealed here is opened there".to_owned()
    });
}

async fn dmarc(settings: &Settings, findings: &mut Findings) {
    match (&settings.authserv_id, wiring::authenticator(settings)) {
        (Some(id), _) => findings.good(
            "dmarc",
            &format!(
                "believed from Authentication-Results of \
            {id}"
            ),
        ),
        (None, Err(err)) => findings.bad("dmarc", &format!("{err:#}")),
        (None, Ok(None)) => findings.warn(
            "dmarc",
            "neither desk.authserv_id nor desk.resolver says who sent a \
                letter: follow-ups never join a case by themselves",
        ),
        (None, Ok(Some(authenticator))) => {
            match authenticator.probe(settings.address.domain()).await {
                Ok(found) => findings.good("dmarc", &found),
                Err(err) => findings.warn("dmarc", &err.to_string()),
            }
        }
    }
}

async fn checkouts(settings: &Settings, findings: &mut Findings) {
    let sources = match wiring::sources(settings) {
        Ok(Some(sources)) => sources,
        Ok(None) => return,
        Err(err) => return findings.bad("checkouts", &format!("{err:#}")),
    };
    match sources.probe().await {
        Ok(found) => findings.good("checkouts", &found),
        Err(err) => findings.bad("checkouts", &err.to_string()),
    }
}

fn humans(settings: &Settings, findings: &mut Findings) {
    if settings.responders.is_empty() {
        findings.warn("responders", "none is configured: nobody is called by mail");
    }
    match (&settings.alarm, &settings.heartbeat_url_file) {
        (None, None) => findings.warn(
            "alarm",
            "neither [alarm] nor [heartbeat] is configured: when mail is dead, nobody hears of it",
        ),
        (None, Some(_)) => findings.warn(
            "alarm",
            "no [alarm] is configured: the heartbeat alone tells when the desk is dead",
        ),
        _ => drop(findings.take("alarm", wiring::alarm(settings), |_| {
            "configured".to_owned()
        })),
    }
    if settings.announces {
        findings.take("announcement", wiring::announcer(settings), |_| {
            format!("{} lists", settings.announcement_lists.len())
        });
    }
}
