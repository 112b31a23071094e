//! Do both ends of a login mean the same, and does neither believe what it must not?

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::{
    exchange::{RefreshToken, TokenResponse},
    fixtures::{Identity, JTI, NOW},
    json::JsonError,
    scope::Scope,
    time::UnixTime,
    token::{AccessToken, Binding, TokenKind, TokenType},
};

mod hostile_messages;
mod messages;
mod proofs;
mod values;

fn endpoint() -> Url {
    Url::parse("wss://id.example/login/socket").unwrap()
}

fn hello() -> Hello {
    Hello {
        nonce: "n-1".to_owned(),
        htu: endpoint(),
        versions: vec![SUBPROTOCOL.to_owned()],
        bind: vec![Binding::Loopback, Binding::Code],
        loopback: Some(LoopbackTarget::new(49_152, "AAECAwQFBgcICQoLDA0ODw").unwrap()),
        client: ClientInfo {
            name: "countersign".to_owned(),
            version: "0.1.0".to_owned(),
            os: "linux".to_owned(),
            host: "höst".to_owned(),
            user: "anna".to_owned(),
        },
        scope: Scope::parse("roles:read audit:read").unwrap(),
        login_hint: Some("anna@example.org".to_owned()),
    }
}

fn token_response() -> TokenResponse {
    let mut response = TokenResponse::new(
        AccessToken::new("eyJ.eyJ.AA").unwrap(),
        TokenType::Bearer,
        Duration::from_secs(3600),
    );
    response.scope = Some(Scope::parse("roles:read").unwrap());
    response.kind = Some(TokenKind::Interactive);
    response.principal = Some("anna".to_owned());
    response.refresh_token = Some(RefreshToken::new("csn_rt_x").unwrap());
    response.refreshes_remaining = Some(10);
    response
}
