//! Does the string of a token stand anywhere on the platform, whatever is done with it?

use std::{fs, path::Path, sync::Arc};

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use serde_json::{Value, json};

use super::scene::{granted, guard, revoke, rotate, works};
use crate::{
    Rules,
    config::{Settings, StoreUrl},
    store::SqliteStore,
    tests::{
        recorder::Recorder,
        world::{Answer, ISSUER, World, authorize},
    },
};

const MOVED: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";

/// What would be of use to whoever finds it: of one of ours the secret in it, of a JWT its signature.
fn useful(token: &str) -> &str {
    match token.rsplit_once('.') {
        Some((_, signature)) => signature,
        None => token.get(30..).unwrap_or(token),
    }
}

async fn on_sqlite(folder: &Path) -> World {
    let file = folder.join("a.db");
    let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
    settings.store = StoreUrl::Sqlite(file.clone());
    settings.secrets_file = Some(folder.join("secrets"));
    settings.limits.per_source_per_minute = 100_000;
    settings.limits.api_per_source_per_minute = 100_000;
    settings.limits.per_client_per_minute = 100_000;
    settings.limits.failures_per_source_per_minute = 100_000;
    let store = SqliteStore::open(&file, Rules::default()).await.unwrap();
    World::on(settings, Arc::new(store)).await
}

/// A body that is no good, with a token somewhere in it.
async fn bad(world: &World, bearer: &str, path: &str, body: String) -> Answer {
    let mut request = Request::post(format!("/api/v1/{path}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap();
    authorize(&mut request, bearer);
    let answer = world.send(request).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    answer
}

/// What is answered to what is wrong: the token is not repeated.
async fn refusals(world: &World, bearer: &str, token: &str) -> String {
    let mut told = String::new();
    let import = json!({"kind": "app", "name": "x", "token": token});
    let with = |name: &str, value: Value| {
        let mut body = import.clone();
        body[name] = value;
        body.to_string()
    };
    let bodies = [
        ("tokens/import", with("revoked", json!("yes"))),
        ("tokens/import", with("other", json!(1))),
        ("tokens/import", with("kind", json!(token))),
        ("tokens/import", with("owner", json!("absent"))),
        ("tokens/import", with("lifetime_s", json!(token))),
        ("tokens/import", format!("{}x", with("x", json!(1)))),
        ("tokens/import", format!("[\"{token}\"]")),
        ("tokens/import", format!("\"{token}\"")),
        ("tokens", with("x", json!(1))),
        ("tokens", json!({"kind": token, "name": "x"}).to_string()),
        (
            "tokens",
            json!({"kind": "app", "name": "x", "lifetime_s": token}).to_string(),
        ),
        (
            "tokens",
            json!({"kind": "app", "name": "x", token: 1}).to_string(),
        ),
        ("tokens", format!("{{\"name\":\"{token}\"")),
        (
            "tokens/revoke",
            json!({"reason": {"token": token}}).to_string(),
        ),
    ];
    for (path, body) in bodies {
        let answer = bad(world, bearer, path, body).await;
        told.push_str(&String::from_utf8(answer.body).unwrap());
        told.push('\n');
    }
    told
}

// security.md 112
#[tokio::test]
async fn a_token_stands_in_no_log_no_refusal_no_list_and_no_file_of_the_store() {
    let (recorder, _guards) = Recorder::listening();
    let folder = tempfile::tempdir().unwrap();
    let world = on_sqlite(folder.path()).await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let guard = guard(&world, None).await;
    let app = |form| json!({"kind": "app", "form": form, "name": "x"});
    let import = json!({"kind": "app", "name": "x", "token": MOVED});
    let moved = world.api(Method::POST, "tokens/import", &admin, Some(import));
    let moved = moved.await;
    let mut tokens = vec![(moved.member("id"), MOVED.to_owned())];
    let own = json!({"kind": "personal", "name": "x"});
    let system = json!({"kind": "system", "name": "x", "roles": ["Reader"]});
    for new in [own, system, app("opaque"), app("jwt")] {
        let first = granted(&world, &admin, new).await;
        let second = rotate(&world, &admin, &first.0, json!({})).await;
        tokens.extend([first, second]);
    }
    let mut told = String::from_utf8(moved.body).unwrap();
    for (id, token) in &tokens {
        works(&world, token).await;
        let answers = [
            world.introspect(&guard, token).await,
            world.introspect(&guard, &format!("{token}x")).await,
            world
                .api(Method::GET, "audit", &format!("{token}x"), None)
                .await,
            world.exchange(token, "").await,
            world.exchange_platform(token, "").await,
        ];
        for answer in answers {
            told.push_str(&String::from_utf8(answer.body).unwrap());
        }
        told.push_str(&refusals(&world, &admin, token).await);
        revoke(&world, &admin, id).await;
        assert!(!works(&world, token).await);
        told.push_str(&refusals(&world, token, token).await);
    }
    for path in ["tokens", "audit?limit=500", "sessions", "whoami"] {
        let answer = world.api(Method::GET, path, &admin, None).await;
        told.push_str(&String::from_utf8(answer.body).unwrap());
    }
    told.push_str(&format!("{:?}", world.platform.events().told()));
    told.push_str(&world.platform.metrics().render());
    world.platform.write_token_uses().await.unwrap();
    let log = recorder.heard();
    assert!(log.contains("/tokens/import"), "it does log: {log}");
    assert!(told.contains("granted_token.import") && told.contains("TokenRevokedUsed"));

    let mut files = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let bytes = fs::read(file.path()).unwrap();
        files += 1;
        for (_, token) in &tokens {
            let found = bytes.windows(useful(token).len());
            let is_found = found.into_iter().any(|it| it == useful(token).as_bytes());
            assert!(!is_found, "{token} is in {:?}", file.file_name());
        }
    }
    assert!(files > 1, "the store has its files there");
    for (_, token) in &tokens {
        assert!(!log.contains(useful(token)), "{token} is in the log: {log}");
        let place = told.find(useful(token)).map(|at| {
            let from = told[..at].rfind('\n').unwrap_or(at.saturating_sub(300));
            &told[from..at + 90]
        });
        assert!(place.is_none(), "{token} is repeated: {place:?}");
    }
}
