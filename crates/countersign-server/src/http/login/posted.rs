//! Did this form come from our own page in this browser?

use axum::{
    extract::{FromRequest, FromRequestParts as _, Request},
    response::Response,
};
use zeroize::Zeroizing;

use super::{end, visit::Visit};
use crate::{
    Platform,
    http::{
        form,
        pages::{
            message,
            origin::{self, Sender},
        },
    },
    service::login::Browser,
};

/// A form that a page of ours made for this browser.
pub(super) struct Posted {
    pub(super) visit: Visit,
    pub(super) browser: Browser,
    pub(super) name: String,
    pub(super) password: Zeroizing<String>,
}

impl FromRequest<Platform> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, platform: &Platform) -> Result<Posted, Response> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, platform).await?;
        // None at all is sent by an old browser, which the token has to do for.
        let is_form = form::is_media_type(&parts.headers, "application/x-www-form-urlencoded");
        if !is_form
            || parts.uri.query().is_some()
            || origin::by_origin(platform, &parts.headers) == Sender::Foreign
        {
            return Err(message::foreign_form(platform));
        }
        let body = form::bytes(platform, body)
            .await
            .map_err(|(status, _)| message::unread_form(platform, status))?;
        let (mut token, mut name) = (None, String::new());
        let mut password = Zeroizing::new(String::new());
        for (key, value) in url::form_urlencoded::parse(&body) {
            match key.as_ref() {
                "token" => token = Some(value.into_owned()),
                "name" => name = value.into_owned(),
                "password" => password = Zeroizing::new(value.into_owned()),
                _ => {}
            }
        }
        let Some(browser) = visit.browser() else {
            return Err(end::other_browser(platform, &visit));
        };
        let key = platform
            .login_key()
            .map_err(|fault| message::fault(platform, &fault))?;
        let token = token.unwrap_or_default();
        if !key.is_form_token(&browser.secret, &browser.handle, &token) {
            return Err(message::foreign_form(platform));
        }
        Ok(Posted {
            visit,
            browser,
            name,
            password,
        })
    }
}
