//! Is each kind of token refused in the place of every other (security.md 44, B6)?

use axum::http::Method;
use countersign_proto::{
    dpop::{self, ProofRequest},
    exchange::JWT_BEARER_ASSERTION_TYPE,
};

use super::{
    terminal::Terminal,
    world::{Identity, TOKEN, World, client_credentials, form_request},
};

/// Makes one good token of each kind, as often as asked: assertions are used up.
struct Maker {
    world: World,
    client: Identity,
    component: Identity,
    terminal: Terminal,
}

const KINDS: [&str; 7] = [
    "client assertion",
    "platform assertion",
    "kind 0",
    "kind 1",
    "kind 2",
    "refresh token",
    "proof",
];

impl Maker {
    async fn new() -> Maker {
        let world = World::new().await;
        let client = world.application("orders", &["anna"]).await;
        let component = world.component().await;
        let terminal = world.terminal("anna").await;
        Maker {
            world,
            client,
            component,
            terminal,
        }
    }

    async fn make(&self, kind: &str) -> String {
        let world = &self.world;
        let client_assertion = || world.assertion("orders", &self.client);
        let platform_assertion = || world.platform_assertion(&self.component);
        match kind {
            "client assertion" => client_assertion(),
            "platform assertion" => platform_assertion(),
            "kind 0" => self.terminal.access_token.clone(),
            "refresh token" => self.terminal.refresh_token.clone(),
            "kind 1" => world.exchange(&client_assertion(), "").await.token(),
            "kind 2" => world
                .exchange_platform(&platform_assertion(), "")
                .await
                .token(),
            _ => self.proof(),
        }
    }

    fn proof(&self) -> String {
        let uri = "https://platform.example/oauth2/token".parse().unwrap();
        let nonce = self.world.platform.proofs().nonce(self.world.now());
        let request = ProofRequest {
            method: &Method::POST,
            uri: &uri,
            access_token: None,
            nonce: Some(&nonce),
        };
        dpop::mint(
            &request,
            &self.client.key,
            self.world.now(),
            &self.world.next_jti(),
        )
        .unwrap()
    }

    async fn opens(&self, door: &str, token: &str) -> bool {
        let world = &self.world;
        let answer = match door {
            "client_assertion" => world.exchange(token, "").await,
            "assertion" => world.exchange_platform(token, "").await,
            "refresh_token" => world.refresh(&self.terminal.key, token, "").await,
            "bearer" => world.api(Method::GET, "whoami", token, None).await,
            "introspected" => {
                let resource = self.make("kind 1").await;
                return world.introspect(&resource, token).await.json()["active"] == true;
            }
            "introspecting" => {
                let form = format!(
                    "token=x&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}\
                     &client_assertion={token}"
                );
                world.post("/oauth2/introspect", &form).await
            }
            _ => {
                let form = client_credentials(&self.make("client assertion").await, "");
                let mut request = form_request(TOKEN, &form);
                request.headers_mut().insert("dpop", token.parse().unwrap());
                world.send(request).await
            }
        };
        answer.status.is_success()
    }
}

// security.md 44, B6; checklist T8
#[tokio::test]
async fn each_kind_opens_its_own_door_and_no_other() {
    let maker = Maker::new().await;
    let doors: [(&str, &[&str]); 7] = [
        ("client_assertion", &["client assertion"]),
        ("assertion", &["platform assertion"]),
        ("bearer", &["kind 0", "kind 1", "kind 2"]),
        (
            "introspected",
            &["kind 0", "kind 1", "kind 2", "refresh token"],
        ),
        ("refresh_token", &["refresh token"]),
        ("introspecting", &["client assertion"]),
        ("dpop", &["proof"]),
    ];
    for (door, fitting) in doors {
        for kind in KINDS {
            let token = maker.make(kind).await;
            assert_eq!(
                maker.opens(door, &token).await,
                fitting.contains(&kind),
                "{kind} at {door}"
            );
        }
    }
}

// security.md 82
#[tokio::test]
async fn a_token_in_the_target_or_the_body_is_not_read() {
    let world = World::new().await;
    let token = world.bearer("admin", &["Administrator"]).await;
    let answer = world
        .api(
            Method::GET,
            &format!("whoami?access_token={token}"),
            "",
            None,
        )
        .await;
    assert_eq!(answer.status, 401);
    let form = format!("token={token}&access_token={token}");
    assert_eq!(world.post("/oauth2/introspect", &form).await.status, 401);
}
