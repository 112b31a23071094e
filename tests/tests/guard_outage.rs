//! Is a good call refused, or a bad one accepted, while the issuer changes its keys, restarts, or is
//! away?

use std::time::Duration;

use countersign::proto::management::KeyRotation;
use countersign_testkit::TestPlatform;
use http::StatusCode;

use crate::{
    guard_load::{By, Load, Standing},
    guard_scene::{self, API, Named, opened},
    guard_site::{ANNOUNCED, Issued, RETIRED, ROTATED, Site},
};

const KEYS: &str = "/jwks.json";
const INTROSPECT: &str = "/oauth2/introspect";
/// So long is a key set used before it is fetched again.
const AGE: Duration = Duration::from_secs(300);
/// So many fetches of keys that nobody knows may come one after the other, and then one each so often.
const BURST: usize = 4;
const UNANNOUNCED: Duration = Duration::from_secs(5);
/// So long after the issuer is back may it still be taken for away.
const BACK: Duration = Duration::from_secs(2);
/// So long is an answer about a token used.
const KEPT: Duration = Duration::from_secs(5);
/// So long is waited for what should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Puts good and bad tokens of every kind into the load; answers those that are good.
async fn of_every_kind(load: &Load, site: &Site) -> (Issued, Issued) {
    let signed = site.signed().await;
    let other = site.signed().await;
    let granted = site.granted(API).await;
    let opaque = Issued {
        token: granted.expose().to_owned(),
        ends: granted.granted.expires_at.unwrap(),
    };
    load.good("a JWT", By::Signature, &signed);
    load.good("an opaque token", By::Introspection, &opaque);
    let now = site.clock().now();
    let foreign = guard_scene::forged(&signed.token, Named::AsItself, now);
    let foreign = load.bad("a JWT by a key that nobody knows", foreign);
    foreign.waits_for_its_key();
    let disguised = guard_scene::forged(&signed.token, Named::AsTheIssuers, now);
    load.bad("a JWT by another key", disguised);
    let altered = guard_scene::altered(&signed.token, &other.token);
    load.bad("a JWT with the claims of another", altered);
    load.bad("a JWT for another API", site.elsewhere().await.token);
    let elsewhere = site.granted("https://elsewhere.example").await;
    let elsewhere = elsewhere.expose().to_owned();
    load.bad("an opaque token for another API", elsewhere);
    let revoked = site.granted(API).await;
    site.revoke(&revoked).await;
    load.bad("a revoked token", revoked.expose().to_owned());
    (signed, opaque)
}

fn kid(token: &str) -> String {
    let header = opened(token).header;
    header["kid"].as_str().unwrap().to_owned()
}

async fn states(platform: &TestPlatform) -> Vec<&'static str> {
    let admin = platform.admin().unwrap();
    let keys = admin.keys(&countersign::admin::PageRequest::first()).await;
    let mut states: Vec<_> = keys
        .unwrap()
        .items
        .iter()
        .map(|key| key.state.name())
        .collect();
    states.sort_unstable();
    states
}

// security.md 63, 76
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_good_call_is_refused_and_no_bad_one_accepted_while_an_issuer_changes_its_keys() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let load = Load::begin(guard_scene::api(&guard.build().unwrap()), site.clock());
    let (first, _) = of_every_kind(&load, &site).await;
    load.some_calls().await;
    let fetched_at_first = transport.asked(KEYS);

    site.later(ROTATED - ANNOUNCED).await;
    assert_eq!(states(site.platform()).await, ["active", "announced"]);
    let last = site.signed().await;
    assert_eq!(kid(&last.token), kid(&first.token));
    load.good("the last JWT by the old key", By::Signature, &last);
    load.some_calls().await;

    site.later(ANNOUNCED).await;
    assert_eq!(states(site.platform()).await, ["active", "retiring"]);
    let next = site.signed().await;
    assert_ne!(kid(&next.token), kid(&last.token));
    load.good("the first JWT by the new key", By::Signature, &next);
    load.some_calls().await;
    // The last that the old key signed, to its end.
    site.later(last.ends.since(site.clock().now()) - seconds(1))
        .await;
    load.some_calls().await;
    site.later(seconds(1)).await;
    load.some_calls().await;

    site.later(RETIRED).await;
    assert_eq!(states(site.platform()).await, ["active", "retired"]);
    let late = site.signed().await;
    load.good("a JWT after the old key was retired", By::Signature, &late);
    load.some_calls().await;

    let counted = load.end().await;
    assert!(
        counted.believed > 0 && counted.refused > counted.believed,
        "{counted:?}"
    );
    // The keys are fetched when they are too old, or for a key that nobody knows, however many call:
    // the clock was turned five times.
    let fetched = transport.asked(KEYS);
    assert!(fetched_at_first <= 1 + BURST, "{fetched_at_first}");
    assert!(fetched <= (1 + BURST) * 6, "{fetched} for {counted:?}");
}

/// Another key signs at once, and what the older ones signed is worth nothing any more.
async fn emergency(site: &Site) {
    let emergency = KeyRotation {
        at_once: true,
        retire_old: true,
        reason: Some("a laptop was lost".to_owned()),
    };
    let admin = site.platform().admin().unwrap();
    admin.rotate_keys(&emergency).await.unwrap();
}

// security.md 63
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_an_emergency_is_believed_at_once_and_the_old_one_no_more() {
    let site = Site::start().await;
    let (guard, _) = site.guard();
    let load = Load::begin(guard_scene::api(&guard.build().unwrap()), site.clock());
    let signed = site.signed().await;
    let old = load.good("a JWT by the old key", By::Signature, &signed);
    let granted = site.granted(API).await;
    let opaque = Issued {
        token: granted.expose().to_owned(),
        ends: granted.granted.expires_at.unwrap(),
    };
    load.good("an opaque token", By::Introspection, &opaque);
    load.some_calls().await;

    let rotated_at = site.clock().now();
    old.ends_at(rotated_at);
    emergency(&site).await;
    // Nothing tells the guard so far.
    load.some_calls().await;
    old.waits_for_its_key();
    let next = site.signed().await;
    assert_ne!(kid(&next.token), kid(&signed.token));
    load.good("a JWT by the key of the emergency", By::Signature, &next);
    load.some_calls().await;
    // It made the guard look, and so the old key is known to be withdrawn already.
    old.is_dead_from(rotated_at);
    load.some_calls().await;
    let counted = load.end().await;
    assert!(counted.believed > 0 && counted.refused > 0, "{counted:?}");
}

// security.md 63
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_an_emergency_is_never_called_bad_though_others_keep_the_guard_from_looking() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let load = Load::begin(guard_scene::api(&guard.build().unwrap()), site.clock());
    let signed = site.signed().await;
    let rubbish = guard_scene::forged(&signed.token, Named::AsItself, site.clock().now());
    let rubbish = load.bad("a JWT by a key that nobody knows", rubbish);
    rubbish.waits_for_its_key();
    load.some_calls().await;
    assert_eq!(transport.asked(KEYS), BURST, "it used up what may be asked");

    emergency(&site).await;
    let next = site.signed().await;
    let held = load.good("a JWT by the key of the emergency", By::Signature, &next);
    held.waits_for_its_key();
    load.some_calls().await;
    assert_eq!(transport.asked(KEYS), BURST);
    site.later(UNANNOUNCED).await;
    load.some_calls().await;
    held.waits_no_longer();
    load.some_calls().await;
    assert_eq!(transport.asked(KEYS), BURST + 1);
    let counted = load.end().await;
    assert!(
        counted.believed > 0 && counted.unavailable > 0,
        "{counted:?}"
    );
}

// security.md 63
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_withdrawn_is_believed_no_longer_than_a_key_set_is_used() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let api = guard_scene::api(&guard.build().unwrap());
    let load = Load::begin(api.clone(), site.clock());
    let signed = site.signed().await;
    let held = load.good("a JWT by the old key", By::Signature, &signed);
    load.some_calls().await;
    let withdrawn_at = site.clock().now();
    held.ends_at(withdrawn_at);
    emergency(&site).await;
    held.is_dead_from(signed.ends);
    assert!(signed.ends > withdrawn_at.plus(AGE), "it would live on");
    site.later(AGE - seconds(1)).await;
    load.some_calls().await;
    assert_eq!(transport.asked(KEYS), 1, "nobody made the guard look");
    site.later(seconds(1)).await;
    // One of the callers fetches the keys, and until it has them the others use those that are there.
    let refused = async {
        while guard_scene::call(&api, &signed.token).await.status == StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert!(transport.asked(KEYS) <= 2 + BURST);
    held.is_dead_from(site.clock().now());
    load.some_calls().await;
    let counted = load.end().await;
    assert!(counted.believed > 0 && counted.refused > 0, "{counted:?}");
    assert_eq!(counted.unavailable, 0, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_good_call_is_refused_and_no_bad_one_accepted_while_a_platform_restarts_on_its_store() {
    let mut site = Site::start().await;
    let (guard, transport) = site.guard();
    let load = Load::begin(guard_scene::api(&guard.build().unwrap()), site.clock());
    let (before, _) = of_every_kind(&load, &site).await;
    load.some_calls().await;

    for _ in 0..2 {
        load.issuer_is(Standing::Away);
        site.stop().await;
        // What is remembered still serves; then only signatures do.
        load.some_calls().await;
        site.clock().advance(KEPT);
        load.some_calls().await;
        site.begin().await;
        site.clock().advance(BACK);
        load.issuer_is(Standing::There);
        load.some_calls().await;
        let after = site.signed().await;
        assert_eq!(
            kid(&after.token),
            kid(&before.token),
            "the store keeps the keys"
        );
        load.good("a JWT after the restart", By::Signature, &after);
        load.some_calls().await;
    }
    let counted = load.end().await;
    assert!(counted.believed > 0 && counted.refused > 0, "{counted:?}");
    assert!(
        counted.unavailable > 0,
        "nobody was asked while it was away: {counted:?}"
    );
    assert!(
        transport.asked(INTROSPECT) < counted.believed,
        "{counted:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_were_good_serve_for_as_long_as_the_issuer_is_away() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let load = Load::begin(guard_scene::api(&guard.build().unwrap()), site.clock());
    let (signed, _) = of_every_kind(&load, &site).await;
    load.some_calls().await;
    let life = signed.ends.since(site.clock().now());
    assert!(life > 2 * AGE, "the token outlives the set");
    let asked = transport.asked(KEYS);

    load.issuer_is(Standing::Away);
    site.cut();
    let steps = 6;
    for _ in 0..steps {
        site.clock().advance((life - seconds(2)) / steps);
        load.some_calls().await;
    }
    // One fetch for the age of the set and one for a key that nobody knows, at most, each time that
    // the clock was turned; however many called.
    let tries = transport.asked(KEYS) - asked;
    assert!(tries <= 2 * steps as usize, "{tries} tries");

    // Nobody who starts now knows any key: that is not the caller's fault.
    let (late, _) = site.guard();
    let late = guard_scene::api(&late.build().unwrap());
    let answer = guard_scene::call(&late, &signed.token).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.headers["retry-after"], "2");
    assert_eq!(answer.challenge(), "", "the caller is not at fault");

    site.heal();
    site.clock().advance(BACK);
    let answer = guard_scene::call(&late, &site.signed().await.token).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    load.issuer_is(Standing::There);
    let next = site.signed().await;
    load.good("a JWT after the issuer came back", By::Signature, &next);
    load.some_calls().await;
    let counted = load.end().await;
    assert!(counted.unavailable > 0, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_cut_off_is_no_answer() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let load = Load::begin(guard_scene::api(&guard.build().unwrap()), site.clock());
    let (signed, opaque) = of_every_kind(&load, &site).await;
    load.some_calls().await;

    load.issuer_is(Standing::Away);
    site.cut_answers();
    site.clock().advance(AGE + seconds(1));
    let asked = transport.asked(KEYS) + transport.asked(INTROSPECT);
    load.some_calls().await;
    assert!(transport.asked(KEYS) + transport.asked(INTROSPECT) > asked);

    // Half of the keys are no keys, and half of what is said of a token is nothing.
    let (late, _) = site.guard();
    let late = guard_scene::api(&late.build().unwrap());
    for token in [&signed.token, &opaque.token] {
        let answer = guard_scene::call(&late, token).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }

    site.heal();
    site.clock().advance(BACK);
    for token in [&signed.token, &opaque.token] {
        let answer = guard_scene::call(&late, token).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    load.issuer_is(Standing::There);
    load.some_calls().await;
    let counted = load.end().await;
    assert!(
        counted.believed > 0 && counted.unavailable > 0,
        "{counted:?}"
    );
}

#[tokio::test]
async fn without_introspection_opaque_tokens_wait_and_jwts_go_on() {
    let site = Site::start().await;
    let (guard, _) = site.guard();
    let api = guard_scene::api(&guard.build().unwrap());
    let signed = site.signed().await.token;
    let granted = site.granted(API).await;
    for token in [&signed, granted.expose()] {
        assert_eq!(guard_scene::call(&api, token).await.status, StatusCode::OK);
    }

    site.cut();
    site.clock().advance(KEPT);
    let opaque = guard_scene::call(&api, granted.expose()).await;
    assert_eq!(opaque.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(opaque.headers["retry-after"], "2");
    assert_eq!(opaque.challenge(), "", "the caller is not at fault");
    let by_signature = guard_scene::call(&api, &signed).await;
    assert_eq!(by_signature.status, StatusCode::OK);
    assert_eq!(by_signature.body, "anna by signature");

    site.heal();
    site.clock().advance(BACK);
    let opaque = guard_scene::call(&api, granted.expose()).await;
    assert_eq!(opaque.body, "anna by introspection");
}

// checklist I25 · security.md 76
#[tokio::test]
async fn a_revocation_is_seen_within_five_seconds_or_at_once_where_nothing_is_kept() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let keeping = guard_scene::api(&guard.build().unwrap());
    let (guard, _) = site.guard();
    let asking = guard_scene::api(&guard.opaque_cache(Duration::ZERO).build().unwrap());
    let granted = site.granted(API).await;
    for api in [&keeping, &asking] {
        let answer = guard_scene::call(api, granted.expose()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    assert_eq!(transport.asked(INTROSPECT), 1);

    site.revoke(&granted).await;
    let answer = guard_scene::call(&asking, granted.expose()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.challenge().contains("error=\"invalid_token\""));
    // What was told before is used for so long, and no longer.
    site.clock().advance(KEPT - seconds(1));
    let answer = guard_scene::call(&keeping, granted.expose()).await;
    assert_eq!(
        (answer.status, transport.asked(INTROSPECT)),
        (StatusCode::OK, 1)
    );
    site.clock().advance(seconds(1));
    let answer = guard_scene::call(&keeping, granted.expose()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(transport.asked(INTROSPECT), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_revocation_is_seen_within_five_seconds() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let load = Load::begin(guard_scene::api(&guard.build().unwrap()), site.clock());
    of_every_kind(&load, &site).await;
    let granted = site.granted(API).await;
    let opaque = Issued {
        token: granted.expose().to_owned(),
        ends: granted.granted.expires_at.unwrap(),
    };
    let held = load.good(
        "an opaque token that will be revoked",
        By::Introspection,
        &opaque,
    );
    load.some_calls().await;

    held.ends_at(site.clock().now());
    site.revoke(&granted).await;
    held.is_dead_from(site.clock().now().plus(KEPT));
    for _ in 0..6 {
        load.some_calls().await;
        site.clock().advance(seconds(1));
    }
    load.some_calls().await;
    let counted = load.end().await;
    // Three opaque tokens and one that is revoked, each asked about once a second at most.
    let asked = transport.asked(INTROSPECT);
    assert!(asked <= 4 * 8, "{asked} for {counted:?}");
}

// The bearer of a JWT is not asked about, unless that is wanted.
#[tokio::test]
async fn a_jwt_whose_right_was_taken_back_is_refused_where_the_issuer_is_asked_about_all() {
    let site = Site::start().await;
    let (guard, _) = site.guard();
    let by_signature = guard_scene::api(&guard.build().unwrap());
    let (guard, _) = site.guard();
    let asking = guard.introspect_all().opaque_cache(Duration::ZERO);
    let asking = guard_scene::api(&asking.build().unwrap());
    let signed = site.signed().await.token;
    for api in [&by_signature, &asking] {
        let answer = guard_scene::call(api, &signed).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    let certificate = countersign_testkit::fixtures::service();
    let certificate = certificate.chain().leaf().sha256().to_hex().to_lowercase();
    let admin = site.platform().admin().unwrap();
    admin
        .revoke_certificate(&certificate, "lost")
        .await
        .unwrap();
    let answer = guard_scene::call(&asking, &signed).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = guard_scene::call(&by_signature, &signed).await;
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "its signature holds to its end"
    );
}
