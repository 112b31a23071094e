//! `POST /console/sign-out`: how does somebody leave?

use axum::response::Response;

use super::{Notice, Visitor, cookie};
use crate::{
    http::pages::{message, see_other},
    service::console,
};

pub(super) async fn answer(visitor: Visitor) -> Response {
    let platform = visitor.platform();
    match console::leave(platform, visitor.who(), console::SIGNED_OUT).await {
        Ok(()) => {
            let mut response = see_other(&Notice::SignedOut.at(&visitor.path("/sign-in")));
            cookie::forget_pass(platform, &mut response);
            response
        }
        Err(fault) => message::fault(platform, &fault),
    }
}
