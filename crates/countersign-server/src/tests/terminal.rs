//! What does a person's terminal hold after a sign-in, and how does it ask for more?

use axum::http::Method;
use countersign_proto::{
    dpop::{self, ProofRequest},
    exchange::TokenResponse,
    jwk,
    key::{KeyType, LocalKey, SigningKey as _},
    opaque::TokenId,
    scope::Scope,
    token::Binding,
};

use super::world::{Answer, TOKEN, World, form_request};
use crate::{
    audit,
    config::{SessionRules, TokenLifetimes},
    random,
    refresh::{self, Beginning},
    service,
    store::{LoginRow, LoginUpdate, SessionRow},
};

/// A terminal with the session that its login gave.
pub(super) struct Terminal {
    pub(super) key: LocalKey,
    pub(super) session: String,
    pub(super) access_token: String,
    pub(super) refresh_token: String,
}

/// How somebody signs in, where it is not as usual.
pub(super) struct SignIn {
    pub(super) scope: &'static str,
    pub(super) binding: Binding,
    pub(super) rules: SessionRules,
}

impl Default for SignIn {
    fn default() -> SignIn {
        SignIn {
            scope: "",
            binding: Binding::Loopback,
            rules: SessionRules::default(),
        }
    }
}

/// As usual, with so many refreshes.
pub(super) fn limited(refreshes: u32) -> SignIn {
    let mut how = SignIn::default();
    how.rules.refresh_limit = refreshes;
    how
}

impl World {
    /// A terminal whose login is done: it has its token, and has said so.
    pub(super) async fn terminal(&self, principal: &str) -> Terminal {
        self.terminal_by(principal, SignIn::default()).await
    }

    pub(super) async fn terminal_by(&self, principal: &str, how: SignIn) -> Terminal {
        let terminal = self.delivered(principal, how).await;
        assert!(self.acknowledge(&terminal).await);
        terminal
    }

    /// A terminal that has its token, and has not said so.
    pub(super) async fn delivered(&self, principal: &str, how: SignIn) -> Terminal {
        let key = LocalKey::generate(KeyType::P256).unwrap().0;
        let session = self.begin(principal, &how, &key).await;
        let answer = service::deliver(&self.platform, session.clone())
            .await
            .unwrap();
        Terminal {
            key,
            session: session.id,
            access_token: answer.access_token.expose().to_owned(),
            refresh_token: refresh_token_of(&answer),
        }
    }

    async fn begin(&self, principal: &str, how: &SignIn, key: &LocalKey) -> SessionRow {
        self.principal(principal, &[]).await;
        let now = self.now();
        let session = refresh::new_session(
            Beginning {
                id: random::opaque_id(now).unwrap(),
                jti: self.next_jti(),
                now,
                principal: principal.to_owned(),
                proof: jwk::thumbprint(key.public_key()),
                scope: Scope::parse(how.scope).unwrap(),
                binding: how.binding,
                address: Some("192.0.2.9".to_owned()),
                client: "countersign 0.1.0".to_owned(),
                provider: "built-in".to_owned(),
            },
            &how.rules,
            &TokenLifetimes::default(),
            self.platform.secrets(),
            &self.platform.settings().tokens.prefix,
        )
        .unwrap();
        let row = login_of(&session.id, 0);
        self.store.create_login(row.clone()).await.unwrap();
        let update = LoginUpdate {
            row,
            new_session: Some(session.clone()),
            acknowledge: None,
            end_session: None,
            audit: vec![audit::session_started(&session, None)],
        };
        assert!(self.store.update_login(update).await.unwrap());
        session
    }

    /// The terminal says that it has the token; whether that was in time.
    pub(super) async fn acknowledge(&self, terminal: &Terminal) -> bool {
        let update = LoginUpdate {
            row: login_of(&terminal.session, 1),
            new_session: None,
            acknowledge: Some(terminal.session.clone()),
            end_session: None,
            audit: Vec::new(),
        };
        self.store.update_login(update).await.unwrap()
    }

    pub(super) async fn session(&self, terminal: &Terminal) -> SessionRow {
        let found = self.store.session(&terminal.session).await.unwrap();
        found.unwrap()
    }

    /// A refresh with a fresh proof by this key.
    pub(super) async fn refresh(&self, key: &LocalKey, token: &str, more: &str) -> Answer {
        let proof = self.refresh_proof(key);
        self.refresh_with(Some(&proof), token, more).await
    }

    pub(super) async fn refresh_with(
        &self,
        proof: Option<&str>,
        token: &str,
        more: &str,
    ) -> Answer {
        let form = format!("grant_type=refresh_token&refresh_token={token}{more}");
        let mut request = form_request(TOKEN, &form);
        if let Some(proof) = proof {
            request.headers_mut().insert("dpop", proof.parse().unwrap());
        }
        self.send(request).await
    }

    pub(super) fn refresh_proof(&self, key: &LocalKey) -> String {
        let uri = "https://platform.example/oauth2/token".parse().unwrap();
        let nonce = self.platform.proofs().nonce(self.now());
        let request = ProofRequest {
            method: &Method::POST,
            uri: &uri,
            access_token: None,
            nonce: Some(&nonce),
        };
        dpop::mint(&request, key, self.now(), &self.next_jti()).unwrap()
    }

    pub(super) async fn is_active(&self, token: &str) -> bool {
        let resource = format!("resource-{}", self.next_jti());
        let resource = self.bearer(&resource, &[]).await;
        self.introspect(&resource, token).await.json()["active"] == true
    }
}

impl Terminal {
    /// Refreshes, and keeps what comes.
    pub(super) async fn refresh(&mut self, world: &World) -> Answer {
        let answer = world.refresh(&self.key, &self.refresh_token, "").await;
        self.access_token = answer.token();
        self.refresh_token = answer.member("refresh_token");
        answer
    }
}

pub(super) fn refresh_token_of(answer: &TokenResponse) -> String {
    let token = answer.refresh_token.as_ref().unwrap();
    token.expose().to_owned()
}

/// The id of a session stands in its refresh token.
pub(super) fn id_in(refresh_token: &str) -> TokenId {
    let body = refresh_token.strip_prefix("csn_rt_").unwrap();
    TokenId::parse(&body[..22]).unwrap()
}

fn login_of(session: &str, version: u64) -> LoginRow {
    LoginRow {
        id: format!("login of {session}"),
        handle: format!("handle of {session}"),
        version,
        source: "192.0.2.9".to_owned(),
        live: true,
        expires_at: countersign_proto::time::UnixTime::from_secs(u64::from(u32::MAX)),
        body: "{}".to_owned(),
    }
}
