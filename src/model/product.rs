//! Which products are ours, and how do people call them?

use serde::{Deserialize, Serialize};

/// A product of the desk's project, as letters may name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnProduct {
    pub name: String,
    /// Other names, those of its packages among them.
    pub aliases: Vec<String>,
    /// Its package URL, where it has one.
    pub purl: Option<String>,
    /// The releases that exist, where the operator lists them.
    pub releases: Vec<String>,
}

impl OwnProduct {
    /// Every name of it, its own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.aliases.iter().map(String::as_str);
        std::iter::once(self.name.as_str()).chain(aliases)
    }

    /// Whether a name is one of its.
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        self.names().any(|own| own.to_lowercase() == name)
    }
}
