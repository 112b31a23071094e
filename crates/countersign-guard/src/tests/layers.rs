//! Does a request reach the service only with a caller, and does a refused one get its answer?

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_proto::{jwk, key::SigningKey as _, token::TokenKind};
use http::{Request, Response, StatusCode};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::{Caller, Guard, PeerCertificate, Refusal, Require, scripted::*};

/// What a request was answered, and who had called when it got to the service.
async fn through(
    guard: &Guard,
    require: Option<Require>,
    head: http::request::Parts,
) -> (Response<String>, Option<Caller>) {
    let reached = Arc::new(Mutex::new(None));
    let service = service_fn({
        let reached = reached.clone();
        move |request: Request<&'static str>| {
            assert_eq!(*request.body(), "body");
            let shown = format!("{:?}", request.headers());
            assert!(!shown.contains("eyJ"), "{shown}");
            *reached.lock().unwrap() = request.extensions().get::<Caller>().cloned();
            async { Ok::<_, Infallible>(Response::new("served".to_owned())) }
        }
    });
    let request = Request::from_parts(head, "body");
    let answer = match require {
        Some(require) => {
            let service = guard.require(require).layer(service);
            guard.layer().layer(service).oneshot(request).await
        }
        None => guard.layer().layer(service).oneshot(request).await,
    };
    let caller = reached.lock().unwrap().take();
    (answer.unwrap(), caller)
}

#[tokio::test]
async fn a_request_reaches_the_service_with_its_caller_or_not_at_all() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[&signer]);
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    // The first has to wait for the keys, the second need not.
    for _ in 0..2 {
        let (answer, caller) = through(&guard, None, bearer(&token(&signer))).await;
        assert_eq!(answer.body(), "served");
        assert_eq!(caller.unwrap().principal(), "alice");
    }
    let stranger = token(&crate::scripted::signer());
    for head in [head(&[]), bearer("x"), bearer(&stranger)] {
        let (answer, caller) = through(&guard, None, head).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.body(), "");
        assert!(caller.is_none());
    }
}

#[tokio::test]
async fn a_service_is_asked_whether_it_is_ready_before_it_is_called_after_a_wait() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[&signer]);
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    /// Panics when it is called without having been ready.
    struct Strict {
        ready: bool,
        served: Arc<AtomicUsize>,
    }
    impl Clone for Strict {
        fn clone(&self) -> Strict {
            Strict {
                ready: false,
                served: self.served.clone(),
            }
        }
    }
    impl tower::Service<Request<()>> for Strict {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Infallible>> {
            self.ready = true;
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            assert!(std::mem::take(&mut self.ready), "not ready");
            self.served.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(Response::new(String::new())))
        }
    }
    let served = Arc::new(AtomicUsize::new(0));
    let strict = Strict {
        ready: false,
        served: served.clone(),
    };
    let mut service = guard.layer().layer(strict);
    for _ in 0..3 {
        let request = Request::from_parts(bearer(&token(&signer)), ());
        let ready = tower::ServiceExt::<Request<()>>::ready(&mut service).await;
        let answer = tower::Service::call(ready.unwrap(), request).await;
        assert_eq!(answer.unwrap().status(), 200);
    }
    assert_eq!(served.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_route_gets_the_callers_that_it_demands() {
    let (signer, holder) = (signer(), key());
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let guard = builder(&issuer, &clock)
        .keys(keys(&signer))
        .build()
        .unwrap();
    let plain = || bearer(&token(&signer));
    let kind = |kind: TokenKind, binding: &str| {
        let builder = token_builder()
            .claim("type", kind.number())
            .claim("binding", binding);
        bearer(&built(&builder, &signer))
    };
    let jkt = jwk::thumbprint(holder.public_key());
    let by_key = built(&token_builder().claim("cnf", json!({"jkt": jkt})), &signer);
    let certificate = PeerCertificate::from_der(b"certificate");
    let x5t = certificate.thumbprint().to_base64url();
    let by_certificate = built(
        &token_builder().claim("cnf", json!({"x5t#S256": x5t})),
        &signer,
    );
    let certified = || {
        let mut head = bearer(&by_certificate);
        head.extensions.insert(certificate);
        head
    };
    let require = Require::caller;
    let scope = |wanted: &str| {
        Some(Refusal::Scope {
            wanted: wanted.to_owned(),
        })
    };
    let role = |wanted: &[&str]| {
        Some(Refusal::Role {
            wanted: wanted.iter().map(|role| (*role).to_owned()).collect(),
        })
    };
    let interactive = TokenKind::Interactive;
    for (number, (demand, head, refusal)) in [
        (require(), plain(), None),
        (require().scope("orders.read"), plain(), None),
        (require().scope("orders.read orders.write"), plain(), None),
        (
            require().scope("orders.read admin"),
            plain(),
            scope("orders.read admin"),
        ),
        (require().scope("orders"), plain(), scope("orders")),
        (
            require().any_scope(&["admin", "orders.read"]),
            plain(),
            None,
        ),
        (
            require().any_scope(&["admin", "other"]),
            plain(),
            scope("admin other"),
        ),
        (require().any_scope(&[]), plain(), scope("")),
        (require().role("Reader"), plain(), None),
        (require().role("reader"), plain(), role(&["reader"])),
        (require().any_role(&["Writer", "Reader"]), plain(), None),
        (
            require().any_role(&["Writer", "Admin"]),
            plain(),
            role(&["Writer", "Admin"]),
        ),
        (
            require().role("Reader").role("Writer"),
            plain(),
            role(&["Writer"]),
        ),
        (
            require().scope("orders.read").role("Writer"),
            plain(),
            role(&["Writer"]),
        ),
        (require().kind(interactive), kind(interactive, "code"), None),
        (
            require().kind(interactive),
            kind(TokenKind::App, "code"),
            Some(Refusal::Kind),
        ),
        (require().kind(interactive), plain(), Some(Refusal::Kind)),
        (
            require().any_kind(&[TokenKind::App, TokenKind::System]),
            kind(TokenKind::System, ""),
            None,
        ),
        (
            require().loopback_binding(),
            kind(interactive, "loopback"),
            None,
        ),
        (
            require().loopback_binding(),
            kind(interactive, "code"),
            Some(Refusal::NotByLoopback),
        ),
        (
            require().loopback_binding(),
            plain(),
            Some(Refusal::NotByLoopback),
        ),
        (
            require().proof_of_possession(),
            plain(),
            Some(Refusal::Unbound),
        ),
        (
            require().proof_of_possession(),
            proved(&by_key, &holder, &PROOF),
            None,
        ),
        (require().proof_of_possession(), certified(), None),
        (
            require().certificate_bound(),
            proved(
                &by_key,
                &holder,
                &Proof {
                    jti: "proof-0002",
                    ..PROOF
                },
            ),
            Some(Refusal::Unbound),
        ),
        (require().certificate_bound(), certified(), None),
    ]
    .into_iter()
    .enumerate()
    {
        let (answer, caller) = through(&guard, Some(demand.clone()), head).await;
        match refusal {
            None => assert_eq!(answer.body(), "served", "{number} {demand:?}"),
            Some(refusal) => {
                assert_eq!(answer.status(), refusal.status(), "{number} {demand:?}");
                let told = answer.headers().get_all("www-authenticate").iter();
                assert!(told.eq(refusal.challenges().iter()), "{number} {demand:?}");
                assert!(caller.is_none());
            }
        }
    }
}

// A route that forgets the guard is closed, not open.
#[tokio::test]
async fn a_demand_without_a_guard_before_it_refuses_everybody() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[]);
    let guard = builder(&issuer, &TestClock::new())
        .keys(keys(&signer))
        .build()
        .unwrap();
    let served =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let request = || Request::from_parts(bearer(&token(&signer)), ());
    let route = guard.require(Require::caller()).layer(served);
    let answer = route.clone().oneshot(request()).await.unwrap();
    assert_eq!(answer.status(), 401);

    // The caller of another guard is none either.
    let other = ScriptedIssuer::named("https://other.example", &[]);
    let elsewhere = builder(&other, &TestClock::new());
    let elsewhere = elsewhere.keys(keys(&signer)).build().unwrap();
    let theirs = built(&token_builder().issuer("https://other.example"), &signer);
    let stacked = elsewhere.layer().layer(route.clone());
    let request = Request::from_parts(bearer(&theirs), ());
    assert_eq!(stacked.oneshot(request).await.unwrap().status(), 401);
}

// The same issuer, and another audience: what is good there is nothing here.
#[tokio::test]
async fn the_caller_of_another_guard_for_the_same_issuer_is_none() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[]);
    let guard_for = |audience: &str| {
        let builder = Guard::builder(ISSUER).audience(audience);
        let builder = builder.transport(issuer.clone()).keys(keys(&signer));
        builder.clock(TestClock::new()).build().unwrap()
    };
    let (theirs, ours) = (guard_for(API), guard_for("https://other.example"));
    let served =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let route = ours.require(Require::caller()).layer(served);
    let request = || Request::from_parts(bearer(&token(&signer)), ());
    let answer = theirs.layer().layer(route.clone()).oneshot(request()).await;
    assert_eq!(answer.unwrap().status(), 401);

    // One guard of several is one of them.
    let all = Guard::several([theirs.clone()]).unwrap();
    let route = theirs.require(Require::caller()).layer(served);
    let answer = all.layer().layer(route).oneshot(request()).await;
    assert_eq!(answer.unwrap().status(), 200);
}

// security.md 105: a proof is used up by whoever judges it first.
#[tokio::test]
async fn a_second_layer_of_one_guard_refuses_what_was_proved_before_the_first() {
    let (signer, holder) = (signer(), key());
    let issuer = ScriptedIssuer::new(&[]);
    let builder = builder(&issuer, &TestClock::new()).keys(keys(&signer));
    let guard = builder.build().unwrap();
    let jkt = jwk::thumbprint(holder.public_key());
    let bound = built(&token_builder().claim("cnf", json!({"jkt": jkt})), &signer);
    for (head, wanted) in [
        (proved(&bound, &holder, &PROOF), 401),
        (bearer(&token(&signer)), 200),
    ] {
        let served = service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(String::new()))
        });
        let twice = guard.layer().layer(guard.layer().layer(served));
        let answer = twice.oneshot(Request::from_parts(head, ())).await.unwrap();
        assert_eq!(answer.status(), wanted);
    }
}
