//! How does a terminal begin a login?

use serde::Serialize;
use url::Url;

use super::{
    HelloError, LoopbackTarget, SUBPROTOCOL,
    proof::{self, Bound, malformed},
};
use crate::{
    json::{Map, Value},
    jws::Claims,
    key::{PublicKey, SigningError, SigningKey},
    scope::Scope,
    showable::{is_showable_as_it_is, showable},
    time::UnixTime,
    token::Binding,
};

const ACT: &str = "hello";

/// What a terminal asks for. On the wire it is a JWS by the proof key of the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// `nonce` of the platform's `welcome`.
    pub nonce: String,
    /// `htu`: the login endpoint as the metadata has it, so that a hello to one platform is none to
    /// another.
    pub htu: Url,
    /// `versions` of this protocol that the terminal speaks.
    pub versions: Vec<String>,
    /// `bind`: how the confirm value may come, preferred first.
    pub bind: Vec<Binding>,
    /// `loopback`: where the terminal listens; required when `bind` has it.
    pub loopback: Option<LoopbackTarget>,
    /// `client`: what the terminal says about itself. It proves nothing.
    pub client: ClientInfo,
    /// `scope`; empty means: all of the roles.
    pub scope: Scope,
    /// `login_hint`: who will sign in, for the identity provider's form.
    pub login_hint: Option<String>,
}

/// What a terminal says about itself: each at most 64 characters that can be shown, or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClientInfo {
    /// `name` of the program.
    pub name: String,
    /// `version` of the program.
    pub version: String,
    /// `os`
    pub os: String,
    /// `host`: the machine's name.
    pub host: String,
    /// `user`: the account on that machine.
    pub user: String,
}

/// A hello whose signature, nonce and address hold. Only [`Hello::verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedHello {
    hello: Hello,
    key: PublicKey,
    thumbprint: String,
}

impl Hello {
    /// Mints the JWS. The key signs by ES256.
    ///
    /// `jti`: at least 96 random bits. `now` may be the platform's time of `welcome`: the nonce is
    /// what makes a hello fresh.
    ///
    /// # Errors
    ///
    /// The key did not sign.
    pub fn mint(
        &self,
        key: &dyn SigningKey,
        now: UnixTime,
        jti: &str,
    ) -> Result<String, SigningError> {
        let claims = Minted {
            versions: &self.versions,
            bind: self.bind.iter().map(|bind| bind.name()).collect(),
            loopback: self.loopback.as_ref().map(|target| MintedTarget {
                port: target.port(),
                path: target.path(),
            }),
            client: self.client.showable(),
            scope: (!self.scope.is_empty()).then(|| self.scope.to_string()),
            login_hint: self.login_hint.as_deref(),
        };
        proof::mint(&self.bound(), &claims, key, now, jti)
    }

    /// Verifies a hello on the connection whose `welcome` had this nonce. `htu` is the endpoint as
    /// the metadata has it. Claims that are not known here are passed over.
    ///
    /// # Errors
    ///
    /// [`HelloError`] names the first thing that does not hold.
    pub fn verify(
        jws: &str,
        nonce: &str,
        htu: &Url,
        now: UnixTime,
    ) -> Result<VerifiedHello, HelloError> {
        let bound = Bound {
            act: ACT,
            nonce,
            htu,
        };
        let proved = proof::verify(jws, &bound, now)?;
        let claims = &proved.claims;
        let versions: Vec<String> = strings(claims, "versions")?;
        if !versions.iter().any(|version| version == SUBPROTOCOL) {
            return Err(HelloError::Version);
        }
        let bind: Vec<Binding> = strings(claims, "bind")?
            .iter()
            .filter_map(|name| Binding::from_name(name))
            .collect();
        let loopback = loopback(claims)?;
        if bind.is_empty() {
            return Err(malformed("bind"));
        }
        if bind.contains(&Binding::Loopback) != loopback.is_some() {
            return Err(malformed("loopback"));
        }
        let login_hint = claims.optional_string("login_hint")?;
        if login_hint.is_some_and(|hint| !is_showable_as_it_is(hint, 255)) {
            return Err(malformed("login_hint"));
        }
        let scope = claims.optional_string("scope")?.unwrap_or_default();
        Ok(VerifiedHello {
            hello: Hello {
                nonce: nonce.to_owned(),
                htu: htu.clone(),
                versions,
                bind,
                loopback,
                client: ClientInfo::read(claims)?,
                scope: Scope::parse(scope).map_err(|_| malformed("scope"))?,
                login_hint: login_hint.map(str::to_owned),
            },
            key: proved.key,
            thumbprint: proved.thumbprint,
        })
    }

    fn bound(&self) -> Bound<'_> {
        Bound {
            act: ACT,
            nonce: &self.nonce,
            htu: &self.htu,
        }
    }
}

impl VerifiedHello {
    /// What is asked for.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The key that was proved.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Its RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl ClientInfo {
    /// Both ends cut: the one so that its message stays small, the other because it trusts nobody.
    fn showable(&self) -> ClientInfo {
        let clean = |text: &str| showable(text, CLIENT_CHARACTERS);
        ClientInfo {
            name: clean(&self.name),
            version: clean(&self.version),
            os: clean(&self.os),
            host: clean(&self.host),
            user: clean(&self.user),
        }
    }

    fn read(claims: &Claims) -> Result<ClientInfo, HelloError> {
        let members = match claims.members().get("client") {
            None => return Ok(ClientInfo::default()),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(malformed("client")),
        };
        let text = |name: &str| match members.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(showable(text, CLIENT_CHARACTERS)),
            Some(_) => Err(malformed("client")),
        };
        Ok(ClientInfo {
            name: text("name")?,
            version: text("version")?,
            os: text("os")?,
            host: text("host")?,
            user: text("user")?,
        })
    }
}

const CLIENT_CHARACTERS: usize = 64;

#[derive(Serialize)]
struct Minted<'a> {
    versions: &'a [String],
    bind: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loopback: Option<MintedTarget<'a>>,
    client: ClientInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_hint: Option<&'a str>,
}

#[derive(Serialize)]
struct MintedTarget<'a> {
    port: u16,
    path: &'a str,
}

fn strings(claims: &Claims, claim: &'static str) -> Result<Vec<String>, HelloError> {
    match claims.members().get(claim) {
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or(malformed(claim)),
        _ => Err(malformed(claim)),
    }
}

fn loopback(claims: &Claims) -> Result<Option<LoopbackTarget>, HelloError> {
    let members: &Map<String, Value> = match claims.members().get("loopback") {
        None => return Ok(None),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(malformed("loopback")),
    };
    let port = members
        .get("port")
        .and_then(Value::as_u64)
        .and_then(|port| u16::try_from(port).ok());
    let path = members.get("path").and_then(Value::as_str);
    match (port, path) {
        (Some(port), Some(path)) => LoopbackTarget::new(port, path)
            .map(Some)
            .map_err(HelloError::Loopback),
        _ => Err(malformed("loopback")),
    }
}
