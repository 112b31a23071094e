//! What makes the pages look as they do, and what helps without being needed?

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use crate::http::error;

/// A file that pages ask for.
pub(in crate::http) struct Asset {
    /// Under `/assets/`.
    pub(in crate::http) name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them.
pub(in crate::http) static ALL: [Asset; 5] = [
    Asset {
        name: "base.css",
        kind: STYLE,
        text: include_str!("../../../assets/base.css"),
    },
    Asset {
        name: "login.css",
        kind: STYLE,
        text: include_str!("../../../assets/login.css"),
    },
    Asset {
        name: "login.js",
        kind: SCRIPT,
        text: include_str!("../../../assets/login.js"),
    },
    Asset {
        name: "console.css",
        kind: STYLE,
        text: include_str!("../../../assets/console.css"),
    },
    Asset {
        name: "console.js",
        kind: SCRIPT,
        text: include_str!("../../../assets/console.js"),
    },
];

impl Asset {
    /// `GET /assets/{name}`
    pub(in crate::http) fn answer(&self) -> Response {
        let mut response = error::json(StatusCode::OK, self.text);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=300"),
        );
        response
    }
}
