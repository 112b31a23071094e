//! Do the rules hold that carry the weight?

use countersign_proto::{
    login::{ClientMessage, LoginErrorCode, Resume, ServerBody},
    token::inspect,
};
use futures_util::SinkExt as _;
use http::{HeaderMap, Method, StatusCode, header};

use tokio_tungstenite::tungstenite::Message;

use super::{
    browser::{form_token, location, text},
    scene::{Scene, TERMINAL},
    terminal::{Offer, called, closed, confirm, endpoint, next, open, send, send_resume, welcomed},
};

// login.md R1
#[tokio::test(start_paused = true)]
async fn of_two_people_with_one_link_the_one_whose_value_is_brought_gets_the_token() {
    for (brought, order) in [
        ("anna", ["anna", "bert"]),
        ("anna", ["bert", "anna"]),
        ("bert", ["anna", "bert"]),
        ("bert", ["bert", "anna"]),
    ] {
        let scene = Scene::new().await;
        let mut terminal = scene.terminal().await;
        let mut browsers = Vec::new();
        for name in order {
            browsers.push((name, scene.signed_in(&terminal, name).await));
        }
        let mut values = Vec::new();
        for (name, browser) in &mut browsers {
            values.push((*name, browser.allow(&terminal).await));
            terminal.until("need_confirm").await;
        }
        let (_, value) = values.iter().find(|(name, _)| *name == brought).unwrap();
        terminal.confirm(value).await;
        let token = terminal.finish().await;
        assert_eq!(token.principal.as_deref(), Some(brought), "{order:?}");
        let claims = inspect(token.access_token.expose()).unwrap().claims;
        assert_eq!(claims["sub"], brought);
        for (name, browser) in &mut browsers {
            let page = browser.review(&terminal).await;
            if *name == brought {
                assert!(text(&page).contains("Done, go back to your terminal"));
            } else {
                assert_eq!(page.status, StatusCode::GONE);
                assert!(text(&page).contains("Already used"));
            }
        }
    }
}

// login.md R2
// security.md 90, 101
#[tokio::test(start_paused = true)]
async fn an_address_of_the_provider_that_was_passed_on_signs_nobody_in() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let mut attacker = scene.browser();
    let back = attacker.callback(&terminal, "anna").await;
    // The victim followed the attacker's address of the provider, and comes back from there.
    for mut victim in [scene.browser(), {
        let mut other = scene.browser();
        // One who has the link open too has a secret of his own.
        other.get(terminal.url.path()).await;
        other
    }] {
        victim.site = "cross-site";
        let answer = victim.get(&back).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(text(&answer).contains("Another browser"));
        victim.site = "same-origin";
        assert_eq!(victim.review(&terminal).await.status, StatusCode::FORBIDDEN);
    }
    // And the attacker, whose cookie fits, gets nothing of what the victim did.
    assert_eq!(
        attacker.review(&terminal).await.status,
        StatusCode::FORBIDDEN
    );
    terminal.until("opened").await;
    terminal.send(ClientMessage::Cancel).await;
    let after = terminal.next().await;
    assert_eq!(called(&after), "error", "nobody has signed in: {after:?}");
}

// login.md R2
// security.md 90
#[tokio::test(start_paused = true)]
async fn a_callback_that_was_passed_on_signs_nobody_in() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let other_terminal = scene.terminal().await;
    let mut attacker = scene.browser();
    // The attacker signs in as himself, and has the victim finish it.
    let back = attacker.callback(&terminal, "bert").await;
    let mut victim = scene.browser();
    victim.get(other_terminal.url.path()).await;
    let answer = victim.get(&back).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    for terminal in [&terminal, &other_terminal] {
        let page = victim.review(terminal).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", text(&page));
    }
}

// login.md R2
#[tokio::test(start_paused = true)]
async fn a_callback_with_a_state_of_nobody_or_none_signs_nobody_in() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.browser();
    let back = browser.callback(&terminal, "anna").await;
    let (_, after) = back.split_once("state=").unwrap();
    let (state, _) = after.split_once('&').unwrap();
    for query in [
        String::new(),
        "code=anna".to_owned(),
        "state=&code=anna".to_owned(),
        format!("state={}&code=anna", &state[1..]),
        format!("state={state}&state={state}&code=anna"),
        format!("state={state}&code=anna&code=bert"),
    ] {
        let answer = browser.get(&format!("/login/callback?{query}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{query}");
    }
    let answer = browser.get(&back).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
    // What was the secret before is none any more.
    let again = browser.get(&back).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

// login.md R3
// security.md 97
#[tokio::test(start_paused = true)]
async fn without_a_proven_key_nothing_counts() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    for message in [
        confirm(&value),
        ClientMessage::Accept,
        ClientMessage::Received,
        ClientMessage::Cancel,
    ] {
        let mut socket = open(&scene, TERMINAL).await;
        welcomed(&mut socket).await;
        send(&mut socket, &message).await;
        let answer = next(&mut socket).await.body;
        assert!(
            matches!(
                &answer,
                ServerBody::Error {
                    code: LoginErrorCode::NotExpected,
                    fatal: true,
                    ..
                }
            ),
            "{answer:?}"
        );
        assert_eq!(closed(&mut socket).await, 4002);
    }
    terminal.confirm(&value).await;
    terminal.finish().await;
}

// login.md R3
#[tokio::test(start_paused = true)]
async fn a_connection_that_was_replaced_can_do_nothing_more() {
    let scene = Scene::new().await;
    let mut old = scene.terminal().await;
    let value = scene.allowed(&mut old, "anna").await;
    let mut new = old.elsewhere().back(&scene).await;
    // It is on its way before the old connection hears that it counts no more.
    let message = Message::text(confirm(&value).encode().as_str());
    let _ = old.socket.send(message).await;
    assert_eq!(old.failed().await, LoginErrorCode::Superseded);
    new.confirm(&value).await;
    let token = new.finish().await;
    assert_eq!(token.principal.as_deref(), Some("anna"));
}

// login.md R3
#[tokio::test(start_paused = true)]
async fn the_session_id_is_in_no_address_and_on_no_page() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    assert!(!terminal.url.as_str().contains(&terminal.sid));
    assert_ne!(terminal.handle(), terminal.sid);
    let mut browser = scene.browser();
    let mut seen = vec![text(&browser.get(terminal.url.path()).await)];
    browser.sign_in(&terminal, "anna").await;
    seen.push(text(&browser.review(&terminal).await));
    let answer = browser.press(&terminal, "allow").await;
    seen.push(location(&answer));
    seen.push(text(&browser.review(&terminal).await));
    seen.push(format!("{:?}", browser.jar));
    for page in seen {
        assert!(!page.contains(&terminal.sid), "{page}");
    }
    // Neither does the link say who may have the token: it is none to come back with.
    let mut socket = open(&scene, TERMINAL).await;
    let nonce = welcomed(&mut socket).await;
    let resume = Resume {
        nonce,
        htu: endpoint(&scene),
        sid: terminal.handle().to_owned(),
        last_seq: 1,
    };
    send_resume(&scene, &mut socket, &resume, &terminal.key).await;
    assert_eq!(called(&next(&mut socket).await.body), "error");
}

// login.md R4
#[tokio::test(start_paused = true)]
async fn there_is_no_value_before_it_was_allowed_by_a_form() {
    let scene = Scene::with_codes().await;
    let mut terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let path = terminal.url.path().to_owned();
    let page = browser.review(&terminal).await;
    let form = format!("token={}", form_token(&page));
    // A code is no way around it.
    browser.post(&format!("{path}/code"), &form).await;
    assert_eq!(browser.code(&terminal).await, None);
    for (method, form) in [
        (Method::GET, ""),
        (Method::HEAD, ""),
        (Method::POST, ""),
        (Method::POST, "token="),
        (
            Method::POST,
            "token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ),
    ] {
        let answer = browser
            .ask(
                method.clone(),
                &format!("{path}/allow"),
                HeaderMap::new(),
                form,
            )
            .await;
        assert!(answer.status.is_client_error(), "{method} {form}");
        assert!(!answer.headers.contains_key(header::LOCATION));
    }
    // Nor is a form of another site, though it has the token.
    for origin in ["https://evil.example", "null", "http://platform.example"] {
        let headers = HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]);
        let answer = browser
            .ask(Method::POST, &format!("{path}/allow"), headers, &form)
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
    }
    terminal.until("signed_in").await;
    let value = browser.allow(&terminal).await;
    terminal.until("need_confirm").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}

// login.md R4
// security.md 93
#[tokio::test(start_paused = true)]
async fn a_value_is_good_once() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    let ServerBody::Error { code, fatal, .. } = terminal.next().await else {
        panic!("the second is not refused");
    };
    assert_eq!((code, fatal), (LoginErrorCode::NotExpected, false));
    terminal.send(ClientMessage::Accept).await;
    terminal.until("token").await;
    let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
}

// login.md R4
#[tokio::test(start_paused = true)]
async fn a_value_dies_with_its_transaction() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let mut other_terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let first = browser.allow(&terminal).await;
    let second = browser.allow(&terminal).await;
    assert_ne!(first, second);
    terminal.until("need_confirm").await;
    terminal.until("need_confirm").await;
    // The first is dead since there is a second, and neither is anything elsewhere.
    terminal.confirm(&first).await;
    let ServerBody::ConfirmResult { ok, .. } = terminal.next().await else {
        panic!("no result");
    };
    assert!(!ok);
    scene.allowed(&mut other_terminal, "bert").await;
    other_terminal.confirm(&second).await;
    let ServerBody::ConfirmResult { ok, .. } = other_terminal.next().await else {
        panic!("no result");
    };
    assert!(!ok);
    // With the report it is over for all.
    browser.press(&terminal, "report").await;
    assert_eq!(terminal.failed().await, LoginErrorCode::Reported);
}

// login.md R5
#[tokio::test(start_paused = true)]
async fn nothing_is_good_before_the_terminal_has_accepted_and_acknowledged() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    let none = world.store.sessions(None, None, 10).await.unwrap();
    assert_eq!(
        none.items,
        [],
        "no session before the identity was accepted"
    );
    terminal.send(ClientMessage::Accept).await;
    let ServerBody::Token(token) = terminal.until("token").await else {
        unreachable!("it is a token by its name");
    };
    let access_token = token.access_token.expose();
    let before = world.api(Method::GET, "whoami", access_token, None).await;
    assert_eq!(before.status, StatusCode::UNAUTHORIZED);
    terminal.send(ClientMessage::Received).await;
    terminal.until("bye").await;
    let after = world.api(Method::GET, "whoami", access_token, None).await;
    assert_eq!(after.status, StatusCode::OK, "{}", after.json());
    assert_eq!(after.member("principal"), "anna");
}

// login.md R6
#[tokio::test(start_paused = true)]
async fn on_the_same_device_no_code_is_made_whatever_the_terminal_asks() {
    let scene = Scene::new().await;
    assert_eq!(scene.refused(Offer::code()).await, LoginErrorCode::Policy);
    let mut terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    browser.allow(&terminal).await;
    let page = text(&browser.review(&terminal).await);
    assert!(!page.contains("Show a code"), "{page}");
    let line = "<code>ssh -L 43210:127.0.0.1:43210 OTHER-MACHINE</code>";
    assert!(page.contains(line), "{page}");
    assert_eq!(browser.show_code(&terminal).await, None);
    terminal.until("need_confirm").await;
    terminal.send(ClientMessage::Cancel).await;
    assert_eq!(
        called(&terminal.next().await),
        "error",
        "nothing was told of a code"
    );
}

// login.md R6
#[tokio::test(start_paused = true)]
async fn a_role_that_asks_for_loopback_makes_no_code_either() {
    let scene = Scene::with_codes().await;
    scene.world.principal("root", &["Administrator"]).await;
    let terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "root").await;
    browser.allow(&terminal).await;
    assert_eq!(browser.show_code(&terminal).await, None);
    // A terminal that offers nothing else gets nothing.
    let mut terminal = scene.terminal_that(Offer::code()).await;
    let mut browser = scene.browser();
    browser.sign_in(&terminal, "root").await;
    assert_eq!(terminal.failed().await, LoginErrorCode::Policy);
    let page = browser.review(&terminal).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert!(text(&page).contains("Not from this terminal"));
}

// login.md R7
// security.md 99
#[tokio::test(start_paused = true)]
async fn what_was_seen_stands_apart_from_what_is_claimed() {
    let scene = Scene::new().await;
    let mut offer = Offer::default();
    offer.client.host = "198.51.100.77 the one that this browser is in".to_owned();
    offer.client.name = "<b>just now</b>".to_owned();
    let terminal = scene.terminal_that(offer).await;
    tokio::time::advance(std::time::Duration::from_secs(40)).await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let page = text(&browser.review(&terminal).await);
    let (_, page) = page.split_once("What this platform saw").unwrap();
    let (seen, claimed) = page
        .split_once("What the terminal says about itself")
        .unwrap();
    assert!(seen.contains(TERMINAL), "{seen}");
    assert!(
        seen.contains("another one than this browser&#39;s"),
        "{seen}"
    );
    assert!(seen.contains("40 seconds ago"), "{seen}");
    for claim in ["198.51.100.77", "just now", "workstation", "countersign"] {
        assert!(!seen.contains(claim), "{claim} in {seen}");
    }
    assert!(claimed.contains("198.51.100.77"), "{claimed}");
    assert!(claimed.contains("&#60;b&#62;just now"), "{claimed}");
    assert!(claimed.contains("Nobody has checked these"), "{claimed}");
    // Saying no is as easy as saying yes.
    assert!(claimed.contains(">I did not start this</button>"));
    assert!(claimed.contains(">Allow</button>"));
}
