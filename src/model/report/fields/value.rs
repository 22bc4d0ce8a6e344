//! How does the value of a field read as text?

use crate::model::report::{Affected, Class, CreditWish, Disclosure, Evidence, Intent, Missing};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Texts of the reporter, shown in one line. Where Markdown is rendered, disarm each.
    List(Vec<String>),
    /// Texts of the reporter, each on lines of its own. Where Markdown is rendered, disarm each.
    Lines(Vec<String>),
    /// One or several of a closed set, with a date at most: a phrase in Markdown for the tracker,
    /// and a short form for letters and terminals. Neither holds a text of the reporter.
    Chosen { phrase: String, short: String },
}

impl Value {
    /// The report does not say.
    const UNKNOWN: Self = Self::List(Vec::new());

    /// One of a closed set that has a single form.
    fn word(word: &str) -> Self {
        Self::Chosen {
            phrase: word.to_owned(),
            short: word.to_owned(),
        }
    }

    /// Whether the report says anything of it.
    pub fn is_known(&self) -> bool {
        match self {
            Self::List(texts) | Self::Lines(texts) => !texts.is_empty(),
            Self::Chosen { short, .. } => !short.is_empty(),
        }
    }

    /// The value as plain text; of a closed set, the short form. Nothing is disarmed.
    pub fn text(&self) -> String {
        match self {
            Self::List(texts) => texts.join(", "),
            Self::Lines(texts) => texts.join("\n"),
            Self::Chosen { short, .. } => short.clone(),
        }
    }
}

pub(super) fn optional(text: &Option<String>) -> Value {
    Value::List(text.iter().cloned().collect())
}

pub(super) fn list(texts: &[String]) -> Value {
    Value::List(texts.to_vec())
}

/// A text of several lines.
pub(super) fn block(text: &Option<String>) -> Value {
    let lines = text.iter().flat_map(|text| text.split('\n'));
    Value::Lines(lines.map(str::to_owned).collect())
}

/// A line for each fact that a reader may doubt.
pub(super) fn evidence(evidence: &[Evidence]) -> Value {
    let doubtful = evidence.iter().filter(|e| !e.fact.is_verbatim());
    Value::Lines(doubtful.map(Evidence::in_words).collect())
}

/// Files, then functions.
pub(super) fn places(files: &[String], functions: &[String]) -> Value {
    Value::List([files, functions].concat())
}

pub(super) fn yes_or_no(answer: Option<bool>) -> Value {
    answer.map_or(Value::UNKNOWN, |yes| {
        Value::word(if yes { "yes" } else { "no" })
    })
}

/// What a letter reads like; nothing where it is what it should be.
pub(super) fn class(class: Class) -> Value {
    match class {
        Class::Report => Value::UNKNOWN,
        other => Value::word(other.as_str()),
    }
}

/// `1. First title`.
pub(super) fn numbered(titles: &[String]) -> Value {
    let titles = titles.iter().enumerate();
    Value::Lines(
        titles
            .map(|(n, title)| format!("{}. {title}", n + 1))
            .collect(),
    )
}

/// Whether they want to be credited, and under which name.
pub(super) fn credit(wish: Option<CreditWish>, name: Option<&str>) -> Value {
    let wish = wish.map(CreditWish::as_str);
    let said: Vec<&str> = wish.into_iter().chain(name).collect();
    if said.is_empty() {
        return Value::UNKNOWN;
    }
    Value::List(vec![said.join(" ").trim().to_owned()])
}

pub(super) fn disclosure(disclosure: &Disclosure) -> Value {
    let phrase = match disclosure.intent {
        Intent::Private => "keeps it private",
        Intent::Public => "means to publish",
        Intent::AlreadyPublic => "**already public**",
        Intent::Unstated => "not stated",
    };
    let (intent, date) = (disclosure.intent.as_str(), disclosure.date.as_deref());
    Value::Chosen {
        phrase: date.map_or_else(|| phrase.to_owned(), |date| format!("{phrase} on {date}")),
        short: format!("{intent} {}", date.unwrap_or_default()),
    }
}

pub(super) fn missing(missing: &[Missing]) -> Value {
    let phrases = missing.iter().map(|missing| match missing {
        Missing::Steps => "steps to reproduce",
        Missing::Versions => "affected versions",
    });
    let phrases: Vec<&str> = phrases.collect();
    let short: Vec<&str> = missing.iter().map(|missing| missing.as_str()).collect();
    Value::Chosen {
        phrase: if phrases.is_empty() {
            "nothing".to_owned()
        } else {
            phrases.join(", ")
        },
        short: short.join(", "),
    }
}

/// `acme (pkg:npm/acme): from 1.0 to below 1.5.2; other: 2.0`.
pub(super) fn ranges(affected: &[Affected]) -> Value {
    let texts = affected.iter().map(ranges_of_package);
    let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return Value::UNKNOWN;
    }
    Value::List(vec![texts.join("; ")])
}

fn ranges_of_package(affected: &Affected) -> String {
    let package = affected.package.as_ref().map_or_else(String::new, |p| {
        p.purl
            .as_ref()
            .map_or_else(|| p.name.clone(), |purl| format!("{} ({purl})", p.name))
    });
    let ranges = affected
        .ranges
        .iter()
        .map(|range| match (&range.fixed, &range.last_affected) {
            (Some(fixed), _) => format!("from {} to below {fixed}", range.introduced),
            (_, Some(last)) => format!("from {} to {last}", range.introduced),
            _ => format!("from {} on", range.introduced),
        });
    let all: Vec<String> = ranges.chain(affected.versions.iter().cloned()).collect();
    if all.is_empty() {
        String::new()
    } else {
        format!("{package}: {}", all.join(", "))
    }
}
