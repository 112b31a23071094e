//! How does a form grant something once, however often it is sent?
//!
//! What is granted has the id that its form carries. Whoever loads the answer again, or presses twice,
//! asks for the same id, which the store takes once.

use axum::response::Response;
use countersign_proto::opaque::TokenId;

use super::{Posted, Visitor, form::Field};
use crate::{http::pages::message, random};

const ONCE: &str = "once";

/// For a form that is sent for the first time. Where there is no id, what is sent is turned away.
pub(super) fn field(visitor: &Visitor) -> Field {
    let platform = visitor.platform();
    let key = platform.secrets().login_key();
    let id = random::opaque_id(platform.now()).ok();
    let once = key
        .zip(id)
        .map(|(key, id)| visitor.who().pass.once(key, &id));
    Field::hidden(ONCE, once.unwrap_or_default())
}

/// The id that was carried.
///
/// # Errors
/// No page of ours made this form for this browser in this session.
pub(super) fn id(visitor: &Visitor, posted: &Posted) -> Result<TokenId, Response> {
    let platform = visitor.platform();
    let key = platform.secrets().login_key();
    let id = key.and_then(|key| visitor.who().pass.id_of_once(key, posted.text(ONCE)));
    id.ok_or_else(|| message::foreign_form(platform))
}
