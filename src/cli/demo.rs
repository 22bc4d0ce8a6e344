//! `sealdesk demo`: the whole desk at work on one machine, with no account anywhere.

use crate::cli::demo_letters::{Cast, samples};
use crate::cli::screen::{BOLD, DIM, GOOD, WARN, styled, tame};
use crate::cli::{demo_page, exit, screen};
use crate::compose::{acknowledgement, draft_state, standing};
use crate::config;
use crate::daemon::{self, Running};
use crate::desk::opened_letters;
use crate::model::reading::{LetterKind, Reading};
use crate::openpgp::{self, GeneratedKey, Profile, Purpose, SecretKeys};
use crate::ports::{Clock, Intake, OutboxQueue, ReadingState};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longer than the whole demo takes on a slow machine.
const SETTLE_S: u64 = 120;

/// Shows the whole desk at work, with no account and no network
#[derive(Args)]
#[command(
    after_help = "It makes keys, lays letters into a Maildir, answers them into a folder, and \
        files drafts as Markdown.\nWithout --once it goes on: put letters into DIR/Maildir/new \
        and watch."
)]
pub struct Demo {
    /// Where it works; a fresh temporary folder without it
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Stops when everything is settled
    #[arg(long)]
    once: bool,
    /// Serves the page for responders too, and says how to sign in to it
    #[arg(long, conflicts_with = "once")]
    page: bool,
}

/// Works in a folder of its own, and asks no server. Without `--once` it ends by a signal.
pub async fn run(args: Demo) -> Result<u8> {
    let folder = match args.dir {
        Some(dir) => dir,
        None => std::env::temp_dir().join(format!("sealdesk-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let fresh = !folder.join("sealdesk.toml").exists();
    if fresh {
        prepare(&folder)?;
    }
    screen::print(&format!(
        "{} in {}\n\n",
        styled(BOLD, "A desk for security@demo.example opens"),
        folder.display()
    ))?;
    let settings = config::load(&folder.join("sealdesk.toml"))?;
    let _lock = daemon::lock(&settings)?;
    let running = daemon::start(&settings, crate::wiring::desk(&settings).await?).await?;
    let shown = follow(&running, &folder).await?;
    screen::print(&closing(&folder, shown))?;
    let _page = if args.page {
        Some(demo_page::serve(&settings, Arc::clone(&running.desk), &folder).await?)
    } else {
        None
    };
    if !args.once {
        screen::print("Still open: put a letter into Maildir/new, or stop with Ctrl-C.\n")?;
        tokio::signal::ctrl_c().await?;
    }
    running.stop().await;
    Ok(exit::GOOD)
}

/// Makes keys, config and letters.
fn prepare(folder: &Path) -> Result<()> {
    if std::fs::read_dir(folder)?.next().is_some() {
        bail!(
            "{} is not empty and holds no demo: name an empty folder",
            folder.display()
        );
    }
    let keys = folder.join("keys");
    for sub in [
        "keys",
        "state",
        "outgoing",
        "tracker",
        "Maildir/new",
        "Maildir/cur",
        "Maildir/tmp",
    ] {
        std::fs::create_dir_all(folder.join(sub))?;
    }
    let desk = openpgp::generate("security@demo.example", "Demo Security Team", Profile::V4)?;
    let storage = openpgp::generate_storage("sealdesk storage")?;
    let rita = openpgp::generate("rita@demo.example", "Rita Responder", Profile::V4)?;
    let ada = openpgp::generate("ada@reporter.example", "Ada Reporter", Profile::V4)?;
    let stranger = openpgp::generate("stranger@elsewhere.example", "A Stranger", Profile::V4)?;
    for (name, key) in [
        ("security", &desk),
        ("storage", &storage),
        ("rita", &rita),
        ("ada", &ada),
    ] {
        write_key(&keys, name, key)?;
    }
    let config = format!(
        "[desk]\naddress = \"security@demo.example\"\nname = \"Demo Security Team\"\nstate = \
         \"{0}/state\"\nbounce_address = \"bounce@demo.example\"\nauthserv_id = \
         \"mx.demo.example\"\nanswer_from = \"2020-01-01T00:00:00Z\"\n\n[keys]\ncertificates = \
         [\"{0}/keys/security.asc\"]\nstorage_certificate = \
         \"{0}/keys/storage.asc\"\n\n[opener]\nsecret_keys = \
         [\"{0}/keys/security.secret.asc\"]\nstorage_key = \
         \"{0}/keys/storage.secret.asc\"\n\n[[mailbox]]\nkind = \"maildir\"\nname = \
         \"demo\"\npath = \"{0}/Maildir\"\npoll_s = 1\n\n[courier]\nkind = \"folder\"\npath = \
         \"{0}/outgoing\"\n\n[tracker]\nkind = \"folder\"\npath = \
         \"{0}/tracker\"\n\n[[responder]]\nname = \"Rita Responder\"\naddress = \
         \"rita@demo.example\"\nlogin = \"rita\"\ncertificate = \"{0}/keys/rita.asc\"\n{1}",
        folder.display(),
        demo_page::section()?
    );
    let ada_keys = SecretKeys::load(ada.secret_armored.expose(), Purpose::Mail, None)?;
    let cast = Cast {
        desk: &openpgp::certificates(desk.public_armored.as_bytes())?,
        stranger: &openpgp::certificates(stranger.public_armored.as_bytes())?,
        ada: &ada_keys,
        ada_armored: &ada.public_armored,
    };
    for (n, sample) in samples(&cast)?.iter().enumerate() {
        std::fs::write(
            folder.join(format!(
                "Maildir/new/{:02}-{}",
                n + 1,
                sample.name.replace([' ', '/', ','], "-")
            )),
            &sample.octets,
        )?;
        // A Maildir tells the order of arrival by the files' times.
        std::thread::sleep(Duration::from_millis(3));
    }
    std::fs::write(folder.join("sealdesk.toml"), config)?;
    Ok(())
}

fn write_key(folder: &Path, name: &str, key: &GeneratedKey) -> Result<()> {
    let secret = folder.join(format!("{name}.secret.asc"));
    std::fs::write(&secret, key.secret_armored.expose())?;
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600))?;
    std::fs::write(folder.join(format!("{name}.asc")), &key.public_armored)?;
    Ok(())
}

/// Shows what each letter became, once everything is settled.
async fn follow(running: &Running, folder: &Path) -> Result<usize> {
    let desk = &running.desk;
    let started = crate::adapters::clock::SystemClock.now();
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let tally = desk.parts.store.tally().await?;
        let waiting = std::fs::read_dir(folder.join("Maildir/new"))?.count();
        let near = desk.now() + jiff::SignedDuration::from_secs(60);
        let mut soon = false;
        for queue in OutboxQueue::ALL {
            soon |= desk
                .parts
                .store
                .next_due(queue)
                .await?
                .is_some_and(|due| due < near);
        }
        if tally.letters > 0 && tally.unread == 0 && waiting == 0 && !soon {
            break;
        }
        if desk.now().duration_since(started) > jiff::SignedDuration::from_secs(SETTLE_S as i64) {
            bail!(
                "the demo did not settle within {SETTLE_S} s: {:?}",
                desk.faults()
            );
        }
    }
    let mut shown = 0;
    let mut number = 1;
    while let Some(intake) = desk
        .parts
        .store
        .intake(crate::model::ids::IntakeId(number))
        .await?
    {
        let reading = opened_letters::reading_of(desk, &intake).await?;
        screen::print(&describe(desk, &intake, reading.as_ref()).await?)?;
        shown += 1;
        number += 1;
    }
    Ok(shown)
}

async fn describe(
    desk: &crate::desk::Desk,
    intake: &Intake,
    reading: Option<&Reading>,
) -> Result<String> {
    let kind = reading.map_or("set aside", |r| r.kind.as_str());
    let subject = reading.and_then(|r| r.subject.as_deref()).unwrap_or("");
    let mut text = format!(
        "{} {}\n",
        styled(BOLD, &format!("{:<18}", kind)),
        tame(subject)
    );
    let from = intake.originator.as_ref().map_or("nobody", |a| a.as_str());
    let how = match reading {
        Some(r) if r.protection.shut.is_some() => styled(WARN, "encrypted, and stays shut"),
        Some(r) if r.protection.encrypted && r.signature.signer_is_originator => {
            format!("encrypted, {}", r.signature.signer_in_words())
        }
        Some(r) if r.protection.encrypted => "encrypted".to_owned(),
        Some(_) => "in clear".to_owned(),
        None => "not read".to_owned(),
    };
    text.push_str(&format!("                   from {from}, {how}\n"));
    let case = match &intake.case {
        Some(id) => desk.parts.store.case(id).await?,
        None => None,
    };
    let became = match (&case, reading.map(|r| r.kind)) {
        (None, _) => styled(DIM, "no case, no answer: a machine wrote it"),
        (Some(case), Some(LetterKind::KeyRequest)) => {
            format!(
                "{}: {}",
                case.id(),
                styled(GOOD, "our certificate was sent")
            )
        }
        (Some(case), Some(LetterKind::FollowUp)) => {
            format!("joined {}, and was added to its draft", case.id())
        }
        (Some(case), _) => format!(
            "{}: {}; acknowledgement {}; draft {}",
            case.id(),
            standing(case.standing()),
            styled(GOOD, &acknowledgement(case.acknowledgement())),
            styled(GOOD, &draft_state(case.draft()))
        ),
    };
    let unread = if intake.state == ReadingState::Shut {
        "  responders were called"
    } else {
        ""
    };
    text.push_str(&format!("                   {became}{unread}\n\n"));
    Ok(text)
}

fn closing(folder: &Path, letters: usize) -> String {
    let shown = folder.display();
    format!(
        "{letters} letters settled. Look next at\n\n  {shown}/outgoing      what left: \
         acknowledgements, our certificate, encrypted calls to Rita\n  {shown}/tracker       one \
         draft a report, as Markdown and JSON\n  sealdesk case list --config \
         {shown}/sealdesk.toml\n  sealdesk case show --config {shown}/sealdesk.toml CASE\n  gpg \
         --show-keys {shown}/keys/security.asc\n\n"
    )
}
