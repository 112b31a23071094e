//! Does the work for a string tell whether there is a token with its id?

use countersign_proto::opaque::{OpaqueToken, TokenId};
use serde_json::json;

use super::scene::{INACTIVE, administered, granted, guard, revoke, works};
use crate::tokens::digest;

/// What somebody presents who knows an id, or makes one up, and guesses the secret.
fn guessed(id: &TokenId, of: &OpaqueToken) -> String {
    OpaqueToken::compose("csn", of.kind(), id, &[7; 32])
        .expose()
        .to_owned()
}

// security.md 75
#[tokio::test]
async fn a_guess_costs_as_many_digests_for_an_unknown_id_as_for_a_known_one() {
    let (world, admin) = administered().await;
    let guard = guard(&world, None).await;
    let app = || json!({"kind": "app", "name": "x"});
    let (_, live) = granted(&world, &admin, app()).await;
    let (id, revoked) = granted(&world, &admin, app()).await;
    revoke(&world, &admin, &id).await;
    let short = json!({"kind": "app", "name": "x", "lifetime_s": 60});
    let (_, expired) = granted(&world, &admin, short).await;
    world.advance(60);
    let read = |token: &str| OpaqueToken::parse(token, "csn").unwrap();
    let [live, revoked, expired] = [&live, &revoked, &expired].map(|token| read(token));
    let unknown = TokenId::from_bytes([9; 16]);
    let ids = [&unknown, live.id(), revoked.id(), expired.id()];
    // The first time a row is read, the second time it is known here.
    for _ in 0..2 {
        let mut digests = Vec::new();
        for id in ids {
            let guess = guessed(id, &live);
            let before = digest::made();
            assert!(!works(&world, &guess).await);
            let at_api = digest::made() - before;
            assert_eq!(world.introspect(&guard, &guess).await.body, INACTIVE);
            digests.push([at_api, digest::made() - before - at_api]);
        }
        let [at_api, at_introspection] = digests[0];
        assert!(at_api > 0 && at_api == at_introspection, "{digests:?}");
        assert!(digests.iter().all(|it| *it == digests[0]), "{digests:?}");
    }
}
