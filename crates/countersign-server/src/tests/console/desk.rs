//! What do these tests stand on? A platform with accounts of its own, and browsers at the console.

use http::{HeaderMap, Method, StatusCode, header};
use zeroize::Zeroizing;

use crate::{
    audit,
    config::Settings,
    console::Pass,
    idp::Password,
    random,
    registry::Change,
    store::{AccountRow, SessionRow},
    tests::{
        login::browser::{Browser, form_token, location, text},
        world::{Answer, ISSUER, World},
    },
};

pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const COOKIE: &str = "__Host-countersign-console";

/// Anna is an administrator, Otto an operator, Rita a reader; each has an account.
pub(super) struct Desk {
    pub(super) world: World,
}

impl Desk {
    pub(super) async fn new() -> Desk {
        Desk::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Desk {
        let desk = Desk {
            world: World::with(change).await,
        };
        for (name, role) in [
            ("anna", "Administrator"),
            ("otto", "Operator"),
            ("rita", "Reader"),
        ] {
            desk.person(name, &[role]).await;
        }
        desk
    }

    /// Somebody with an account.
    pub(super) async fn person(&self, name: &str, roles: &[&str]) {
        let world = &self.world;
        world.principal(name, roles).await;
        let password = Password::chosen(Zeroizing::new(PASSWORD.to_owned())).unwrap();
        let row = AccountRow {
            principal: name.to_owned(),
            password: world.platform.passwords().hash(&password).await.unwrap(),
            changed_at: world.now(),
        };
        let entry = audit::by_system("password.set", name, world.now());
        world.store.put_account(row, entry).await.unwrap();
    }

    pub(super) async fn change(&self, change: Change) {
        self.world.change(change).await;
    }

    /// A browser that is on a page of the platform.
    pub(super) fn browser(&self) -> Browser {
        let mut browser = Browser::new(self.world.router.clone(), "192.0.2.20");
        browser.site = "same-origin";
        browser
    }

    /// One in which somebody has signed in.
    pub(super) async fn signed_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = sign_in(&mut browser, name, PASSWORD, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
        assert_eq!(location(&answer), "/console");
        browser
    }

    /// The session of this browser, as the store has it.
    pub(super) async fn session_of(&self, browser: &Browser) -> SessionRow {
        let id = session_id(browser);
        self.world.store.session(&id).await.unwrap().unwrap()
    }

    /// What was written down, newest first.
    pub(super) async fn actions(&self) -> Vec<String> {
        let page = self.world.store.audit(None, 50).await.unwrap();
        page.items.into_iter().map(|entry| entry.action).collect()
    }
}

/// Opens the sign-in page and types into its form.
pub(super) async fn sign_in(browser: &mut Browser, name: &str, password: &str, to: &str) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return", to)
        .finish();
    let page = browser.get(&format!("/console/sign-in?{query}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", text(&page));
    let fields = [
        ("token", form_token(&page)),
        ("return", hidden(&page, "return")),
        ("name", name.to_owned()),
        ("password", password.to_owned()),
    ];
    browser.post("/console/sign-in", &form(&fields)).await
}

/// Fields as a form sends them.
pub(super) fn form(fields: &[(&str, String)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        form.append_pair(name, value);
    }
    form.finish()
}

/// The value of a hidden field.
#[track_caller]
pub(super) fn hidden(page: &Answer, name: &str) -> String {
    let text = text(page);
    let field = format!("name=\"{name}\" value=\"");
    let Some((_, after)) = text.split_once(&field) else {
        panic!("no {name} on this page: {text}");
    };
    after.split_once('"').unwrap().0.replace("&#38;", "&")
}

/// The id of the session in a browser's cookie.
pub(super) fn session_id(browser: &Browser) -> String {
    let pass = &browser.jar[COOKIE];
    pass.split_once('.').unwrap().0.to_owned()
}

/// What a form that grants something would carry in this browser.
pub(super) fn once(desk: &Desk, browser: &Browser) -> String {
    let platform = &desk.world.platform;
    let key = platform.secrets().login_key().unwrap();
    let pass = Pass::from_text(&browser.jar[COOKIE], key).unwrap();
    pass.once(key, &random::opaque_id(desk.world.now()).unwrap())
}

/// A request to the management API as a page of the console sends it.
pub(super) async fn at_api(browser: &mut Browser, method: Method, path: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("x-countersign-console", "1".parse().unwrap());
    if method != Method::GET {
        headers.insert(header::ORIGIN, ISSUER.parse().unwrap());
    }
    browser.ask(method, path, headers, "").await
}
