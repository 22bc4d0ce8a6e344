//! Which promise is about to fail? Looks at the clock, and calls humans in time.

use super::driver::{Loop, Turn};
use crate::decide::{Decision, on_clock};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::effect::{Effect, Reason};
use crate::model::timeline::ENDS_WITHIN_DAYS;
use crate::ports::PortError;
use async_trait::async_trait;
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time::sleep;
use tracing::warn;

/// How often the clock is looked at: fine for promises of hours.
const LOOK_S: u64 = 30;

/// Checks every deadline, each half minute.
pub struct Deadlines;

#[async_trait]
impl Loop for Deadlines {
    fn fault(&self) -> &str {
        "store"
    }

    fn log_failure(&self, err: &PortError) {
        warn!(error = %err, "deadlines could not be checked");
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        round(&turn.desk).await
    }

    async fn wait(&mut self, _: &Turn) -> Result<(), PortError> {
        sleep(Duration::from_secs(LOOK_S)).await;
        Ok(())
    }
}

/// Decides on every case with a clock that runs.
pub async fn round(desk: &Desk) -> Result<(), PortError> {
    let now = desk.now();
    for case in desk.parts.store.running().await? {
        let decision = on_clock(&case, &desk.parts.policy, now);
        if decision.case.is_some() {
            warn!(case = %case.id(), "a deadline is near or over");
            desk.parts.store.commit(&decision, now).await?;
            desk.ring();
        }
    }
    certificates(desk, now).await?;
    without_case(desk, now).await?;
    desk.tell_of_deaths(now).await?;
    desk.mended("store");
    Ok(())
}

/// Once a day: what rests without case, thread or call, and was not told before. Nothing that may
/// be a report vanishes.
async fn without_case(desk: &Desk, now: Timestamp) -> Result<(), PortError> {
    let day = now.strftime("%Y-%m-%d").to_string();
    let about = format!("letters without case {day}");
    if desk.was_called(&about) || !desk.parts.store.has_untold().await? {
        return Ok(());
    }
    let decision = Decision {
        effects: Effect::call_about_desk(Reason::LettersWithoutCase, &day, now),
        ..Decision::default()
    };
    desk.parts.store.commit(&decision, now).await?;
    desk.remember_call(&about);
    desk.ring();
    Ok(())
}

/// Looks at every certificate that the desk and its responders use. A call is made once for each
/// and stage.
async fn certificates(desk: &Desk, now: Timestamp) -> Result<(), PortError> {
    let theirs = desk
        .parts
        .responders
        .iter()
        .filter_map(|r| Some((r.fingerprints.first()?.clone(), r.ends?)));
    for distributor in desk
        .parts
        .distributors
        .iter()
        .filter(|d| d.removed_on.is_none())
    {
        let what = format!("distributor {}", distributor.name);
        match &distributor.fault {
            Some(why) => desk.fault_without_call(&what, why),
            None => desk.mended(&what),
        }
    }
    for (fingerprint, ends) in desk.parts.own_ends.iter().cloned().chain(theirs) {
        let left = ends.duration_since(now);
        let Some(stage) = ENDS_WITHIN_DAYS
            .iter()
            .rev()
            .find(|days| left <= SignedDuration::from_hours(*days * 24))
        else {
            continue;
        };
        let what = format!("certificate {fingerprint}");
        desk.fault_without_call(
            &what,
            &format!(
                "it ends on {}: extend it and publish it again",
                ends.strftime("%Y-%m-%d")
            ),
        );
        let about = format!("{fingerprint}:{}:{stage}", ends.strftime("%Y-%m-%d"));
        if desk.remember_call(&about) {
            continue;
        }
        warn!(fingerprint, stage, "a certificate ends soon");
        let decision = Decision {
            effects: Effect::call_about_desk(Reason::CertificateEnds, &about, now),
            ..Decision::default()
        };
        desk.parts.store.commit(&decision, now).await?;
        desk.ring();
    }
    Ok(())
}
