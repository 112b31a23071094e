//! `/console/tokens`: which page of a granted token answers which request?

mod words;

mod list;

mod one;

mod new;

mod import;

mod given;

mod describing;

mod rotation;

mod revocation;

use axum::{Router, routing::get};
use countersign_proto::management::GrantedToken;

use super::{Visitor, path};
use crate::Platform;

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    let at = |page: &str| path(platform, &format!("/tokens{page}"));
    Router::new()
        .route(&at(""), get(list::answer))
        .route(&at("/new"), get(new::form).post(new::grant))
        .route(&at("/import"), get(import::form).post(import::import))
        .route(
            &at("/revoke"),
            get(revocation::form_for_all).post(revocation::revoke_all),
        )
        .route(&at("/{id}"), get(one::answer))
        .route(
            &at("/{id}/name"),
            get(describing::form).post(describing::rename),
        )
        .route(
            &at("/{id}/rotate"),
            get(rotation::form).post(rotation::rotate),
        )
        .route(
            &at("/{id}/confirm"),
            get(rotation::form_to_confirm).post(rotation::confirm),
        )
        .route(
            &at("/{id}/abort"),
            get(rotation::form_to_abort).post(rotation::abort),
        )
        .route(
            &at("/{id}/revoke"),
            get(revocation::form).post(revocation::revoke),
        )
}

/// Where a page of a token stands. Ids of ours are made of letters and digits; another leads nowhere.
fn page_of(visitor: &Visitor, id: &str, page: &str) -> String {
    visitor.path(&format!("/tokens/{id}{page}"))
}

/// Whether somebody may change this token, as far as permissions say.
fn may_change(visitor: &Visitor, token: &GrantedToken) -> bool {
    let is_own = token.owner.as_ref() == Some(&visitor.caller().claims.principal);
    visitor.may("tokens:write") || (is_own && visitor.may("own-tokens:write"))
}

/// Whether somebody may grant or revoke any at all.
fn may_change_some(visitor: &Visitor) -> bool {
    visitor.may("tokens:write") || visitor.may("own-tokens:write")
}
