//! Does a token ever mint one that is wider than itself?

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::holders::Matrix;
use crate::{
    Change,
    tests::world::{Identity, World, application, principal},
};

const API: &str = "https://orders.example";
const DAY: u64 = 86_400;

/// What a token turns out to be good for, asked from outside.
#[derive(Debug)]
struct Width {
    roles: BTreeSet<String>,
    /// What it may do at the platform, and which scopes it carries at the API.
    may: BTreeSet<String>,
    /// Seconds from the epoch; the last of all for one without an end.
    ends_at: u64,
}

impl Width {
    fn is_within(&self, parent: &Width) -> bool {
        self.roles.is_subset(&parent.roles)
            && self.may.is_subset(&parent.may)
            && self.ends_at <= parent.ends_at
    }
}

const DOORS: [(&str, &str, &str); 12] = [
    ("GET", "applications", "applications:read"),
    ("GET", "certificates", "certificates:read"),
    ("GET", "principals", "principals:read"),
    ("GET", "roles", "roles:read"),
    ("GET", "mappings", "mappings:read"),
    ("GET", "sessions", "sessions:read"),
    ("GET", "audit", "audit:read"),
    ("GET", "keys", "keys:read"),
    ("GET", "tokens", "own-tokens:read"),
    ("DELETE", "tokens/absent", "own-tokens:write"),
    ("DELETE", "roles/absent", "*"),
    ("DELETE", "applications/absent", "applications:write"),
];

struct Scene {
    matrix: Matrix,
    /// An application with the audience of the API, which asks what tokens are.
    guard: String,
}

impl Scene {
    async fn new() -> Scene {
        let matrix = Matrix::new().await;
        let world = &matrix.world;
        let orders = ["scope:orders.read", "scope:orders.write"];
        matrix.role("Clerk", &orders.map(str::to_owned)).await;
        let identity = Identity::fresh("guard");
        let mut guard = application("guard");
        guard.audience = Some(API.to_owned());
        world.application_of(guard, &identity, &["guard"]).await;
        let assertion = world.assertion("guard", &identity);
        let guard = world
            .exchange(&assertion, "&scope=introspect")
            .await
            .token();
        let roles = ["Reader", "Developer", "Clerk"];
        world.principal("anna", &roles).await;
        world.principal("boss", &["Administrator"]).await;
        Scene { matrix, guard }
    }

    fn world(&self) -> &World {
        &self.matrix.world
    }

    async fn at_the_platform(&self, token: &str) -> Width {
        let world = self.world();
        let who = world.api("GET".parse().unwrap(), "whoami", token, None);
        let who = who.await.json();
        let mut may = BTreeSet::new();
        for (method, path, permission) in DOORS {
            let method = method.parse().unwrap();
            let answer = world.api(method, path, token, None).await;
            if answer.status != 403 {
                may.insert(permission.to_owned());
            }
        }
        Width {
            roles: words(&who["roles"]),
            may,
            ends_at: who["expires_at"].as_u64().unwrap_or(u64::MAX),
        }
    }

    async fn at_the_api(&self, token: &str) -> Width {
        let told = self.world().introspect(&self.guard, token).await.json();
        assert_eq!(told["active"], true, "{told}");
        let scope = told["scope"].as_str().unwrap_or_default();
        let may = scope.split_whitespace().map(|name| format!("scope:{name}"));
        Width {
            roles: words(&told["roles"]),
            may: may.collect(),
            ends_at: told["exp"].as_u64().unwrap_or(u64::MAX),
        }
    }

    async fn width(&self, token: &str, audience: &Value) -> Width {
        if audience == API {
            self.at_the_api(token).await
        } else {
            self.at_the_platform(token).await
        }
    }
}

fn words(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect()
}

/// What a token is asked to grant: what is null is left out.
fn wishes() -> Vec<Value> {
    let roles = [
        json!(null),
        json!(["Reader"]),
        json!(["Developer"]),
        json!(["Reader", "Developer"]),
        json!(["Clerk"]),
        json!(["Administrator"]),
    ];
    let scopes = [
        json!(null),
        json!(["audit:read"]),
        json!(["own-tokens:write"]),
        json!(["audit:read", "roles:read"]),
        json!(["orders.read"]),
    ];
    let mut wishes = Vec::new();
    for (kind, form) in [("personal", "opaque"), ("app", "opaque"), ("app", "jwt")] {
        for roles in &roles {
            for scopes in &scopes {
                for audience in [json!(null), json!(API)] {
                    wishes.push(json!({
                        "kind": kind, "form": form, "roles": roles, "scopes": scopes,
                        "audience": audience,
                    }));
                }
            }
        }
    }
    let ends = [
        json!({"lifetime_s": 3_600}),
        json!({"lifetime_s": 30 * DAY}),
        json!({"lifetime_s": 364 * DAY}),
        json!({"never_expires": true}),
    ];
    for end in ends {
        for scopes in [json!(null), json!(["own-tokens:write"])] {
            let mut wish = json!({"kind": "personal", "scopes": scopes});
            wish.as_object_mut()
                .unwrap()
                .extend(end.as_object().unwrap().clone());
            wishes.push(wish);
        }
    }
    for owner in ["boss", "anna"] {
        wishes.push(json!({"kind": "app", "owner": owner}));
    }
    wishes.push(json!({"kind": "system", "roles": ["Reader"]}));
    for wish in &mut wishes {
        let wish = wish.as_object_mut().unwrap();
        wish.retain(|_, value| !value.is_null());
        wish.insert("name".to_owned(), json!("child"));
    }
    wishes
}

/// Each grants, sees what came of it, and whether its own successor is as wide.
async fn grants_nothing_wider(scene: &Scene, name: &str, parent: Value) -> usize {
    let world = scene.world();
    let parent = scene.matrix.granted(parent).await;
    let mut width = scene.at_the_platform(&parent).await;
    // What its roles permit elsewhere it may give too, unless it is narrowed by scopes.
    if width.roles.contains("Clerk") && !name.contains("scopes") {
        let orders = ["scope:orders.read", "scope:orders.write"];
        width.may.extend(orders.map(str::to_owned));
    }
    let mut granted = 0;
    for wish in wishes() {
        let asked = world.api(
            "POST".parse().unwrap(),
            "tokens",
            &parent,
            Some(wish.clone()),
        );
        let answer = asked.await;
        if matches!(answer.status.as_u16(), 403 | 422) {
            continue;
        }
        let child = answer.member("token");
        let child = scene.width(&child, &wish["audience"]).await;
        assert!(
            child.is_within(&width),
            "{name} granted {wish}: {child:?} is wider than {width:?}"
        );
        granted += 1;
    }
    granted
}

// security.md 74
#[tokio::test]
async fn no_token_grants_one_that_is_wider_than_itself() {
    let scene = Scene::new().await;
    let narrowed = |name: &'static str, more: Value| {
        let mut new = json!({"kind": "app", "name": "parent", "owner": "anna"});
        let more = more.as_object().unwrap().clone();
        new.as_object_mut().unwrap().extend(more);
        (name, new)
    };
    let own_roles = ["Reader", "Developer"];
    let parents = [
        narrowed("one that has all of its owner", json!({})),
        narrowed("a personal one", json!({"kind": "personal"})),
        narrowed("a JWT", json!({"form": "jwt"})),
        narrowed("one for a day", json!({"lifetime_s": DAY})),
        narrowed("one with one role", json!({"roles": ["Developer"]})),
        narrowed("one with roles", json!({"roles": own_roles})),
        narrowed(
            "one with scopes",
            json!({"scopes": ["own-tokens:write", "audit:read"]}),
        ),
        narrowed(
            "one with roles and scopes",
            json!({"roles": own_roles, "scopes": ["own-tokens:write", "roles:read"]}),
        ),
    ];
    for (name, parent) in parents {
        let granted = grants_nothing_wider(&scene, name, parent).await;
        assert!(granted > 0, "{name} grants nothing at all");
    }
    // What cannot grant for itself, and what may for others but has less than they.
    for (name, roles) in [("a system token", "Developer"), ("another", "TokensOnly")] {
        let parent = json!({"kind": "system", "name": "parent", "roles": [roles]});
        assert_eq!(
            grants_nothing_wider(&scene, name, parent).await,
            0,
            "{name}"
        );
    }
}

#[tokio::test]
async fn no_token_lets_a_wider_one_of_its_owner_be_born_again() {
    let scene = Scene::new().await;
    let (world, post) = (scene.world(), || "POST".parse().unwrap());
    let of_anna = |more: Value| {
        let mut new = json!({"kind": "app", "name": "x", "owner": "anna"});
        let more = more.as_object().unwrap().clone();
        new.as_object_mut().unwrap().extend(more);
        new
    };
    let wide = [json!({}), json!({"roles": ["Reader", "Developer"]})];
    for narrowed in [
        json!({"scopes": ["own-tokens:write", "audit:read"]}),
        json!({"roles": ["Developer"]}),
    ] {
        let parent = scene.matrix.granted(of_anna(narrowed.clone())).await;
        for wide in &wide {
            let new = Some(of_anna(wide.clone()));
            let other = world.api(post(), "tokens", &scene.matrix.admin, new).await;
            let id = other.json()["granted"]["id"].as_str().unwrap().to_owned();
            let path = format!("tokens/{id}/rotate");
            let answer = world.api(post(), &path, &parent, Some(json!({}))).await;
            assert_eq!(answer.status, 403, "{narrowed} rotated {wide}");
        }
    }
    // What it carries follows its owner down, never up.
    let (_, path) = ("anna", "audit");
    let reader = scene.matrix.granted(of_anna(json!({}))).await;
    let fewer = principal("anna", &["Developer"]);
    world.change(Change::UpdatePrincipal(fewer)).await;
    let answer = world.api("GET".parse().unwrap(), path, &reader, None).await;
    assert_eq!(answer.status, 403);
}
