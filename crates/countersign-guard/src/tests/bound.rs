//! Is a token that is bound to its holder taken from its holder alone?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    jwk,
    jwt::Signer,
    key::{LocalKey, SigningKey as _},
};
use http::request::Parts;
use serde_json::json;

use crate::{Guard, GuardBuilder, PeerCertificate, Refusal, scripted::*};

struct Setting {
    guard: Guard,
    clock: Arc<TestClock>,
    holder: Arc<LocalKey>,
    /// Bound to the holder's key.
    token: String,
    signer: Signer,
}

fn setting() -> Setting {
    setting_with(|builder| builder)
}

fn setting_with(set: impl Fn(GuardBuilder) -> GuardBuilder) -> Setting {
    let (signer, holder, clock) = (signer(), key(), TestClock::new());
    let issuer = ScriptedIssuer::new(&[]);
    let builder = builder(&issuer, &clock).keys(keys(&signer));
    let jkt = jwk::thumbprint(holder.public_key());
    let bound = token_builder().claim("cnf", json!({"jkt": jkt}));
    Setting {
        guard: set(builder).build().unwrap(),
        token: built(&bound, &signer),
        clock,
        holder,
        signer,
    }
}

impl Setting {
    fn judge(&self, head: &Parts) -> Result<(), Refusal> {
        self.guard.check_at_once(head).expect("an answer").map(drop)
    }

    fn prove(&self, proof: &Proof<'_>) -> Result<(), Refusal> {
        self.judge(&proved(&self.token, &self.holder, proof))
    }

    fn word(&self, proof: &Proof<'_>) -> &'static str {
        self.prove(proof)
            .map_or_else(|refusal| refusal.word(), |()| "believed")
    }
}

// security.md 105
#[test]
fn a_bound_token_is_taken_with_a_proof_of_its_key_for_this_request() {
    let setting = setting();
    let with = |proof: Proof<'_>| setting.word(&proof);
    assert_eq!(with(PROOF), "believed");
    let mut number = 1;
    let mut jti = || {
        number += 1;
        format!("proof-{number:04}")
    };
    let others: [(&str, Proof<'_>); 12] = [
        (
            "believed",
            Proof {
                uri: "https://api.example/orders?page=9#x",
                ..PROOF
            },
        ),
        (
            "believed",
            Proof {
                uri: "HTTPS://API.example:443/orders",
                ..PROOF
            },
        ),
        (
            "believed",
            Proof {
                at: NOW - 300,
                ..PROOF
            },
        ),
        (
            "believed",
            Proof {
                at: NOW + 60,
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                at: NOW - 301,
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                at: NOW + 61,
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                method: "POST",
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                uri: "https://api.example/other",
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                uri: "https://other.example/orders",
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                uri: "http://api.example/orders",
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                uri: "https://api.example:444/orders",
                ..PROOF
            },
        ),
        (
            "proof",
            Proof {
                token: Some("another"),
                ..PROOF
            },
        ),
    ];
    for (wanted, proof) in others {
        let jti = jti();
        let told = format!("{} {} {}", proof.method, proof.uri, proof.at);
        assert_eq!(with(Proof { jti: &jti, ..proof }), wanted, "{told}");
    }
}

// security.md 105
#[test]
fn a_proof_is_taken_once_until_it_is_too_old() {
    let setting = setting();
    let head = proved(&setting.token, &setting.holder, &PROOF);
    assert_eq!(setting.judge(&head), Ok(()));
    assert_eq!(setting.judge(&head), Err(Refusal::ProofReplayed));
    // The same `jti` in another proof of the same key is the same again.
    assert_eq!(
        setting.word(&Proof {
            at: NOW - 1,
            ..PROOF
        }),
        "proof_replayed"
    );
    setting.clock.advance(Duration::from_secs(300));
    assert_eq!(setting.judge(&head), Err(Refusal::ProofReplayed));
    // From then on it is refused for its age; were the clock set back, it would still be known.
    setting.clock.advance(Duration::from_secs(1));
    assert_eq!(setting.judge(&head).unwrap_err().word(), "proof");
    setting.clock.advance(Duration::from_secs(100));
    let late = Proof {
        at: NOW + 401,
        jti: "proof-0002",
        ..PROOF
    };
    assert_eq!(setting.word(&late), "believed");
    setting.clock.set_off(-401);
    assert_eq!(setting.judge(&head), Err(Refusal::ProofReplayed));
}

// security.md 106
#[test]
fn a_bound_token_is_refused_as_bearer_and_an_unbound_one_with_a_proof() {
    let setting = setting();
    assert_eq!(
        setting.judge(&bearer(&setting.token)),
        Err(Refusal::BoundToKey)
    );
    let mut head = proved(&setting.token, &setting.holder, &PROOF);
    let value = format!("Bearer {}", setting.token);
    head.headers.insert("Authorization", value.parse().unwrap());
    assert_eq!(setting.judge(&head), Err(Refusal::BoundToKey));
    let unbound = token(&setting.signer);
    let head = proved(&unbound, &setting.holder, &PROOF);
    assert_eq!(setting.judge(&head), Err(Refusal::NotBound));
    // A header that nobody needs harms nobody.
    let mut head = bearer(&unbound);
    head.headers.insert("DPoP", "x".parse().unwrap());
    assert_eq!(setting.judge(&head), Ok(()));
}

// security.md 105
#[test]
fn there_is_one_proof_and_it_is_of_the_key_of_the_token() {
    let setting = setting();
    let value = format!("DPoP {}", setting.token);
    let none = head(&[("Authorization", &value)]);
    assert_eq!(setting.judge(&none), Err(Refusal::ProofMissing));
    let mut two = proved(&setting.token, &setting.holder, &PROOF);
    let proof = two.headers["DPoP"].clone();
    two.headers.append("DPoP", proof);
    assert_eq!(setting.judge(&two).unwrap_err().word(), "proof");
    let stolen = proved(&setting.token, &key(), &PROOF);
    assert_eq!(setting.judge(&stolen), Err(Refusal::ProofOfOtherKey));
    // A proof that was refused was not used.
    assert_eq!(setting.prove(&PROOF), Ok(()));
}

// security.md 105: the nonce fits.
#[test]
fn a_proof_carries_a_nonce_of_the_guard_where_that_is_demanded() {
    let setting = setting_with(GuardBuilder::require_dpop_nonce);
    let Err(Refusal::NonceRequired(first)) = setting.prove(&PROOF) else {
        panic!("a nonce is demanded")
    };
    assert!(first.len() >= 22);
    let with = |nonce: &str, jti: &str, at: u64| {
        setting.word(&Proof {
            nonce: Some(nonce),
            jti,
            at,
            ..PROOF
        })
    };
    assert_eq!(with("made-up", "proof-0002", NOW), "nonce_required");
    assert_eq!(with(&first, "proof-0003", NOW), "believed");
    // The next one is told when the first has aged, and both are taken for a while.
    setting.clock.advance(Duration::from_secs(120));
    let Err(Refusal::NonceRequired(second)) = setting.prove(&Proof {
        at: NOW + 120,
        ..PROOF
    }) else {
        panic!("a nonce is demanded")
    };
    assert_ne!(first, second);
    assert_eq!(with(&first, "proof-0004", NOW + 120), "believed");
    assert_eq!(with(&second, "proof-0005", NOW + 120), "believed");
    setting.clock.advance(Duration::from_secs(120));
    assert_eq!(with(&first, "proof-0006", NOW + 240), "nonce_required");
    assert_eq!(with(&second, "proof-0007", NOW + 240), "believed");
    // Another guard takes none of them.
    let other = setting_with(GuardBuilder::require_dpop_nonce);
    let foreign = Proof {
        nonce: Some(&second),
        ..PROOF
    };
    assert_eq!(other.word(&foreign), "nonce_required");
}

// security.md 105: the address is the one that clients know.
#[test]
fn the_address_of_a_proof_is_the_public_one() {
    let setting = setting_with(|builder| builder.public_origin("https://shop.example/api/"));
    let at = |uri, jti| setting.word(&Proof { uri, jti, ..PROOF });
    assert_eq!(
        at("https://shop.example/api/orders", "proof-0001"),
        "believed"
    );
    assert_eq!(at("https://shop.example/orders", "proof-0002"), "proof");
    assert_eq!(at("https://api.example/orders", "proof-0003"), "proof");

    // On loopback it is not known whether the request came over TLS.
    let setting = self::setting();
    let local = |uri: &str, host: &str, jti: &str| {
        let proof = Proof { uri, jti, ..PROOF };
        let mut head = proved(&setting.token, &setting.holder, &proof);
        head.headers.insert("Host", host.parse().unwrap());
        setting
            .judge(&head)
            .map_or_else(|refusal| refusal.word(), |()| "believed")
    };
    assert_eq!(
        local(
            "http://127.0.0.1:8080/orders",
            "127.0.0.1:8080",
            "proof-0001"
        ),
        "believed"
    );
    assert_eq!(
        local(
            "https://localhost:8080/orders",
            "localhost:8080",
            "proof-0002"
        ),
        "believed"
    );
    assert_eq!(
        local(
            "http://localhost:8080/orders",
            "localhost:8081",
            "proof-0003"
        ),
        "proof"
    );
    for host in ["", "a/b", "x@api.example", "api.example?", "a b"] {
        assert_eq!(
            local("https://api.example/orders", host, "proof-0004"),
            "proof",
            "{host}"
        );
    }
    let mut head = proved(
        &setting.token,
        &setting.holder,
        &Proof {
            jti: "proof-0005",
            ..PROOF
        },
    );
    head.headers.append("Host", "api.example".parse().unwrap());
    assert_eq!(setting.judge(&head).unwrap_err().word(), "proof");
    head.headers.remove("Host");
    assert_eq!(setting.judge(&head).unwrap_err().word(), "proof");
}

// security.md 103
#[test]
fn a_token_of_a_certificate_is_taken_over_a_connection_with_it() {
    let setting = setting();
    let (own, other) = (
        PeerCertificate::from_der(b"one certificate"),
        PeerCertificate::from_der(b"another certificate"),
    );
    let x5t = own.thumbprint().to_base64url();
    let bound = token_builder().claim("cnf", json!({"x5t#S256": x5t}));
    let text = built(&bound, &setting.signer);
    let over = |certificate: Option<PeerCertificate>| {
        let mut head = bearer(&text);
        if let Some(certificate) = certificate {
            head.extensions.insert(certificate);
        }
        setting.judge(&head)
    };
    assert_eq!(over(Some(own)), Ok(()));
    assert_eq!(over(Some(other)), Err(Refusal::OtherCertificate));
    assert_eq!(over(None), Err(Refusal::CertificateMissing));
    // A header says nothing about a connection.
    let mut head = bearer(&text);
    head.headers.insert("X-Client-Cert", x5t.parse().unwrap());
    assert_eq!(setting.judge(&head), Err(Refusal::CertificateMissing));

    // Bound to both, both are proved.
    let jkt = jwk::thumbprint(setting.holder.public_key());
    let both = token_builder().claim("cnf", json!({"x5t#S256": x5t, "jkt": jkt}));
    let text = built(&both, &setting.signer);
    let mut head = proved(&text, &setting.holder, &PROOF);
    assert_eq!(setting.judge(&head), Err(Refusal::CertificateMissing));
    head.extensions.insert(own);
    assert_eq!(setting.judge(&head), Ok(()));
    let mut head = bearer(&text);
    head.extensions.insert(own);
    assert_eq!(setting.judge(&head), Err(Refusal::BoundToKey));
}

/// As axum does it: what is nested sees what is left of the path.
async fn nested(setting: &Setting, proof: &Proof<'_>) -> http::StatusCode {
    let inner = axum::Router::new()
        .route("/orders", axum::routing::get(async || "served"))
        .layer(setting.guard.layer());
    let service = axum::Router::new().nest("/api", inner);
    let mut head = proved(&setting.token, &setting.holder, proof);
    head.uri = "/api/orders?page=2".parse().unwrap();
    let request = http::Request::from_parts(head, axum::body::Body::empty());
    let answer = tower::ServiceExt::oneshot(service, request).await;
    answer.unwrap().status()
}

// security.md 105
#[tokio::test]
async fn a_guard_in_a_nested_router_is_told_what_is_not_on_its_path() {
    let whole = Proof {
        uri: "https://api.example/api/orders",
        ..PROOF
    };
    let told = setting_with(|builder| builder.public_origin("https://api.example/api"));
    assert_eq!(nested(&told, &whole).await, 200);
    assert_eq!(nested(&told, &PROOF).await, 401);
    assert_eq!(nested(&setting(), &whole).await, 401);
}

// A malicious API got token and proof, and sends them on (RFC 9449 §2).
#[test]
fn with_an_origin_a_proof_for_another_address_is_refused_whatever_host_says() {
    let of_mallory = |setting: &Setting| {
        let proof = Proof {
            uri: "https://mallory.example/orders",
            ..PROOF
        };
        let mut head = proved(&setting.token, &setting.holder, &proof);
        head.headers
            .insert("Host", "mallory.example".parse().unwrap());
        setting.judge(&head).is_ok()
    };
    let told = setting_with(|builder| builder.public_origin("https://api.example"));
    assert!(!of_mallory(&told));
    // Without one, `Host` is believed.
    assert!(of_mallory(&setting()));
}
