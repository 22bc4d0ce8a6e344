//! Who answers reports, and who is told in advance?

use crate::config::error::{ConfigError, address};
use crate::model::address::Address;
use crate::model::page::PageAccess;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// One `[[responder]]`: somebody who is called, and who may command the desk.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponderSection {
    /// As `status` and the journal call them
    pub name: String,
    /// Where they are called
    pub address: String,
    /// Calls and what rests are encrypted to it; their letters must be signed by it
    pub certificate: PathBuf,
    /// Their account on this machine: the command line acts in their name.
    pub login: Option<String>,
    /// Their login in the tracker: comments there that they mark go to the reporter.
    pub tracker_login: Option<String>,
    /// What they may do on the page of `[page]`
    #[serde(default)]
    pub page: PageAccess,
}

/// Somebody on the private distributors list, and what was checked when they were let in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistributorSection {
    /// As `status` and the journal call them
    pub name: String,
    /// Where they are told
    pub address: String,
    /// What they are told is encrypted to it
    pub certificate: PathBuf,
    pub contact: String,
    pub criteria: Vec<String>,
    /// Who vouched for them
    pub vouched_by: String,
    /// When they agreed to the embargo
    pub embargo_accepted_on: String,
    pub removed_on: Option<String>,
}

pub(super) fn check(
    responders: &[ResponderSection],
    distributors: &[DistributorSection],
) -> Result<(), ConfigError> {
    for responder in responders {
        address("responder.address", &responder.address)?;
    }
    let mut told: Vec<Address> = Vec::new();
    for distributor in distributors.iter().filter(|d| d.removed_on.is_none()) {
        let theirs = address("distributor.address", &distributor.address)?;
        if told.iter().any(|other| other.same_mailbox(&theirs)) {
            let why = format!("{theirs} stands there twice: set removed_on in one of them");
            return Err(ConfigError::value("distributor.address", why));
        }
        told.push(theirs);
    }
    Ok(())
}
