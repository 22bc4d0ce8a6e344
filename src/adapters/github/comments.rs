//! What do people say below an advisory? By an API that GitHub shows since October 2026 as a
//! preview.
//!
//! The published description does not have it yet, so it may end: where it does (404 or 410),
//! nobody is heard and follow-ups go into the description, as they do without it.

use super::DESCRIPTION_CHARACTERS_FULL;
use super::api::{GithubApi, GithubFailure};
use crate::model::Timestamp;
use crate::model::outgoing::Addition;
use crate::ports::Comment;
use serde::Deserialize;
use serde_json::json;

/// Pages that are read at most: 100 comments each.
const PAGES_MAX: usize = 20;

/// The fields of a comment that we read.
#[derive(Debug, Deserialize)]
struct Said {
    id: u64,
    body: Option<String>,
    user: Option<User>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

/// What the API shows of them, oldest first; nothing where it has ended.
pub(super) async fn heard(api: &GithubApi, route: &str) -> Result<Vec<Comment>, GithubFailure> {
    match said(api, route).await {
        Err(GithubFailure::Forbidden(404 | 410, _)) => Ok(Vec::new()),
        heard => heard,
    }
}

async fn said(api: &GithubApi, route: &str) -> Result<Vec<Comment>, GithubFailure> {
    let mut all = Vec::new();
    let mut next = Some(format!("{route}/comments?per_page=100"));
    for _ in 0..PAGES_MAX {
        let Some(page) = next else { break };
        let (listed, following) = api.page(&page).await?;
        let listed: Vec<Said> = serde_json::from_value(listed)
            .map_err(|_| GithubFailure::Odd("its comments cannot be read"))?;
        all.extend(listed.into_iter().filter_map(|one| {
            let edited = one.updated_at != one.created_at;
            Some(Comment {
                id: one.id,
                author: one.user?.login,
                text: one.body.unwrap_or_default(),
                at: one.created_at,
                edited,
            })
        }));
        next = following;
    }
    all.sort_by_key(|comment| comment.id);
    Ok(all)
}

/// Says it once, as its mark tells. `false`: there are no comments here.
pub(super) async fn add(
    api: &GithubApi,
    route: &str,
    addition: &Addition,
) -> Result<bool, GithubFailure> {
    match said(api, route).await {
        Ok(before)
            if before
                .iter()
                .any(|comment| comment.text.contains(&addition.mark)) =>
        {
            return Ok(true);
        }
        Ok(_) => {}
        Err(GithubFailure::Forbidden(404 | 410, _)) => return Ok(false),
        Err(failed) => return Err(failed),
    }
    let text = match addition.text.chars().count() > DESCRIPTION_CHARACTERS_FULL {
        true => format!(
            "{}\nA follow-up is too long for the tracker: see `sealdesk case show`.",
            addition.mark
        ),
        false => addition.text.clone(),
    };
    match api
        .post(&format!("{route}/comments"), &json!({ "body": text }))
        .await
    {
        Ok(_) => Ok(true),
        // A published advisory is read below, and not written.
        Err(GithubFailure::Forbidden(404 | 410, _)) => Ok(false),
        Err(failed) => Err(failed),
    }
}

/// Whether comments can be read here, in words.
pub(super) async fn probed(api: &GithubApi, route: &str) -> String {
    match said(api, route).await {
        Ok(_) => "comments are read, and relayed where a responder marks them".to_owned(),
        Err(why @ GithubFailure::Forbidden(404 | 410, _)) => {
            format!(
                "there are no comments, so none is relayed and follow-ups go into the description \
                 (GitHub {why})"
            )
        }
        Err(why) => format!("comments cannot be read, and follow-ups wait for it (GitHub {why})"),
    }
}
