//! Would a stranger's letter come through? The desk writes to itself as a stranger would, and sees
//! whether it can read it.
//!
//! Five letters leave by the real courier and come back by the real mailbox. They open no case and
//! get no answer.

use crate::decide::{Decision, Entry};
use crate::desk::{Desk, random};
use crate::model::Timestamp;
use crate::model::effect::EffectKey;
use crate::model::effect::{Effect, Reason};
use crate::model::ids::MessageId;
use crate::model::journal::JournalEvent;
use crate::model::reading::Reading;
use crate::model::secret;
use crate::openpgp::{self, SealTo};
use crate::ports::{CanaryLine, Intake, Parcel, PortError};
use std::time::Duration;

/// So long the letters may be on their way.
pub const PATIENCE: Duration = Duration::from_secs(300);

const LOOK: Duration = Duration::from_millis(500);

/// What a stranger's letter may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Clear,
    PgpMime,
    Inline,
    /// multipart/encrypted that Exchange turned into multipart/mixed.
    Exchange,
    HiddenRecipient,
}

impl Shape {
    /// In the order in which they are sent.
    pub const ALL: [Self; 5] = [
        Self::Clear,
        Self::PgpMime,
        Self::Inline,
        Self::Exchange,
        Self::HiddenRecipient,
    ];

    /// As it stands in the letter's key and in `sealdesk canary`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::PgpMime => "pgp-mime",
            Self::Inline => "inline",
            Self::Exchange => "exchange",
            Self::HiddenRecipient => "hidden-recipient",
        }
    }
}

/// Sends the letters, waits until all have been read, and has humans called where one was not.
pub async fn sing(desk: &Desk, patience: Duration) -> Result<Vec<CanaryLine>, PortError> {
    let run: [u8; 8] = random()?;
    let run: String = run.iter().map(|b| format!("{b:02x}")).collect();
    let mut failed = Vec::new();
    for shape in Shape::ALL {
        let id = desk.canary_id(&format!("{run}-{}", shape.as_str()))?;
        let now = desk.now();
        desk.parts
            .store
            .canary_sent(&id, shape.as_str(), now)
            .await?;
        let octets = letter(desk, shape, &id, now)?;
        let parcel = Parcel {
            envelope_sender: Some(desk.parts.bounce_address.clone()),
            envelope_recipient: desk.parts.identity.address.clone(),
            octets,
            key: EffectKey::canary(&run, shape.as_str()),
        };
        if let Err(err) = desk.parts.courier.send(&parcel).await {
            failed.push(format!("{}: {err}", shape.as_str()));
        }
    }
    let until = tokio::time::Instant::now() + patience;
    let lines = loop {
        let lines: Vec<CanaryLine> = desk
            .parts
            .store
            .canaries()
            .await?
            .into_iter()
            .filter(|l| l.message_id.as_str().contains(&run))
            .collect();
        if lines.iter().all(|l| l.settled_at.is_some())
            || !failed.is_empty()
            || tokio::time::Instant::now() >= until
        {
            break lines;
        }
        tokio::time::sleep(LOOK).await;
    };
    if lines
        .iter()
        .any(|l| l.settled_at.is_none() || l.fault.is_some())
    {
        let now = desk.now();
        let decision = Decision {
            effects: Effect::call_about_desk(Reason::CanaryFailed, &run, now),
            journal: vec![Entry::of_desk(
                JournalEvent::CanaryFailed,
                failed.join("; "),
            )],
            ..Decision::default()
        };
        desk.parts.store.commit(&decision, now).await?;
        desk.ring();
        desk.fault(
            "canary",
            "a letter that the desk wrote to itself did not come through",
        )
        .await;
    } else {
        desk.mended("canary");
    }
    Ok(lines)
}

/// The words that must come back: nobody else can make them.
fn words(desk: &Desk, id: &MessageId) -> String {
    secret::tag(
        desk.parts.secret.expose(),
        &[b"canary-words", id.as_str().as_bytes()],
    )
}

fn letter(desk: &Desk, shape: Shape, id: &MessageId, now: Timestamp) -> Result<Vec<u8>, PortError> {
    let address = &desk.parts.identity.address;
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let head = format!(
        "From: <{address}>\r\nTo: <{address}>\r\nSubject: Sealdesk canary\r\nMessage-ID: \
         {id}\r\nDate: {date}\r\nMIME-Version: 1.0\r\n"
    );
    let text = format!(
        "This letter tries the way to the desk.\r\n{}\r\n",
        words(desk, id)
    );
    let entity = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}");
    let parts = |kind: &str, armored: &str| {
        format!(
            "Content-Type: {kind}; boundary=\"canary\"\r\n\r\n--canary\r\nContent-Type: \
             application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--canary\r\nContent-Type: \
             application/octet-stream; name=\"encrypted.asc\"\r\n\r\n{armored}\r\n--canary--\r\n"
        )
    };
    let pgp_mime = "multipart/encrypted; protocol=\"application/pgp-encrypted\"";
    let body = match shape {
        Shape::Clear => entity,
        Shape::PgpMime => parts(pgp_mime, &sealed(desk, &entity, false)?),
        Shape::Inline => format!(
            "Content-Type: text/plain; charset=utf-8\r\n\r\n{}",
            sealed(desk, &text, false)?
        ),
        Shape::Exchange => parts("multipart/mixed", &sealed(desk, &entity, false)?),
        Shape::HiddenRecipient => parts(pgp_mime, &sealed(desk, &entity, true)?),
    };
    Ok(format!("{head}{body}").into_bytes())
}

/// Sealed to the certificate that reporters find: the first of ours.
fn sealed(desk: &Desk, text: &str, hidden: bool) -> Result<String, PortError> {
    let own = desk
        .parts
        .identity
        .certificates
        .first()
        .ok_or_else(|| PortError::lasting("no certificate of ours is loaded"))?;
    let sealed = openpgp::certificates(&own.binary)
        .and_then(|certificates| SealTo::new(&certificates))
        .and_then(|to| {
            let to = if hidden { to.hidden() } else { to };
            openpgp::armored_message(&to.seal(text.as_bytes())?)
        });
    let armored =
        sealed.map_err(|e| PortError::lasting("a stranger could not encrypt to us").because(e))?;
    Ok(armored.replace("\r\n", "\n").replace('\n', "\r\n"))
}

impl Desk {
    fn canary_id(&self, run: &str) -> Result<MessageId, PortError> {
        let mark = secret::tag(self.parts.secret.expose(), &[b"canary", run.as_bytes()]);
        let id = format!(
            "canary.{run}.{mark}@{}",
            self.parts.identity.address.domain()
        );
        MessageId::parse(&id).ok_or_else(|| {
            PortError::lasting("desk.address has a domain that no Message-ID can hold")
        })
    }

    /// Whether a letter is one that this desk wrote to itself: its Message-ID says so, and nobody
    /// else can make one.
    pub(super) fn is_canary(&self, id: Option<&MessageId>) -> bool {
        let run = id.and_then(|id| id.as_str().strip_prefix("canary.")?.split('.').next());
        run.is_some_and(|run| self.canary_id(run).ok().as_ref() == id)
    }

    /// What follows from reading one.
    pub(super) fn canary_read(&self, intake: &Intake, reading: &Reading) -> Decision {
        let Some(id) = &intake.message_id else {
            return Decision::default();
        };
        let fault = match reading.protection.shut {
            Some(shut) => Some(format!("it stayed shut ({shut:?})").to_lowercase()),
            None if !reading.text.contains(&words(self, id)) => {
                Some("its words did not come back".to_owned())
            }
            None => None,
        };
        Decision {
            canary: Some((id.clone(), fault)),
            ..Decision::default()
        }
    }
}
