//! Why does a message stay shut?

use crate::model::limits::{Limits, NAMED_RECIPIENTS_MAX};
use crate::model::reading::Shut;
use crate::openpgp::cipher;
use sequoia_openpgp::types::SymmetricAlgorithm;
use std::borrow::Cow;

/// Why it stays shut, for the reading and in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unopened {
    pub shut: Shut,
    pub why: Cow<'static, str>,
}

impl Unopened {
    pub(in crate::openpgp) const DAMAGED: Self =
        Self::new(Shut::Integrity, "it is damaged, tampered with or not whole");

    pub(in crate::openpgp) const fn new(shut: Shut, why: &'static str) -> Self {
        let why = Cow::Borrowed(why);
        Self { shut, why }
    }

    pub(in crate::openpgp) fn too_many_packets() -> Self {
        Self::new(Shut::Limit, "it has too many packets")
    }

    pub(in crate::openpgp) fn overspent() -> Self {
        Self::new(
            Shut::Limit,
            "it costs more work than one letter may: it expands too far, or has too many messages \
             or signatures",
        )
    }

    pub(in crate::openpgp) fn by_password() -> Self {
        Self::new(
            Shut::NoKey,
            "it is encrypted with a password, which is never tried",
        )
    }

    /// Its cipher is one for which there is no code here.
    pub(in crate::openpgp) fn in_cipher(cipher: SymmetricAlgorithm) -> Self {
        let name = cipher::name(cipher);
        Self {
            shut: Shut::Unsupported,
            why: Cow::Owned(format!(
                "it is encrypted with {name}, which is not supported: see with `sealdesk check` \
                 whether our certificate asks for that, or have it sent again in AES"
            )),
        }
    }

    /// None of our keys opened it; of more recipients than are tried, another might have been ours.
    pub(in crate::openpgp) fn without_key(recipients: usize, limits: &Limits) -> Self {
        if recipients as u64 > limits.hidden_recipients + NAMED_RECIPIENTS_MAX as u64 {
            return Self::new(
                Shut::Limit,
                "none of the first recipients is ours, and there are too many",
            );
        }
        Self::new(Shut::NoKey, "none of our keys opens it")
    }
}
