//! How is possession of a key proved with a request (RFC 9449)?

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde::Serialize;
use url::Url;

use crate::{
    crypto,
    json::{Map, Value},
    jwk::{self, Jwk},
    jws::{ClaimError, JwsError, SigningInput, UnverifiedJws},
    key::{Algorithm, PublicKey, SigningError, SigningKey},
    time::UnixTime,
};

/// How old a proof may be, by its `iat`.
pub const AGE_MAX: Duration = Duration::from_secs(300);
/// How far ahead the `iat` of a proof may be.
pub const FUTURE_MAX: Duration = Duration::from_secs(60);

/// What a proof is about.
#[derive(Clone, Debug)]
pub struct ProofRequest<'a> {
    /// The method of the request, `htm`.
    pub method: &'a http::Method,
    /// The target of the request, `htu`; its query and fragment do not matter.
    pub uri: &'a Url,
    /// The token presented with it, for `ath`.
    pub access_token: Option<&'a str>,
    /// The server's nonce.
    pub nonce: Option<&'a str>,
}

/// Mints a proof: `typ: dpop+jwt`, the public key in `jwk`. The result goes into the `DPoP`
/// header. It is signed by the first algorithm of the key.
///
/// `jti`: at least 96 random bits, new for every request.
///
/// # Errors
///
/// The key did not sign.
pub fn mint(
    request: &ProofRequest<'_>,
    key: &dyn SigningKey,
    now: UnixTime,
    jti: &str,
) -> Result<String, SigningError> {
    let public_key = key.public_key();
    let algorithm = public_key
        .algorithms()
        .first()
        .copied()
        .ok_or_else(|| SigningError::Refused("the key has no algorithm".to_owned()))?;
    let input = signing_input(request, public_key, algorithm, now, jti);
    let signature = key.sign(algorithm, input.as_bytes())?;
    Ok(input.finish(&signature))
}

/// First half of minting: what is to be signed. For keys that sign elsewhere.
pub fn signing_input(
    request: &ProofRequest<'_>,
    key: &PublicKey,
    algorithm: Algorithm,
    now: UnixTime,
    jti: &str,
) -> SigningInput {
    let header = MintedHeader {
        alg: algorithm.name(),
        typ: TYP,
        jwk: jwk::required_members(key),
    };
    let mut uri = request.uri.clone();
    uri.set_query(None);
    uri.set_fragment(None);
    let claims = MintedClaims {
        jti,
        htm: request.method.as_str(),
        htu: uri.as_str(),
        iat: now,
        ath: request.access_token.map(ath),
        nonce: request.nonce,
    };
    SigningInput::of(&header, &claims)
}

/// A proof that holds. Only [`verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedProof {
    key: PublicKey,
    thumbprint: String,
    jti: String,
    nonce: Option<String>,
    issued_at: UnixTime,
}

impl VerifiedProof {
    /// The key that was proved.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// RFC 7638 thumbprint for `cnf.jkt`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// To be recorded, so that the proof is accepted once.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// `nonce`, for whoever takes one of several.
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// `iat`.
    pub fn issued_at(&self) -> UnixTime {
        self.issued_at
    }

    /// When the `jti` may be forgotten: the proof is too old from then on.
    pub fn forget_after(&self) -> UnixTime {
        self.issued_at.plus(AGE_MAX).plus(Duration::from_secs(1))
    }
}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// More than one `DPoP` header, or one that is not text.
    Header,
    /// It is no acceptable JWS, or its signature does not verify.
    Jws(JwsError),
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `jwk` is missing, or not a public key for this signature.
    Jwk,
    /// `htm` is not the request's method.
    Method,
    /// `htu` is not the request's target.
    Uri,
    /// `ath` is missing or is not that of the token.
    AccessToken,
    /// The proof must carry the server's nonce.
    NonceMissing,
    /// The nonce is not the server's.
    NonceWrong,
    /// A claim is missing, mistyped or out of range.
    Claim(ClaimError),
    /// `iat` is more than [`AGE_MAX`] ago.
    TooOld,
    /// `iat` is more than [`FUTURE_MAX`] ahead.
    InFuture,
}

/// The proof of a request, if it carries one (RFC 9449 §4.3, check 1).
///
/// # Errors
///
/// [`ProofError::Header`].
pub fn read(headers: &HeaderMap) -> Result<Option<&str>, ProofError> {
    let mut values = headers.get_all("dpop").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ProofError::Header),
        (Some(_), Some(_)) => Err(ProofError::Header),
    }
}

/// Verifies a proof against the request it came with (RFC 9449 §4.3). The caller records the
/// `jti`, and compares [`VerifiedProof::thumbprint`] with `cnf.jkt` of the token.
///
/// # Errors
///
/// [`ProofError`] names the first thing that does not hold.
pub fn verify(
    proof: &str,
    request: &ProofRequest<'_>,
    now: UnixTime,
) -> Result<VerifiedProof, ProofError> {
    let jws = UnverifiedJws::parse(proof).map_err(ProofError::Jws)?;
    let header = jws.header();
    if header.typ.as_deref() != Some(TYP) {
        return Err(ProofError::Type);
    }
    let key = match header.members.get("jwk") {
        Some(Value::Object(members)) => {
            Jwk::from_members(members)
                .ok()
                .filter(|jwk| jwk.algorithm.is_none_or(|bound| bound == header.algorithm))
                .ok_or(ProofError::Jwk)?
                .key
        }
        _ => return Err(ProofError::Jwk),
    };
    let claims = jws
        .verify(&key, key.algorithms())
        .map_err(ProofError::Jws)?
        .into_claims();

    if claims.string("htm")? != request.method.as_str() {
        return Err(ProofError::Method);
    }
    if !is_same_target(claims.string("htu")?, request.uri) {
        return Err(ProofError::Uri);
    }
    let issued_at = claims.time_ceil("iat")?.ok_or(ClaimError {
        claim: "iat",
        missing: true,
    })?;
    if issued_at > now.plus(FUTURE_MAX) {
        return Err(ProofError::InFuture);
    }
    if now.since(issued_at) > AGE_MAX {
        return Err(ProofError::TooOld);
    }
    let proved = claims.optional_string("ath")?;
    if let Some(token) = request.access_token
        && proved != Some(&ath(token))
    {
        return Err(ProofError::AccessToken);
    }
    let nonce = claims.optional_string("nonce")?;
    match (request.nonce, nonce) {
        (Some(_), None) => return Err(ProofError::NonceMissing),
        (Some(wanted), Some(found)) if wanted != found => return Err(ProofError::NonceWrong),
        _ => {}
    }
    let jti = claims.string("jti")?;
    if !(8..=128).contains(&jti.chars().count()) || jti.chars().any(char::is_control) {
        return Err(ProofError::Claim(ClaimError {
            claim: "jti",
            missing: false,
        }));
    }
    Ok(VerifiedProof {
        thumbprint: jwk::thumbprint(&key),
        key,
        jti: jti.to_owned(),
        nonce: nonce.map(str::to_owned),
        issued_at,
    })
}

impl From<ClaimError> for ProofError {
    fn from(error: ClaimError) -> ProofError {
        ProofError::Claim(error)
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProofError::Header => f.write_str("the request must carry exactly one DPoP header"),
            ProofError::Jws(why) => write!(f, "the proof: {why}"),
            ProofError::Type => f.write_str("the proof's typ is not dpop+jwt"),
            ProofError::Jwk => {
                f.write_str("the proof's jwk is missing or is no public key for its signature")
            }
            ProofError::Method => f.write_str("the proof's htm is not the request's method"),
            ProofError::Uri => f.write_str("the proof's htu is not the request's target"),
            ProofError::AccessToken => f.write_str("the proof's ath is not that of the token"),
            ProofError::NonceMissing => f.write_str("the proof carries no nonce"),
            ProofError::NonceWrong => f.write_str("the proof's nonce is not the server's"),
            ProofError::Claim(why) => write!(f, "the proof: {why}"),
            ProofError::TooOld => f.write_str("the proof was issued too long ago"),
            ProofError::InFuture => {
                f.write_str("the proof is dated too far ahead: compare the clocks")
            }
        }
    }
}

impl std::error::Error for ProofError {}

const TYP: &str = "dpop+jwt";

#[derive(Serialize)]
struct MintedHeader {
    alg: &'static str,
    typ: &'static str,
    jwk: Map<String, Value>,
}

#[derive(Serialize)]
struct MintedClaims<'a> {
    jti: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// RFC 9449 §4.2.
fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(crypto::sha256(token.as_bytes()))
}

/// Query and fragment are ignored (RFC 9449 §4.3, check 9); the rest is normalised by syntax and
/// scheme (RFC 3986 §6.2.2, §6.2.3) and then compared exactly.
fn is_same_target(htu: &str, uri: &Url) -> bool {
    // The URL parser forgives these, and would read another address than the sender wrote.
    if !htu
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    {
        return false;
    }
    let Ok(htu) = Url::parse(htu) else {
        return false;
    };
    htu.username().is_empty()
        && htu.password().is_none()
        && matches!(htu.scheme(), "http" | "https")
        && htu.scheme() == uri.scheme()
        && htu.host().is_some()
        && htu.host() == uri.host()
        && htu.port_or_known_default() == uri.port_or_known_default()
        && normal_path(htu.path()) == normal_path(uri.path())
}

/// An escape of an unreserved character is resolved, every other one gets upper-case digits. An
/// escaped `/` stays one: it is another path (RFC 3986 §2.2).
fn normal_path(path: &str) -> Vec<u8> {
    let mut normal = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, tail @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or_default() as u8;
                let byte = digit(high) << 4 | digit(low);
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    normal.push(byte);
                } else {
                    normal.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
                }
                rest = tail;
            }
            _ => {
                normal.push(*first);
                rest = tail;
            }
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method};

    use super::*;
    use crate::{
        fixtures::{Identity, JTI, NOW, PAIRS, variant, vectors},
        key::LocalKey,
    };

    fn uri(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    // security.md 105; RFC 9449 §4.1, §7.1
    #[test]
    fn proofs_of_other_tools_are_judged_as_expected() {
        let mut judged = 0;
        for text in [
            include_str!("../../../testdata/vectors/proofs-rfc.json"),
            include_str!("../../../testdata/vectors/proofs-node.json"),
        ] {
            for vector in vectors(text) {
                let member = |name: &str| vector[name].as_str();
                let others = ["jose-ES384", "jose-ES512", "jose-EdDSA", "jose-jwk-curve"];
                if cfg!(not(feature = "aws-lc")) && others.map(Some).contains(&member("name")) {
                    continue; // by keys that this build has not
                }
                let request = ProofRequest {
                    method: &member("method").unwrap().parse().unwrap(),
                    uri: &uri(member("uri").unwrap()),
                    access_token: member("token"),
                    nonce: member("nonce"),
                };
                let now = UnixTime::from_secs(vector["now"].as_u64().unwrap());
                let found = match verify(member("jws").unwrap(), &request, now) {
                    Ok(proof) => {
                        assert_eq!(Some(proof.thumbprint()), member("thumbprint"));
                        "accepted".to_owned()
                    }
                    Err(error) => variant(&error),
                };
                assert_eq!(
                    Some(found.as_str()),
                    member("expect"),
                    "{}: {}",
                    vector["name"],
                    vector["comment"]
                );
                judged += 1;
            }
        }
        assert!(judged >= 50, "{judged}");
    }

    #[test]
    fn what_is_minted_is_verified_with_its_request() {
        for (name, _) in PAIRS {
            let key = Identity::named(name).key;
            let request = ProofRequest {
                method: &Method::POST,
                uri: &uri("https://id.example/oauth2/token?a=1#f"),
                access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
                nonce: Some("n-1"),
            };
            let proof = mint(&request, &key, NOW, JTI).unwrap();
            let verified = verify(&proof, &request, NOW).unwrap();
            assert_eq!(verified.key(), key.public_key());
            assert_eq!(verified.thumbprint(), jwk::thumbprint(key.public_key()));
            assert_eq!(verified.jti(), JTI);
            assert_eq!(verified.issued_at(), NOW);
            assert_eq!(verified.forget_after(), UnixTime::from_secs(1_700_000_301));
            assert!(verify(&proof, &request, UnixTime::from_secs(1_700_000_300)).is_ok());
            assert_eq!(
                verify(&proof, &request, verified.forget_after()).unwrap_err(),
                ProofError::TooOld
            );
        }
    }

    // The value is that of RFC 9449 §7.1.
    #[test]
    fn a_proof_says_what_rfc_9449_demands_and_no_more() {
        let key: LocalKey = Identity::named("p256").key;
        let mut request = ProofRequest {
            method: &Method::GET,
            uri: &uri("https://Resource.example.org:443/protectedresource?x=1#y"),
            access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
            nonce: None,
        };
        let read = |request: &ProofRequest<'_>| {
            let proof = mint(request, &key, NOW, JTI).unwrap();
            crate::token::inspect(&proof).unwrap()
        };
        let token = read(&request);
        assert_eq!(token.header["typ"], "dpop+jwt");
        assert_eq!(token.header["alg"], "ES256");
        let members: Vec<&String> = token.header["jwk"].as_object().unwrap().keys().collect();
        assert_eq!(members, ["crv", "kty", "x", "y"]);
        assert_eq!(token.claims["htm"], "GET");
        assert_eq!(
            token.claims["htu"],
            "https://resource.example.org/protectedresource"
        );
        assert_eq!(
            token.claims["ath"],
            "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
        );
        assert!(!token.claims.contains_key("nonce"));
        request.access_token = None;
        request.nonce = Some("n-1");
        let token = read(&request);
        assert!(!token.claims.contains_key("ath"));
        assert_eq!(token.claims["nonce"], "n-1");
    }

    // security.md 10, 105
    #[test]
    fn a_key_that_is_bound_to_an_algorithm_proves_by_no_other() {
        let identity = Identity::named("rsa");
        let request = ProofRequest {
            method: &Method::POST,
            uri: &uri("https://id.example/oauth2/token"),
            access_token: None,
            nonce: None,
        };
        let verify_bound_to = |bound: &str| {
            let mut jwk = jwk::required_members(identity.public_key());
            jwk.insert("alg".to_owned(), bound.into());
            let proof = identity.sign(
                &serde_json::json!({"alg": "RS256", "typ": "dpop+jwt", "jwk": jwk}),
                &serde_json::json!({"jti": JTI, "htm": "POST", "iat": NOW,
                    "htu": "https://id.example/oauth2/token"}),
            );
            verify(&proof, &request, NOW).map(|proof| proof.thumbprint().to_owned())
        };
        assert!(verify_bound_to("RS256").is_ok());
        assert_eq!(verify_bound_to("PS256"), Err(ProofError::Jwk));
        assert_eq!(verify_bound_to("ES256"), Err(ProofError::Jwk));
    }

    // security.md 105
    #[test]
    fn a_request_carries_one_proof() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers), Ok(None));
        headers.append("dpop", HeaderValue::from_static("a.b.c"));
        assert_eq!(read(&headers), Ok(Some("a.b.c")));
        headers.append("DPoP", HeaderValue::from_static("a.b.c"));
        assert_eq!(read(&headers), Err(ProofError::Header));
        let mut headers = HeaderMap::new();
        headers.append("dpop", HeaderValue::from_bytes(b"a\xff").unwrap());
        assert_eq!(read(&headers), Err(ProofError::Header));
        // Two proofs that a proxy has joined are no proof.
        let request = ProofRequest {
            method: &Method::POST,
            uri: &uri("https://id.example/oauth2/token"),
            access_token: None,
            nonce: None,
        };
        let proof = mint(&request, &Identity::named("p256").key, NOW, JTI).unwrap();
        assert!(verify(&proof, &request, NOW).is_ok());
        assert_eq!(
            verify(&format!("{proof}, {proof}"), &request, NOW).unwrap_err(),
            ProofError::Jws(JwsError::Character)
        );
    }

    #[test]
    fn a_target_is_compared_after_normalisation_by_syntax_only() {
        let same = |left: &str, right: &str| is_same_target(left, &uri(right));
        for (left, right) in [
            ("https://a.example", "https://a.example/"),
            ("HTTP://A.example:80/", "http://a.example"),
            ("https://a.example/%7Euser", "https://a.example/~user"),
            ("https://a.example/%c3%a9", "https://a.example/%C3%A9"),
            ("https://a.example/%C3%A9", "https://a.example/é"),
            ("https://a.example/a/../b", "https://a.example/b?q#f"),
            ("https://[::1]:443/x", "https://[0:0::1]/x"),
        ] {
            assert!(same(left, right), "{left} {right}");
        }
        for (left, right) in [
            ("https://a.example/A", "https://a.example/a"),
            ("https://a.example/a/", "https://a.example/a"),
            ("https://a.example//a", "https://a.example/a"),
            ("https://a.example/a%2Fb", "https://a.example/a/b"),
            ("https://a.example/%2561", "https://a.example/a"),
            ("https://a.example/%2561", "https://a.example/%61"),
            ("https://a.example./a", "https://a.example/a"),
            ("https://a.example:444/a", "https://a.example/a"),
            ("http://a.example/a", "https://a.example/a"),
            ("wss://a.example/a", "https://a.example/a"),
            ("https://a.example@b.example/a", "https://b.example/a"),
            ("https://a.example/a\t", "https://a.example/a"),
            ("ht\ntps://a.example/a", "https://a.example/a"),
            ("https:/\\a.example/a", "https://a.example/a"),
            ("//a.example/a", "https://a.example/a"),
            ("", "https://a.example/a"),
        ] {
            assert!(!same(left, right), "{left} {right}");
        }
    }
}
