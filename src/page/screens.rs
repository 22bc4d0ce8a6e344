//! Which screens are there? One file each: what is asked of the desk for it, and what it shows.

pub(super) mod acting;
pub(super) mod case;
mod facts;
pub(super) mod health;
pub(super) mod letter;
pub(super) mod queue;
pub(super) mod reply;

use super::Failure;
use crate::model::ids::CaseId;

/// The case of a URL.
fn case_id(text: &str) -> Result<CaseId, Failure> {
    CaseId::parse(text).map_err(|_| {
        Failure::Malformed(
            "A case is written SD- and ten letters or digits, such as SD-7K3QF2MX9A. The queue \
             lists those that are open.",
        )
    })
}
