//! Which words does the operator want? Templates from config/templates, or the ones built in.

use crate::model::language::Language;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use std::path::Path;

/// A text that is built in: its name, its language, and its words.
type BuiltIn = (&'static str, Language, &'static str);

/// What reporters get, in one language.
macro_rules! to_reporters {
    ($language:expr, $folder:literal) => {
        [
            (
                "acknowledgement",
                $language,
                include_str!(concat!(
                    "../../config/templates/",
                    $folder,
                    "acknowledgement.txt"
                )),
            ),
            (
                "certificate",
                $language,
                include_str!(concat!(
                    "../../config/templates/",
                    $folder,
                    "certificate.txt"
                )),
            ),
            (
                "question",
                $language,
                include_str!(concat!("../../config/templates/", $folder, "question.txt")),
            ),
            (
                "reply",
                $language,
                include_str!(concat!("../../config/templates/", $folder, "reply.txt")),
            ),
        ]
    };
}

const TO_REPORTERS: [[BuiltIn; 4]; 8] = [
    to_reporters!(Language::English, ""),
    to_reporters!(Language::German, "de/"),
    to_reporters!(Language::French, "fr/"),
    to_reporters!(Language::Spanish, "es/"),
    to_reporters!(Language::Portuguese, "pt/"),
    to_reporters!(Language::Russian, "ru/"),
    to_reporters!(Language::Japanese, "ja/"),
    to_reporters!(Language::Chinese, "zh/"),
];

const TO_OTHERS: [BuiltIn; 4] = [
    (
        "announcement",
        Language::English,
        include_str!("../../config/templates/announcement.txt"),
    ),
    (
        "notice",
        Language::English,
        include_str!("../../config/templates/notice.txt"),
    ),
    (
        "call",
        Language::English,
        include_str!("../../config/templates/call.txt"),
    ),
    (
        "sign-in",
        Language::English,
        include_str!("../../config/templates/sign-in.txt"),
    ),
];

/// What is wrong with an operator's template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateFault {
    #[error("cannot read the letter template {0}")]
    Read(String, #[source] std::io::Error),
    #[error("letter template {0} is wrong: {1}")]
    Syntax(String, String),
    #[error("letter template {0} must begin with a line `Subject: …` and an empty line")]
    NoSubject(String),
}

/// Checked templates: each was parsed and filled in once before it is used.
#[derive(Clone, Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

/// A letter's words.
#[derive(Debug, PartialEq, Eq)]
pub struct LetterWords {
    pub subject: String,
    pub body: String,
}

fn key(name: &str, language: Language) -> String {
    format!("{}/{name}", language.code())
}

impl Templates {
    /// The built-in texts. With a folder, `NAME.txt` in it takes the place of each, in every
    /// language; `LANGUAGE/NAME.txt` that of one language, such as `de/reply.txt`.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateFault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        for (name, language, built_in) in TO_REPORTERS.iter().flatten().chain(&TO_OTHERS) {
            let file = format!("{name}.txt");
            let path = folder.and_then(|folder| {
                let of_language = folder.join(language.code()).join(&file);
                let mut theirs = [of_language, folder.join(&file)].into_iter();
                theirs.find(|path| path.exists())
            });
            let text = match &path {
                Some(path) => std::fs::read_to_string(path)
                    .map_err(|e| TemplateFault::Read(path.display().to_string(), e))?,
                None => (*built_in).to_owned(),
            };
            let key = key(name, *language);
            let shown = path.map_or_else(|| key.clone(), |path| path.display().to_string());
            environment
                .add_template_owned(key, text)
                .map_err(|e| TemplateFault::Syntax(shown, e.to_string()))?;
        }
        Ok(Self { environment })
    }

    pub(super) fn fill<S: Serialize>(
        &self,
        name: &str,
        language: Language,
        fields: &S,
    ) -> Result<LetterWords, TemplateFault> {
        let syntax = |e: minijinja::Error| TemplateFault::Syntax(name.to_owned(), e.to_string());
        let of_language = self.environment.get_template(&key(name, language));
        let text = of_language
            .or_else(|_| self.environment.get_template(&key(name, Language::English)))
            .and_then(|t| t.render(minijinja::value::Serde(fields)))
            .map_err(syntax)?;
        let (subject, body) = text
            .split_once("\n\n")
            .ok_or_else(|| TemplateFault::NoSubject(name.to_owned()))?;
        let subject = subject
            .strip_prefix("Subject:")
            .ok_or_else(|| TemplateFault::NoSubject(name.to_owned()))?;
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(LetterWords {
            subject,
            body: format!("{}\n", body.trim_matches('\n')),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_text_takes_the_place_of_all_languages_or_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("reply.txt"), "Subject: a\n\nevery").unwrap();
        std::fs::create_dir(folder.path().join("de")).unwrap();
        std::fs::write(folder.path().join("de/reply.txt"), "Subject: a\n\nGerman").unwrap();
        let templates = Templates::load(Some(folder.path())).unwrap();
        let body = |language| templates.fill("reply", language, &()).unwrap().body;
        assert_eq!(body(Language::Japanese), "every\n");
        assert_eq!(body(Language::German), "German\n");
    }
}
