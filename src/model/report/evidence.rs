//! On which words does a fact rest? Its place in the letter, and how the letter gives it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longer quotations are cut.
const QUOTE_CHARACTERS_MAX: usize = 200;

/// A fact that was read from the letter's words, and the words that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Evidence {
    pub fact: FactField,
    /// As the report prints it: `>= 1.0, < 2.4.1`, `public`, `2026-12-24`.
    pub value: String,
    pub how: How,
    pub place: TextPlace,
    /// The sentence, the item or the cell, at most 200 characters.
    pub quote: String,
}

impl Evidence {
    /// A fact on these words of the letter.
    pub fn new(fact: FactField, value: String, how: How, place: TextPlace, words: &str) -> Self {
        Self {
            fact,
            value,
            how,
            place,
            quote: words.chars().take(QUOTE_CHARACTERS_MAX).collect(),
        }
    }

    /// `affected < 2.4.1, line 3: “All versions before 2.4.1 are vulnerable.”`
    pub fn in_words(&self) -> String {
        let Self {
            fact,
            value,
            how,
            place,
            quote,
        } = self;
        let doubt = match how {
            How::Stated => "",
            How::Inferred => " (inferred)",
            How::Ambiguous => " (or otherwise: it can be read in two ways)",
        };
        let place = match place {
            TextPlace::Subject => "subject".to_owned(),
            TextPlace::Text { line, .. } => format!("line {line}"),
            TextPlace::Record => "a record".to_owned(),
            TextPlace::Attachment { name, line } => format!("{name}, line {line}"),
        };
        format!("{} {value}{doubt}, {place}: “{quote}”", fact.as_str())
    }
}

/// Which fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactField {
    Affected,
    NotAffected,
    Fixed,
    Severity,
    /// Whether the reporter publishes.
    Intent,
    /// When they do.
    PublicDate,
    Exploited,
    OthersTold,
    /// Whether the reporter wants to be named.
    Credit,
    /// As whom.
    CreditName,
    Product,
    Cve,
    Cwe,
    Cvss,
    /// One of several, by its title.
    Vulnerability,
    Steps,
    /// A file of the source.
    File,
    Function,
}

impl FactField {
    /// Whether it is a fact of the vulnerability, and not of the reporter's plans and wishes.
    pub fn is_of_vulnerability(self) -> bool {
        !matches!(
            self,
            Self::Intent
                | Self::PublicDate
                | Self::Exploited
                | Self::OthersTold
                | Self::Credit
                | Self::CreditName
        )
    }

    /// Whether its value is a piece of the letter as it stands, so that its words say nothing more.
    pub fn is_verbatim(self) -> bool {
        matches!(
            self,
            Self::Cve
                | Self::Cvss
                | Self::Vulnerability
                | Self::Steps
                | Self::File
                | Self::Function
        )
    }

    /// The word, as JSON and people have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Affected => "affected",
            Self::NotAffected => "not affected",
            Self::Fixed => "fixed in",
            Self::Severity => "severity",
            Self::Intent => "intent",
            Self::PublicDate => "publication",
            Self::Exploited => "exploited",
            Self::OthersTold => "others told",
            Self::Credit => "credit",
            Self::CreditName => "credit to",
            Self::Product => "product",
            Self::Cve => "CVE",
            Self::Cwe => "weakness",
            Self::Cvss => "CVSS",
            Self::Vulnerability => "vulnerability",
            Self::Steps => "steps",
            Self::File => "file",
            Self::Function => "function",
        }
    }
}

/// How the letter gives a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A field or a sentence says it.
    Stated,
    /// It follows from something else, as from the subject alone.
    Inferred,
    /// It can be read in two ways; each has an entry.
    Ambiguous,
}

/// Where the words stand.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextPlace {
    Subject,
    /// A line of `text`, from 1, and the octets of `text` from where to where.
    Text {
        line: u32,
        from: u32,
        to: u32,
    },
    /// A record that came with the letter.
    Record,
    /// A line, from 1, of a text that came with the letter.
    Attachment {
        name: String,
        line: u32,
    },
}
