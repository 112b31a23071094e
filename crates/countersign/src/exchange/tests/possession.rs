//! Is a bound token asked for with a proof, and nothing else taken for one?

use super::*;

fn bound(token: &str) -> http::Response<Bytes> {
    ok(&json!({ "access_token": token, "token_type": "DPoP", "expires_in": 900 }))
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_is_asked_for_is_sent_and_remembered() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(with_header(
            refused(400, "use_dpop_nonce"),
            "dpop-nonce",
            "n-1",
        )),
        _ => Answer::Is(bound("t")),
    });
    let client = builder(&server, &TestClock::new())
        .dpop(Dpop::Required)
        .build()
        .unwrap();
    client.token().await.unwrap();
    client.renew().await.unwrap();

    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].proof().claims.get("nonce"), None);
    assert_eq!(asked[1].proof().claims["nonce"], "n-1");
    assert_eq!(asked[2].proof().claims["nonce"], "n-1");
    assert_eq!(asked[1].proof().claims["htm"], "POST");
    assert_eq!(
        asked[1].proof().claims["htu"],
        "https://platform.example/oauth2/token"
    );
    assert_ne!(
        asked[0].proof().claims["jti"],
        asked[1].proof().claims["jti"]
    );
    // One key for the life of the client.
    assert_eq!(
        asked[0].proof().header["jwk"],
        asked[2].proof().header["jwk"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_ever_new_nonces_is_given_up() {
    let server = Scripted::new(|number, _| {
        Answer::Is(with_header(
            refused(400, "use_dpop_nonce"),
            "dpop-nonce",
            &format!("n-{number}"),
        ))
    });
    let client = builder(&server, &TestClock::new())
        .dpop(Dpop::Required)
        .build()
        .unwrap();
    client.token().await.unwrap_err();
    assert_eq!(server.count(), 2);
}

// security.md 107
#[tokio::test(start_paused = true)]
async fn a_bearer_token_is_thrown_away_where_a_bound_one_was_asked_for() {
    let server = Scripted::new(|_, _| Answer::Is(granted("unbound")));
    let client = builder(&server, &TestClock::new())
        .dpop(Dpop::Required)
        .build()
        .unwrap();
    let error = client.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("DPoP"), "{error}");
    assert_eq!(server.count(), 1);
}
