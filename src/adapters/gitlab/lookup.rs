//! Which issue is a case's?

use super::view::{cut, inert};
use super::{
    GitlabTracker, Issue, PAGES_MAX, SETTLE_LOOKS, SETTLE_S, TITLE_CHARACTERS_MAX, read, said,
};
use crate::adapters::net::rest::{self, RestFailure};
use crate::model::outgoing::Advisory;
use crate::model::report::Report;
use crate::ports::PortError;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

impl GitlabTracker {
    pub(super) async fn issue(&self, project: &str, iid: &str) -> Result<Issue, RestFailure> {
        read(self.get(&["projects", project, "issues", iid]).await?)
    }

    /// The name under which our issues are written.
    pub(super) async fn login(&self) -> Result<&str, RestFailure> {
        let asked = async || {
            let user = self.get(&["user"]).await?;
            user["username"]
                .as_str()
                .map(str::to_owned)
                .ok_or(RestFailure::Odd("it does not say who we are"))
        };
        self.login.get_or_try_init(asked).await.map(String::as_str)
    }

    /// Our own issues, the oldest first; of more than are read, the newest.
    pub(super) async fn list(&self, project: &str) -> Result<Vec<Issue>, RestFailure> {
        let login = self.login().await?.to_owned();
        let mut all = Vec::new();
        let mut page = "1".to_owned();
        for _ in 0..PAGES_MAX {
            let query = [
                ("author_username", login.as_str()),
                ("scope", "all"),
                ("order_by", "created_at"),
                ("sort", "desc"),
                ("per_page", "100"),
                ("page", &page),
            ];
            let (value, headers) =
                rest::call(self.request(Method::GET, &["projects", project, "issues"], &query)?)
                    .await?;
            all.extend(
                serde_json::from_value::<Vec<Issue>>(value)
                    .map_err(|_| RestFailure::Odd("its list of issues cannot be read"))?,
            );
            match headers
                .get("x-next-page")
                .and_then(|next| next.to_str().ok())
                .filter(|next| !next.is_empty())
            {
                Some(next) => page = next.to_owned(),
                None => break,
            }
        }
        all.reverse();
        Ok(all)
    }

    pub(super) async fn find(
        &self,
        project: &str,
        marker: &str,
    ) -> Result<Vec<Issue>, RestFailure> {
        let marked = |issue: &Issue| {
            issue
                .description
                .as_deref()
                .and_then(|d| d.trim_end().lines().last())
                .is_some_and(|line| line.trim() == marker)
        };
        Ok(self
            .list(project)
            .await?
            .into_iter()
            .filter(marked)
            .collect())
    }

    /// Makes an empty issue: nothing is told before it is proven confidential.
    pub(super) async fn make(
        &self,
        project: &str,
        advisory: &Advisory,
    ) -> Result<Vec<Issue>, PortError> {
        let body = json!({ "title": format!("Security report {}", advisory.case), "description": advisory.marker, "confidential": true });
        match self
            .send(Method::POST, &["projects", project, "issues"], &body)
            .await
        {
            Ok(made) => Ok(vec![made]),
            Err(failed) if failed.is_ambiguous() => {
                for _ in 0..SETTLE_LOOKS {
                    tokio::time::sleep(Duration::from_secs(SETTLE_S)).await;
                    let found = self.find(project, &advisory.marker).await.map_err(said)?;
                    if !found.is_empty() {
                        return Ok(found);
                    }
                }
                Err(said(failed))
            }
            Err(failed) => Err(said(failed)),
        }
    }

    /// Gives an issue its words, once it is proven that they stay among the team.
    pub(super) async fn fill(
        &self,
        project: &str,
        iid: u64,
        advisory: &Advisory,
    ) -> Result<(), PortError> {
        let iid = iid.to_string();
        let proven = self.issue(project, &iid).await.map_err(said)?;
        if !proven.confidential {
            return Err(PortError::lasting(format!(
                "issue {iid} of {project} is not confidential although it was asked to be: \
                 nothing was written into it; see the project's settings and our role in it"
            )));
        }
        // A human may have written meanwhile; only what is still empty is filled.
        if proven.description.as_deref().map(str::trim) != Some(advisory.marker.as_str()) {
            return Ok(());
        }
        let mut labels = self.labels.clone();
        labels.extend(
            advisory
                .report
                .severity
                .as_ref()
                .map(|severity| format!("severity::{severity}")),
        );
        let body = json!({ "title": cut(&advisory.summary, TITLE_CHARACTERS_MAX), "description": inert(&advisory.description), "add_labels": labels.join(",") });
        self.write(project, &iid, body).await
    }

    /// Writes into an issue, which is confidential from the same moment on whatever somebody did
    /// meanwhile.
    pub(super) async fn write(
        &self,
        project: &str,
        iid: &str,
        mut body: Value,
    ) -> Result<(), PortError> {
        body["confidential"] = json!(true);
        let written = self
            .send(Method::PUT, &["projects", project, "issues", iid], &body)
            .await
            .map_err(said)?;
        if written.confidential {
            Ok(())
        } else {
            Err(PortError::lasting(format!(
                "{project}#{iid} does not stay confidential: look at it now"
            )))
        }
    }

    pub(super) fn project_for(&self, report: &Report) -> &str {
        let product = report.product.as_deref().unwrap_or_default().to_lowercase();
        self.products.get(&product).unwrap_or(&self.project)
    }

    pub(super) fn projects(&self) -> Vec<&str> {
        let mut all: Vec<&str> = std::iter::once(&self.project)
            .chain(self.products.values())
            .map(String::as_str)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
