//! In which languages are letters read and answered?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language, as ISO 639-1 names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "de")]
    German,
    #[serde(rename = "fr")]
    French,
    #[serde(rename = "es")]
    Spanish,
    #[serde(rename = "pt")]
    Portuguese,
    #[serde(rename = "ru")]
    Russian,
    #[serde(rename = "ja")]
    Japanese,
    #[serde(rename = "zh")]
    Chinese,
}

impl Language {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::Russian => "ru",
            Self::Japanese => "ja",
            Self::Chinese => "zh",
        }
    }

    /// Whether it writes 3/4 for the third of April.
    pub fn is_day_first(self) -> bool {
        matches!(
            self,
            Self::German | Self::French | Self::Spanish | Self::Portuguese | Self::Russian
        )
    }
}
