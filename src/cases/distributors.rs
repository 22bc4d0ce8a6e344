//! Who is told of a vulnerability in advance?

use super::{Changed, Context};
use crate::decide::{self, Entry};
use crate::model::address::Address;
use crate::model::effect::Effect;
use crate::model::journal::JournalEvent;
use anyhow::bail;
use serde::{Deserialize, Serialize};

/// Longer notices are attachments.
const NOTICE_OCTETS_MAX: usize = 16 * 1024;

/// What a notice says and to whom; it rests sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Notice {
    pub to: Address,
    pub text: String,
}

pub(super) async fn notify(context: &Context<'_>, text: &str) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    if text.trim().is_empty() {
        bail!("the notice is empty");
    }
    if text.len() > NOTICE_OCTETS_MAX {
        bail!("the notice is longer than {NOTICE_OCTETS_MAX} octets");
    }
    let (able, unable): (Vec<_>, Vec<_>) = desk
        .parts
        .distributors
        .iter()
        .filter(|d| d.removed_on.is_none())
        .partition(|d| d.fault.is_none());
    if able.is_empty() {
        bail!(
            "there is no distributor whom a notice could be encrypted to: see [[distributor]] in \
             the config"
        );
    }
    let now = desk.now();
    // A notice of another hour is another notice.
    let hour = case
        .course()
        .release_day
        .map_or(0, |day| day.as_millisecond())
        .to_be_bytes();
    let word = desk
        .content_tag(&[b"notice", &hour, text.as_bytes()])
        .await?;
    let mut notices = Vec::new();
    for distributor in &able {
        let notice = serde_json::to_vec(&Notice {
            to: distributor.address.clone(),
            text: text.to_owned(),
        })?;
        notices.push((
            distributor.name.clone(),
            Effect::notify(
                case.id(),
                &word,
                &desk.keyed_tag("to", &[distributor.address.as_str().as_bytes()]),
                desk.parts.store.seal(&notice)?,
                now,
            ),
        ));
    }
    let mut decision = decide::notify(case, notices, by, now)?;
    decision.journal.extend(unable.iter().map(|d| {
        Entry::of(
            case.id(),
            JournalEvent::NoticeNotSent,
            format!("{}: no letter can be encrypted to them", d.name),
        )
    }));
    let unable = unable
        .iter()
        .map(|d| format!("{} ({})", d.name, d.contact))
        .collect::<Vec<_>>()
        .join(", ");
    let unable = if unable.is_empty() {
        String::new()
    } else {
        format!("; nothing can be encrypted to {unable}: tell them in another way")
    };
    Ok((
        decision,
        format!("{} distributors are told{unable}", able.len()),
    ))
}
