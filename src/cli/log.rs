//! Where does the log go? To journald with a field each, where the service manager listens there;
//! else to standard error.

use libsystemd::logging::{Priority, connected_to_journal, journal_send};
use std::fmt::{self, Write as _};
use std::io::Write as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt as text};

/// Only our own crate speaks: libraries may log what strangers sent.
fn filter(level: &str) -> EnvFilter {
    let wanted = std::env::var("SEALDESK_LOG").unwrap_or_else(|_| level.to_owned());
    EnvFilter::try_new(format!("sealdesk={wanted}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("sealdesk={level}")))
}

/// Whether standard error goes to journald.
pub fn is_journaled() -> bool {
    connected_to_journal()
}

/// Begins to log to standard error.
pub fn to_stderr(level: &str) {
    let builder = text()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter(filter(level))
        .with_target(false)
        .log_internal_errors(false);
    // journald keeps the time itself.
    if is_journaled() {
        builder.without_time().init()
    } else {
        builder.init()
    }
}

/// Begins to log to journald, by its own protocol.
pub fn to_journal(level: &str) {
    tracing_subscriber::registry()
        .with(filter(level))
        .with(Journal)
        .init();
}

/// The field that holds what a line says without its fields: of it alone it is sure that nothing of
/// anybody stands in it.
pub(super) const PHRASE: &str = "SEALDESK_PHRASE";

struct Journal;

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let priority = match *event.metadata().level() {
            Level::ERROR => Priority::Error,
            Level::WARN => Priority::Warning,
            Level::INFO => Priority::Info,
            _ => Priority::Debug,
        };
        let message = line.message();
        line.fields.push((PHRASE.to_owned(), line.phrase.clone()));
        if journal_send(priority, &message, line.fields.into_iter()).is_err() {
            // Standard error may be gone too.
            let _ = writeln!(std::io::stderr(), "{message}");
        }
    }
}

/// What an event says: its phrase, and its fields under names that journald takes.
#[derive(Default)]
struct Line {
    phrase: String,
    shown: String,
    fields: Vec<(String, String)>,
}

impl Line {
    /// The fields stand behind the phrase too, for whoever reads the journal as text.
    fn message(&self) -> String {
        format!("{}{}", self.phrase, self.shown)
    }

    fn note(&mut self, field: &Field, shown: &str, value: String) {
        if field.name() == "message" {
            self.phrase = value;
            return;
        }
        let _ = write!(self.shown, " {}={shown}", field.name());
        self.fields.push((
            format!("SEALDESK_{}", field.name().to_ascii_uppercase()),
            value,
        ));
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, &format!("{value:?}"), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.note(field, &text, text.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<Line>>>);

    impl<S: Subscriber> Layer<S> for Lines {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut line = Line::default();
            event.record(&mut line);
            self.0.lock().unwrap().push(line);
        }
    }

    #[test]
    fn a_line_has_its_phrase_and_a_field_each() {
        let lines = Lines::default();
        tracing::subscriber::with_default(
            tracing_subscriber::registry().with(lines.clone()),
            || {
                let id = 7;
                tracing::info!(intake = %id, why = "a \"b\"", "letter read");
            },
        );
        let line = lines.0.lock().unwrap().remove(0);
        assert_eq!(line.message(), "letter read intake=7 why=\"a \\\"b\\\"\"");
        assert_eq!(
            line.fields,
            [
                ("SEALDESK_INTAKE".to_owned(), "7".to_owned()),
                ("SEALDESK_WHY".to_owned(), "a \"b\"".to_owned())
            ]
        );
    }
}
