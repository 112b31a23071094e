//! How is a public key written as JSON, and what is its thumbprint?

use std::{collections::BTreeSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    crypto::{self, Curve},
    json::{self, JsonError, Limits, Map, Value},
    key::{Algorithm, Components, KeyError, KeyType, PublicKey},
};

/// Bytes of a `kid`.
const MAX_KID: usize = 256;
/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2).
pub(crate) const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// A public JSON Web Key for signatures (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// The key.
    pub key: PublicKey,
    /// `kid`: its name in the set.
    pub kid: Option<String>,
    /// `alg`: the one algorithm it is for, when that is said.
    pub algorithm: Option<Algorithm>,
}

/// A set of keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet {
    /// The keys, in the order of the set.
    pub keys: Vec<Jwk>,
}

/// Why a JWK or a set is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwkError {
    /// Not strict JSON.
    Json(JsonError),
    /// A member that is missing, of the wrong type, or of a wrong value. Names it.
    Member(&'static str),
    /// The key itself is refused.
    Key(KeyError),
    /// Two keys of the set have this `kid` (RFC 7517 §4.5).
    DuplicateKid(String),
}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JwkError::Json(why) => write!(f, "the JWK is not strict JSON: {why}"),
            JwkError::Member(name) => {
                write!(f, "the member {name:?} of the JWK is missing or wrong")
            }
            JwkError::Key(why) => write!(f, "the JWK is refused: {why}"),
            JwkError::DuplicateKid(kid) => {
                write!(f, "two keys of the JWK set have the kid {kid:?}")
            }
        }
    }
}

impl std::error::Error for JwkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            JwkError::Json(why) => Some(why),
            JwkError::Key(why) => Some(why),
            _ => None,
        }
    }
}

impl Jwk {
    /// Reads a public JWK. Private members, `oct`, `use` other than `sig`, and `key_ops` without
    /// `verify` are refused.
    ///
    /// Members that are not known are passed over (RFC 7517 §4), the certificate members (`x5c`,
    /// `x5t`, `x5u`) too: they do not make the key more trusted here.
    ///
    /// # Errors
    ///
    /// When a member is missing or wrong, or when the key is refused.
    pub fn from_members(members: &Map<String, Value>) -> Result<Jwk, JwkError> {
        let kty = required(members, "kty")?;
        if kty == "oct" || members.contains_key("k") {
            return Err(JwkError::Key(KeyError::Symmetric));
        }
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::Key(KeyError::Private));
        }
        check_purpose(members, &["verify"])?;
        let kid = optional(members, "kid")?.map(str::to_owned);
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
            return Err(JwkError::Member("kid"));
        }
        let key = read_key(kty, members)?;
        let algorithm = match optional(members, "alg")? {
            None => None,
            Some(name) => Some(
                Algorithm::from_name(name)
                    .filter(|algorithm| key.algorithms().contains(algorithm))
                    .ok_or(JwkError::Member("alg"))?,
            ),
        };
        Ok(Jwk {
            key,
            kid,
            algorithm,
        })
    }

    /// The public members, with `use: sig`.
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = required_members(&self.key);
        members.insert("use".to_owned(), "sig".into());
        if let Some(kid) = &self.kid {
            members.insert("kid".to_owned(), kid.as_str().into());
        }
        if let Some(algorithm) = self.algorithm {
            members.insert("alg".to_owned(), algorithm.name().into());
        }
        members
    }
}

/// The RFC 7638 thumbprint (SHA-256, base64url) of a public key.
pub fn thumbprint(key: &PublicKey) -> String {
    // The members are in lexicographic order, and no value needs an escape (RFC 7638 §3.3).
    let members: Vec<String> = in_order(key)
        .iter()
        .map(|(name, value)| format!("\"{name}\":\"{value}\""))
        .collect();
    let json = format!("{{{}}}", members.join(","));
    URL_SAFE_NO_PAD.encode(crypto::sha256(json.as_bytes()))
}

/// The required members of a key in RFC 7638 order (`crv`,`kty`,`x`,`y` / `e`,`kty`,`n`).
pub fn required_members(key: &PublicKey) -> Map<String, Value> {
    in_order(key)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect()
}

impl JwkSet {
    /// Reads a set strictly, as for a registration: one bad key refuses the whole.
    ///
    /// # Errors
    ///
    /// When the text is not a set, when a key is refused, or when two keys have one `kid`.
    pub fn parse(bytes: &[u8]) -> Result<JwkSet, JwkError> {
        let keys = read_set(bytes)?
            .iter()
            .map(|key| Jwk::from_members(as_members(key)?))
            .collect::<Result<Vec<Jwk>, JwkError>>()?;
        JwkSet { keys }.with_distinct_kids()
    }

    /// Reads a set published by somebody else: keys that cannot verify for us are passed over
    /// (RFC 7517 §5); private or symmetric members and duplicate kids still refuse the whole.
    ///
    /// # Errors
    ///
    /// When the text is not a set, when it gives a secret away, or when two usable keys have one
    /// `kid`.
    pub fn parse_published(bytes: &[u8]) -> Result<JwkSet, JwkError> {
        let mut keys = Vec::new();
        for key in read_set(bytes)? {
            match Jwk::from_members(as_members(&key)?) {
                Ok(key) => keys.push(key),
                Err(secret @ JwkError::Key(KeyError::Private | KeyError::Symmetric)) => {
                    return Err(secret);
                }
                Err(_) => {}
            }
        }
        JwkSet { keys }.with_distinct_kids()
    }

    /// JSON text. Public members only.
    pub fn to_json(&self) -> String {
        let keys = self
            .keys
            .iter()
            .map(|key| Value::Object(key.to_members()))
            .collect();
        let mut set = Map::new();
        set.insert("keys".to_owned(), Value::Array(keys));
        Value::Object(set).to_string()
    }

    /// The key with exactly this `kid`.
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid.as_deref() == Some(kid))
    }

    fn with_distinct_kids(self) -> Result<JwkSet, JwkError> {
        let mut seen = BTreeSet::new();
        for kid in self.keys.iter().filter_map(|key| key.kid.as_ref()) {
            if !seen.insert(kid) {
                return Err(JwkError::DuplicateKid(kid.clone()));
            }
        }
        Ok(self)
    }
}

fn read_set(bytes: &[u8]) -> Result<Vec<Value>, JwkError> {
    let mut set = json::object(bytes, &Limits::DOCUMENT).map_err(JwkError::Json)?;
    match set.remove("keys") {
        Some(Value::Array(keys)) => Ok(keys),
        _ => Err(JwkError::Member("keys")),
    }
}

fn as_members(key: &Value) -> Result<&Map<String, Value>, JwkError> {
    key.as_object().ok_or(JwkError::Member("keys"))
}

/// `use` (RFC 7517 §4.2) and `key_ops` (§4.3), of which one of `permitted` must be there.
pub(crate) fn check_purpose(
    members: &Map<String, Value>,
    permitted: &[&str],
) -> Result<(), JwkError> {
    const NOT_FOR_SIGNING: JwkError = JwkError::Key(KeyError::NotForSigning);
    if optional(members, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(NOT_FOR_SIGNING);
    }
    let Some(operations) = members.get("key_ops") else {
        return Ok(());
    };
    let operations = operations
        .as_array()
        .and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>())
        .ok_or(JwkError::Member("key_ops"))?;
    let distinct: BTreeSet<&str> = operations.iter().copied().collect();
    if distinct.len() != operations.len() {
        return Err(JwkError::Member("key_ops"));
    }
    if permitted.iter().any(|name| distinct.contains(name)) {
        Ok(())
    } else {
        Err(NOT_FOR_SIGNING)
    }
}

/// The public key of any JWK, whatever else is in it.
pub(crate) fn read_key(kty: &str, members: &Map<String, Value>) -> Result<PublicKey, JwkError> {
    let key = match kty {
        "RSA" => PublicKey::from_rsa(&unsigned(members, "n")?, &unsigned(members, "e")?),
        "EC" => {
            let curve = match required(members, "crv")? {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                "P-521" => Curve::P521,
                other => return Err(unsupported("EC", other)),
            };
            PublicKey::from_coordinates(curve, &bytes(members, "x")?, &bytes(members, "y")?)
        }
        "OKP" => match required(members, "crv")? {
            "Ed25519" => match <[u8; 32]>::try_from(bytes(members, "x")?) {
                Ok(point) => PublicKey::from_ed25519(&point),
                Err(_) => return Err(JwkError::Member("x")),
            },
            other => return Err(unsupported("OKP", other)),
        },
        other => return Err(unsupported("kty", other)),
    };
    key.map_err(JwkError::Key)
}

fn unsupported(what: &str, name: &str) -> JwkError {
    JwkError::Key(KeyError::Unsupported(format!("{what} {name}")))
}

pub(crate) fn required<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, JwkError> {
    optional(members, name)?.ok_or(JwkError::Member(name))
}

pub(crate) fn optional<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, JwkError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::Member(name)),
    }
}

pub(crate) fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    URL_SAFE_NO_PAD
        .decode(required(members, name)?)
        .map_err(|_| JwkError::Member(name))
}

/// `Base64urlUInt` (RFC 7518 §2): without leading zero bytes.
pub(crate) fn unsigned(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Vec<u8>, JwkError> {
    let number = bytes(members, name)?;
    match number.first() {
        None | Some(0) => Err(JwkError::Member(name)),
        Some(_) => Ok(number),
    }
}

/// The required members (RFC 7638 §3.2, RFC 8037 §2) in lexicographic order.
fn in_order(key: &PublicKey) -> Vec<(&'static str, String)> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match key.components() {
        Components::Rsa { modulus, exponent } => vec![
            ("e", encode(exponent)),
            ("kty", "RSA".to_owned()),
            ("n", encode(modulus)),
        ],
        Components::Ec { x, y } => {
            let curve = match key.key_type() {
                KeyType::P384 => "P-384",
                KeyType::P521 => "P-521",
                _ => "P-256",
            };
            vec![
                ("crv", curve.to_owned()),
                ("kty", "EC".to_owned()),
                ("x", encode(x)),
                ("y", encode(y)),
            ]
        }
        Components::Ed25519 { x } => vec![
            ("crv", "Ed25519".to_owned()),
            ("kty", "OKP".to_owned()),
            ("x", encode(x)),
        ],
    }
}

#[cfg(test)]
mod tests;
