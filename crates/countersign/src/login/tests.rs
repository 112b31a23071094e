//! Does a terminal go through a login as it must, whatever the platform and the network do?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    exchange::{RefreshToken, TokenResponse},
    key::{KeyType, LocalKey, SigningKey},
    login::{ClientMessage, ConfirmValue, LoginErrorCode, LoginStatus, ServerBody, ServerMessage},
    scope::Scope,
    token::{AccessToken, Binding, TokenKind, TokenType},
};

use super::*;

mod failures;
mod going_on;
mod platform;

pub(in crate::login) use platform::HandClock;
use platform::{Peer, Platform};

pub(super) fn status(state: LoginStatus) -> ServerBody {
    ServerBody::Status {
        state,
        browser: Some(SeenBrowser {
            address: "192.0.2.7".to_owned(),
            user_agent: "Mozilla/5.0".to_owned(),
            same_network: true,
        }),
        tries_left: None,
        bind: None,
    }
}

pub(super) fn wanted(bind: Binding) -> ServerBody {
    ServerBody::Status {
        state: LoginStatus::NeedConfirm,
        browser: None,
        tries_left: Some(3),
        bind: Some(bind),
    }
}

pub(super) fn identity(principal: &str) -> ServerBody {
    ServerBody::Identity {
        principal: principal.to_owned(),
        name: "Anna".to_owned(),
        idp: "built-in".to_owned(),
        scope: None,
    }
}

pub(super) fn confirmed() -> ServerBody {
    ServerBody::ConfirmResult {
        ok: true,
        tries_left: 3,
    }
}

pub(super) fn granted(principal: &str) -> ServerBody {
    let token = AccessToken::new("eyJ.anna.AA").unwrap();
    let mut response = TokenResponse::new(token, TokenType::Bearer, Duration::from_secs(3600));
    response.kind = Some(TokenKind::Interactive);
    response.principal = Some(principal.to_owned());
    response.refresh_token = Some(RefreshToken::new("csn_rt_1").unwrap());
    response.refreshes_remaining = Some(10);
    ServerBody::Token(Box::new(response))
}

pub(super) fn error(code: LoginErrorCode, fatal: bool) -> ServerBody {
    ServerBody::Error {
        code,
        fatal,
        message: "because".to_owned(),
        support_id: Some("s-1".to_owned()),
    }
}

/// Both ends of a login.
struct Pair {
    platform: Platform,
    clock: Arc<HandClock>,
    key: Arc<dyn SigningKey>,
    transport: HttpTransport,
}

impl Pair {
    async fn new() -> Pair {
        Pair::over(HttpTransport::builder().build().unwrap()).await
    }

    /// A transport reads the system's certificate authorities, which takes a while.
    async fn over(transport: HttpTransport) -> Pair {
        let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
        Pair {
            platform: Platform::start().await,
            clock: Arc::new(HandClock::default()),
            key: Arc::new(key),
            transport,
        }
    }

    fn start(&self, options: LoginOptions) -> impl Future<Output = Result<Login, Error>> + use<> {
        let transport = self.transport.clone();
        let clock: Arc<dyn Clock> = self.clock.clone();
        let (issuer, key) = (self.platform.issuer().to_owned(), Arc::clone(&self.key));
        async move { Login::begin(&issuer, key, options, transport, clock).await }
    }

    /// A login that has begun.
    async fn begin(&mut self, options: LoginOptions) -> (Login, Peer) {
        let starting = self.start(options);
        let (login, peer) = tokio::join!(starting, self.platform.greet());
        (login.unwrap(), peer)
    }
}

fn by_code() -> LoginOptions {
    LoginOptions::default().binds(&[Binding::Code])
}

/// The same event, as far as its name goes.
fn name(event: &LoginEvent) -> String {
    let shown = format!("{event:?}");
    shown.chars().take_while(|c| c.is_alphanumeric()).collect()
}

async fn next(login: &mut Login) -> String {
    name(&login.next().await.unwrap())
}

#[tokio::test]
async fn a_login_by_code_goes_from_its_address_to_its_token() {
    let mut pair = Pair::new().await;
    let options = by_code()
        .scope(Scope::parse("roles:read").unwrap())
        .login_hint("anna");
    let (mut login, mut peer) = pair.begin(options).await;
    assert_eq!(
        login.url().as_str(),
        format!("{}/login/H", pair.platform.issuer())
    );
    assert_eq!(login.label(), "grape desk orbit");
    assert_eq!(login.bind(), Binding::Code);
    assert_eq!((login.fallback(), login.loopback_port()), (None, None));
    assert_eq!(login.expires_at().as_secs(), platform::START + 600);
    let hello = peer.hello();
    assert_eq!(hello.bind, [Binding::Code]);
    assert_eq!(hello.loopback, None);
    assert_eq!(hello.scope.to_string(), "roles:read");
    assert_eq!(hello.login_hint.as_deref(), Some("anna"));
    assert_eq!(hello.client.name, "countersign");

    peer.tell(status(LoginStatus::Opened)).await;
    match login.next().await.unwrap() {
        LoginEvent::Opened(browser) => assert_eq!(browser.address, "192.0.2.7"),
        other => panic!("{other:?}"),
    }
    peer.tell(status(LoginStatus::SignedIn)).await;
    assert_eq!(next(&mut login).await, "SignedIn");
    peer.tell(wanted(Binding::Code)).await;
    match login.next().await.unwrap() {
        LoginEvent::NeedCode { tries_left } => assert_eq!(tries_left, 3),
        other => panic!("{other:?}"),
    }

    // What is no code costs no try.
    let refused = login.confirm_code("nonsense").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Settings);
    login.confirm_code("bcdf ghjx").await.unwrap();
    match peer.hear().await {
        ClientMessage::Confirm { bind, value } => {
            assert_eq!(bind, Binding::Code);
            assert_eq!(value.expose(), "BCDFGHJX");
        }
        other => panic!("{other:?}"),
    }
    peer.tell(ServerBody::ConfirmResult {
        ok: false,
        tries_left: 2,
    })
    .await;
    match login.next().await.unwrap() {
        LoginEvent::CodeRefused { tries_left } => assert_eq!(tries_left, 2),
        other => panic!("{other:?}"),
    }
    login.confirm_code("BCDF-GHJK").await.unwrap();
    assert_eq!(peer.hear().await.name(), "confirm");
    peer.tell(confirmed()).await;
    peer.tell(identity("anna")).await;
    assert_eq!(next(&mut login).await, "Confirmed");
    match login.next().await.unwrap() {
        LoginEvent::Identity {
            principal,
            name,
            idp,
            scope,
            accepted,
        } => {
            assert_eq!((principal.as_str(), name.as_str()), ("anna", "Anna"));
            assert_eq!((idp.as_str(), scope, accepted), ("built-in", None, false));
        }
        other => panic!("{other:?}"),
    }
    login.accept().await.unwrap();
    assert_eq!(peer.hear().await.name(), "accept");
    let (signed, ()) = tokio::join!(login.next(), async {
        peer.tell(granted("anna")).await;
        assert_eq!(peer.hear().await.name(), "received");
        peer.tell(ServerBody::Bye).await;
    });
    let LoginEvent::Signed(signed) = signed.unwrap() else {
        panic!("no token");
    };
    assert_eq!(signed.token.access_token.expose(), "eyJ.anna.AA");
    assert_eq!(signed.token.kind, TokenKind::Interactive);
    assert_eq!(signed.token.principal.as_deref(), Some("anna"));
    assert_eq!(signed.token.issued_at.as_secs(), platform::START);
    assert_eq!(signed.token.expires_at.as_secs(), platform::START + 3600);
    assert_eq!(signed.refresh_token.unwrap().expose(), "csn_rt_1");
    assert_eq!(signed.refreshes_remaining, Some(10));
    // Nothing more happens.
    assert!(login.next().await.is_err());
    assert!(login.cancel().await.is_ok());
}

#[tokio::test]
async fn over_loopback_the_browser_brings_the_value_and_nothing_is_typed() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(LoginOptions::default().expect("anna")).await;
    assert_eq!(login.bind(), Binding::Loopback);
    let target = peer.hello().loopback.clone().unwrap();
    let value = ConfirmValue::loopback(&[7; 32]);
    let address = target.url(&value);
    let answered = loopback::tests::browse(&address);
    let done = format!("{}/done", login.url());

    // The browser may be faster than the word of the platform that it is on its way.
    let (first, answered, ()) = tokio::join!(login.next(), answered, async {
        match peer.hear().await {
            ClientMessage::Confirm { bind, value: found } => {
                assert_eq!(bind, Binding::Loopback);
                assert_eq!(found.expose(), value.expose());
            }
            other => panic!("{other:?}"),
        }
        peer.tell(wanted(Binding::Loopback)).await;
    });
    assert_eq!(name(&first.unwrap()), "WaitingForLoopback");
    assert!(answered.starts_with("HTTP/1.1 303 "), "{answered}");
    assert!(
        answered.contains(&format!("\r\nLocation: {done}\r\n")),
        "{answered}"
    );

    // security.md 89: closed at once
    let port = target.port();
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
    assert!(refused.is_err());

    peer.tell(confirmed()).await;
    peer.tell(identity("anna")).await;
    assert_eq!(next(&mut login).await, "Confirmed");
    match login.next().await.unwrap() {
        LoginEvent::Identity { accepted, .. } => assert!(accepted),
        other => panic!("{other:?}"),
    }
    let (signed, ()) = tokio::join!(login.next(), async {
        assert_eq!(peer.hear().await.name(), "accept");
        peer.tell(granted("anna")).await;
        assert_eq!(peer.hear().await.name(), "received");
        peer.tell(ServerBody::Bye).await;
    });
    assert_eq!(name(&signed.unwrap()), "Signed");
}

#[tokio::test]
async fn a_dead_loopback_leaves_the_code() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(LoginOptions::default()).await;
    assert_eq!(login.fallback(), Some(Binding::Code));
    peer.tell(wanted(Binding::Loopback)).await;
    assert_eq!(next(&mut login).await, "WaitingForLoopback");
    let early = login.confirm_code("BCDF-GHJK").await.unwrap_err();
    assert_eq!(early.to_string(), "no code is asked for at the moment");
    peer.tell(wanted(Binding::Code)).await;
    assert_eq!(next(&mut login).await, "NeedCode");
    login.confirm_code("BCDF-GHJK").await.unwrap();
    let twice = login.confirm_code("BCDF-GHJK").await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Settings);
    assert_eq!(peer.hear().await.name(), "confirm");
}

// login.md R6: under `same_device` the terminal offers a code in vain, and none is asked for.
#[tokio::test]
async fn where_the_platform_wants_the_same_device_no_code_is_taken() {
    let mut pair = Pair::new().await;
    pair.platform.fallback = None;
    let (mut login, mut peer) = pair.begin(LoginOptions::default()).await;
    assert_eq!((login.bind(), login.fallback()), (Binding::Loopback, None));
    assert!(login.confirm_code("BCDF-GHJK").await.is_err());
    peer.tell(wanted(Binding::Code)).await;
    let error = login.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("not offered"), "{error}");
}

#[tokio::test]
async fn a_port_that_is_told_is_the_port_that_is_listened_on() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    let mut pair = Pair::new().await;
    // Taken by another program.
    let options = LoginOptions::default().loopback_port(port);
    let error = pair.start(options.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    drop(free);
    let (login, peer) = pair.begin(options).await;
    assert_eq!(login.loopback_port(), Some(port));
    assert_eq!(peer.hello().loopback.as_ref().unwrap().port(), port);
    // Browsers do not go there.
    for port in [80, 6379, 6000] {
        let options = LoginOptions::default().loopback_port(port);
        let error = pair.start(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{port}");
    }
}

// Ctrl-C in every state
#[tokio::test]
async fn a_login_is_cancelled_on_both_sides_whatever_its_state() {
    for steps in 0..=5 {
        let mut pair = Pair::new().await;
        let (mut login, mut peer) = pair.begin(by_code()).await;
        if steps >= 1 {
            peer.tell(status(LoginStatus::Opened)).await;
            next(&mut login).await;
        }
        if steps >= 2 {
            peer.tell(wanted(Binding::Code)).await;
            next(&mut login).await;
        }
        if steps >= 3 {
            login.confirm_code("BCDF-GHJK").await.unwrap();
            peer.hear().await;
            peer.tell(confirmed()).await;
            next(&mut login).await;
        }
        if steps >= 4 {
            peer.tell(identity("anna")).await;
            next(&mut login).await;
        }
        if steps >= 5 {
            login.accept().await.unwrap();
            peer.hear().await;
        }
        let (cancelled, ()) = tokio::join!(login.cancel(), async {
            assert_eq!(peer.hear().await.name(), "cancel", "after {steps} steps");
            peer.tell(error(LoginErrorCode::Cancelled, true)).await;
        });
        cancelled.unwrap();
    }
}

// security.md 112
#[tokio::test]
async fn nothing_that_is_shown_has_a_secret_in_it() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(LoginOptions::default().expect("anna")).await;
    let path = peer.hello().loopback.clone().unwrap().path().to_owned();
    let mut shown = format!("{login:?} {:?} {:?}", login.loopback, login.conversation);
    assert!(!shown.contains(&path), "{shown}");
    login.loopback = None;
    peer.tell(wanted(Binding::Code)).await;
    next(&mut login).await;
    login.confirm_code("BCDF-GHJK").await.unwrap();
    shown = format!("{:?}", login.conversation);
    assert!(!shown.contains("BCDF"), "{shown}");
    peer.hear().await;
    peer.tell(confirmed()).await;
    peer.tell(identity("anna")).await;
    next(&mut login).await;
    next(&mut login).await;
    peer.tell(granted("anna")).await;
    let (event, ()) = tokio::join!(login.next(), async {
        peer.hear().await;
        peer.hear().await;
        peer.tell(ServerBody::Bye).await;
    });
    shown = format!("{event:?} {:?}", login.conversation);
    assert!(
        !shown.contains("eyJ") && !shown.contains("csn_rt"),
        "{shown}"
    );
}
