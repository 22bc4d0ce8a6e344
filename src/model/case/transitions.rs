//! Which transitions are there between the states of a case, and which states do they take?
//!
//! The standing, the acknowledgement and the draft move by themselves, each in its own file. Here is
//! what the one means for the others, and by which names the rest of the desk moves them.

use super::{AdvisoryId, Called, Case, Closing, Draft, InvalidTransition};
use crate::model::Timestamp;
use crate::model::ids::CaseId;

/// The standing: is it worked on?
impl Case {
    /// Its letter was read, and the case is worked on. Fails where it is closed.
    pub fn open(self) -> Result<Self, InvalidTransition> {
        Ok(Self {
            standing: self.standing.open()?,
            ..self
        })
    }

    /// A machine can't take it further. Fails where it is closed.
    pub fn needs_human(self) -> Result<Self, InvalidTransition> {
        Ok(Self {
            standing: self.standing.needs_human()?,
            ..self
        })
    }

    /// It is over. Fails where it is closed already, and where its reporter waits for an answer
    /// that `why` does not excuse.
    ///
    /// A responder who closes a case also takes back a draft that is on its way. What the desk
    /// itself closes ([`Closing::is_by_desk`]) keeps its draft.
    pub fn close(self, at: Timestamp, why: Closing) -> Result<Self, InvalidTransition> {
        let standing = self.standing.close(at, why)?;
        let acknowledgement = match why {
            Closing::KeyRequest | Closing::Machine | Closing::Spam => self.acknowledgement.waive(),
            // Only decryption may have shown that it belongs to another case: no answer may depend
            // on that.
            Closing::Joined => self.acknowledgement,
            Closing::Resolved | Closing::Duplicate | Closing::Rejected => {
                self.acknowledgement.settled()?
            }
        };
        let draft = if why.is_by_desk() {
            self.draft
        } else {
            self.draft.hold()
        };
        Ok(Self {
            standing,
            acknowledgement,
            draft,
            ..self
        })
    }

    /// It was proven to belong to an older case, and is closed in favour of it. Fails where it is
    /// closed.
    pub fn join(self, older: CaseId, at: Timestamp) -> Result<Self, InvalidTransition> {
        self.refer_to(older).close(at, Closing::Joined)
    }

    /// A closed case is worked on again; one without a draft waits for a confirmation to file it.
    /// Fails where it is not closed.
    pub fn reopen(self) -> Result<Self, InvalidTransition> {
        Ok(Self {
            standing: self.standing.reopen()?,
            draft: self.draft.or_awaits_confirmation(),
            ..self
        })
    }

    /// It may belong to an older case, and a responder compares. Takes every state.
    pub fn refer_to(self, older: CaseId) -> Self {
        Self {
            perhaps_of: Some(older),
            ..self
        }
    }
}

/// The acknowledgement. A closed case may still owe one.
impl Case {
    /// The reporter has their answer; `signed` says whether it bore a signature. Fails where one
    /// left before, or where none is owed.
    pub fn acknowledged(self, at: Timestamp, signed: bool) -> Result<Self, InvalidTransition> {
        Ok(Self {
            acknowledgement: self.acknowledgement.sent(at, signed)?,
            ..self
        })
    }

    /// A machine may not send the answer after all: a human owes it, until the same deadline. One
    /// that a machine does not owe stays as it is.
    pub fn hand_over_answer(self) -> Self {
        Self {
            acknowledgement: self.acknowledgement.hand_over(),
            ..self
        }
    }

    /// Nobody waits for an answer any more. One that left stays as it is.
    pub fn waive_answer(self) -> Self {
        Self {
            acknowledgement: self.acknowledgement.waive(),
            ..self
        }
    }

    /// Responders were called for the answer. Where none is due, nothing is noted.
    pub fn called_for_answer(self, called: Called) -> Self {
        Self {
            acknowledgement: self.acknowledgement.called(called),
            ..self
        }
    }
}

/// The draft.
impl Case {
    /// The draft is not filed before a responder confirms it.
    ///
    /// Takes every state: a closed case, because an effect that files may fail for good after a
    /// responder closed it, and a filed draft, whose advisory is then forgotten.
    pub fn await_confirmation(self) -> Self {
        Self {
            draft: Draft::AwaitsConfirmation,
            ..self
        }
    }

    /// The draft is to be filed. Fails where the case is closed, and where the draft is on its way
    /// or filed.
    pub fn queue_draft(self) -> Result<Self, InvalidTransition> {
        self.standing.not_closed()?;
        Ok(Self {
            draft: self.draft.queue()?,
            ..self
        })
    }

    /// The tracker has the draft. Takes a closed case, and a draft that nobody queued: the effect
    /// that files was under way when they changed. Fails where it is filed already.
    pub fn filed(self, advisory: AdvisoryId) -> Result<Self, InvalidTransition> {
        Ok(Self {
            draft: self.draft.file(advisory)?,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::{Acknowledgement, CaseParts, Standing};
    use crate::model::course::Course;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn id(n: u8) -> CaseId {
        CaseId::from_random([n; 10])
    }

    fn advisory(id: &str) -> AdvisoryId {
        AdvisoryId {
            id: id.to_owned(),
            url: String::new(),
        }
    }

    fn case(standing: Standing, acknowledgement: Acknowledgement, draft: Draft) -> Case {
        Case::restore(CaseParts {
            id: id(1),
            opened_at: AT,
            standing,
            acknowledgement,
            draft,
            perhaps_of: None,
            course: Course::default(),
        })
    }

    fn closed() -> Standing {
        Standing::Closed {
            at: AT,
            why: Closing::Rejected,
        }
    }

    /// Its standing, acknowledgement and draft, as words.
    fn states(case: &Case) -> String {
        let (acknowledgement, draft) = (case.acknowledgement.as_str(), case.draft.as_str());
        format!("{} {acknowledgement} {draft}", case.standing.as_str())
    }

    type Transition = fn(Case) -> Result<Case, InvalidTransition>;

    /// Where each transition leads to from a case that owes an answer and has no draft: one that is
    /// not closed, and one that is. `=` is the standing that it had, `None` what is refused.
    const TABLE: [(&str, Transition, [Option<&str>; 2]); 11] = [
        ("open", Case::open, [Some("open due none"), None]),
        (
            "needs_human",
            Case::needs_human,
            [Some("needs-human due none"), None],
        ),
        (
            "close",
            |case| case.close(AT, Closing::Spam),
            [Some("closed not-owed none"), None],
        ),
        (
            "join",
            |case| case.join(id(2), AT),
            [Some("closed due none"), None],
        ),
        ("reopen", Case::reopen, [None, Some("open due awaits-word")]),
        (
            "acknowledged",
            |case| case.acknowledged(AT, true),
            [Some("= sent none"); 2],
        ),
        (
            "hand_over_answer",
            |case| Ok(case.hand_over_answer()),
            [Some("= by-hand none"); 2],
        ),
        (
            "waive_answer",
            |case| Ok(case.waive_answer()),
            [Some("= not-owed none"); 2],
        ),
        (
            "await_confirmation",
            |case| Ok(case.await_confirmation()),
            [Some("= due awaits-word"); 2],
        ),
        (
            "queue_draft",
            Case::queue_draft,
            [Some("= due queued"), None],
        ),
        (
            "filed",
            |case| case.filed(advisory("1")),
            [Some("= due filed"); 2],
        ),
    ];

    #[test]
    fn each_transition_takes_the_states_that_it_names_and_changes_what_it_says() {
        for (name, transition, [worked_on, over]) in TABLE {
            for (standing, expected) in [
                (Standing::Unread, worked_on),
                (Standing::Open, worked_on),
                (Standing::NeedsHuman, worked_on),
                (closed(), over),
            ] {
                let before = case(standing, Acknowledgement::due(AT), Draft::None);
                let after = transition(before.clone()).ok();
                assert_eq!(
                    after.as_ref().map(states),
                    expected.map(|to| to.replace('=', before.standing.as_str())),
                    "{name} from {:?}",
                    before.standing
                );
                // It remains the same case on the same way.
                assert!(after.is_none_or(|after| {
                    (&after.id, &after.course) == (&before.id, &before.course)
                }));
            }
        }
    }

    #[test]
    fn what_a_closed_case_keeps_depends_on_why_it_is_closed() {
        // The acknowledgement that becomes of one that is due, and the draft of one on its way.
        for (why, expected) in [
            (Closing::KeyRequest, Some(["not-owed", "queued"])),
            (Closing::Machine, Some(["not-owed", "queued"])),
            (Closing::Joined, Some(["due", "queued"])),
            (Closing::Resolved, None),
            (Closing::Duplicate, None),
            (Closing::Rejected, None),
            (Closing::Spam, Some(["not-owed", "awaits-word"])),
        ] {
            let unanswered = case(Standing::Open, Acknowledgement::due(AT), Draft::Queued);
            let closed = unanswered.clone().close(AT, why).ok();
            let kept = closed.map(|case| [case.acknowledgement.as_str(), case.draft.as_str()]);
            assert_eq!(kept, expected, "{why:?}");

            // One that was answered is closed for every reason, and stays answered.
            let answered = unanswered.acknowledged(AT, false).unwrap();
            let closed = answered.clone().close(AT, why).unwrap();
            assert_eq!(closed.standing, Standing::Closed { at: AT, why });
            assert_eq!(closed.acknowledgement, answered.acknowledgement);
            let draft = if why.is_by_desk() {
                "queued"
            } else {
                "awaits-word"
            };
            assert_eq!(closed.draft.as_str(), draft, "{why:?}");
        }
    }

    #[test]
    fn a_draft_has_one_advisory_and_is_filed_even_if_its_case_was_closed_meanwhile() {
        for draft in [Draft::None, Draft::AwaitsConfirmation, Draft::Queued] {
            let case = case(closed(), Acknowledgement::NotOwed, draft);
            let filed = case.filed(advisory("1")).unwrap();
            assert!(filed.clone().filed(advisory("2")).is_err());
            assert!(filed.reopen().unwrap().queue_draft().is_err());
        }
    }

    #[test]
    fn an_older_case_is_noted_whether_it_is_proven_or_not() {
        let new = Case::arrived(id(1), AT, Acknowledgement::due(AT), None, None);
        assert_eq!(new.clone().refer_to(id(2)).perhaps_of(), Some(&id(2)));
        assert_eq!(new.join(id(2), AT).unwrap().perhaps_of(), Some(&id(2)));
    }

    #[test]
    fn a_case_begins_as_its_letter_says() {
        let due = Acknowledgement::due(AT);
        let by_mail = Case::arrived(id(1), AT, due.clone(), None, None);
        assert_eq!(states(&by_mail), "unread due none");
        let in_tracker = Case::arrived(id(1), AT, due, Some(advisory("1")), Some(id(2)));
        assert_eq!(states(&in_tracker), "unread due filed");
        let stray = Case::found_on_reading(id(1), AT, AT);
        assert_eq!(states(&stray), "open by-hand awaits-word");
    }
}
