//! Does a person sign in with an OpenID provider that nobody here wrote, and does nobody else get in by it?
//!
//! The browser is a plain one, which a test can make do what Chromium would not. What a provider may do that lies is
//! asked where the platform reads ID tokens.

use countersign::{
    admin::PageRequest,
    proto::{
        login::{ConfirmValue, LoginErrorCode, ServerBody},
        management::{AuditEntry, AuditFilter, Role},
        token::{Binding, inspect},
    },
};
use http::StatusCode;
use url::Url;

use crate::{
    fixtures,
    parts::{
        OpenidProvider,
        person::{Page, Person},
        serving::{Site, free_address},
        sign_in::World,
        terminal::{Session, Terminal},
    },
};

const CODE: &str = "[session]\nbinding = \"code\"\n";
const PUBLIC: &str = "client_id = \"platform\"\n";

/// A platform that knows alice and mallory, and a provider that knows everybody. `client` are lines of
/// `[identity_provider]`.
async fn world(client: &str, arguments: &[&str]) -> (World, OpenidProvider) {
    let address = free_address();
    let issuer = format!("http://{address}");
    let certificates = [fixtures::path("clients/p256/p256.pem")];
    let callback = format!("{issuer}/login/callback");
    let provider = OpenidProvider::with_people(&callback, &certificates, arguments);
    let settings = format!(
        "{CODE}[identity_provider]\nkind = \"openid-connect\"\nname = \"Acme\"\nissuer = \"{}\"\n{client}",
        provider.issuer
    );
    let world = World::at(Site::at(address, &issuer, "memory:", &settings)).await;
    (world, provider)
}

async fn login(world: &World) -> (Terminal, Session) {
    world.terminal(&[Binding::Code], None).await
}

fn person(world: &World) -> Person {
    Person::new(world.site().transport())
}

/// Opens an address and goes wherever it redirects to, but not to the platform's callback: where that is, or the page.
async fn travel(person: &mut Person, from: &Url) -> Result<Url, Page> {
    let mut url = from.clone();
    for _ in 0..10 {
        if url.path().ends_with("/login/callback") {
            return Ok(url);
        }
        let page = person.open(&url).await.unwrap();
        match page.redirect() {
            Some(next) => url = next,
            None => return Err(page),
        }
    }
    panic!("{from} redirects for ever");
}

/// Signs in at the provider, unless it knows the browser: where it sends that back to.
async fn sign_in_at_provider(person: &mut Person, link: &Url, name: &str) -> Url {
    let page = match travel(person, link).await {
        Ok(callback) => return callback,
        Err(page) => page,
    };
    let form = page.forms().remove(0);
    let fields = [("login", name), ("password", "anything")];
    let answer = person.submit(&form, &fields).await.unwrap();
    let next = answer.redirect().expect("a redirect");
    travel(person, &next).await.expect("a callback")
}

/// Comes back to the platform: the page that follows.
async fn come_back(person: &mut Person, callback: &Url) -> Page {
    person.go(callback).await.unwrap()
}

/// That page asks the person, who has signed in.
#[track_caller]
fn must_ask(page: &Page) {
    assert!(
        asks(page),
        "{}: {} {}",
        page.url.path(),
        page.status,
        page.body
    );
}

/// Whether this is the page that asks a person who signed in.
fn asks(page: &Page) -> bool {
    page.status == StatusCode::OK && page.body.contains("Allow a terminal to act as you?")
}

async fn audited(world: &World) -> Vec<AuditEntry> {
    let page = world
        .site()
        .admin()
        .audit(&AuditFilter::default(), &PageRequest::first())
        .await;
    page.expect("the audit").items
}

/// From the page that asks to the token in the terminal.
async fn allow(person: &mut Person, terminal: &mut Terminal, link: &Url) -> (String, String) {
    let page = person.allow(link).await.unwrap();
    let page = person
        .go(&page.redirect().unwrap_or(page.url))
        .await
        .unwrap();
    let code = page.body.split("<code").nth(1).expect("a code");
    let code = code
        .split('>')
        .nth(1)
        .and_then(|rest| rest.split('<').next());
    let typed = ConfirmValue::from_typed(code.expect("letters")).unwrap();
    terminal.confirm(typed).await;
    let ServerBody::Identity { principal, idp, .. } = terminal.hear_of("identity").await else {
        panic!("no identity");
    };
    let token = terminal.take_token().await;
    let claims = inspect(token.access_token.expose()).unwrap().claims;
    assert_eq!(claims["principal"], principal.as_str());
    assert_eq!(claims["binding"], "code");
    (principal, idp)
}

// checklist T2 positive
#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_oidc_provider_signs_in_by_each_kind_of_client_and_each_claim() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "platform-secret\n").unwrap();
    let key = |name: &str| fixtures::path(&format!("clients/p256/p256.{name}"));
    let by_certificate = format!(
        "client_id = \"platform-jwt\"\ncertificate = \"{}\"\nkey = \"{}\"\n\
         principal_claim = \"preferred_username\"\n",
        key("pem").display(),
        key("key").display()
    );
    let by_secret = format!(
        "client_id = \"platform-secret\"\nclient_secret_file = \"{}\"\n\
         principal_claim = \"email\"\ncreate_principals = true\nroles = [\"Reader\"]\n",
        secret.display()
    );
    for (client, arguments, principal) in [
        (PUBLIC, &[][..], "alice"),
        (&by_certificate, &["--jwt"][..], "alice"),
        (&by_secret, &[][..], "alice@example.com"),
    ] {
        let (world, _provider) = world(client, arguments).await;
        let (mut terminal, session) = login(&world).await;
        let mut person = person(&world);
        let callback = sign_in_at_provider(&mut person, &session.url, "alice").await;
        let page = come_back(&mut person, &callback).await;
        must_ask(&page);
        assert!(page.body.contains("says Acme"), "{}", page.body);
        let who = allow(&mut person, &mut terminal, &session.url).await;
        assert_eq!(who, (principal.to_owned(), "Acme".to_owned()));
    }
}

// login.md R2
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_was_sent_to_another_browser_signs_nobody_in_there() {
    let (world, _provider) = world(PUBLIC, &[]).await;
    let (_terminal, session) = login(&world).await;
    // Mallory signs in up to the callback, and sends that to alice.
    let mut mallory = person(&world);
    let callback = sign_in_at_provider(&mut mallory, &session.url, "mallory").await;
    let mut without_cookies = person(&world);
    let mut with_others = person(&world);
    with_others.open(&session.url).await.unwrap();
    for victim in [&mut without_cookies, &mut with_others] {
        let page = come_back(victim, &callback).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
        let review = format!("{}/review", session.url).parse().unwrap();
        assert!(!asks(&victim.open(&review).await.unwrap()));
    }
    // The code was not redeemed meanwhile: it is still good where it belongs.
    must_ask(&come_back(&mut mallory, &callback).await);
}

// login.md R2
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_address_that_was_sent_to_another_browser_signs_nobody_in() {
    let (world, _provider) = world(PUBLIC, &[]).await;
    let (_terminal, session) = login(&world).await;
    let mut mallory = person(&world);
    let at_provider = mallory
        .open(&session.url)
        .await
        .unwrap()
        .redirect()
        .unwrap();
    // Alice follows it and signs in at the provider, which sends her to the platform.
    let mut alice = person(&world);
    let callback = sign_in_at_provider(&mut alice, &at_provider, "alice").await;
    let page = come_back(&mut alice, &callback).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.body);
    let review = format!("{}/review", session.url).parse().unwrap();
    assert!(!asks(&mallory.open(&review).await.unwrap()));
}

// security.md 90, 91
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_was_changed_anywhere_signs_nobody_in() {
    let (world, _provider) = world(PUBLIC, &[]).await;
    let (_terminal, session) = login(&world).await;
    let mut person = person(&world);
    let callback = sign_in_at_provider(&mut person, &session.url, "alice").await;
    let changed = |name: &str, value: Option<&str>| {
        let mut url = callback.clone();
        let pairs: Vec<(String, String)> = callback.query_pairs().into_owned().collect();
        let kept = pairs.iter().filter(|(found, _)| found != name);
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .extend_pairs(value.map(|value| (name, value)));
        url
    };
    let mut twice = callback.clone();
    twice.query_pairs_mut().append_pair("code", "another");
    let other_state = "x".repeat(43);
    for (what, url) in [
        ("no state", changed("state", None)),
        ("an empty state", changed("state", Some(""))),
        ("another state", changed("state", Some(&other_state))),
        ("no code", changed("code", None)),
        ("an empty code", changed("code", Some(""))),
        ("no iss, which the provider promises", changed("iss", None)),
        ("another iss", changed("iss", Some("https://evil.example"))),
        ("a code twice", twice),
        ("nothing", changed("state", None).join("?").unwrap()),
    ] {
        let page = come_back(&mut person, &url).await;
        assert!(
            page.status.is_client_error() || page.status.is_server_error(),
            "{what}: {} {}",
            page.status,
            page.body
        );
        assert!(!asks(&page), "{what}");
    }
    // None of them used the code up.
    must_ask(&come_back(&mut person, &callback).await);
}

// security.md 93
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_in_its_own_sign_in() {
    let (world, _provider) = world(PUBLIC, &[]).await;
    let (_first, one) = login(&world).await;
    let (_second, two) = login(&world).await;
    let mut alice = person(&world);
    let first = sign_in_at_provider(&mut alice, &one.url, "alice").await;
    let second = sign_in_at_provider(&mut alice, &two.url, "alice").await;
    let part = |url: &Url, name: &str| -> String {
        let mut pairs = url.query_pairs();
        pairs
            .find(|(found, _)| found == name)
            .unwrap()
            .1
            .into_owned()
    };
    // The code of the second sign-in with the state of the first: its verifier does not fit.
    let mut mixed = first.clone();
    mixed
        .query_pairs_mut()
        .clear()
        .append_pair("code", &part(&second, "code"))
        .append_pair("state", &part(&first, "state"))
        .append_pair("iss", &part(&first, "iss"));
    let page = come_back(&mut alice, &mixed).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    assert!(page.body.contains("no good any more"), "{}", page.body);

    // The provider may take back what it gave when somebody guesses. The sign-in is still open.
    let first = sign_in_at_provider(&mut alice, &one.url, "alice").await;
    must_ask(&come_back(&mut alice, &first).await);
    let again = come_back(&mut alice, &first).await;
    assert!(!asks(&again), "{} {}", again.status, again.body);
    assert!(again.status.is_client_error() || again.status.is_server_error());
}

// checklist T2 negative
#[tokio::test(flavor = "multi_thread")]
async fn whom_the_claim_does_not_name_is_not_let_in() {
    let by_email = format!("{PUBLIC}principal_claim = \"email\"\ncreate_principals = true\n");
    for (client, name, told) in [
        (PUBLIC, "stranger", "You are not known here"),
        (
            by_email.as_str(),
            "unverified",
            "did not answer as it should",
        ),
    ] {
        let (world, _provider) = world(client, &[]).await;
        let (_terminal, session) = login(&world).await;
        let mut person = person(&world);
        let callback = sign_in_at_provider(&mut person, &session.url, name).await;
        let page = come_back(&mut person, &callback).await;
        assert!(page.body.contains(told), "{} {}", page.status, page.body);
        let names = world.site().admin().principals(&PageRequest::first()).await;
        let names: Vec<String> = names.unwrap().items.into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["admin", "alice", "mallory", "platform"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_is_made_with_the_roles_that_were_set_and_a_known_one_keeps_his() {
    let client = format!("{PUBLIC}create_principals = true\nroles = [\"Clerk\"]\n");
    let (world, _provider) = world(&client, &[]).await;
    let clerk = Role {
        name: "Clerk".to_owned(),
        description: String::new(),
        permissions: vec!["audit:read".to_owned()],
        require_loopback: false,
        token_lifetime_max_s: None,
        built_in: false,
    };
    world.site().admin().create_role(&clerk).await.unwrap();
    for (name, role) in [("newcomer", "Clerk"), ("alice", "Reader")] {
        let (mut terminal, session) = login(&world).await;
        let mut person = person(&world);
        let callback = sign_in_at_provider(&mut person, &session.url, name).await;
        must_ask(&come_back(&mut person, &callback).await);
        let (principal, _) = allow(&mut person, &mut terminal, &session.url).await;
        let registered = world.site().admin().principal(&principal).await.unwrap();
        assert_eq!(registered.roles, [role]);
    }
    let made: Vec<AuditEntry> = audited(&world)
        .await
        .into_iter()
        .filter(|row| row.action == "principal.create" && row.actor == "system")
        .collect();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].subject, "newcomer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_says_no_at_the_provider_ends_the_sign_in() {
    let (world, _provider) = world(PUBLIC, &[]).await;
    let (mut terminal, session) = login(&world).await;
    let mut person = person(&world);
    let page = travel(&mut person, &session.url).await.expect_err("a page");
    let form = page.forms().remove(0);
    let answer = person.submit(&form, &[("deny", "yes")]).await.unwrap();
    let callback = travel(&mut person, &answer.redirect().unwrap())
        .await
        .unwrap();
    let page = come_back(&mut person, &callback).await;
    assert!(page.body.contains("Declined"), "{}", page.body);
    let (heard, ended) = terminal.hear_all().await;
    let last = heard.last();
    assert!(
        matches!(
            last,
            Some(ServerBody::Error {
                code: LoginErrorCode::Denied,
                ..
            })
        ),
        "{heard:?}"
    );
    assert_eq!(ended.code, 4010);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_went_away_may_come_back_within_the_same_sign_in() {
    let (world, provider) = world(PUBLIC, &[]).await;
    let (_terminal, session) = login(&world).await;
    let mut person = person(&world);
    let callback = sign_in_at_provider(&mut person, &session.url, "alice").await;
    let port = provider.issuer.rsplit(':').next().unwrap().to_owned();
    drop(provider);
    let page = come_back(&mut person, &callback).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{}", page.body);
    assert!(page.body.contains("Acme did not answer as it should"));

    let back = format!("{}/login/callback", world.site().issuer());
    let _again = OpenidProvider::with_people(&back, &[], &["--listen", &port]);
    let callback = sign_in_at_provider(&mut person, &session.url, "alice").await;
    must_ask(&come_back(&mut person, &callback).await);
}
