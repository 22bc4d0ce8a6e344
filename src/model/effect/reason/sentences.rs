//! What does a call say? One sentence or a few for each reason, for a responder who reads them on a
//! telephone.

pub(super) const NEW_CASE: &str = "A new report arrived and its case is open.";

pub(super) const FOLLOW_UP: &str = "The reporter wrote again.";

pub(super) const LIKELY_DUPLICATE: &str = "A report says what another case says already. Compare the two; nothing was merged, and \
     no second draft was filed.";

pub(super) const ACKNOWLEDGEMENT_MISSED: &str = "The deadline of an acknowledgement is over and none went out. Answer the reporter by \
     hand now.";

pub(super) const ACKNOWLEDGEMENT_DUE: &str =
    "An acknowledgement is not out yet and its deadline is near. Answer the reporter by hand.";

pub(super) const REPORTED_IN_TRACKER: &str = "A report was filed in the tracker. Answer its reporter there, then run sealdesk case \
     answered.";

pub(super) const FIX_TEAM_DUE: &str = "The fix team is to be formed soon. Bring in engineers who know the code, then run \
     sealdesk case reach ID fix-team.";

pub(super) const FIX_TEAM_MISSED: &str = "The fix team should be at work by now. Form it, then run sealdesk case reach ID \
     fix-team.";

pub(super) const FIX_DUE: &str =
    "The fix is due soon. When it is complete, run sealdesk case reach ID fix.";

pub(super) const FIX_MISSED: &str =
    "The fix should be complete by now. When it is, run sealdesk case reach ID fix.";

pub(super) const RELEASE_DUE: &str =
    "The release is due soon. Agree on its day with sealdesk case release-date.";

pub(super) const RELEASE_MISSED: &str =
    "The fix should be released by now. When it is, run sealdesk case reach ID release.";

pub(super) const RETROSPECTIVE_DUE: &str = "The retrospective is due soon. When it is sent, run sealdesk case reach ID \
     retrospective.";

pub(super) const RETROSPECTIVE_MISSED: &str = "The retrospective should be out by now. When it is sent, run sealdesk case reach ID \
     retrospective.";

pub(super) const ANSWER_BY_HAND: &str = "A letter may not be answered by a machine, or its writer has had as many automatic answers \
     today as the config's [answers] allows: the journal of the case says which. Answer the \
     reporter by hand.";

pub(super) const LEFT_UNSIGNED: &str = "An acknowledgement left unsigned, because nothing could be signed for 12 hours. Look at \
     the opener.";

pub(super) const LETTER_SHUT: &str = "A letter could not be decrypted. The reporter was acknowledged; ask for it again in \
     another way.";

pub(super) const LETTER_UNPROVEN: &str = "A letter in S/MIME was opened, and nothing proves that it is as it was sent: its cipher (CBC) \
     can be changed on the way. Don't quote it in an answer, and confirm the case only if it is \
     plausible.";

pub(super) const LETTER_UNREADABLE: &str =
    "Reading a letter failed twice. It is kept; look at it on an isolated machine.";

pub(super) const DISCLOSURE_INTENDED: &str = "The reporter means to publish, or says that it is public. See their letter, and move the \
     case: sealdesk case lane ID asap.";

pub(super) const ALREADY_PUBLIC: &str =
    "A letter speaks of a vulnerability that is already public.";

pub(super) const ANSWER_BOUNCED: &str = "An answer of ours came back undelivered. Find another way to the reporter; the desk \
     writes to that address no more for a week.";

pub(super) const NOT_ANNOUNCED: &str = "An announcement did not leave, because its case is not released any more. Say it again \
     when it is.";

pub(super) const NOTICE_FAILED: &str = "A distributor could not be given notice of a release. The journal of the case names \
     them: tell them in another way.";

pub(super) const REPLY_REFUSED: &str = "An answer was not passed on to the reporter. Why stands below, or in the journal of the \
     case: sealdesk case timeline ID.";

pub(super) const REPLY_PUT_BACK: &str = "Your answer was held back: nothing that you signed says that it is meant for the desk, \
     so somebody else may have passed it on. If it is, answer this call, with a first line \
     /to and the desk's address above your words.";

pub(super) const RELAY_REFUSED: &str = "A comment that was marked for the reporter was not sent to them. The journal of the case \
     says why; write a new one, or answer by mail.";

pub(super) const COMMANDS_DONE: &str = "The commands of your letter were carried out.";

pub(super) const COMMANDS_REFUSED: &str = "Not everything that your letter says was done. Mend what is marked, and send the rest \
     again.";

pub(super) const AWAITS_CONFIRMATION: &str =
    "A case waits for you to confirm it before a draft is filed: run sealdesk case file.";

pub(super) const SEALED_LETTER_READ: &str =
    "An encrypted letter was read. It does not look like a report; see whether you agree.";

pub(super) const PERHAPS_FOLLOW_UP: &str =
    "A letter names an existing case, but its sender is not proven. Compare the two cases.";

pub(super) const GAVE_UP: &str =
    "The desk gave up on something after many tries. See sealdesk status.";

pub(super) const DRAFT_DOUBLED: &str = "The tracker holds two drafts of one case, after an answer that never came. Close the one \
     that its journal names.";

pub(super) const OLD_LETTERS_HELD: &str = "Many unknown old letters appeared in the mailbox. Answers are held until you run \
     sealdesk import.";

pub(super) const MANY_LETTERS: &str = "More letters arrived within an hour than responders are called about one by one. See \
     sealdesk case list; acknowledgements leave as ever.";

pub(super) const LETTERS_WITHOUT_CASE: &str = "Letters of the last day rest without a case, because they look like machines' words. \
     Their numbers are below; sealdesk import --letter N makes one a case.";

pub(super) const CERTIFICATE_ENDS: &str =
    "A certificate ends soon. Extend it, and publish it again: see sealdesk status.";

pub(super) const RESPONDER_UNREACHABLE: &str = "A responder cannot be called, because no letter can be encrypted to their certificate. \
     Replace it in the desk's config: sealdesk check names it.";

pub(super) const PUBLISHED_DIFFERS: &str = "What is published of the desk differs from what it holds: reporters may not be able to \
     write to it. See sealdesk status.";

pub(super) const CANARY_FAILED: &str =
    "A letter that the desk wrote to itself did not come through. See sealdesk status.";

pub(super) const FAULT_LASTS: &str =
    "A fault lasts and the desk cannot mend it. See sealdesk status.";
