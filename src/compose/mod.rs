//! With which words does the desk speak? Letters from templates, and the text of advisories.
//!
//! Nothing here quotes a letter to anybody but the tracker, and what the tracker gets is disarmed
//! first.

mod advisory;
mod brief;
mod disarm;
pub mod export;
mod mail;
mod publication;
mod telling;
mod templates;

pub use advisory::{Measure, advisory, credited, follow_up, marker};
pub use brief::{brief, proof_of_from};
pub use mail::{
    MailDraft, OutgoingHeaders, OwnCertificate, OwnSmimeCertificate, Signed, draft, plain, words,
};
pub use publication::{security_md, security_txt};
pub use telling::{
    TextPart, acknowledgement, draft as draft_state, due_in, event_sentence, is_invisible,
    standing, text_parts,
};
pub use templates::{LetterWords, TemplateFault, Templates};

use crate::model::address::Address;
use crate::model::language::Language;
use crate::model::page::PageUrl;
use crate::model::timeline::Timeline;

/// The desk as its letters present it.
#[derive(Clone, Debug)]
pub struct DeskIdentity {
    pub address: Address,
    pub name: String,
    /// Ours, the one in use first; the first of version 4 goes into Autocrypt.
    pub certificates: Vec<OwnCertificate>,
    /// Those of S/MIME, the one in use first.
    pub smime: Vec<OwnSmimeCertificate>,
    pub templates: Templates,
    /// Of letters to people whose language is not known.
    pub language: Language,
    /// Whose dates an acknowledgement names.
    pub timeline: Timeline,
    /// Where responders find the page, where there is one.
    pub page: Option<PageUrl>,
}

/// Why a letter could not be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("cannot fill in the letter template")]
    Template(#[from] TemplateFault),
    #[error("cannot build the letter")]
    Build(#[source] lettre::error::Error),
    #[error("an address cannot be written into a header")]
    Address(#[source] lettre::address::AddressError),
    #[error("a media type cannot be written into a header")]
    MediaType(#[source] lettre::message::header::ContentTypeErr),
    #[error("its time is before 1970")]
    Date,
    #[error("no certificate of ours is loaded")]
    NoCertificate,
}
