//! Who hears of a fix before it is public? A private distributor, with what was checked when they
//! were let in.

use super::Timestamp;
use super::address::Address;
use jiff::civil::Date;

/// Somebody on the private list, who gets embargoed notices sealed to their certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distributor {
    pub name: String,
    pub address: Address,
    /// A person, a telephone.
    pub contact: String,
    /// The criteria of the policy that were checked.
    pub criteria: Vec<String>,
    /// Who of those on the list vouched for them.
    pub vouched_by: String,
    pub embargo_accepted_on: Date,
    /// They hear nothing any more.
    pub removed_on: Option<Date>,
    /// When their certificate ends.
    pub ends: Option<Timestamp>,
    /// Why no letter can be encrypted to them.
    pub fault: Option<String>,
}
