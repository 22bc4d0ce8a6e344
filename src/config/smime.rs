//! Which certificates of S/MIME are ours, and which roots are trusted?

use super::error::ConfigError;
use super::secrets::expanded;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// `[smime]`. Without it, S/MIME stays shut, and its signatures are believed of nobody.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmimeSection {
    /// Our certificates in PEM, each with those above it; the one to hand out first in front
    pub certificates: Vec<PathBuf>,
    /// Roots in PEM: a signature is believed where its certificate leads to one of them
    pub roots: Vec<PathBuf>,
}

impl SmimeSection {
    /// The section with its variables filled in.
    pub(super) fn expanded(&self) -> Result<Self, ConfigError> {
        let paths = |key: &'static str, paths: &[PathBuf]| -> Result<Vec<PathBuf>, ConfigError> {
            paths.iter().map(|path| expanded(key, path)).collect()
        };
        Ok(Self {
            certificates: paths("smime.certificates", &self.certificates)?,
            roots: paths("smime.roots", &self.roots)?,
        })
    }
}
