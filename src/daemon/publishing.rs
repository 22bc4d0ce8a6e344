//! Is what the world sees of the desk what it has?

use super::{DAY, SOONER, WITH_A_RESTART};
use crate::adapters::published;
use crate::adapters::site::Site;
use crate::config::{self, Settings};
use crate::desk::Desk;
use crate::model::effect::Reason;
use crate::wiring::{self};
use std::sync::Arc;
use tracing::{error, info};

/// Whether a desk can be opened with the config as it stands now. What keeps it from that is
/// logged, and the desk goes on.
pub(super) fn is_renewed(settings: &Settings) -> bool {
    let renewed = match config::load(&settings.file)
        .map_err(anyhow::Error::from)
        .and_then(|renewed| wiring::dry_run(&renewed).map(|()| renewed))
    {
        Ok(renewed) => renewed,
        Err(err) => {
            error!(
                error = format!("{err:#}"),
                "the config cannot be used; the desk goes on with the one before"
            );
            return false;
        }
    };
    let changes = config::changes(settings, &renewed);
    if let Some(change) = changes
        .iter()
        .find(|change| WITH_A_RESTART.iter().any(|key| change.starts_with(key)))
    {
        error!(
            change,
            "this changes with a restart alone; the desk goes on with the config before"
        );
        return false;
    }
    for change in &changes {
        info!(change, "config changed");
    }
    // Files that it names may have changed too.
    info!(changes = changes.len(), "config read again");
    true
}

/// Signs security.txt anew each day, so that what is served never ends.
pub(super) async fn keep_fresh(settings: Settings, desk: Arc<Desk>, site: Site) {
    loop {
        let pause = match wiring::pages(&settings, desk.parts.opener.as_ref(), desk.now()).await {
            Ok(pages) => {
                desk.mended("publication");
                site.show(pages);
                DAY
            }
            Err(err) => {
                desk.fault("publication", &format!("{err:#}")).await;
                SOONER
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Fetches our published copies, and has humans called where one differs from what we hold.
pub(super) async fn watch_published(settings: Settings, desk: Arc<Desk>) {
    loop {
        for url in &settings.publish.fetch {
            let what = format!("published copy {url}");
            let found = match wiring::expected(&settings) {
                Ok(expected) => published::differs(url.as_str(), &expected, desk.now())
                    .await
                    .map_err(|e| e.to_string()),
                Err(err) => Err(format!("{err:#}")),
            };
            match found {
                Ok(None) => desk.mended(&what),
                Ok(Some(why)) => desk.call_about(Reason::PublishedDiffers, &what, &why).await,
                Err(why) => desk.fault(&what, &why).await,
            }
        }
        tokio::time::sleep(DAY).await;
    }
}
