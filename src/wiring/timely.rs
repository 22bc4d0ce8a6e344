//! How long may a tracker take for one thing? Less than an effect is leased for, so that nobody else
//! takes up what is still under way.

use crate::model::case::{AdvisoryId, AdvisoryState};
use crate::model::outgoing::{Addition, Advisory, Amendment};
use crate::ports::{Capabilities, Comment, Filed, PortError, Tracker};
use async_trait::async_trait;
use std::time::Duration;

/// One thing takes several calls of a server, each with a time of its own, and may wait for those before
/// it. An effect may do two of them.
const WORK: Duration = Duration::from_secs(7 * 60);

/// A tracker whose works end in time.
pub struct Timely<T>(pub T);

async fn in_time<R>(work: impl Future<Output = Result<R, PortError>>) -> Result<R, PortError> {
    let late = |_| {
        let minutes = WORK.as_secs() / 60;
        PortError::in_doubt(format!("the tracker is not done after {minutes} minutes"))
    };
    tokio::time::timeout(WORK, work).await.map_err(late)?
}

#[async_trait]
impl<T: Tracker> Tracker for Timely<T> {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn file(&self, advisory: &Advisory, perhaps_filed: bool) -> Result<Filed, PortError> {
        in_time(self.0.file(advisory, perhaps_filed)).await
    }

    async fn append(&self, advisory: &AdvisoryId, addition: &Addition) -> Result<(), PortError> {
        in_time(self.0.append(advisory, addition)).await
    }

    async fn follow_up(
        &self,
        advisory: &AdvisoryId,
        addition: &Addition,
    ) -> Result<bool, PortError> {
        in_time(self.0.follow_up(advisory, addition)).await
    }

    async fn comments(&self, advisory: &AdvisoryId) -> Result<Vec<Comment>, PortError> {
        in_time(self.0.comments(advisory)).await
    }

    async fn amend(&self, advisory: &AdvisoryId, amendment: &Amendment) -> Result<(), PortError> {
        in_time(self.0.amend(advisory, amendment)).await
    }

    async fn request_cve(&self, advisory: &AdvisoryId) -> Result<(), PortError> {
        in_time(self.0.request_cve(advisory)).await
    }

    async fn open_fork(&self, advisory: &AdvisoryId) -> Result<(), PortError> {
        in_time(self.0.open_fork(advisory)).await
    }

    async fn states(&self) -> Result<Vec<(String, AdvisoryState)>, PortError> {
        in_time(self.0.states()).await
    }

    async fn code_owners(&self, advisory: &AdvisoryId) -> Result<Option<Vec<String>>, PortError> {
        in_time(self.0.code_owners(advisory)).await
    }

    async fn probe(&self) -> Result<String, PortError> {
        in_time(self.0.probe()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::PortErrorKind;

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_in_doubt() {
        let slow = async {
            tokio::time::sleep(2 * WORK).await;
            Ok(())
        };
        let late = in_time(slow).await.unwrap_err();
        assert_eq!(late.kind(), PortErrorKind::InDoubt, "{late}");
        let fast = async { Ok(7) };
        assert_eq!(in_time(fast).await.unwrap(), 7);
    }
}
