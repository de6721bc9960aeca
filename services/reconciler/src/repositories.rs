//! Owns going through the repositories of a source that have an open session, page by page, so that
//! memory stays flat however many there are.

use chrono::TimeDelta;
use contract::name::SourceName;
use contract::time::now;
use store::reconciliation::{self, OpenRepository};

use crate::desk::Desk;
use crate::halt::Halt;

/// Repositories of a page.
const PAGE: i64 = 200;
/// How long after its deadline a session's repository is still looked at, in days: as long as a
/// delivery can be made again.
const AFTER_DEADLINE_DAYS: i64 = forge_api::github::KEPT_DAYS;

/// The pages of a source.
pub(crate) struct Pages<'a> {
    desk: &'a Desk,
    source: &'a SourceName,
    after: Option<String>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(desk: &'a Desk, source: &'a SourceName) -> Self {
        Self {
            desk,
            source,
            after: Some(String::new()),
        }
    }

    /// The next page; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<OpenRepository>>, Halt> {
        let Some(after) = self.after.take() else {
            return Ok(None);
        };
        let open_at = now() - TimeDelta::days(AFTER_DEADLINE_DAYS);
        let mut conn = self.desk.ground.store.connection().await?;
        let page = reconciliation::open_repositories(&mut conn, self.source, &after, open_at, PAGE)
            .await?;
        self.after = page.last().map(|last| last.repository.clone());
        Ok((!page.is_empty()).then_some(page))
    }
}
