//! How does somebody with a role come to a token of every kind?

use axum::http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    Change, audit,
    idp::Password,
    registry::{PLATFORM_PRINCIPAL, PLATFORM_ROLE},
    store::AccountRow,
    tests::{
        login::browser::Browser,
        world::{Answer, ISSUER, World, principal},
    },
};

const PASSWORD: &str = "correct horse battery";
/// A role that had everything, and is gone.
const GONE: &str = "Gone";

/// What a request can be sent with.
pub(super) enum Held {
    Token(String),
    Session(Browser),
}

/// One kind of credential of somebody with one role.
pub(super) struct Holder {
    pub(super) kind: &'static str,
    held: Held,
}

pub(super) const PLATFORM_TOKEN: &str = "kind 2";

/// What every test of the matrix stands on.
pub(super) struct Matrix {
    pub(super) world: World,
    pub(super) admin: String,
    hash: String,
    component: String,
}

impl Matrix {
    pub(super) async fn new() -> Matrix {
        let world = World::with(|settings| settings.tokens.max_per_identity = 10_000).await;
        let admin = world.bearer("admin", &["Administrator"]).await;
        let password = Password::chosen(Zeroizing::new(PASSWORD.to_owned())).unwrap();
        let hash = world.platform.passwords().hash(&password).await.unwrap();
        let component = world.component().await;
        let component = world
            .exchange_platform(&world.platform_assertion(&component), "")
            .await
            .token();
        let matrix = Matrix {
            world,
            admin,
            hash,
            component,
        };
        matrix
            .role("TokensOnly", &["tokens:write".to_owned()])
            .await;
        let everything: Vec<String> = [
            "applications",
            "certificates",
            "principals",
            "roles",
            "mappings",
            "sessions",
            "audit",
            "tokens",
            "own-tokens",
            "keys",
        ]
        .iter()
        .flat_map(|noun| [format!("{noun}:read"), format!("{noun}:write")])
        .collect();
        matrix.role("EverythingByName", &everything).await;
        matrix.role(GONE, &everything).await;
        matrix
    }

    pub(super) async fn role(&self, name: &str, permissions: &[String]) {
        let role = json!({"name": name, "permissions": permissions});
        let role = serde_json::from_value(role).unwrap();
        self.world.change(Change::CreateRole(role)).await;
    }

    /// Somebody with this role, by every kind of credential; without one he had one before.
    pub(super) async fn holders(&self, letter: char) -> Vec<Holder> {
        let role = match letter {
            'A' => "Administrator",
            'O' => "Operator",
            'R' => "Reader",
            'D' => "Developer",
            'P' => PLATFORM_ROLE,
            'T' => "TokensOnly",
            'M' => "EverythingByName",
            _ => GONE,
        };
        let world = &self.world;
        let name = &format!("holder-of-{role}");
        let kind_1 = world.bearer(name, &[role]).await;
        let own = |kind, form| json!({"kind": kind, "form": form, "name": role, "owner": name});
        let system = json!({"kind": "system", "name": role, "roles": [role]});
        let imported = format!("moved-here-from-{}", role.to_ascii_lowercase());
        let import = json!({"kind": "app", "name": "x", "owner": name, "token": imported});
        let taken = world.api(Method::POST, "tokens/import", &self.admin, Some(import));
        assert_eq!(taken.await.status, 201);
        let tokens = [
            ("kind 0", world.terminal(name).await.access_token),
            ("kind 1", kind_1),
            (PLATFORM_TOKEN, self.component.clone()),
            ("personal", self.granted(own("personal", "opaque")).await),
            ("app, opaque", self.granted(own("app", "opaque")).await),
            ("app, JWT", self.granted(own("app", "jwt")).await),
            ("system", self.granted(system).await),
            ("imported", imported),
        ];
        let mut holders: Vec<Holder> = tokens
            .into_iter()
            .map(|(kind, token)| Holder {
                kind,
                held: Held::Token(token),
            })
            .collect();
        holders.push(Holder {
            kind: "session of the console",
            held: Held::Session(self.signed_in(name).await),
        });
        if role == GONE {
            let nothing = principal(name, &[]);
            world.change(Change::UpdatePrincipal(nothing)).await;
            self.give_to_the_platform(&[]).await;
            let nothing = json!({"name": GONE, "permissions": []});
            let nothing = serde_json::from_value(nothing).unwrap();
            world.change(Change::UpdateRole(nothing)).await;
        } else {
            self.give_to_the_platform(&[role]).await;
        }
        holders
    }

    /// What tokens of kind 2 carry.
    async fn give_to_the_platform(&self, roles: &[&str]) {
        let platform = principal(PLATFORM_PRINCIPAL, roles);
        self.world.change(Change::UpdatePrincipal(platform)).await;
    }

    pub(super) async fn granted(&self, new: Value) -> String {
        let answer = self
            .world
            .api(Method::POST, "tokens", &self.admin, Some(new))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.member("token")
    }

    async fn signed_in(&self, name: &str) -> Browser {
        let world = &self.world;
        let row = AccountRow {
            principal: name.to_owned(),
            password: self.hash.clone(),
            changed_at: world.now(),
        };
        let entry = audit::by_system("password.set", name, world.now());
        world.store.put_account(row, entry).await.unwrap();
        let mut browser = Browser::new(world.router.clone(), "192.0.2.20");
        browser.site = "same-origin";
        let body = json!({"username": name, "password": PASSWORD}).to_string();
        let answer = browser.ask_json("/api/v1/signin", &body).await;
        assert_eq!(answer.status, 204);
        browser
    }

    /// Sends a request with what a holder holds.
    pub(super) async fn ask(
        &self,
        holder: &mut Holder,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let method: Method = method.parse().unwrap();
        match &mut holder.held {
            Held::Token(token) => self.world.api(method, path, token, body.cloned()).await,
            Held::Session(browser) => {
                let mut headers = HeaderMap::new();
                headers.insert("x-countersign-console", "1".parse().unwrap());
                headers.insert(header::ORIGIN, ISSUER.parse().unwrap());
                let kind = "application/json".parse().unwrap();
                headers.insert(header::CONTENT_TYPE, kind);
                let body = body.map(Value::to_string).unwrap_or_default();
                let path = format!("/api/v1/{path}");
                browser.ask(method, &path, headers, &body).await
            }
        }
    }

    /// All that a request could change, but for the audit.
    pub(super) async fn state(&self) -> String {
        let (store, now) = (&self.world.store, self.world.now());
        let query = crate::store::TokenQuery {
            filter: Default::default(),
            after: None,
            limit: 500,
            now,
            warned: std::time::Duration::ZERO,
        };
        format!(
            "{:?}\n{:?}\n{:?}\n{:?}",
            store.registry().await.unwrap(),
            store.sessions(None, None, 500).await.unwrap(),
            store.tokens(query).await.unwrap(),
            store.issuer_keys().await.unwrap(),
        )
    }
}
