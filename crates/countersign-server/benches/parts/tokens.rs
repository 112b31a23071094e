//! How does a store get a million tokens before a benchmark is old?
//!
//! By SQL that both databases understand, past the store: what one grant costs is measured elsewhere.

use std::{fmt::Write as _, ops::Range};

use aws_lc_rs::hmac;
use countersign_proto::opaque::{OpaqueKind, OpaqueToken, TokenId};
use countersign_server::secrets::Secrets;

/// Whom they belong to, each in turn.
pub(crate) const OWNERS: u32 = 1_000;
/// Rows of one statement.
const CHUNK: u32 = 1_000;

pub(crate) fn owner(number: u32) -> String {
    format!("owner-{:04}", number % OWNERS)
}

/// The string of a token, by its number.
pub(crate) fn token(number: u32) -> OpaqueToken {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    id[12..].copy_from_slice(&number.to_be_bytes());
    let mut secret = [7; 32];
    secret[..4].copy_from_slice(&number.to_be_bytes());
    OpaqueToken::compose("csn", OpaqueKind::App, &TokenId::from_bytes(id), &secret)
}

/// Statements that make tokens which live, each with the audit row of its grant. `bytes` writes
/// hexadecimal digits as bytes of the database.
pub(crate) fn live<'a>(
    numbers: Range<u32>,
    secrets: &Secrets,
    bytes: fn(&str) -> String,
) -> impl Iterator<Item = String> + 'a {
    let (version, pepper) = secrets.pepper().expect("a pepper");
    let pepper = hmac::Key::new(hmac::HMAC_SHA256, pepper);
    let end = numbers.end;
    numbers.step_by(CHUNK as usize).flat_map(move |first| {
        let numbers = first..end.min(first + CHUNK);
        let mut tokens = format!("INSERT INTO granted_token {COLUMNS} VALUES ");
        let mut audit = "INSERT INTO audit (at, actor, subject, action, outcome, token_id, address) VALUES "
            .to_owned();
        for number in numbers {
            let comma = if number == first { "" } else { "," };
            let (token, owner) = (token(number), owner(number));
            let id = token.id().to_string();
            let mut digest = String::with_capacity(64);
            for byte in hmac::sign(&pepper, token.expose().as_bytes()).as_ref() {
                write!(digest, "{byte:02x}").expect("room");
            }
            let digest = bytes(&digest);
            write!(
                tokens,
                "{comma}('{id}', 4, 0, 'token {number}', '', '{owner}', '[\"Reader\"]', 'audit:read', \
                 {digest}, {version}, 1700000000, '{owner}', 4000000000, 0)"
            )
            .expect("room");
            write!(
                audit,
                "{comma}(1700000000, '{owner}', '{owner}', 'granted_token.create', 'ok', '{id}', '127.0.0.1')"
            )
            .expect("room");
        }
        [tokens, audit]
    })
}

const COLUMNS: &str = "(id, kind, form, name, description, owner, roles, scope, digest, \
    pepper_version, created_at, created_by, expires_at, ends_at_first_use)";
