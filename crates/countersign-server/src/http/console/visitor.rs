//! Who asks for this page?

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
    response::Response,
};

use super::{Notice, path};
use crate::{
    Platform,
    http::pages::message,
    refusal::Fault,
    service::{Caller, console::AtConsole},
};

/// Somebody whom the gate let in. A handler that takes one cannot be reached without.
#[derive(Clone)]
pub(super) struct Visitor(Arc<Inside>);

struct Inside {
    platform: Platform,
    who: AtConsole,
    form_token: String,
    uri: Uri,
}

impl Visitor {
    /// # Errors
    /// There is no key.
    pub(super) fn new(platform: &Platform, who: AtConsole, uri: &Uri) -> Result<Visitor, Fault> {
        let key = platform.secrets().login_key();
        let key = key.ok_or_else(|| Fault::new("there is no login key"))?;
        Ok(Visitor(Arc::new(Inside {
            platform: platform.clone(),
            form_token: who.pass.form_token(key),
            who,
            uri: uri.clone(),
        })))
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// What the service is called as.
    pub(super) fn caller(&self) -> &Caller {
        &self.0.who.caller
    }

    pub(super) fn who(&self) -> &AtConsole {
        &self.0.who
    }

    /// What each form of his carries.
    pub(super) fn form_token(&self) -> &str {
        &self.0.form_token
    }

    /// Where a page of the console stands, for a link: `/tokens`.
    pub(super) fn path(&self, page: &str) -> String {
        path(self.platform(), page)
    }

    /// What was asked for in the address; the first of several.
    pub(super) fn asked(&self, name: &str) -> Option<String> {
        let query = self.0.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(given, value)| given == name && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    }

    /// What he is told at the head of the page.
    pub(super) fn notice(&self) -> Option<Notice> {
        Notice::from_name(&self.asked(Notice::PARAMETER)?)
    }

    /// Whether his roles permit this now.
    pub(super) fn may(&self, permission: &str) -> bool {
        self.caller().permissions.include(permission)
    }
}

impl FromRequestParts<Platform> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        platform: &Platform,
    ) -> Result<Visitor, Response> {
        parts.extensions.get::<Visitor>().cloned().ok_or_else(|| {
            let fault = Fault::new("a page of the console is not behind its gate");
            message::fault(platform, &fault)
        })
    }
}
