//! How do fetched letters become ours? DNS is asked who sent them, and they are admitted together.

use super::failpoint::step;
use crate::decide::{Arrival, Origin, ThreadContext, on_arrival};
use crate::desk::restraint::restrain_calls;
use crate::desk::{Desk, random};
use crate::mime;
use crate::model::ids::CaseId;
use crate::model::letter::Dmarc;
use crate::ports::{
    Admission, FetchOutcome, ListedLetter, Mailbox, MailboxUid, PortError, PortErrorKind, Spooled,
    Spooling,
};
use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use std::time::Duration;
use tracing::info;

/// Others of a batch wait so long for what DNS says of one letter; then they are admitted before
/// it.
const DNS_MOMENT: Duration = Duration::from_millis(300);

/// Letters that are fetched while DNS says nothing of them, and how long the last of a round are
/// waited for: an authenticator gives up long before.
const ASKED_TOGETHER: usize = 512;
const DNS_LAST: Duration = Duration::from_secs(30);

/// What became of some letters.
#[derive(Default)]
pub(super) struct Batch<'l> {
    /// Durable here, known before or not.
    pub ours: Vec<MailboxUid>,
    /// Those that were new.
    pub admitted: usize,
    /// One that did not become ours, and why. The cursor stops before each such letter: it follows
    /// `ours`.
    pub failed: Option<(&'l ListedLetter, NotAdmitted)>,
    /// Those that the mailbox does not give us, and why.
    pub withheld: Vec<(&'l ListedLetter, PortError)>,
}

/// Fetches letters one after the other, and begins to ask DNS who sent them.
pub(super) async fn fetch_batch<'l>(
    desk: &'l Desk,
    mailbox: &mut dyn Mailbox,
    origin: Origin,
    letters: Vec<&'l ListedLetter>,
    asking: &mut Asking<'l>,
) -> Batch<'l> {
    let mut batch = Batch::default();
    let mut fetched = Vec::new();
    for letter in letters {
        match fetch(desk, mailbox, letter).await {
            Ok(spooling) => fetched.push((letter, spooling)),
            Err(NotAdmitted::Withheld(why)) => batch.withheld.push((letter, why)),
            Err(err) => {
                batch.failed = Some((letter, err));
                break;
            }
        }
    }
    let asks = |letter: &ListedLetter| {
        origin == Origin::Inbox
            && letter.advisory.is_none()
            && letter.received_at >= desk.parts.answer_from
    };
    let spooling = fetched
        .into_iter()
        .map(async |(letter, spooling)| (letter, spooling.finish().await));
    for (letter, spooled) in join_all(spooling).await {
        match spooled {
            Ok(spooled) => asking.push(desk, letter, spooled, asks(letter)),
            Err(err) => batch.fail(letter, err),
        }
    }
    batch
}

impl<'l> Batch<'l> {
    /// A fault of ours hides one of a letter, which is not counted then.
    fn fail(&mut self, letter: &'l ListedLetter, err: PortError) {
        if self
            .failed
            .as_ref()
            .is_none_or(|(_, failed)| !matches!(failed, NotAdmitted::Ours(_)))
        {
            self.failed = Some((letter, NotAdmitted::Ours(err)));
        }
    }
}

/// A letter that is fetched, and what DNS says of who sent it.
pub(super) struct Fetched<'l> {
    /// Its place among the letters of the round.
    order: usize,
    letter: &'l ListedLetter,
    spooled: Spooled,
    found: Dmarc,
}

/// Letters of a round that are fetched, and not ours yet: DNS is asked who sent them.
#[derive(Default)]
pub(super) struct Asking<'l> {
    waiting: FuturesUnordered<BoxFuture<'l, Fetched<'l>>>,
    asked: usize,
}

impl<'l> Asking<'l> {
    fn push(&mut self, desk: &'l Desk, letter: &'l ListedLetter, spooled: Spooled, asks: bool) {
        let order = self.asked;
        self.asked += 1;
        self.waiting.push(Box::pin(async move {
            let found = if asks {
                authenticated(desk, &spooled).await
            } else {
                Dmarc::Unknown
            };
            Fetched {
                order,
                letter,
                spooled,
                found,
            }
        }));
    }

    /// How long they are waited for. Who has a silent DNS keeps nobody else waiting; where the
    /// round ends, or where they are too many, all are waited for.
    pub fn patience(&self, round_ends: bool) -> Duration {
        if round_ends || self.waiting.len() > ASKED_TOGETHER {
            DNS_LAST
        } else {
            DNS_MOMENT
        }
    }

    /// Those of whom something is known within so long, in their order.
    pub async fn answered(&mut self, most: Duration) -> Vec<Fetched<'l>> {
        let mut answered = Vec::new();
        let all = async {
            while let Some(letter) = self.waiting.next().await {
                answered.push(letter);
            }
        };
        // What is not known by then is waited for later.
        let _ = tokio::time::timeout(most, all).await;
        answered.sort_by_key(|letter| letter.order);
        answered
    }
}

/// Makes letters ours, in one commit.
pub(super) async fn admit_all<'l>(
    desk: &Desk,
    mailbox: &str,
    origin: Origin,
    letters: Vec<Fetched<'l>>,
    hold: impl Fn(&ListedLetter) -> bool,
    batch: &mut Batch<'l>,
) {
    // Their turns in the store are in this order, so a follow-up finds the letter before it.
    let admitting = letters.into_iter().map(
        async |Fetched {
                   letter,
                   spooled,
                   found,
                   ..
               }| {
            (
                letter,
                admit(desk, mailbox, origin, letter, spooled, found, hold(letter)).await,
            )
        },
    );
    for (letter, admitted) in join_all(admitting).await {
        match admitted {
            Ok(new) => {
                batch.ours.push(letter.place.clone());
                batch.admitted += usize::from(new);
            }
            Err(err) => batch.fail(letter, err),
        }
    }
}

/// Why a letter did not become ours. A fault of the letter that lasts leaves it lying; ours never do.
pub(super) enum NotAdmitted {
    /// The mailbox failed at it, and may fail at others.
    Letter(PortError),
    /// The mailbox does not give us this one, and can give others.
    Withheld(PortError),
    Ours(PortError),
}

impl NotAdmitted {
    /// What stood in the way.
    pub fn cause(self) -> PortError {
        match self {
            Self::Letter(err) | Self::Withheld(err) | Self::Ours(err) => err,
        }
    }
}

async fn fetch(
    desk: &Desk,
    mailbox: &mut dyn Mailbox,
    letter: &ListedLetter,
) -> Result<Box<dyn Spooling>, NotAdmitted> {
    let mut spooling = desk.parts.store.spool().await.map_err(NotAdmitted::Ours)?;
    match mailbox.fetch(letter, spooling.as_mut()).await {
        Ok(FetchOutcome::Whole) => Ok(spooling),
        Ok(FetchOutcome::Withheld(why)) => Err(NotAdmitted::Withheld(PortError::passing(why))),
        // A spool that failed says so itself; then the letter is not to blame, and neither is it where
        // the server asks for patience.
        Err(err) if spooling.failed() || matches!(err.kind(), PortErrorKind::Throttled(_)) => {
            Err(NotAdmitted::Ours(err))
        }
        Err(err) => Err(NotAdmitted::Letter(err)),
    }
}

async fn admit(
    desk: &Desk,
    mailbox: &str,
    origin: Origin,
    letter: &ListedLetter,
    spooled: Spooled,
    found: Dmarc,
    hold: bool,
) -> Result<bool, PortError> {
    step!("spooled");
    let old = hold || letter.received_at < desk.parts.answer_from;
    let outer = mime::outer(&spooled.head, &desk.parts.own_addresses, found);
    let new_case = CaseId::from_random(random()?);
    let from_team = outer
        .originator
        .as_ref()
        .is_some_and(|from| desk.responder(from).is_some());
    let canary = desk.is_canary(outer.message_id.as_ref());
    let now = desk.now();
    let admission = Admission {
        mailbox,
        place: letter.place.clone(),
        digest: spooled.digest,
        octets: spooled.octets,
        received_at: letter.received_at,
        spooled_at: now,
        rest: spooled.rest,
        outer: &outer,
        bounce: &desk.parts.bounce_address,
        old,
        advisory: letter.advisory.as_ref(),
    };
    let decide = |intake, known: &ThreadContext| {
        let arrival = Arrival {
            intake,
            received_at: letter.received_at,
            outer: &outer,
            origin,
            from_team,
            canary,
            old,
            new_case: new_case.clone(),
            advisory: letter.advisory.as_ref(),
        };
        restrain_calls(
            desk,
            on_arrival(&arrival, known, &desk.parts.policy, now),
            now,
        )
    };
    let admitted = desk.parts.store.admit(&admission, &decide).await?;
    step!("admitted");
    match admitted {
        Some(intake) => {
            info!(
                intake = %intake,
                octets = spooled.octets,
                digest = %spooled.digest,
                "letter arrived"
            )
        }
        None => info!(digest = %spooled.digest, "letter is known; not admitted again"),
    }
    Ok(admitted.is_some())
}

/// What DNS says of who sent it, where nobody else does. A silent DNS keeps no letter waiting for
/// long, and proves nothing.
async fn authenticated(desk: &Desk, spooled: &Spooled) -> Dmarc {
    const WHAT: &str = "dmarc";
    let Some(authenticator) = &desk.parts.authenticator else {
        return Dmarc::Unknown;
    };
    match authenticator
        .dmarc(&spooled.head, spooled.bodies.as_ref())
        .await
    {
        Ok(verdict) => {
            desk.mended(WHAT);
            verdict
        }
        Err(err) => {
            desk.fault_without_call(WHAT, &err.to_string());
            Dmarc::Unknown
        }
    }
}
