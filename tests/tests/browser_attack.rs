//! What does somebody get who sends a link of his own terminal to a victim, in real Chromiums?
//!
//! The attacker owns the terminal and a browser; the victim has another browser and is in a hurry.

use std::collections::BTreeSet;

use countersign::proto::{
    login::{ConfirmValue, ServerBody},
    token::Binding,
};
use url::Url;

use crate::parts::{
    browser::Browser,
    listener::dead_target,
    person::Person,
    serving::Site,
    sign_in::{PASSWORD, World},
    terminal::{Session, Terminal},
    website::Website,
};

const CODES: &str = "[session]\nbinding = \"code\"\n";

// login.md R4 · security.md 97
#[tokio::test(flavor = "multi_thread")]
async fn a_victim_in_chromium_who_allows_everything_gives_a_terminal_far_away_nothing() {
    let world = World::start("").await;
    // The attacker's terminal listens, on another machine than the victim's browser.
    let (mut attacker, session, listener) = world.listening_terminal().await;
    let mail = Website::showing(format!("<a href='{}'>your invoice</a>", session.url)).await;
    let reached = [
        world.site().address().to_string(),
        format!("localhost:{}", mail.port()),
    ];
    let victim = Browser::elsewhere(&reached).await;
    victim.open(mail.url("localhost", "/")).await;
    victim.click("a").await;
    victim
        .click("form[action$='/continue'] button:not([formaction])")
        .await;
    victim.fill_in("alice", PASSWORD).await;
    victim.arrive(&format!("{}/review", session.url)).await;
    victim.allow().await;
    victim.see("#stuck[open]").await;
    victim.allow().await;

    victim.until_windows(3).await;
    let mut values = BTreeSet::new();
    for window in [1, 2] {
        victim.to_window(window).await;
        victim.arrive("http://127.0.0.1:").await;
        values.insert(value_of(&victim.url().await));
    }
    assert_eq!(values.len(), 2, "each time another value");
    assert_eq!(listener.visits(), 0);

    // The attacker guesses, as often as he may.
    for left in [2, 1, 0] {
        attacker.confirm(ConfirmValue::loopback(&[left; 32])).await;
    }
    let (heard, ended) = attacker.hear_all().await;
    assert_eq!(ended.code, 4029, "{heard:?}");
    for body in &heard {
        assert!(
            !matches!(body, ServerBody::Identity { .. } | ServerBody::Token(_)),
            "{body:?}"
        );
    }
    // What released the token was never on the socket, and neither was a code in the browser.
    for value in values {
        assert!(!attacker.transcript().contains(&value));
    }
    for window in [0, 1, 2] {
        victim.to_window(window).await;
        assert!(!victim.sees(".code").await);
    }
}

// login.md R2 · security.md 90
#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_provider_that_was_forwarded_to_another_chromium_signs_nobody_in() {
    let (world, provider) = World::with_provider("", &[]).await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let (attacker, victim) = tokio::join!(Browser::start(), Browser::start());
    attacker.open(&session.url).await;
    attacker.arrive(&provider.issuer).await;
    // The page of the provider belongs to the attacker's browser; its address begins a sign-in anywhere.
    let forwarded = forwarded_address(&world, &session).await;
    victim.open(&forwarded).await;
    victim.fill_in_at_provider("alice").await;
    victim.read("Another browser").await;
    assert!(!victim.sees("form").await);

    // And the attacker's own sign-in is as it was.
    attacker.fill_in_at_provider("mallory").await;
    attacker.arrive(&format!("{}/review", session.url)).await;
    attacker.allow().await;
    terminal.confirm(listener.value().await).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "mallory");
    assert_eq!(terminal.transcript().matches("\"signed_in\"").count(), 1);
}

// login.md R2 · security.md 90
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_was_forwarded_to_another_chromium_signs_nobody_in() {
    let (world, _provider) = World::with_provider("", &[]).await;
    let (mut terminal, session, _listener) = world.listening_terminal().await;
    let victim = Browser::start().await;
    // The attacker signs in himself and keeps the last step for the victim, who would then act for him.
    let mut attacker = Person::new(world.site().transport());
    let callback = callback_of(&mut attacker, &session.url, "mallory").await;
    victim.open(&callback).await;
    victim.read("Another browser").await;
    // The victim has the link too, and a cookie of its own for it.
    victim.open(&session.url).await;
    victim.see("#login").await;
    victim.open(&callback).await;
    victim.read("Another browser").await;
    terminal.cancel().await;
    assert!(terminal.transcript().contains("\"opened\""));
    assert!(!terminal.transcript().contains("\"signed_in\""));
}

// login.md R1
#[tokio::test(flavor = "multi_thread")]
async fn a_code_releases_the_sign_in_of_its_own_chromium_whoever_came_last() {
    let world = World::start(CODES).await;
    let (mut terminal, session) = world.terminal(&[Binding::Code], None).await;
    let (alices, mallorys) = tokio::join!(Browser::start(), Browser::start());
    alices.sign_in(&session.url, "alice").await;
    alices.allow().await;
    let code = alices.code().await;
    mallorys.sign_in(&session.url, "mallory").await;
    mallorys.allow().await;
    let other = mallorys.code().await;
    assert_ne!(code, other);

    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    mallorys.read("Already used").await;

    // Nor does it release another sign-in, nor this one again.
    let (mut terminal, session) = world.terminal(&[Binding::Code], None).await;
    alices.sign_in(&session.url, "alice").await;
    alices.allow().await;
    alices.code().await;
    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    let ServerBody::ConfirmResult { ok, tries_left } = terminal.hear_of("confirm_result").await
    else {
        panic!("no result");
    };
    assert_eq!((ok, tries_left), (false, 2));
}

// login.md R4 · security.md 93
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_chromium_brought_is_good_once_and_only_the_newest_is() {
    let world = World::start("").await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    let older = listener.value().await;
    browser.see("#stuck[open]").await;
    browser.allow().await;
    let newer = listener.nth_value(2).await;

    terminal.confirm(older).await;
    let ServerBody::ConfirmResult { ok, .. } = terminal.hear_of("confirm_result").await else {
        panic!("no result");
    };
    assert!(!ok);
    terminal.confirm(newer.clone()).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");

    let (mut terminal, session, listener) = world.listening_terminal().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    listener.value().await;
    terminal.confirm(newer).await;
    let ServerBody::ConfirmResult { ok, .. } = terminal.hear_of("confirm_result").await else {
        panic!("no result");
    };
    assert!(!ok);
}

// security.md 101
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_was_planted_in_chromium_gives_its_planter_nothing() {
    let world = World::start(CODES).await;
    let (mut terminal, session) = world.terminal(&[Binding::Code], None).await;
    let mut attacker = Person::new(world.site().transport());
    let form = attacker.open(&session.url).await.unwrap();
    let victim = Browser::start().await;
    for (name, value) in attacker.cookies().clone() {
        victim
            .plant_cookie(world.site().issuer(), &name, &value)
            .await;
    }
    victim.sign_in(&session.url, "alice").await;

    // The attacker has what the victim's browser had before, and the form that goes with it.
    let page = attacker.open(&at(&session, "/review")).await.unwrap();
    assert_eq!(page.status, 403, "{}", page.body);
    let form = form.form("/sign-in");
    attacker
        .submit_to(&form, &at(&session, "/allow"))
        .await
        .unwrap();
    let state = attacker.open(&at(&session, "/state")).await.unwrap();
    assert_eq!(state.status, 403);
    terminal.cancel().await;
    assert!(terminal.transcript().contains("\"signed_in\""));
    assert!(!terminal.transcript().contains("\"need_confirm\""));
}

// security.md 90
#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_send_no_form_in_the_name_of_chromiums_owner() {
    let world = World::start("").await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let victim = Browser::start().await;
    victim.sign_in(&session.url, "alice").await;
    for (path, fields) in [
        ("/allow", ""),
        ("/report", ""),
        ("/code", ""),
        (
            "/sign-in",
            "<input name=name value=mallory><input name=password value=x>",
        ),
        ("/continue", ""),
    ] {
        let form = format!(
            "<form method=post action='{}{path}'>{fields}<input name=token value=x></form>\
             <script>document.forms[0].submit()</script>",
            session.url
        );
        let evil = Website::showing(form).await;
        victim.open(evil.url("localhost", "/")).await;
        victim.read("did not").await;
        victim.arrive(&format!("{}{path}", session.url)).await;
    }
    assert_eq!(listener.visits(), 0);
    // Nothing has changed for her: she can still allow it.
    victim.open(format!("{}/review", session.url)).await;
    victim.allow().await;
    terminal.confirm(listener.value().await).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
}

// security.md 94, 100
#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_neither_frame_nor_read_nor_hold_a_page_in_chromium() {
    let world = World::start("").await;
    let (_terminal, session, _listener) = world.listening_terminal().await;
    let victim = Browser::start().await;
    victim.sign_in(&session.url, "alice").await;
    let review = format!("{}/review", session.url);
    let evil = Website::showing(format!(
        "<iframe src='{review}'></iframe>\
         <button onclick=\"it = window.open('{review}')\">win a prize</button>"
    ))
    .await;
    victim.open(evil.url("localhost", "/")).await;
    victim.to_frame(0).await;
    assert!(!victim.text().await.contains("Allow"));
    victim.to_top().await;

    let read = format!(
        "const done = arguments[0]; \
         fetch('{review}', {{ credentials: 'include' }}).then(() => done('read'), () => done('refused'));"
    );
    assert_eq!(victim.run_and_wait(&read).await, "refused");

    victim.click("button").await;
    victim.until_windows(2).await;
    victim.to_window(1).await;
    victim.arrive(&review).await;
    assert_eq!(
        victim.run("return window.opener").await,
        serde_json::Value::Null
    );
    victim.to_window(0).await;
    // What the site holds is a window that is not there any more.
    assert_eq!(victim.run("return it.closed").await, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_terminal_says_about_itself_is_text_in_chromium_and_nothing_else() {
    let world = World::start("").await;
    let mut terminal = Terminal::connect(world.site().issuer()).await;
    let target = dead_target();
    let hostile =
        "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>";
    let turned = "\u{202e}evil\u{2066}\u{200f}\u{0}\u{1b}[2J\r\nAddress: 10.0.0.1";
    let long = "Allow ".repeat(170);
    let jws = terminal.raw_hello(&serde_json::json!({
        "versions": ["countersign.login.v1"],
        "bind": ["loopback"],
        "loopback": { "port": target.port(), "path": target.path() },
        "client": { "name": hostile, "version": "\"'><b>", "os": turned, "host": long, "user": "{{7*7}}${7*7}" },
    }));
    let session = terminal.begin_with_jws(jws).await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    browser.picture("review-hostile").await;
    let facts = browser.see(".claimed").await.text().await.unwrap();
    assert!(facts.contains("<img src=x"), "{facts}");
    assert!(facts.contains("{{7*7}}${7*7}"), "{facts}");
    assert!(!browser.title().await.contains("owned"));
    let inside = browser
        .run("return [...document.querySelectorAll('.claimed dd *')].map(it => it.tagName)")
        .await;
    assert_eq!(inside, serde_json::json!(["BDI", "BDI", "BDI", "BDI"]));
    let shown = browser
        .run("return [...document.querySelectorAll('.claimed bdi')].map(it => it.textContent)")
        .await;
    for text in shown.as_array().unwrap() {
        let text = text.as_str().unwrap();
        // the program is a name and a version
        assert!(text.chars().count() <= 64 + 1 + 64, "{text}");
        assert!(
            !text.chars().any(|c| c.is_control() || is_bidi(c)),
            "{text:?}"
        );
    }
    // The line that looks like one of the platform's stays in its row.
    let seen = browser
        .see("section[aria-labelledby=seen]")
        .await
        .text()
        .await
        .unwrap();
    assert!(
        seen.contains("127.0.0.1") && !seen.contains("10.0.0.1"),
        "{seen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_says_too_much_begins_nothing() {
    let world = World::start("").await;
    let mut terminal = Terminal::connect(world.site().issuer()).await;
    let jws = terminal.raw_hello(&serde_json::json!({
        "versions": ["countersign.login.v1"],
        "bind": ["code"],
        "client": { "name": "x".repeat(10_000), "version": "", "os": "", "host": "", "user": "" },
    }));
    terminal
        .say_text(&format!("{{\"type\":\"hello\",\"jws\":\"{jws}\"}}"))
        .await;
    let (heard, _ended) = terminal.hear_all().await;
    assert!(
        heard
            .iter()
            .all(|body| matches!(body, ServerBody::Error { .. })),
        "{heard:?}"
    );
}

// security.md 92
#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_the_platform_leads_chromium_to_another_site() {
    let world = World::start("").await;
    let (_terminal, session, _listener) = world.listening_terminal().await;
    let evil = Website::showing("<h1>evil</h1>").await;
    let away = evil.url("localhost", "/");
    let issuer = world.site().issuer();
    let handle = session.url.path_segments().unwrap().next_back().unwrap();
    let browser = Browser::start().await;
    let escaped: String = url::form_urlencoded::byte_serialize(away.as_bytes()).collect();
    for address in [
        format!(
            "{issuer}/login/{handle}?redirect_uri={escaped}&next={escaped}&return_to={escaped}"
        ),
        format!(
            "{issuer}/login/callback?state={escaped}&code=x&redirect_uri={escaped}&iss={escaped}"
        ),
        format!("{issuer}/login/{handle}/done?next={escaped}"),
        format!("{issuer}//localhost:{}/", evil.port()),
        format!("{issuer}/login//localhost:{}/", evil.port()),
        format!("{issuer}/login/%2f%2flocalhost:{}/review", evil.port()),
        format!("{issuer}/login/%0d%0aLocation:%20{escaped}/review"),
        format!("{issuer}/login/..%2f..%2f/@localhost:{}/", evil.port()),
    ] {
        browser.open(&address).await;
        assert!(browser.url().await.starts_with(issuer), "{address}");
    }
    assert!(evil.visits("/").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_looks_leaves_every_byte_of_the_store_as_it_was() {
    let world = World::with_accounts(Site::new("sqlite:platform.db")).await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let mut alice = Person::new(world.site().transport());
    alice
        .sign_in(&session.url, "alice", PASSWORD)
        .await
        .unwrap();
    let before = stored(world.site());
    for look in 0..100 {
        // each somebody else, without a cookie, or with a false one
        let mut stranger = Person::new(world.site().transport());
        if look % 2 == 0 {
            let cookies = alice
                .cookies()
                .keys()
                .map(|name| (name.clone(), "x.y".to_owned()));
            *stranger.cookies() = cookies.collect();
        }
        for path in [
            "",
            "/review",
            "/state",
            "/done",
            "/continue",
            "/allow",
            "/report",
            "/code",
            "/sign-in",
        ] {
            stranger.open(&at(&session, path)).await.unwrap();
        }
        let callback = format!("{}/login/callback?state=x&code=y", world.site().issuer());
        stranger.open(&callback.parse().unwrap()).await.unwrap();
    }
    assert!(before == stored(world.site()), "something was written");

    let handed_over = alice.allow(&session.url).await.unwrap();
    alice.follow(&handed_over).await.unwrap();
    terminal.confirm(listener.value().await).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    assert_eq!(terminal.transcript().matches("\"opened\"").count(), 1);
}

/// The value in an address of loopback.
fn value_of(url: &str) -> String {
    let url: Url = url.parse().unwrap();
    let (_, value) = url
        .query_pairs()
        .find(|(name, _)| name == "value")
        .expect("a value");
    value.into_owned()
}

/// Where a browser that opens the link is sent to.
async fn forwarded_address(world: &World, session: &Session) -> String {
    let mut attacker = Person::new(world.site().transport());
    let sent = attacker.open(&session.url).await.unwrap();
    sent.redirect().expect("to the provider").to_string()
}

/// Signs in at the provider up to the address that leads back.
async fn callback_of(person: &mut Person, link: &Url, name: &str) -> Url {
    let mut page = person.open(link).await.unwrap();
    loop {
        match page.redirect() {
            Some(next) if next.path() == "/login/callback" => return next,
            Some(next) => page = person.open(&next).await.unwrap(),
            None => {
                let form = page.forms().swap_remove(0);
                let fields = [("login", name), ("password", "x")];
                page = person.submit(&form, &fields).await.unwrap();
            }
        }
    }
}

fn at(session: &Session, path: &str) -> Url {
    format!("{}{path}", session.url).parse().unwrap()
}

/// Everything that the store wrote.
fn stored(site: &Site) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = site.store_files();
    files.sort();
    files
        .into_iter()
        // which process has which page mapped: no content
        .filter(|file| !file.to_string_lossy().ends_with("-shm"))
        .map(|file| (file.clone(), std::fs::read(file).unwrap()))
        .collect()
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
