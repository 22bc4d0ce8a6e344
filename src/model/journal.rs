//! What can happen in a case, as the journal names it? Code compares events; their phrases are for
//! people, and stand in the store.

use serde::{Deserialize, Serialize};

/// Defines the events, each beside its phrase: two lists would drift apart.
macro_rules! events {
    ($($event:ident = $phrase:literal,)*) => {
        /// One kind of entry in the journal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum JournalEvent {
            $(#[doc = $phrase] $event,)*
        }

        impl JournalEvent {
            /// Every event.
            pub const ALL: &[Self] = &[$(Self::$event,)*];

            /// The phrase, as it is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$event => $phrase,)*
                }
            }
        }
    };
}

events! {
    CveRequested = "CVE requested",
    CveWanted = "CVE wanted",
    MachineAnswered = "a machine answered",
    ResponderWrote = "a responder wrote",
    Acknowledged = "acknowledged",
    AcknowledgedWithAnotherCase = "acknowledged with another case",
    AcknowledgedWithoutSignature = "acknowledged without a signature",
    AcknowledgementDeadlineNear = "acknowledgement deadline is near",
    AcknowledgementDeadlineOver = "acknowledgement deadline is over",
    AcknowledgementHandedToHuman = "acknowledgement handed to a human",
    Advisory = "advisory",
    AdvisoryBroughtUpToDate = "advisory brought up to date",
    AdvisoryLeftAsItWasFiled = "advisory left as it was filed",
    AlarmRaised = "alarm raised",
    Announced = "announced",
    AnnouncementReleased = "announcement released",
    AnswerCameBackUndelivered = "answer came back undelivered",
    AnswerDelayed = "answer is delayed",
    AnswerWasDelivered = "answer was delivered",
    AnsweredByHand = "answered by hand",
    Assessed = "assessed",
    Assigned = "assigned",
    BackupWritten = "backup written",
    CallCouldNotBeMade = "call could not be made",
    CanaryFailed = "canary failed",
    CaseClosed = "case closed",
    CaseOpened = "case opened",
    CaseOpenedOnReading = "case opened on reading",
    CaseReopened = "case reopened",
    CertificateChosen = "certificate chosen",
    CertificateForgotten = "certificate forgotten",
    CertificateNotSentAgain = "certificate not sent again",
    CertificateReleased = "certificate released",
    CertificateSent = "certificate sent",
    CollaboratorsLetIn = "collaborators let in",
    CollaboratorsTakenOffList = "collaborators taken off the list",
    CommentNotRelayed = "comment not relayed",
    Credited = "credited",
    DeadlineNear = "deadline is near",
    DeadlineOver = "deadline is over",
    DeadlineMoved = "deadline moved",
    Disclosure = "disclosure",
    DraftDoubled = "draft doubled",
    DraftFiled = "draft filed",
    DuplicateOf = "duplicate of",
    Erased = "erased",
    FilingConfirmed = "filing confirmed",
    FollowUpAddedToDraft = "follow-up added to the draft",
    FollowUpArrived = "follow-up arrived",
    FollowUpJoinedBySignature = "follow-up joined by signature",
    FollowUpKeptOutOfPublicAdvisory = "follow-up kept out of a public advisory",
    GaveUp = "gave up",
    GoesOn = "goes on",
    HasDuplicate = "has a duplicate",
    JoinedToOlderCase = "joined to an older case",
    LaneChanged = "lane changed",
    LetterLeftOnServer = "letter left on the server",
    LetterRead = "letter read",
    LetterSetAside = "letter set aside",
    LetterStayedShut = "letter stayed shut",
    LettersReadAgain = "letters read again",
    LikelyDuplicate = "likely duplicate",
    Linked = "linked",
    MachineLetterKept = "machine letter kept",
    NamesOlderCase = "names an older case",
    NotAnnounced = "not announced",
    Note = "note",
    NothingToAsk = "nothing to ask",
    NoticeNotSent = "notice not sent",
    NoticeReleased = "notice released",
    NoticeSent = "notice sent",
    OldLetterKept = "old letter kept",
    OldLettersHeld = "old letters held",
    OutsidersLetIn = "outsiders let in",
    PrivateForkOpened = "private fork opened",
    PrivateForkWanted = "private fork wanted",
    QuestionNotSent = "question not sent",
    QuestionReleased = "question released",
    QuestionSent = "question sent",
    Reached = "reached",
    ReleaseDay = "release day",
    ReleaseDayDespite = "release day despite",
    ReleaseFilesChecked = "release files checked",
    ReplyAccepted = "reply accepted",
    ReplyNotSent = "reply not sent",
    ReplyPutBackToWriter = "reply put back to its writer",
    ReplyRefused = "reply refused",
    ReplySent = "reply sent",
    RequestForPrivateDisclosureReleased = "request for private disclosure released",
    ResponderCannotBeCalled = "responder cannot be called",
    ResponderAnswerArrived = "responder's answer arrived",
    RespondersCalled = "responders called",
    RestoredFromBackup = "restored from a backup",
    RetrospectivePosted = "retrospective posted",
    RetrospectiveReleased = "retrospective released",
    Skipped = "skipped",
    Split = "split",
    SplitFrom = "split from",
    TakenBack = "taken back",
    WaitsForUpstream = "waits for an upstream",
    WordsAccepted = "words accepted",
}

/// An event as it is stored. What a version wrote that had other events is shown as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordedEvent(String);

impl RecordedEvent {
    /// An event as the store has it.
    pub fn stored(phrase: String) -> Self {
        Self(phrase)
    }

    /// The phrase, for people.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq<JournalEvent> for RecordedEvent {
    fn eq(&self, event: &JournalEvent) -> bool {
        self.0 == event.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_events_have_one_phrase() {
        let phrases: HashSet<&str> = JournalEvent::ALL.iter().map(|e| e.as_str()).collect();
        assert_eq!(phrases.len(), JournalEvent::ALL.len());
    }
}
