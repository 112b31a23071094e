//! What was typed into a form?

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts, response::Response};
use zeroize::Zeroizing;

use crate::{Platform, http::pages::message, refusal::Fault};

/// The fields of a form that the gate let through. Wiped when dropped: one of them may be a secret.
#[derive(Clone)]
pub(super) struct Posted(Arc<Vec<(String, Zeroizing<String>)>>);

/// The field in which each form carries its token.
pub(super) const FORM_TOKEN: &str = "token";

impl Posted {
    pub(super) fn read(body: &[u8]) -> Posted {
        let fields = url::form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())));
        Posted(Arc::new(fields.collect()))
    }

    /// The value of a field; empty when it was not sent, or sent twice.
    pub(super) fn text(&self, name: &str) -> &str {
        let mut values = self.each(name);
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => "",
        }
    }

    /// The value of a field that may be left empty, without white space around it.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// The values of a field of which several may be ticked.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.each(name).map(str::to_owned).collect()
    }

    /// Whether a box was ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.each(name).next().is_some()
    }

    fn each(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.0.iter().filter(move |(given, _)| given == name);
        values.map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Platform> for Posted {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        platform: &Platform,
    ) -> Result<Posted, Response> {
        parts.extensions.get::<Posted>().cloned().ok_or_else(|| {
            let fault = Fault::new("a form of the console has not passed the gate");
            message::fault(platform, &fault)
        })
    }
}
