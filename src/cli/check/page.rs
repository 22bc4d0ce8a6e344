//! Does the page for responders reach browsers, and may anybody sign in?

use super::Findings;
use crate::config::Settings;
use crate::model::page::PageAccess;
use crate::page;

/// Asks the page at its own URL; says nothing where there is none.
pub(super) async fn check(settings: &Settings, findings: &mut Findings) {
    let Some(configured) = &settings.page else {
        return;
    };
    match page::probe(&configured.url).await {
        Ok(found) => findings.good("page", &found),
        Err(err) if err.is_lasting() => findings.bad("page", &err.to_string()),
        Err(err) => findings.warn(
            "page",
            &format!("{err}: start it by systemctl enable --now sealdesk-page.socket"),
        ),
    }
    let mut responders = settings.responders.iter();
    if !responders.any(|responder| responder.page != PageAccess::None) {
        let why = "nobody may sign in: each responder has page = \"none\", or there is none";
        findings.warn("page", why);
    }
}
