//! Is each endpoint open to the roles that the reference names, and to no others?

use std::collections::BTreeSet;

use super::{
    holders::{Matrix, PLATFORM_TOKEN},
    table::{self, EVERYBODY, Row},
};
use crate::tests::openapi::described::Described;

/// Whether somebody with this role may call it by this kind of token.
fn may(row: &Row, letter: char, kind: &str) -> bool {
    // docs/tokens.md: tokens of the principal `platform` are granted by an administrator only.
    let by_administrators = row.endpoint == "POST /tokens" && kind == PLATFORM_TOKEN;
    row.may.contains(letter) && (letter == 'A' || !by_administrators)
}

// security.md 74
#[tokio::test]
async fn every_role_calls_what_it_may_and_nothing_else_by_every_kind_of_token() {
    let matrix = Matrix::new().await;
    let mut wrong = Vec::new();
    for letter in EVERYBODY.chars() {
        for mut holder in matrix.holders(letter).await {
            let before = matrix.state().await;
            for row in table::all() {
                let (path, body) = (row.path(), row.body.as_ref());
                let answer = matrix.ask(&mut holder, row.method(), &path, body).await;
                let status = answer.status.as_u16();
                let expected = if may(&row, letter, holder.kind) {
                    row.status
                } else {
                    403
                };
                if status != expected {
                    wrong.push(format!(
                        "{letter} by {}: {} is {status}, not {expected}",
                        holder.kind, row.endpoint
                    ));
                }
            }
            assert_eq!(before, matrix.state().await, "{letter} by {}", holder.kind);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_table_has_every_endpoint_and_each_once() {
    let described = Described::by(&crate::tests::world::World::new().await).await;
    let documented: BTreeSet<String> = described
        .operations()
        .filter_map(|it| {
            let path = it.path.strip_prefix("/api/v1")?;
            Some(format!("{} {path}", it.method.to_ascii_uppercase()))
        })
        .collect();
    let rows = table::all();
    let listed: BTreeSet<String> = rows.iter().map(|row| row.endpoint.to_owned()).collect();
    assert_eq!(listed.len(), rows.len(), "one is listed twice");
    let difference: Vec<_> = listed.symmetric_difference(&documented).collect();
    assert!(difference.is_empty(), "{difference:?}");
}
