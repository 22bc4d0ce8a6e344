//! How does somebody sign in? By a letter that only they can open, in the browser that asked for
//! it. Whoever asks is answered alike and as fast, whomever they name.

use super::sessions::{Asker, Sessions};
use super::wire::{SignInAsked, SignInRequest, SignedIn};
use super::{Answered, PageDesk, Refusal, Refused};
use crate::desk::{Desk, Responder, random};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::effect::EffectKey;
use crate::model::ids::MessageId;
use crate::model::outgoing::Composition;
use crate::model::page::{PageAccess, SignInTicket};
use crate::ports::{OpenerError, Parcel, PortError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// The fault where a letter does not leave.
const FAULT: &str = "page letters";

/// Octets of a name that is looked at.
const NAME_OCTETS_MAX: usize = 320;

/// So long a browser is known in which somebody signed in.
const BROWSER_DAYS: i64 = 180;

/// Waits between tries to send a letter, which is of no use ten minutes later.
const TRY_AGAIN_S: [u64; 4] = [0, 5, 20, 60];

/// What is said of a link or a code that does not sign in. It does not say which of these it was.
const NOT_SIGNED_IN: &str = "That does not sign you in: it is wrong, spent or older than 10 \
    minutes, or another browser asked for it. Ask for a new letter in this browser.";

/// Letters that are on their way; dropped with the desk.
#[derive(Default)]
pub(super) struct Letters(Mutex<JoinSet<()>>);

impl Letters {
    fn spawn(&self, letter: impl Future<Output = ()> + Send + 'static) {
        if let Ok(mut letters) = self.0.lock() {
            while letters.try_join_next().is_some() {}
            letters.spawn(letter);
        }
    }
}

impl PageDesk {
    pub(super) async fn sign_in(&self, request: SignInRequest) -> Answered {
        let now = self.desk.now();
        let signed_in = match request {
            SignInRequest::Ask { name, browser } => return self.ask_for_letter(name, browser),
            SignInRequest::Words { asked } => {
                return Ok(serde_json::Value::String(self.sessions.words_of(&asked)));
            }
            SignInRequest::ByLink { asked, ticket } => {
                self.sessions.sign_in_by_link(&asked, &ticket, now)
            }
            SignInRequest::ByCode { asked, code } => {
                self.sessions.sign_in_by_code(&asked, &code, now)
            }
        };
        let Some((session, address)) = signed_in? else {
            return Err(Refused(Refusal::SignedOut, NOT_SIGNED_IN.to_owned()));
        };
        if let Some(responder) = self.desk.responder(&address) {
            tracing::info!(by = %responder.journal_name(), "signed in to the page");
        }
        let browser = browser_token(&self.desk, &address, now)?;
        Ok(serde_json::to_value(SignedIn { session, browser })?)
    }

    /// Answers before anything is looked up, so that neither the answer nor its time tells whether
    /// somebody of this name is known.
    fn ask_for_letter(&self, name: String, browser: Option<String>) -> Answered {
        let (asked, words) = self.sessions.asked()?;
        let answer = serde_json::to_value(SignInAsked {
            asked: asked.clone(),
            words,
        })?;
        let (desk, sessions) = (Arc::clone(&self.desk), Arc::clone(&self.sessions));
        self.letters.spawn(async move {
            match write(&desk, &sessions, &name, &asked, browser.as_deref()).await {
                Ok(true) => desk.mended(FAULT),
                Ok(false) => {}
                Err(err) => {
                    tracing::error!(error = %err, "a letter to sign in did not leave");
                    desk.fault(FAULT, &err.to_string()).await;
                }
            }
        });
        Ok(answer)
    }
}

/// Writes to whoever is named, where they may sign in and had not too many letters; whether a
/// letter left.
async fn write(
    desk: &Desk,
    sessions: &Sessions,
    name: &str,
    asked: &str,
    browser: Option<&str>,
) -> Result<bool, PortError> {
    let Some(responder) = named(desk, name) else {
        return Ok(false);
    };
    let now = desk.now();
    let is_known = |browser: &&str| is_browser_of(desk, &responder.address, browser, now);
    let asker = match browser.filter(is_known) {
        Some(browser) => Asker::Known(sessions.keep("browser", browser)),
        None => Asker::Stranger,
    };
    let by = responder.journal_name();
    let Some(ticket) = sessions.issue(asked, &responder.address, asker, now)? else {
        tracing::debug!(%by, "no letter to sign in: there were too many within the hour");
        return Ok(false);
    };
    send(desk, responder, ticket).await?;
    tracing::info!(%by, "a letter to sign in left");
    Ok(true)
}

/// The responder of this address or login who may sign in.
fn named<'d>(desk: &'d Desk, name: &str) -> Option<&'d Responder> {
    let name = name.trim();
    if name.len() > NAME_OCTETS_MAX {
        return None;
    }
    let address = Address::parse(name).ok();
    let mut responders = desk.parts.responders.iter();
    responders.find(|responder| {
        let is_address = address
            .as_ref()
            .is_some_and(|address| responder.address.same_mailbox(address));
        responder.page != PageAccess::None
            && (is_address || responder.login.as_deref() == Some(name))
    })
}

/// Composes a letter and hands it over, more than once where the mail server is away for a moment.
async fn send(desk: &Desk, to: &Responder, ticket: SignInTicket) -> Result<(), PortError> {
    let mut failed = PortError::passing("it was not tried");
    for wait_s in TRY_AGAIN_S {
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
        match send_once(desk, to, ticket.clone()).await {
            Err(err) if !err.is_lasting() => {
                tracing::warn!(error = %err, "a letter to sign in did not leave yet");
                failed = err;
            }
            sent => return sent,
        }
    }
    Err(failed)
}

async fn send_once(desk: &Desk, to: &Responder, ticket: SignInTicket) -> Result<(), PortError> {
    let tag: String = random::<16>()?
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let id = format!("{tag}@{}", desk.parts.identity.address.domain());
    let composition = Composition::SignIn {
        to: to.address.clone(),
        message_id: MessageId::parse(&id).ok_or_else(|| {
            PortError::lasting("desk.address has a domain that no letter can hold")
        })?,
        ticket,
        at: desk.now(),
    };
    let composed = desk.parts.opener.compose(&composition).await;
    let octets = composed.map_err(|err| match err {
        OpenerError::Refused(why) => {
            PortError::lasting(format!("no letter to sign in can be written: {why}"))
        }
        other => PortError::passing("nothing can be signed").because(other),
    })?;
    let parcel = Parcel {
        envelope_sender: Some(desk.parts.bounce_address.clone()),
        envelope_recipient: to.address.clone(),
        octets,
        key: EffectKey::sign_in(&tag),
    };
    desk.parts.courier.send(&parcel).await
}

/// By what a browser is known in which somebody signed in: it needs no place in a store, and tells
/// nothing to whoever sees it.
fn browser_token(desk: &Desk, address: &Address, now: Timestamp) -> Result<String, PortError> {
    let random: String = random::<16>()?
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let day = now.as_second() / SECONDS_A_DAY;
    let proof = browser_proof(desk, address, &day.to_string(), &random);
    Ok(format!("{day}.{random}.{proof}"))
}

const SECONDS_A_DAY: i64 = 24 * 3600;

fn browser_proof(desk: &Desk, address: &Address, day: &str, random: &str) -> String {
    let address = address.as_str().to_ascii_lowercase();
    desk.keyed_tag(
        "page-browser",
        &[
            address.as_bytes(),
            b"\0",
            day.as_bytes(),
            b"\0",
            random.as_bytes(),
        ],
    )
}

fn is_browser_of(desk: &Desk, address: &Address, token: &str, now: Timestamp) -> bool {
    let mut parts = token.split('.');
    let (Some(day), Some(random), Some(proof), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let today = now.as_second() / SECONDS_A_DAY;
    let is_young = day
        .parse::<i64>()
        .is_ok_and(|day| (0..BROWSER_DAYS).contains(&today.saturating_sub(day)));
    // Compared by tags of both: how long it takes tells nothing of the right one.
    let expected = browser_proof(desk, address, day, random);
    let tag = |text: &str| desk.keyed_tag("page-browser-compared", &[text.as_bytes()]);
    is_young && tag(proof) == tag(&expected)
}
