//! What is wrong with the desk, and who hears of it?

use crate::decide::Decision;
use crate::desk::{DEATHS_AN_HOUR, Desk, FAULT_LASTS_MIN, READERS};
use crate::model::Timestamp;
use crate::model::effect::{Effect, Reason, Work};
use crate::ports::PortError;

impl Desk {
    /// Remembers a fault for `status`, and once it lasts has responders called: once a fault and
    /// day.
    pub async fn fault(&self, what: &str, why: &str) {
        let now = self.now();
        let since = match self.faults.lock() {
            Ok(mut faults) => {
                let entry = faults
                    .entry(what.to_owned())
                    .or_insert_with(|| (now, String::new()));
                entry.1 = why.to_owned();
                entry.0
            }
            Err(_) => now,
        };
        if now.duration_since(since) < jiff::SignedDuration::from_mins(FAULT_LASTS_MIN) {
            return;
        }
        let about = format!("{}:{}", what.replace(' ', "-"), now.strftime("%Y-%m-%d"));
        let decision = Decision {
            effects: Effect::call_about_desk(Reason::FaultLasts, &about, now),
            ..Decision::default()
        };
        if let Err(err) = self.parts.store.commit(&decision, now).await {
            tracing::error!(error = %err, "a lasting fault could not be recorded");
        }
        self.ring();
    }

    /// Letters that kill the processes that read them: a few are bugs, many are an attack. `status`
    /// says so at once, and a letter on the next day: whether a reader ends may depend on
    /// what only decryption shows, and each letter that was set aside makes its one call in any
    /// case.
    pub fn count_death(&self) {
        let now = self.now();
        let many = self.reader_deaths.lock().is_ok_and(|mut deaths| {
            deaths.push_back(now);
            deaths.retain(|at| now.duration_since(*at) < jiff::SignedDuration::from_hours(1));
            deaths.len() > DEATHS_AN_HOUR
        });
        if many {
            self.fault_without_call(
                READERS,
                "many readers ended before they had read their \
                letter: somebody may be trying something",
            );
        }
    }

    /// Calls by mail for readers that died on an earlier day.
    pub async fn tell_of_deaths(&self, now: Timestamp) -> Result<(), PortError> {
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let Some((_, since, _)) = self.faults().into_iter().find(|(what, ..)| what == READERS)
        else {
            return Ok(());
        };
        if day(since) == day(now) {
            return Ok(());
        }
        let mut effects = Effect::call_about_desk(
            Reason::FaultLasts,
            &format!("{READERS}:{}", day(since)),
            now,
        );
        effects.retain(|effect| matches!(effect.work, Work::CallByMail(_)));
        self.parts
            .store
            .commit(
                &Decision {
                    effects,
                    ..Decision::default()
                },
                now,
            )
            .await?;
        self.mended(READERS);
        self.ring();
        Ok(())
    }

    /// Remembers a fault for `status` alone: whoever finds it calls by itself.
    pub fn fault_without_call(&self, what: &str, why: &str) {
        if let Ok(mut faults) = self.faults.lock() {
            faults
                .entry(what.to_owned())
                .or_insert_with(|| (self.now(), why.to_owned()));
        }
    }

    /// Shows a fault in `status` and has responders called for it: once a fault and day.
    pub async fn call_about(&self, reason: Reason, what: &str, why: &str) {
        self.fault_without_call(what, why);
        let now = self.now();
        let about = format!("{}:{}", what.replace(' ', "-"), now.strftime("%Y-%m-%d"));
        let decision = Decision {
            effects: Effect::call_about_desk(reason, &about, now),
            ..Decision::default()
        };
        if let Err(err) = self.parts.store.commit(&decision, now).await {
            tracing::error!(error = %err, "a call could not be recorded");
        }
        self.ring();
    }

    /// The fault is over.
    pub fn mended(&self, what: &str) {
        if let Ok(mut faults) = self.faults.lock() {
            faults.remove(what);
        }
    }

    /// What is at fault, since when, and why, by name.
    pub fn faults(&self) -> Vec<(String, Timestamp, String)> {
        let faults = self.faults.lock().map(|f| f.clone()).unwrap_or_default();
        let mut listed: Vec<_> = faults
            .into_iter()
            .map(|(what, (since, why))| (what, since, why))
            .collect();
        listed.sort();
        listed
    }
}
