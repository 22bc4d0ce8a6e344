//! Which step is reached, how fast a case goes, and when it is released: as responders decide.

use super::{Changed, Context, known};
use crate::decide::{self, Entry, Proposal};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::course::{Lane, Step};
use crate::model::ids::CaseId;
use crate::model::journal::JournalEvent;
use crate::model::timeline::Timeline;
use anyhow::{Result, anyhow, bail};
use jiff::civil::Date;

/// What speaks for and against a release day; the first good one where none is named.
pub async fn release_day(desk: &Desk, id: &CaseId, at: Option<Timestamp>) -> Result<Proposal> {
    let case = known(desk, id).await?;
    let (rules, timeline, now) = (&desk.parts.release, &desk.parts.policy.timeline, desk.now());
    let proposal = match at {
        Some(at) => Some(decide::evaluate(&case, at, rules, timeline, now)),
        None => decide::propose(&case, rules, timeline, now),
    };
    proposal.ok_or_else(|| anyhow!("no day within a year can be proposed for {id}"))
}

impl Context<'_> {
    fn timeline(&self) -> &Timeline {
        &self.desk.parts.policy.timeline
    }

    pub(super) fn reach(&self, step: Step, at: Option<Timestamp>) -> Changed {
        let at = at.unwrap_or(self.now);
        let decision = decide::reach(&self.case, step, at, self.by, self.timeline(), self.now)?;
        let changed = format!(
            "{} reached {} at {}",
            self.case.id(),
            step.as_str(),
            at.strftime("%Y-%m-%d %H:%M UTC")
        );
        Ok((decision, changed))
    }

    pub(super) fn take_back(&self, step: Step) -> Changed {
        let decision = decide::take_back(&self.case, step, self.by, self.timeline(), self.now)?;
        let changed = format!("{} did not reach {}", self.case.id(), step.as_str());
        Ok((decision, changed))
    }

    pub(super) async fn change_lane(&self, lane: Lane, why: &str) -> Changed {
        let decision = decide::change_lane(&self.case, lane, self.by, self.timeline(), self.now)?;
        let changed = format!("{} takes the {} lane", self.case.id(), lane.as_str());
        Ok((self.noted(why, decision).await?, changed))
    }

    pub(super) async fn wait(&self, why: &str) -> Changed {
        let id = self.case.id();
        let decision = decide::wait_for_upstream(&self.case, self.by, self.now)?;
        let changed =
            format!("{id} waits; fix and release stand still until `sealdesk case go-on {id}`");
        Ok((self.noted(why, decision).await?, changed))
    }

    pub(super) fn go_on(&self) -> Changed {
        let decision = decide::go_on(&self.case, self.by, self.timeline(), self.now)?;
        Ok((decision, format!("{} goes on", self.case.id())))
    }

    /// Agrees on the moment of release; `None` takes it back.
    pub(super) async fn agree_release(
        &self,
        at: Option<Timestamp>,
        despite_objections: bool,
    ) -> Changed {
        let (case, id, rules) = (&self.case, self.case.id(), &self.desk.parts.release);
        let found = at.map(|at| decide::evaluate(case, at, rules, self.timeline(), self.now));
        let (objections, remarks) = found
            .map(|found| (found.objections, found.remarks))
            .unwrap_or_default();
        if !objections.is_empty() && !despite_objections {
            bail!(
                "that day has something against it: {}; choose another, or say the same with \
                 --despite",
                objections.join("; ")
            );
        }
        let mut decision = decide::agree_release(case, at, self.by, self.timeline(), self.now)?;
        if !objections.is_empty() {
            // They may quote the report, and the journal is in clear.
            decision.journal.push(Entry::of(
                id,
                JournalEvent::ReleaseDayDespite,
                format!("{} objections", objections.len()),
            ));
        }
        let journal = self.desk.parts.store.journal(id).await?;
        let again = if journal
            .iter()
            .any(|line| line.event == JournalEvent::NoticeReleased)
        {
            "; distributors were told another hour: notify them again"
        } else {
            ""
        };
        let remarks = remarks.iter().map(|remark| format!("; note that {remark}"));
        let changed = match at {
            None => format!("{id} has no release day any more{again}"),
            Some(at) => format!(
                "{id} is released on {}{}{again}",
                at.strftime("%A %Y-%m-%d %H:%M UTC"),
                remarks.collect::<String>()
            ),
        };
        Ok((decision, changed))
    }

    /// The day on which the reporter publishes; `None`: they named none.
    pub(super) fn reporter_publishes(&self, day: Option<Date>) -> Changed {
        let id = self.case.id();
        let decision = decide::announced(&self.case, day, self.by, self.timeline(), self.now)?;
        let changed = match day {
            None => format!("the reporter of {id} has no day of their own"),
            Some(day) => format!("the reporter of {id} publishes on {day}"),
        };
        Ok((decision, changed))
    }
}
