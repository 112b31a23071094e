//! How is a compact JWS read without being fooled, and how is one written?

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::{
    json::{self, JsonError, Limits, Map, Value},
    key::{Algorithm, PublicKey},
};

mod claims;
pub use claims::{ClaimError, Claims};

/// A whole token may have at most so many bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// A `kid` may have at most so many bytes.
pub const MAX_KID_BYTES: usize = 256;

/// Why a token is refused before or at its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwsError {
    /// More than [`MAX_BYTES`].
    TooLarge,
    /// A byte outside `A-Z a-z 0-9 - _ .`
    Character,
    /// So many segments; a compact JWS has three (RFC 7515 §7.1).
    Segments(usize),
    /// A segment is not canonical base64url without padding (RFC 7515 §2).
    Base64,
    /// The header is not acceptable JSON.
    Header(JsonError),
    /// The claims are not acceptable JSON.
    Claims(JsonError),
    /// `alg` is absent, not a string, or not one that is known here.
    Algorithm,
    /// The algorithm is known, but not of this key or not permitted.
    AlgorithmNotPermitted,
    /// `crit` is present. No extension is understood here (RFC 7515 §4.1.11).
    Critical,
    /// `b64` is present (RFC 7797 §7).
    Unencoded,
    /// `enc` or `zip` is present: a JWE in disguise (RFC 7516 §9).
    Encrypted,
    /// This header member is not of the type that it must have.
    MemberType(&'static str),
    /// `kid` is longer than [`MAX_KID_BYTES`].
    KidTooLong,
    /// The signature does not verify.
    Signature,
}

/// A JOSE header: typed members (RFC 7515 §4.1), and the rest. `A` are the algorithms that its
/// reader knows: those of the protocol, unless it is the reader of [`crate::jwt`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Header<A = Algorithm> {
    /// `alg`
    pub algorithm: A,
    /// `typ`: the media type without `application/`, in lower case.
    pub typ: Option<String>,
    /// `kid`: data, to be compared code point by code point.
    pub kid: Option<String>,
    /// `x5t`
    pub x5t: Option<String>,
    /// `x5t#S256`
    pub x5t_s256: Option<String>,
    /// Every other member as it came.
    pub members: Map<String, Value>,
}

/// A token that was parsed strictly and not yet believed.
#[derive(Clone)]
pub struct UnverifiedJws<'a>(Parts<'a, Algorithm>);

/// The parts of a token, read strictly, for whoever verifies the signature.
#[derive(Clone)]
pub(crate) struct Parts<'a, A> {
    pub(crate) signing_input: &'a str,
    pub(crate) header: Header<A>,
    pub(crate) claims: Claims,
    pub(crate) signature: Vec<u8>,
}

/// Claims whose signature was verified: the only way to claims.
#[derive(Clone, Debug)]
pub struct VerifiedJws {
    header: Header,
    claims: Claims,
}

impl<'a> UnverifiedJws<'a> {
    /// Parses: size, characters, three segments, canonical base64url, strict JSON, `alg`,
    /// `crit`, `b64`.
    ///
    /// # Errors
    ///
    /// [`JwsError`] says what is wrong. Nothing is decoded before size, characters and number of
    /// segments are right.
    pub fn parse(text: &'a str) -> Result<UnverifiedJws<'a>, JwsError> {
        Parts::read(text, Algorithm::from_name).map(UnverifiedJws)
    }

    /// The header, which nobody has vouched for.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// `iss` as claimed, to find the key by; nobody has vouched for it.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.0.claims.0.get("iss")?.as_str()
    }

    /// Verifies with `key`, by the header's algorithm if it is one of `permitted` and of the key.
    ///
    /// # Errors
    ///
    /// [`JwsError::AlgorithmNotPermitted`] before any arithmetic, or [`JwsError::Signature`].
    pub fn verify(self, key: &PublicKey, permitted: &[Algorithm]) -> Result<VerifiedJws, JwsError> {
        let Parts {
            signing_input,
            header,
            claims,
            signature,
        } = self.0;
        let algorithm = header.algorithm;
        if !permitted.contains(&algorithm) || !key.algorithms().contains(&algorithm) {
            return Err(JwsError::AlgorithmNotPermitted);
        }
        key.verify(algorithm, signing_input.as_bytes(), &signature)
            .map_err(|_| JwsError::Signature)?;
        Ok(VerifiedJws { header, claims })
    }
}

/// Shows the header only.
impl fmt::Debug for UnverifiedJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedJws")
            .field("header", &self.0.header)
            .finish_non_exhaustive()
    }
}

impl<'a, A> Parts<'a, A> {
    /// Reads by [`UnverifiedJws::parse`]'s rules; `known` reads an `alg`.
    pub(crate) fn read(
        text: &'a str,
        known: impl Fn(&str) -> Option<A>,
    ) -> Result<Parts<'a, A>, JwsError> {
        let [header, claims, signature] = segments(text)?;
        let signing_input = &text[..header.len() + 1 + claims.len()];
        let mut decoded = Vec::with_capacity(text.len());
        decode(header, &mut decoded)?;
        let header = Header::read(&decoded, known)?;
        decode(claims, &mut decoded)?;
        let claims = json::object(&decoded, &Limits::CLAIMS).map_err(JwsError::Claims)?;
        decode(signature, &mut decoded)?;
        Ok(Parts {
            signing_input,
            header,
            claims: Claims(claims),
            signature: decoded,
        })
    }
}

impl VerifiedJws {
    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims, owned.
    pub fn into_claims(self) -> Claims {
        self.claims
    }
}

/// The half of a token that is signed: `base64url(header).base64url(claims)`.
#[derive(Clone)]
pub struct SigningInput {
    text: String,
}

impl SigningInput {
    /// Encodes a header and claims. The header must carry the `alg` that will sign.
    pub fn encode(header: &Map<String, Value>, claims: &Map<String, Value>) -> SigningInput {
        SigningInput::of(header, claims)
    }

    /// As [`SigningInput::encode`], from types that write themselves as JSON objects.
    pub(crate) fn of(header: &impl Serialize, claims: &impl Serialize) -> SigningInput {
        // Room for the claims, and for the signature of an RSA key of 2048 bits.
        let mut text = String::with_capacity(1024);
        let mut json = Vec::with_capacity(512);
        append(&mut text, &mut json, header);
        text.push('.');
        append(&mut text, &mut json, claims);
        SigningInput { text }
    }

    /// The bytes to be signed.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The whole compact token.
    pub fn finish(self, signature: &[u8]) -> String {
        let mut text = self.text;
        // Once, and before the signature is there: growing later would leave a copy behind.
        text.reserve_exact(1 + signature.len().div_ceil(3) * 4);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        text
    }
}

/// Shows nothing of the claims.
impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningInput({} bytes)", self.text.len())
    }
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JwsError::TooLarge => write!(f, "the token is larger than {MAX_BYTES} bytes"),
            JwsError::Character => f.write_str("the token holds a character that no token has"),
            JwsError::Segments(found) => {
                write!(f, "the token has {found} segments instead of 3")
            }
            JwsError::Base64 => f.write_str("a segment of the token is not canonical base64url"),
            JwsError::Header(why) => write!(f, "the token's header: {why}"),
            JwsError::Claims(why) => write!(f, "the token's claims: {why}"),
            JwsError::Algorithm => {
                f.write_str("the token's header member \"alg\" is missing or not supported")
            }
            JwsError::AlgorithmNotPermitted => {
                f.write_str("the token's algorithm is not permitted for this key")
            }
            JwsError::Critical => {
                f.write_str("the token's header demands an extension that is not supported")
            }
            JwsError::Unencoded => f.write_str("the token's header has the member \"b64\""),
            JwsError::Encrypted => f.write_str("the token is encrypted rather than signed"),
            JwsError::MemberType(name) => {
                write!(
                    f,
                    "the token's header member \"{name}\" is of the wrong type"
                )
            }
            JwsError::KidTooLong => {
                write!(
                    f,
                    "the token's \"kid\" is longer than {MAX_KID_BYTES} bytes"
                )
            }
            JwsError::Signature => f.write_str("the token's signature does not verify"),
        }
    }
}

impl std::error::Error for JwsError {}

impl<A> Header<A> {
    fn read(bytes: &[u8], known: impl Fn(&str) -> Option<A>) -> Result<Header<A>, JwsError> {
        let members = if bytes.len() <= Limits::HEADER.bytes {
            json::object(bytes, &Limits::HEADER)
        } else {
            json::object(bytes, &Limits::HEADER_WITH_CHAIN).and_then(|members| {
                if bytes.len() - chain_bytes(&members) > Limits::HEADER.bytes {
                    return Err(JsonError::TooLarge);
                }
                Ok(members)
            })
        }
        .map_err(JwsError::Header)?;

        let (mut algorithm, mut typ, mut kid) = (None, None, None);
        let (mut x5t, mut x5t_s256, mut others) = (None, None, Map::new());
        for (name, value) in members {
            match (name.as_str(), value) {
                ("crit", _) => return Err(JwsError::Critical),
                ("b64", _) => return Err(JwsError::Unencoded),
                ("enc" | "zip", _) => return Err(JwsError::Encrypted),
                ("alg", Value::String(name)) => algorithm = known(&name),
                ("typ", Value::String(text)) => typ = Some(media_type(text)),
                ("kid", Value::String(text)) if text.len() > MAX_KID_BYTES => {
                    return Err(JwsError::KidTooLong);
                }
                ("kid", Value::String(text)) => kid = Some(text),
                ("x5t", Value::String(text)) => x5t = Some(text),
                ("x5t#S256", Value::String(text)) => x5t_s256 = Some(text),
                ("alg", _) => return Err(JwsError::Algorithm),
                ("typ", _) => return Err(JwsError::MemberType("typ")),
                ("kid", _) => return Err(JwsError::MemberType("kid")),
                ("x5t", _) => return Err(JwsError::MemberType("x5t")),
                ("x5t#S256", _) => return Err(JwsError::MemberType("x5t#S256")),
                (_, value) => {
                    others.insert(name, value);
                }
            }
        }
        Ok(Header {
            algorithm: algorithm.ok_or(JwsError::Algorithm)?,
            typ,
            kid,
            x5t,
            x5t_s256,
            members: others,
        })
    }
}

/// RFC 7515 §4.1.9: `application/` may be left out where no other `/` follows; media types have
/// no case.
pub(crate) fn media_type(mut typ: String) -> String {
    typ.make_ascii_lowercase();
    match typ.strip_prefix("application/") {
        Some(rest) if !rest.contains('/') => rest.to_owned(),
        _ => typ,
    }
}

/// The bytes that the certificates of `x5c` take up in a header.
fn chain_bytes(members: &Map<String, Value>) -> usize {
    match members.get("x5c") {
        Some(Value::Array(certificates)) => certificates
            .iter()
            .filter_map(Value::as_str)
            .map(str::len)
            .sum(),
        _ => 0,
    }
}

/// Counts before it cuts: a million dots cost no memory.
fn segments(text: &str) -> Result<[&str; 3], JwsError> {
    if text.len() > MAX_BYTES {
        return Err(JwsError::TooLarge);
    }
    // Without a branch, so that the compiler looks at many bytes at once.
    let (mut refused, mut dots) = (0_u8, 0_usize);
    for chunk in text.as_bytes().chunks(128) {
        let mut dots_here = 0_u8;
        for &byte in chunk {
            let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
            let digit = byte.wrapping_sub(b'0') < 10;
            let dot = byte == b'.';
            refused |= u8::from(!(letter | digit | dot | (byte == b'-') | (byte == b'_')));
            dots_here += u8::from(dot);
        }
        dots += usize::from(dots_here);
    }
    if refused != 0 {
        return Err(JwsError::Character);
    }
    let mut parts = text.split('.');
    match (dots, parts.next(), parts.next(), parts.next()) {
        (2, Some(header), Some(claims), Some(signature)) => Ok([header, claims, signature]),
        _ => Err(JwsError::Segments(dots + 1)),
    }
}

/// Decodes into a buffer that serves all three segments.
fn decode(segment: &str, decoded: &mut Vec<u8>) -> Result<(), JwsError> {
    decoded.clear();
    URL_SAFE_NO_PAD
        .decode_vec(segment, decoded)
        .map_err(|_| JwsError::Base64)
}

fn append(text: &mut String, json: &mut Vec<u8>, value: &impl Serialize) {
    json.clear();
    // Cannot fail: names are strings and a `Vec` takes every byte. Were it to fail, the token
    // would be one that nobody accepts.
    if serde_json::to_writer(&mut *json, value).is_err() {
        json.clear();
    }
    URL_SAFE_NO_PAD.encode_string(&*json, text);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures::{Identity, is_of_another_build, variant, vectors},
        jwk::{Jwk, JwkError},
        time::UnixTime,
    };

    // RFC 7515 App. A, RFC 8037 App. A.4; security.md 9; attack A2
    #[test]
    fn the_tokens_of_the_rfcs_are_judged_as_expected() {
        for vector in vectors(include_str!("../../../testdata/vectors/jws-rfc.json")) {
            let key = match Jwk::from_members(vector["jwk"].as_object().unwrap()) {
                Err(JwkError::Key(why)) if is_of_another_build(&why) => continue,
                key => key.unwrap().key,
            };
            let text = vector["jws"].as_str().unwrap();
            let found = UnverifiedJws::parse(text)
                .and_then(|unverified| unverified.verify(&key, &Algorithm::PROTOCOL));
            if let Ok(verified) = &found {
                assert_eq!(verified.claims().string("iss"), Ok("joe"));
            }
            let found = found.map_or_else(|error| variant(&error), |_| "accepted".to_owned());
            assert_eq!(found, vector["expect"], "{}", vector["comment"]);
        }
    }

    // RFC 8037 App. A.4, whose payload is text
    #[cfg(feature = "aws-lc")]
    #[test]
    fn the_signature_of_rfc_8037_verifies() {
        let vector = vectors(include_str!("../../../testdata/vectors/jws-rfc.json"))
            .into_iter()
            .find(|vector| vector["name"] == "rfc8037-a4")
            .unwrap();
        let key = Jwk::from_members(vector["jwk"].as_object().unwrap())
            .unwrap()
            .key;
        let (input, signature) = vector["jws"].as_str().unwrap().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(
            key.verify(Algorithm::EdDSA, input.as_bytes(), &signature)
                .is_ok()
        );
    }

    // RFC 7515 App. A.2 and A.3: header and claims as they are encoded there
    #[test]
    fn a_signing_input_is_encoded_as_in_rfc_7515() {
        let input = SigningInput::encode(
            json!({"alg": "RS256"}).as_object().unwrap(),
            json!({"iss": "joe"}).as_object().unwrap(),
        );
        // base64url of {"iss":"joe"}
        assert_eq!(input.as_bytes(), b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UifQ");
        assert_eq!(
            input.finish(&[0xff, 0xef]),
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UifQ._-8"
        );
    }

    fn typ(text: &str) -> Option<String> {
        let text = Identity::named("p256").sign(&json!({"alg": "ES256", "typ": text}), &json!({}));
        UnverifiedJws::parse(&text).unwrap().header().typ.clone()
    }

    // security.md 21
    #[test]
    fn a_typ_is_a_media_type() {
        for text in [
            "at+jwt",
            "AT+JWT",
            "application/at+jwt",
            "Application/AT+jwt",
        ] {
            assert_eq!(typ(text).as_deref(), Some("at+jwt"), "{text}");
        }
        for text in [
            "text/at+jwt",
            "application/x/at+jwt",
            " at+jwt",
            "application//at+jwt",
        ] {
            assert_ne!(typ(text).as_deref(), Some("at+jwt"), "{text}");
        }
        // The Kelvin sign folds to k only in Unicode.
        assert_eq!(typ("\u{212a}").as_deref(), Some("\u{212a}"));
    }

    // security.md 22
    #[test]
    fn only_certificates_make_a_header_large() {
        let identity = Identity::named("p256");
        let parse = |header: Value| {
            let text = identity.sign(&header, &json!({}));
            UnverifiedJws::parse(&text).map(|_| ())
        };
        let large = || JwsError::Header(JsonError::TooLarge);
        let certificate = "A".repeat(4000);
        assert_eq!(
            parse(json!({"alg": "ES256", "x5c": [certificate, certificate]})),
            Ok(())
        );
        assert_eq!(
            parse(json!({"alg": "ES256", "x5c": [certificate, certificate, certificate, "A"]})),
            Err(large())
        );
        assert_eq!(
            parse(json!({"alg": "ES256", "x5c": [certificate], "x": "y".repeat(2048)})),
            Err(large())
        );
        assert_eq!(
            parse(json!({"alg": "ES256", "x5c": certificate})),
            Err(large())
        );
        assert_eq!(
            parse(json!({"alg": "ES256", "x": "y".repeat(2048)})),
            Err(large())
        );
    }

    fn claims(members: Value) -> Claims {
        match members {
            Value::Object(members) => Claims(members),
            _ => panic!("not an object"),
        }
    }

    // security.md 31
    #[test]
    fn a_fraction_is_never_rounded_in_favour_of_the_holder() {
        let claims = claims(json!({"t": 1.9, "u": 1.1, "v": 2.0, "w": 0, "x": 0.0}));
        let at = |secs| Ok(Some(UnixTime::from_secs(secs)));
        assert_eq!(claims.time_floor("t"), at(1));
        assert_eq!(claims.time_ceil("u"), at(2));
        assert_eq!(claims.time_floor("v"), at(2));
        assert_eq!(claims.time_ceil("v"), at(2));
        assert_eq!(claims.time_floor("w"), at(0));
        assert_eq!(claims.time_ceil("x"), at(0));
        assert_eq!(claims.time_ceil("absent"), Ok(None));
    }

    // security.md 31; attack B4
    #[test]
    fn a_time_is_from_0_to_2_to_the_53() {
        let max = claims(json!({"t": 9_007_199_254_740_992u64, "u": 9_007_199_254_740_992.0}));
        for claim in ["t", "u"] {
            assert_eq!(
                max.time_floor(claim),
                Ok(Some(UnixTime::from_secs(9_007_199_254_740_992)))
            );
        }
        for bad in [
            json!(9_007_199_254_740_993u64),
            json!(-1),
            json!(1e16),
            json!("1"),
            json!(null),
        ] {
            let claims = claims(json!({ "t": bad }));
            let error = ClaimError {
                claim: "t",
                missing: false,
            };
            assert_eq!(claims.time_floor("t"), Err(error.clone()), "{bad}");
            assert_eq!(claims.time_ceil("t"), Err(error), "{bad}");
        }
    }

    // attack A22
    #[test]
    fn a_claim_of_a_wrong_type_is_not_an_absent_one() {
        let claims = claims(json!({"a": "x", "b": null, "c": ["x"], "d": ""}));
        let error = |claim, missing| ClaimError { claim, missing };
        assert_eq!(claims.string("a"), Ok("x"));
        assert_eq!(claims.string("d"), Ok(""));
        assert_eq!(claims.string("b"), Err(error("b", false)));
        assert_eq!(claims.optional_string("c"), Err(error("c", false)));
        assert_eq!(claims.string("e"), Err(error("e", true)));
        assert_eq!(claims.optional_string("e"), Ok(None));
    }
}
