//! Which products does the project publish?

use crate::config::error::ConfigError;
use schemars::JsonSchema;
use serde::Deserialize;

/// One `[[product]]`: what reports are about. What a letter names is looked for among them first.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductSection {
    /// As advisories call it
    pub name: String,
    /// Other names that people use
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Package URLs, such as `pkg:npm/acme-web`; their names count as aliases
    #[serde(default)]
    pub packages: Vec<String>,
    /// Releases that exist; a version among them is one of this product, whatever it looks like
    #[serde(default)]
    pub releases: Vec<String>,
}

/// Each product has a name of its own.
pub(super) fn check(products: &[ProductSection]) -> Result<(), ConfigError> {
    let mut taken: Vec<String> = Vec::new();
    for product in products {
        for name in std::iter::once(&product.name).chain(&product.aliases) {
            let plain = name.trim().to_lowercase();
            let why = if plain.is_empty() {
                "an empty name names nothing: remove it".to_owned()
            } else if taken.contains(&plain) {
                format!("{name} stands there twice: a name belongs to one product, once")
            } else {
                taken.push(plain);
                continue;
            };
            return Err(ConfigError::value("product.name", why));
        }
    }
    Ok(())
}
