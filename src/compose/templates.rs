//! Which words does the operator want? Templates from config/templates, or the ones built in.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use std::path::Path;

const NAMES: [(&str, &str); 7] = [
    (
        "acknowledgement",
        include_str!("../../config/templates/acknowledgement.txt"),
    ),
    (
        "certificate",
        include_str!("../../config/templates/certificate.txt"),
    ),
    (
        "question",
        include_str!("../../config/templates/question.txt"),
    ),
    ("reply", include_str!("../../config/templates/reply.txt")),
    (
        "announcement",
        include_str!("../../config/templates/announcement.txt"),
    ),
    ("notice", include_str!("../../config/templates/notice.txt")),
    ("call", include_str!("../../config/templates/call.txt")),
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
pub(super) struct TemplateFields {
    pub subject: String,
    pub body: String,
}

impl Templates {
    /// The built-in texts; with a folder, `NAME.txt` in it takes the place of each.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateFault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        for (name, built_in) in NAMES {
            let path = folder
                .map(|f| f.join(format!("{name}.txt")))
                .filter(|p| p.exists());
            let text = match &path {
                Some(path) => std::fs::read_to_string(path)
                    .map_err(|e| TemplateFault::Read(path.display().to_string(), e))?,
                None => built_in.to_owned(),
            };
            let shown = path.map_or_else(|| name.to_owned(), |p| p.display().to_string());
            environment
                .add_template_owned(name.to_owned(), text)
                .map_err(|e| TemplateFault::Syntax(shown, e.to_string()))?;
        }
        Ok(Self { environment })
    }

    pub(super) fn fill<S: Serialize>(
        &self,
        name: &str,
        fields: &S,
    ) -> Result<TemplateFields, TemplateFault> {
        let syntax = |e: minijinja::Error| TemplateFault::Syntax(name.to_owned(), e.to_string());
        let text = self
            .environment
            .get_template(name)
            .and_then(|t| t.render(minijinja::value::Serde(fields)))
            .map_err(syntax)?;
        let (subject, body) = text
            .split_once("\n\n")
            .ok_or_else(|| TemplateFault::NoSubject(name.to_owned()))?;
        let subject = subject
            .strip_prefix("Subject:")
            .ok_or_else(|| TemplateFault::NoSubject(name.to_owned()))?;
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(TemplateFields {
            subject,
            body: format!("{}\n", body.trim_matches('\n')),
        })
    }
}
