//! How is a human called? By an encrypted letter to each responder, and by a path that shares
//! nothing with the mail.

use super::{Carried, case_of, mail_commands, message_id, reading_for, tag, unsigned_yet};
use crate::compose;
use crate::decide::{Decision, Entry};
use crate::desk::{Desk, Responder};
use crate::model::effect::{Effect, EffectKey, Reason};
use crate::model::ids::CaseId;
use crate::model::journal::JournalEvent;
use crate::model::letter::Role;
use crate::model::outgoing::{Brief, Composition, ReplyToken};
use crate::ports::{OpenerError, Parcel, PortError};
use std::time::Duration;
use tracing::warn;

/// Calls every responder by mail, or the one whom a call is for.
pub(super) async fn by_mail(
    desk: &Desk,
    effect: &Effect,
    reason: Reason,
) -> Result<Carried, PortError> {
    let (only, brief) = match mail_commands::heard(desk, effect).await? {
        Some((to, brief)) => (to, Some(brief)),
        None => (None, brief(desk, effect).await?),
    };
    let is_called = |responder: &&Responder| {
        only.as_ref()
            .is_none_or(|to| responder.address.same_mailbox(to))
    };
    let mut calls = Calls::default();
    for responder in desk.parts.responders.iter().filter(is_called) {
        calls
            .call(desk, effect, reason, brief.as_ref(), responder)
            .await;
    }
    if let Some(err) = calls.failed {
        for call in &calls.reached {
            desk.remember_call(call);
        }
        return Err(err);
    }
    for call in &calls.reached {
        desk.forget_call(call);
    }
    let decision = note_calls(desk, effect, reason, &calls.unreachable);
    Ok(Carried::Done(decision, None))
}

/// What became of the calls of one effect.
#[derive(Default)]
struct Calls<'d> {
    /// The keys of those that left, in this try or an earlier one.
    reached: Vec<String>,
    /// Those to whom nothing can be encrypted.
    unreachable: Vec<&'d Responder>,
    /// Why the effect is tried again; a passing error before a lasting one.
    failed: Option<PortError>,
}

impl<'d> Calls<'d> {
    /// Calls one responder. An error is noted: one dead mailbox must not silence the others.
    async fn call(
        &mut self,
        desk: &Desk,
        effect: &Effect,
        reason: Reason,
        brief: Option<&Brief>,
        responder: &'d Responder,
    ) {
        // Whom an earlier try reached is not called again for another's sake.
        let call = format!("{}:{}", effect.key, responder.address);
        if desk.was_called(&call) {
            self.reached.push(call);
            return;
        }
        match call_one(desk, effect, reason, brief, responder).await {
            Ok(()) => {
                self.reached.push(call);
                desk.mended(&format!("responder {}", responder.name));
            }
            Err(Uncalled::Certificate(why)) => {
                desk.fault(&format!("responder {}", responder.name), &why)
                    .await;
                self.unreachable.push(responder);
            }
            Err(Uncalled::Port(err)) => {
                warn!(effect = %effect.key, error = %err, "a responder could not be called");
                if self.failed.as_ref().is_none_or(PortError::is_lasting) {
                    self.failed = Some(err);
                }
            }
        }
    }
}

/// That responders were called, and who of them cannot be.
fn note_calls(
    desk: &Desk,
    effect: &Effect,
    reason: Reason,
    unreachable: &[&Responder],
) -> Decision {
    let detail = if desk.parts.responders.is_empty() {
        "no responder is configured"
    } else {
        reason.as_str()
    };
    let mut decision = effect
        .case
        .as_ref()
        .map(|case| Desk::note(case, JournalEvent::RespondersCalled, detail))
        .unwrap_or_default();
    let now = desk.now();
    for responder in unreachable {
        // Loud, and once a day: the others hear of it by mail, and everyone by the second path.
        if reason != Reason::ResponderUnreachable {
            let about = format!("{}:{}", responder.address, now.strftime("%Y-%m-%d"));
            let call = Effect::call_about_desk(Reason::ResponderUnreachable, &about, now);
            decision.effects.extend(call);
        }
        decision.journal.push(Entry {
            case: effect.case.clone(),
            event: JournalEvent::ResponderCannotBeCalled,
            detail: responder.fingerprints.join(", "),
        });
    }
    decision
}

/// Why somebody was not called.
enum Uncalled {
    /// Nothing can be encrypted to them.
    Certificate(String),
    Port(PortError),
}

impl From<PortError> for Uncalled {
    fn from(err: PortError) -> Self {
        Self::Port(err)
    }
}

async fn call_one(
    desk: &Desk,
    effect: &Effect,
    reason: Reason,
    brief: Option<&Brief>,
    responder: &Responder,
) -> Result<(), Uncalled> {
    let to = &responder.address;
    let key = effect.key.for_recipient(to);
    let this = message_id(desk, &key)?;
    let reply = match &effect.case {
        Some(case) => {
            let token = tag(desk, &key, "reply");
            desk.parts
                .store
                .issue_token(&token, case, to, Some(&this), desk.now())
                .await?;
            Some(ReplyToken { token })
        }
        None => None,
    };
    let thread = match case_of_arrival(desk, effect).await? {
        Some(case) => {
            let of_case = EffectKey::calls(&case).for_recipient(to);
            Some(message_id(desk, &of_case)?)
        }
        None => None,
    };
    let call = |brief: Option<&Brief>| Composition::Call {
        to: to.clone(),
        message_id: this.clone(),
        case: effect.case.clone(),
        reason,
        thread: thread.clone(),
        brief: brief.cloned(),
        reply: reply.clone(),
        at: desk.now(),
    };
    let composed = match desk.parts.opener.compose(&call(brief)).await {
        // A letter that can't be shown must not cost its call.
        Err(OpenerError::Died | OpenerError::Refused(_)) if brief.is_some() => {
            desk.parts.opener.compose(&call(None)).await
        }
        composed => composed,
    };
    let octets = composed.map_err(|err| match err {
        // The opener refuses where it cannot encrypt to them.
        OpenerError::Refused(why) => Uncalled::Certificate(why),
        other => Uncalled::Port(unsigned_yet(other)),
    })?;
    in_step(desk, effect).await;
    let envelope_sender = Some(
        desk.parts
            .bounce_address
            .tagged(&tag(desk, &key, "envelope")),
    );
    Ok(desk
        .parts
        .courier
        .send(&Parcel {
            envelope_sender,
            envelope_recipient: to.clone(),
            octets,
            key,
        })
        .await?)
}

/// The case whose thread a call goes in: the one in which its letter arrived. That its reading joined
/// it to another one is for no header to tell.
async fn case_of_arrival(desk: &Desk, effect: &Effect) -> Result<Option<CaseId>, PortError> {
    let letter = match effect.intake {
        Some(id) => desk.parts.store.intake(id).await?,
        None => None,
    };
    let arrived_in = letter.and_then(|letter| letter.arrived_in);
    Ok(arrived_in.or_else(|| effect.case.clone()))
}

/// Waits for the next step since the call was due: how long composing took tells how much it says.
async fn in_step(desk: &Desk, effect: &Effect) {
    let step = desk.parts.policy.call_step.as_millis();
    if step > 0 {
        let late = desk.now().duration_since(effect.due).as_millis().max(0);
        tokio::time::sleep(Duration::from_millis(
            u64::try_from(step - late % step).unwrap_or(0),
        ))
        .await;
    }
}

/// The letter that a call is about, else the first of its case. A call leaves without it rather
/// than late.
async fn brief(desk: &Desk, effect: &Effect) -> Result<Option<Brief>, PortError> {
    if effect.work.reason() == Some(Reason::LettersWithoutCase) {
        let told = desk.parts.store.tell_without_case(effect.due).await?;
        let numbers = told
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        return Ok(Some(Brief {
            text: format!("Letters {numbers}\n"),
            ..Brief::default()
        }));
    }
    if effect.case.is_none() {
        return Ok(None);
    }
    let case = case_of(desk, effect).await?;
    let letters = desk.parts.store.letters_of(case.id()).await?;
    let about = letters
        .iter()
        .find(|l| Some(l.id) == effect.intake)
        .or_else(|| letters.iter().find(|l| l.role == Role::Incoming));
    let Some(letter) = about else { return Ok(None) };
    let reading = match reading_for(desk, letter).await {
        Ok(Some(reading)) => reading,
        Ok(None) => return Ok(None),
        Err(err) => {
            warn!(effect = %effect.key, error = %err, "the letter of a call cannot be shown in it");
            return Ok(None);
        }
    };
    let (proven, at) = (letter.dmarc, letter.received_at);
    Ok(Some(compose::brief(&case, &reading, proven, at)))
}

pub(super) async fn by_second_path(
    desk: &Desk,
    effect: &Effect,
    reason: Reason,
) -> Result<Carried, PortError> {
    let Some(alarm) = &desk.parts.alarm else {
        return Ok(Carried::Done(Decision::default(), None));
    };
    alarm.raise(effect.case.as_ref(), reason).await?;
    let decision = effect
        .case
        .as_ref()
        .map(|case| Desk::note(case, JournalEvent::AlarmRaised, reason.as_str()))
        .unwrap_or_default();
    Ok(Carried::Done(decision, None))
}
