//! How are the sessions of people looked at and ended?

use countersign_proto::management::{Page, Session, SessionFilter};
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

    /// Ends a session at once, with every token of it.
    pub async fn end_session(&self, id: &str) -> Result<Session, Error> {
        let call = Call::new(Method::POST, &["sessions", id, "end"]);
        self.caller.call(call).await?.read()
    }
}
