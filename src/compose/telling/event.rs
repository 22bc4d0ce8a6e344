//! What happened, as a sentence? One for each event of the journal, around its detail.

use crate::model::journal::JournalEvent::{self, *};
use crate::model::journal::RecordedEvent;

/// Where the detail of an entry goes in its sentence.
const DETAIL: &str = "{}";

/// Each event's sentence.
const SENTENCES: &[(JournalEvent, &str)] = &[
    (CveRequested, "The tracker was asked for a CVE number."),
    (CveWanted, "A CVE number was asked for, by {}."),
    (MachineAnswered, "Letter {} is a machine's answer."),
    (
        ResponderWrote,
        "A responder wrote to the reporter: letter {}.",
    ),
    (Acknowledged, "The report was acknowledged, by letter {}."),
    (
        AcknowledgedWithAnotherCase,
        "The report was acknowledged together with {}.",
    ),
    (
        AcknowledgedWithoutSignature,
        "The report was acknowledged without a signature, by letter {}.",
    ),
    (
        AcknowledgementDeadlineNear,
        "The deadline of the acknowledgement is near: {}.",
    ),
    (
        AcknowledgementDeadlineOver,
        "The deadline of the acknowledgement is over: {}.",
    ),
    (
        AcknowledgementHandedToHuman,
        "A human must acknowledge the report: {}.",
    ),
    (Advisory, "The advisory is {}."),
    (
        AdvisoryBroughtUpToDate,
        "Advisory {} was brought up to date.",
    ),
    (
        AdvisoryLeftAsItWasFiled,
        "Advisory {} was left as it was filed: the tracker takes no changes.",
    ),
    (AlarmRaised, "The second path was used: {}."),
    (Announced, "The release was announced {}."),
    (
        AnnouncementReleased,
        "The announcement was handed to the desk, by {}.",
    ),
    (
        AnswerCameBackUndelivered,
        "An answer came back undelivered, in letter {}.",
    ),
    (AnswerDelayed, "An answer is delayed, says letter {}."),
    (
        AnswerWasDelivered,
        "An answer was delivered, says letter {}.",
    ),
    (AnsweredByHand, "The reporter was answered by hand, by {}."),
    (Assessed, "The team's findings were set, by {}."),
    (Assigned, "The case was assigned, by {}."),
    (BackupWritten, "A backup was written, by {}."),
    (CallCouldNotBeMade, "A call could not be made: {}."),
    (CanaryFailed, "A letter of the desk to itself failed: {}."),
    (CaseClosed, "The case was closed: {}."),
    (CaseOpened, "Letter {} opened the case."),
    (
        CaseOpenedOnReading,
        "Letter {} opened the case once it was read.",
    ),
    (CaseReopened, "The case was opened again, by {}."),
    (
        CertificateChosen,
        "The reporter's certificate was chosen: {}.",
    ),
    (
        CertificateForgotten,
        "The reporter's certificate is no longer used, by {}.",
    ),
    (
        CertificateNotSentAgain,
        "The desk's certificate was not sent again: {}.",
    ),
    (
        CertificateReleased,
        "The desk's certificate is to be sent, by {}.",
    ),
    (
        CertificateSent,
        "The desk's certificate was sent, by letter {}.",
    ),
    (
        CollaboratorsLetIn,
        "Collaborators were let into the advisory, by {}.",
    ),
    (
        CollaboratorsTakenOffList,
        "Collaborators were taken off the list, by {}.",
    ),
    (CommentNotRelayed, "A comment was not relayed: {}."),
    (Credited, "Somebody was credited, by {}."),
    (DeadlineNear, "A deadline is near: {}."),
    (DeadlineOver, "A deadline is over: {}."),
    (DeadlineMoved, "A deadline moved: {}."),
    (Disclosure, "What is known of disclosure changed: {}."),
    (DraftDoubled, "The tracker holds a second draft: {}."),
    (DraftFiled, "The draft was filed as {}."),
    (DuplicateOf, "The case is a duplicate of {}."),
    (Erased, "What was said in the case was erased, by {}."),
    (FilingConfirmed, "The report was confirmed, by {}."),
    (FollowUpAddedToDraft, "Letter {} was added to the draft."),
    (FollowUpArrived, "Letter {} arrived."),
    (
        FollowUpJoinedBySignature,
        "Letter {} joined the case by its signature.",
    ),
    (
        FollowUpKeptOutOfPublicAdvisory,
        "Letter {} was kept out of the public advisory.",
    ),
    (GaveUp, "The desk gave up after many tries: {}."),
    (GoesOn, "The case goes on, by {}."),
    (HasDuplicate, "{} is a duplicate of this case."),
    (JoinedToOlderCase, "The case was joined to {}."),
    (LaneChanged, "The case took another lane: {}."),
    (LetterLeftOnServer, "A letter was left on the server: {}."),
    (LetterRead, "Letter {} was read."),
    (
        LetterSetAside,
        "Letter {} was set aside: two readers ended on it.",
    ),
    (LetterStayedShut, "Letter {} could not be opened."),
    (LettersReadAgain, "Letters are read again: {}."),
    (LikelyDuplicate, "{} is likely the same."),
    (Linked, "Something was linked, by {}."),
    (MachineLetterKept, "Letter {} of a machine was kept."),
    (NamesOlderCase, "The letter names {}."),
    (NotAnnounced, "The release was not announced: {}."),
    (Note, "A note was written, by {}."),
    (NothingToAsk, "There was nothing to ask: {}."),
    (NoticeNotSent, "A notice was not sent: {}."),
    (
        NoticeReleased,
        "A distributor's notice was handed to the desk: {}.",
    ),
    (NoticeSent, "A distributor was notified: {}."),
    (
        OldLetterKept,
        "Letter {} from before the first start was kept.",
    ),
    (OldLettersHeld, "Old letters are held: {}."),
    (
        OutsidersLetIn,
        "Outsiders were let into the advisory, by {}.",
    ),
    (PrivateForkOpened, "The private fork was opened."),
    (PrivateForkWanted, "A private fork was asked for, by {}."),
    (
        QuestionNotSent,
        "The reporter was not asked for what is missing: {}.",
    ),
    (
        QuestionReleased,
        "The reporter is to be asked for what is missing, by {}.",
    ),
    (
        QuestionSent,
        "The reporter was asked for what is missing, by letter {}.",
    ),
    (Reached, "A step was reached: {}."),
    (ReleaseDay, "The release day: {}."),
    (
        ReleaseDayDespite,
        "The release day was agreed in spite of {}.",
    ),
    (ReleaseFilesChecked, "The files of the release: {}."),
    (ReplyAccepted, "A reply was handed to the desk, by {}."),
    (ReplyNotSent, "The reply was not sent: {}."),
    (
        ReplyPutBackToWriter,
        "A reply was put back to its writer: {}.",
    ),
    (ReplyRefused, "A reply was refused: {}."),
    (ReplySent, "The reporter was answered, by letter {}."),
    (
        RequestForPrivateDisclosureReleased,
        "The reporter is to be asked to keep it private, by {}.",
    ),
    (ResponderCannotBeCalled, "A responder cannot be called: {}."),
    (
        ResponderAnswerArrived,
        "A responder's answer arrived: letter {}.",
    ),
    (RespondersCalled, "The responders were called: {}."),
    (
        RestoredFromBackup,
        "The desk was restored from a backup: {}.",
    ),
    (RetrospectivePosted, "The retrospective was posted {}."),
    (
        RetrospectiveReleased,
        "The retrospective was handed to the desk, by {}.",
    ),
    (Skipped, "Was passed over: {}."),
    (Split, "A part became a case of its own: {}."),
    (SplitFrom, "The case was split from {}."),
    (TakenBack, "A step was taken back: {}."),
    (WaitsForUpstream, "The case waits for an upstream, by {}."),
    (WordsAccepted, "A letter of commands was accepted, by {}."),
];

/// What an entry says, with a detail on one line. An event of another version is shown as it stands.
pub fn event_sentence(event: &RecordedEvent, detail: &str) -> String {
    let found = SENTENCES.iter().find(|(known, _)| *event == *known);
    match found {
        None => format!("{} {detail}", event.as_str()).trim().to_owned(),
        Some((_, sentence)) if detail.is_empty() => without_detail(sentence),
        // A reason, as its name has it: new-case.
        Some((RespondersCalled | AlarmRaised, sentence)) if !detail.contains(' ') => {
            sentence.replace(DETAIL, &detail.replace('-', " "))
        }
        Some((_, sentence)) => sentence.replace(DETAIL, detail.trim_end_matches('.')),
    }
}

/// A sentence whose entry says no more: what only introduces the detail goes too.
fn without_detail(sentence: &str) -> String {
    let Some((before, after)) = sentence.split_once(DETAIL) else {
        return sentence.to_owned();
    };
    let before = [
        ", by letter ",
        ", in letter ",
        ", says letter ",
        ", by ",
        ": letter ",
        ": ",
        " ",
    ]
    .iter()
    .find_map(|link| before.strip_suffix(link))
    .unwrap_or(before);
    format!("{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(event: &str, detail: &str) -> String {
        event_sentence(&RecordedEvent::stored(event.to_owned()), detail)
    }

    #[test]
    fn every_event_has_a_sentence() {
        for event in JournalEvent::ALL {
            let found = SENTENCES.iter().filter(|(told, _)| told == event).count();
            assert_eq!(found, 1, "{}", event.as_str());
            let whole = told(event.as_str(), "user rita");
            let bare = told(event.as_str(), "");
            for told in [&whole, &bare] {
                assert!(told.ends_with('.') && !told.contains('{'), "{told}");
            }
        }
        assert_eq!(SENTENCES.len(), JournalEvent::ALL.len());
    }

    #[test]
    fn an_event_is_told_with_its_detail() {
        let rows = [
            ("letter read", "7", "Letter 7 was read."),
            (
                "case closed",
                "rejected, by user rita",
                "The case was closed: rejected, by user rita.",
            ),
            ("note", "", "A note was written."),
            (
                "responders called",
                "new-case",
                "The responders were called: new case.",
            ),
            ("private fork opened", "", "The private fork was opened."),
            ("an event of later", "x y", "an event of later x y"),
        ];
        for (event, detail, sentence) in rows {
            assert_eq!(told(event, detail), sentence);
        }
    }
}
