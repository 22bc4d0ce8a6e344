//! Which address is the desk's, and what belongs to it?

use super::error::{ConfigError, address};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::language::Language;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeskSection {
    pub address: String,
    pub name: String,
    pub state: PathBuf,
    #[serde(default)]
    pub aliases: Vec<String>,
    pub bounce_address: Option<String>,
    #[serde(default)]
    pub own_lists: Vec<String>,
    #[serde(default)]
    pub original_from_lists: Vec<String>,
    #[serde(default)]
    pub forms: Vec<String>,
    pub authserv_id: Option<String>,
    #[serde(default)]
    #[schemars(with = "String", extend("examples" = ["system", "none"]))]
    pub resolver: Resolver,
    pub answer_from: Option<String>,
    pub templates: Option<PathBuf>,
    #[serde(default)]
    pub language: Language,
}

/// Whom the desk asks about a letter's originator, where no `authserv_id` names the server that
/// did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Resolver {
    /// The resolvers of this machine.
    #[default]
    System,
    None,
    At(std::net::SocketAddr),
}

impl TryFrom<String> for Resolver {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "system" => Ok(Self::System),
            "none" => Ok(Self::None),
            other => other.parse().map(Self::At).map_err(|_| {
                format!("{other:?} is neither \"system\" nor \"none\" nor written ADDRESS:PORT")
            }),
        }
    }
}

/// The addresses of a desk.
pub(super) struct Addresses {
    pub address: Address,
    pub bounce_address: Address,
    /// Every address that reaches or leaves the desk, its own first.
    pub ours: Vec<Address>,
}

impl DeskSection {
    pub(super) fn addresses(&self) -> Result<Addresses, ConfigError> {
        let own = address("desk.address", &self.address)?;
        let bounce_address = match &self.bounce_address {
            Some(text) => address("desk.bounce_address", text)?,
            None => own.clone(),
        };
        let mut ours = vec![own.clone(), bounce_address.clone()];
        for alias in &self.aliases {
            ours.push(address("desk.aliases", alias)?);
        }
        Ok(Addresses {
            address: own,
            bounce_address,
            ours,
        })
    }

    pub(super) fn forms(&self) -> Result<Vec<Address>, ConfigError> {
        let forms = self.forms.iter();
        forms.map(|text| address("desk.forms", text)).collect()
    }

    pub(super) fn answers_from(&self) -> Result<Option<Timestamp>, ConfigError> {
        let Some(text) = &self.answer_from else {
            return Ok(None);
        };
        let parsed = text.parse().map_err(|e| {
            let why = format!("{text:?} is not a time such as 2026-11-01T00:00:00Z: {e}");
            ConfigError::value("desk.answer_from", why)
        });
        parsed.map(Some)
    }

    pub(super) fn check_lists(&self) -> Result<(), ConfigError> {
        let unknown = |list: &&String| !self.own_lists.contains(list);
        match self.original_from_lists.iter().find(unknown) {
            Some(list) => {
                let why = format!("{list:?} is not among desk.own_lists");
                Err(ConfigError::value("desk.original_from_lists", why))
            }
            None => Ok(()),
        }
    }
}
