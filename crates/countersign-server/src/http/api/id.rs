//! Which one is named in the path?

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, Uri, header, request::Parts},
    response::Response,
};

use crate::{Platform, http::error};

/// The last of what a path names, decoded: `carol%2Fx` is `carol/x`.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Id(id)),
            Err(_) => {
                let detail = "the path has to be UTF-8, with % before two hexadecimal digits";
                Err(error::problem(StatusCode::BAD_REQUEST, detail.to_owned()))
            }
        }
    }
}

/// Says where the thing is that was made under `list` (RFC 9110 §10.2.2).
pub(super) fn located(platform: &Platform, list: &Uri, id: &str, mut made: Response) -> Response {
    let mut place = platform.settings().issuer.clone();
    place.set_path(list.path());
    if let Ok(mut path) = place.path_segments_mut() {
        path.push(id);
    }
    if made.status() == StatusCode::CREATED
        && let Ok(value) = place.path().parse()
    {
        made.headers_mut().insert(header::LOCATION, value);
    }
    made
}
