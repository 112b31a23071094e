//! `/console`: which page answers which request?
//!
//! A page is behind the gate, which lets nobody in without a session and no form without its token;
//! or it is one of the few around the sign-in. A page shows and changes by the functions that the
//! management API calls, so it can do nothing that the API cannot.

mod cookie;

mod return_path;

mod visitor;
use visitor::Visitor;

mod posted;
use posted::Posted;

mod gate;

mod at_api;
pub(super) use at_api::{ConsoleCaller, take_session};

mod sign_in;
pub(super) use sign_in::signed_in;

mod provider;
pub(super) use provider::returned;

mod sign_out;

mod section;
use section::Section;

mod notice;
use notice::Notice;

mod shell;
use shell::{Shell, shown};

mod moment;
use moment::Moment;

mod cell;
use cell::Cell;

mod table;

mod facts;

mod form;

mod once;

mod refused;

mod problems;

mod home;

mod tokens;

mod links;

mod noun;

mod certificates;

mod sessions;

mod keys;

mod audit;

mod password;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::Platform;

/// Where the console stands, for a link.
fn path(platform: &Platform, page: &str) -> String {
    format!("{}/console{page}", platform.base_path())
}

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    if !platform.settings().console.enabled {
        return Router::new();
    }
    let at = |page: &str| path(platform, page);
    let behind_the_gate = Router::new()
        .route(&at(""), get(home::answer))
        .route(&at("/sign-out"), post(sign_out::answer))
        .merge(tokens::routes(platform))
        .merge(noun::routes(platform))
        .merge(certificates::routes(platform))
        .merge(sessions::routes(platform))
        .merge(keys::routes(platform))
        .merge(audit::routes(platform))
        .merge(password::routes(platform))
        .route(&at("/{*page}"), get(refused::no_such_page))
        .method_not_allowed_fallback(refused::no_such_method)
        .layer(middleware::from_fn_with_state(
            platform.clone(),
            gate::pass_through,
        ));
    Router::new()
        .route(&at("/sign-in"), get(sign_in::answer).post(sign_in::go_on))
        .method_not_allowed_fallback(refused::no_such_method_outside)
        .merge(behind_the_gate)
}
