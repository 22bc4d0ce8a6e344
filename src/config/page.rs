//! Is there a page for responders, and where?

use super::error::ConfigError;
use super::secrets::expanded;
use crate::model::page::PageUrl;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `[page]`: the page on which responders work; there is none without it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PageSection {
    /// Where browsers find it
    #[schemars(with = "String")]
    pub url: PageUrl,
    /// The socket of the desk that the page asks
    pub socket: Option<PathBuf>,
    /// The group that may use the socket.
    pub group: Option<String>,
}

/// Where the page is, and how it asks the desk.
#[derive(Clone, Debug)]
pub struct PageSettings {
    pub url: PageUrl,
    pub socket: PathBuf,
    pub group: Option<String>,
}

impl PageSection {
    /// `state` is the folder in which the socket is where nothing else is said.
    pub(super) fn checked(self, state: &Path) -> Result<PageSettings, ConfigError> {
        let socket = self.socket.map(|path| expanded("page.socket", &path));
        Ok(PageSettings {
            url: self.url,
            socket: socket
                .transpose()?
                .unwrap_or_else(|| state.join("page.sock")),
            group: self.group,
        })
    }
}
