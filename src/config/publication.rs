//! What may the world know of the desk, and whom is it told when something is released?

use crate::config::error::{ConfigError, address};
use crate::model::address::Address;
use crate::model::publication::{HttpsUrl, Language};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Where releases are announced.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AnnouncementSection {
    pub lists: Vec<String>,
    pub webhook_file: Option<PathBuf>,
}

/// What the world may know of the desk, and where it is found.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublishSection {
    /// Where security.txt is to be found (RFC 9116 section 2.5.2).
    #[schemars(with = "Vec<String>")]
    pub canonical: Vec<HttpsUrl>,
    /// Your policy, for security.txt
    #[schemars(with = "Option<String>")]
    pub policy: Option<HttpsUrl>,
    /// In which you can be written to, for security.txt
    #[schemars(with = "Vec<String>")]
    pub languages: Vec<Language>,
    /// The desk serves its Web Key Directory and security.txt here, for a web server in front of
    /// it.
    #[schemars(with = "Option<String>")]
    pub listen: Option<std::net::SocketAddr>,
    /// Published copies that the desk fetches once a day and holds against what it has.
    pub fetch: Vec<url::Url>,
}

/// Who publishes what `case export` writes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublisherSection {
    /// The vendor; the desk's name without it.
    pub name: Option<String>,
    /// A URL that is theirs alone; `https://` and the domain of the desk's address without it.
    #[schemars(with = "Option<String>")]
    pub namespace: Option<HttpsUrl>,
    /// The UUID of their CNA.
    pub cve_org_id: Option<String>,
    /// What packages belong to where nothing says it, as OSV names it.
    pub ecosystem: Option<String>,
}

impl AnnouncementSection {
    pub(super) fn addresses(&self) -> Result<Vec<Address>, ConfigError> {
        let lists = self.lists.iter();
        lists
            .map(|text| address("announcement.lists", text))
            .collect()
    }
}
