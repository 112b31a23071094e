//! How are the sessions of people looked at and ended?

use countersign_proto::management::{Page, Session, SessionEnd, SessionFilter};
use http::Method;

use super::{Admin, PageRequest, call::Call};
use crate::Error;

impl Admin {
    /// The sessions of a principal, or of everybody, newest first. Those that ended are listed for
    /// 30 days.
    pub async fn sessions(
        &self,
        filter: &SessionFilter,
        page: &PageRequest,
    ) -> Result<Page<Session>, Error> {
        let call = Call::page("sessions", page).filter(filter)?;
        self.caller.call(call).await?.read()
    }

    /// One session.
    pub async fn session(&self, id: &str) -> Result<Session, Error> {
        self.read(&["sessions", id]).await
    }

    /// Ends a session at once, with every token of it. What was granted in it goes on.
    pub async fn end_session(&self, id: &str) -> Result<Session, Error> {
        let call = Call::new(Method::POST, &["sessions", id, "end"]);
        self.caller.call(call).await?.read()
    }

    /// The same, and revokes what was granted in it, and what was granted with that.
    pub async fn end_session_with_tokens(&self, id: &str) -> Result<Session, Error> {
        let end = SessionEnd { with_tokens: true };
        self.write(Method::POST, &["sessions", id, "end"], &end)
            .await
    }
}
