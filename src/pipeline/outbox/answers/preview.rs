//! What would a reply be, if it were given now? The way and the words that the outbox would choose,
//! before a responder hands it over.

use super::replies::{composition, letters_and_address};
use crate::compose;
use crate::desk::Desk;
use crate::desk::reporters::{ReporterCertificate, came_sealed, certificate_for, pinned_of};
use crate::model::address::Address;
use crate::model::ids::{CaseId, MessageId};
use crate::ports::PortError;
use serde::{Deserialize, Serialize};

/// How a reply reaches the reporter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum ReplyWay {
    /// Encrypted to a certificate of theirs; its fingerprint where it is pinned.
    Encrypted {
        to: Address,
        fingerprint: Option<String>,
    },
    /// They wrote in clear, and no certificate of theirs is known.
    Clear { to: Address },
    /// They wrote encrypted, and no certificate of theirs is known: they are asked for it, and the
    /// words wait.
    Waits { to: Address },
    /// Two certificates were proven to be theirs: a responder chooses one first.
    Contested { to: Address },
    /// They wrote in the tracker, or no address of theirs is known.
    Nobody,
}

/// The words of a letter as it would leave, before it is signed and encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyWords {
    pub subject: String,
    pub body: String,
}

/// How a reply in this case would leave. The error is passing where the opener is not at hand.
pub async fn reply_way(desk: &Desk, case: &CaseId) -> Result<ReplyWay, PortError> {
    let Some((letters, to)) = letters_and_address(desk, case).await? else {
        return Ok(ReplyWay::Nobody);
    };
    Ok(match certificate_for(desk, &letters, &to).await? {
        ReporterCertificate::Contested => ReplyWay::Contested { to },
        ReporterCertificate::Unknown if came_sealed(desk, case).await? => ReplyWay::Waits { to },
        ReporterCertificate::Unknown => ReplyWay::Clear { to },
        ReporterCertificate::Known(_) => {
            let pinned = match letters.first() {
                Some(first) => pinned_of(desk, first, &to).await?,
                None => None,
            };
            let fingerprint = pinned.map(|pinned| pinned.fingerprint);
            ReplyWay::Encrypted { to, fingerprint }
        }
    })
}

/// What a reply of this text would say, in the template that it is sent in; `None` where nobody is
/// known to whom it could go.
pub async fn reply_words(
    desk: &Desk,
    case: &CaseId,
    text: &str,
) -> Result<Option<ReplyWords>, PortError> {
    let Some((letters, to)) = letters_and_address(desk, case).await? else {
        return Ok(None);
    };
    // It gets another one when it leaves, and this one is not shown.
    let id = MessageId::parse(&format!("preview@{}", desk.parts.identity.address.domain()))
        .ok_or_else(|| PortError::lasting("desk.address has a domain that no letter can hold"))?;
    let composition = composition(desk, case, &letters, to, text.to_owned(), id).await?;
    let words = compose::words(&composition, &desk.parts.identity)
        .map_err(|e| PortError::lasting("the reply cannot be composed").because(e))?;
    Ok(Some(ReplyWords {
        subject: words.subject,
        body: words.body,
    }))
}
