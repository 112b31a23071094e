//! Which program is this, by a key in a header?

use std::{fmt, sync::Arc};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use tower_layer::Layer;

use crate::{
    first_factor::{Checked, Factor, FirstFactor, NotRecognized, Recognize, Recognizing},
    secure::PlainHttp,
};

/// Characters of a key: with fewer than 32 a plain hash of it would not hide it.
const LENGTHS: std::ops::RangeInclusive<usize> = 32..=512;

/// Headers in which other things travel.
const TAKEN: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONTENT_TYPE,
];

/// A layer that lets through whoever has one of these keys, and puts a [`FirstFactor`] with the name
/// of the key into the request.
///
/// For programs that can do no better: a key does not end, says nothing of who uses it, and is as
/// good in the hands of whoever reads it. Keys come in a header and never in a query, where every
/// log keeps them; over TLS only, as with [`crate::Basic`]. Only their SHA-256 is kept, which hides
/// nothing but keys made by chance: `openssl rand -hex 32`.
///
/// ```
/// # fn main() -> Result<(), countersign_guard::ApiKeyError> {
/// # let key_of_the_nightly_copy = "c0ffee00c0ffee00c0ffee00c0ffee00";
/// let layer = countersign_guard::ApiKeys::in_header("x-api-key")?
///     .key("nightly-copy", key_of_the_nightly_copy)?
///     .digest("billing", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ApiKeys {
    headers: Vec<HeaderName>,
    keys: Arc<Vec<Key>>,
    challenge: HeaderValue,
    plain_http: PlainHttp,
}

#[derive(Clone)]
struct Key {
    name: String,
    digest: [u8; 32],
}

/// Why a key, or the header for it, is refused. Says nothing of the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// This is no name of a header, or of one in which other things travel.
    Header(String),
    /// The key of this name has fewer than 32 or more than 512 characters.
    Length(String),
    /// The key of this name has something else than visible ASCII in it.
    Character(String),
    /// The digest of this name is not 64 hexadecimal digits.
    Digest(String),
    /// The key of this name is that of another name too.
    Repeated(String),
}

impl ApiKeys {
    /// Keys come in this header.
    ///
    /// # Errors
    ///
    /// When it is no header, or one in which other things travel.
    pub fn in_header(name: &str) -> Result<ApiKeys, ApiKeyError> {
        let name = header_for_keys(name)?;
        // Cannot fail: a name of a header holds nothing that a value may not.
        let challenge = HeaderValue::try_from(format!("ApiKey header=\"{name}\""))
            .unwrap_or_else(|_| HeaderValue::from_static("ApiKey"));
        Ok(ApiKeys {
            headers: vec![name],
            keys: Arc::default(),
            challenge,
            plain_http: PlainHttp::Refused,
        })
    }

    /// Or in this one, never in both.
    ///
    /// # Errors
    ///
    /// As [`ApiKeys::in_header`].
    pub fn or_in_header(mut self, name: &str) -> Result<ApiKeys, ApiKeyError> {
        let name = header_for_keys(name)?;
        // One header that is said twice would read each key twice, and refuse it.
        if !self.headers.contains(&name) {
            self.headers.push(name);
        }
        Ok(self)
    }

    /// Whoever has this key, of 32 to 512 visible ASCII characters made by chance, has this name.
    ///
    /// # Errors
    ///
    /// When the key is too short, too long or malformed, or has a name already.
    pub fn key(self, name: &str, key: &str) -> Result<ApiKeys, ApiKeyError> {
        if !LENGTHS.contains(&key.len()) {
            return Err(ApiKeyError::Length(name.to_owned()));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiKeyError::Character(name.to_owned()));
        }
        self.with(name, digest_of(key.as_bytes()))
    }

    /// The same of a key that is known by its SHA-256 alone, in hexadecimal digits: the settings of an
    /// API then hold no secret. `printf %s "$key" | sha256sum` writes it.
    ///
    /// # Errors
    ///
    /// When the text is something else, or the key has a name already.
    pub fn digest(self, name: &str, hex: &str) -> Result<ApiKeys, ApiKeyError> {
        let digest = from_hex(hex).ok_or_else(|| ApiKeyError::Digest(name.to_owned()))?;
        self.with(name, digest)
    }

    /// As [`crate::Basic::allow_loopback_http`].
    #[must_use]
    pub fn allow_loopback_http(mut self) -> ApiKeys {
        self.plain_http = PlainHttp::FromLoopback;
        self
    }

    fn with(mut self, name: &str, digest: [u8; 32]) -> Result<ApiKeys, ApiKeyError> {
        if self.keys.iter().any(|known| known.digest == digest) {
            return Err(ApiKeyError::Repeated(name.to_owned()));
        }
        let name = name.to_owned();
        Arc::make_mut(&mut self.keys).push(Key { name, digest });
        Ok(self)
    }

    fn recognized(&self, headers: &HeaderMap) -> Result<FirstFactor, NotRecognized> {
        let mut values = self.headers.iter().flat_map(|name| headers.get_all(name));
        let value = values.next().ok_or(NotRecognized::Missing)?;
        if values.next().is_some() {
            return Err(NotRecognized::Several);
        }
        if !LENGTHS.contains(&value.len()) {
            return Err(NotRecognized::Malformed);
        }
        let digest = digest_of(value.as_bytes());
        // All of them, so that the time does not tell how far one looked.
        let mut found = None;
        for key in self.keys.iter() {
            if verify_slices_are_equal(&key.digest, &digest).is_ok() {
                found = Some(key);
            }
        }
        let key = found.ok_or(NotRecognized::Unknown)?;
        Ok(FirstFactor::new(&key.name, Factor::ApiKey))
    }
}

impl<S> Layer<S> for ApiKeys {
    type Service = Recognizing<S>;

    fn layer(&self, inner: S) -> Recognizing<S> {
        Recognizing::new(inner, Arc::new(self.clone()))
    }
}

impl Recognize for ApiKeys {
    fn recognize(&self, headers: &mut HeaderMap, extensions: &Extensions) -> Checked {
        let who = if self.plain_http.permits(headers, extensions) {
            self.recognized(headers)
        } else {
            Err(NotRecognized::PlainHttp)
        };
        for name in &self.headers {
            headers.remove(name);
        }
        Box::pin(std::future::ready(who))
    }

    fn challenge(&self) -> Option<&HeaderValue> {
        Some(&self.challenge)
    }
}

fn header_for_keys(name: &str) -> Result<HeaderName, ApiKeyError> {
    HeaderName::try_from(name)
        .ok()
        .filter(|name| !TAKEN.contains(name))
        .ok_or_else(|| ApiKeyError::Header(name.to_owned()))
}

fn digest_of(key: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, key).as_ref());
    bytes
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes().chunks_exact(2);
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// The names of the keys and nothing of the keys.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.keys.iter().map(|key| key.name.as_str()).collect();
        f.debug_struct("ApiKeys")
            .field("headers", &self.headers)
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ApiKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApiKeyError::Header(name) => write!(f, "{name:?} is no header for keys"),
            ApiKeyError::Length(name) => {
                write!(f, "the key of {name:?} has not 32 to 512 characters")
            }
            ApiKeyError::Character(name) => write!(
                f,
                "the key of {name:?} has other characters than visible ASCII"
            ),
            ApiKeyError::Digest(name) => write!(
                f,
                "the SHA-256 of the key of {name:?} is not 64 hexadecimal digits"
            ),
            ApiKeyError::Repeated(name) => {
                write!(f, "the key of {name:?} is the key of another name too")
            }
        }
    }
}

impl std::error::Error for ApiKeyError {}

#[cfg(test)]
mod tests {
    use http::{Request, Response, request::Builder};

    use super::*;
    use crate::{
        PeerAddress, Secure,
        first_factor::tests::{ask, reason},
    };

    const NIGHTLY: &str = "5b1cbd6a0c1f4d0c8f0e4a7e2f9b3d61";
    /// `printf %s 0123456789abcdef0123456789abcdef | sha256sum`, by coreutils.
    const BILLING: (&str, &str) = (
        "0123456789abcdef0123456789abcdef",
        "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9",
    );

    fn keys() -> ApiKeys {
        ApiKeys::in_header("x-api-key")
            .and_then(|keys| keys.or_in_header("x-old-key"))
            .and_then(|keys| keys.key("nightly-copy", NIGHTLY))
            .and_then(|keys| keys.digest("billing", BILLING.1))
            .unwrap()
    }

    fn with(header: &str, key: &str) -> Builder {
        Request::builder().extension(Secure).header(header, key)
    }

    async fn answer(request: Builder) -> Response<String> {
        ask(&keys(), request.body(()).unwrap()).await
    }

    #[tokio::test]
    async fn a_key_is_recognized_by_its_name_in_either_header_and_goes_no_further() {
        for header in ["x-api-key", "X-Old-Key"] {
            let response = answer(with(header, NIGHTLY)).await;
            assert_eq!(response.body(), "nightly-copy ApiKey 0");
            let response = answer(with(header, BILLING.0)).await;
            assert_eq!(response.body(), "billing ApiKey 0");
        }
    }

    #[tokio::test]
    async fn a_key_that_is_nobodys_is_answered_as_if_there_was_none() {
        let nothing = answer(Request::builder().extension(Secure)).await;
        let unknown = answer(with("x-api-key", &NIGHTLY.replace('5', "6"))).await;
        let begun = answer(with("x-api-key", &format!("{NIGHTLY}0"))).await;
        let short = answer(with("x-api-key", &NIGHTLY[..31])).await;
        let digest = answer(with("x-api-key", BILLING.1)).await;
        for response in [&nothing, &unknown, &begun, &short, &digest] {
            assert_eq!(response.status(), 401);
            let challenge = &response.headers()["www-authenticate"];
            assert_eq!(challenge, "ApiKey header=\"x-api-key\"");
        }
        assert_eq!(reason(&nothing), NotRecognized::Missing);
        assert_eq!(reason(&unknown), NotRecognized::Unknown);
        assert_eq!(reason(&begun), NotRecognized::Unknown);
        assert_eq!(reason(&short), NotRecognized::Malformed);
        assert_eq!(reason(&digest), NotRecognized::Unknown);
    }

    // security.md 82
    #[tokio::test]
    async fn a_key_in_a_query_counts_for_nothing() {
        let request = Request::builder().extension(Secure).uri(format!(
            "https://api.example/?x-api-key={NIGHTLY}&api_key={NIGHTLY}"
        ));
        let response = answer(request).await;
        assert_eq!(reason(&response), NotRecognized::Missing);
    }

    #[tokio::test]
    async fn two_keys_are_refused_and_not_chosen_from() {
        for second in ["x-api-key", "x-old-key"] {
            let response = answer(with("x-api-key", NIGHTLY).header(second, BILLING.0)).await;
            assert_eq!(response.status(), 400);
            assert_eq!(reason(&response), NotRecognized::Several);
        }
    }

    #[tokio::test]
    async fn a_header_that_was_said_twice_is_one_header() {
        let layer = keys().or_in_header("X-API-Key").unwrap();
        let request = with("x-api-key", NIGHTLY).body(()).unwrap();
        assert_eq!(ask(&layer, request).await.status(), 200);
    }

    // security.md 85
    #[tokio::test]
    async fn over_plain_http_nobody_looks_at_a_key() {
        let plain = || Request::builder().header("x-api-key", NIGHTLY);
        let local = PeerAddress("127.0.0.1:4711".parse().unwrap());
        for request in [plain(), plain().extension(local)] {
            let response = answer(request).await;
            assert_eq!(response.status(), 426);
            assert_eq!(reason(&response), NotRecognized::PlainHttp);
        }
        let here = plain().extension(local).body(()).unwrap();
        let response = ask(&keys().allow_loopback_http(), here).await;
        assert_eq!(response.status(), 200);
    }

    #[test]
    fn a_weak_or_malformed_key_is_refused_by_name() {
        let with = |key: &str| keys().key("weak", key).map(drop).unwrap_err();
        let weak = || "weak".to_owned();
        assert_eq!(with(""), ApiKeyError::Length(weak()));
        assert_eq!(with(&NIGHTLY[..31]), ApiKeyError::Length(weak()));
        assert_eq!(with(&"k".repeat(513)), ApiKeyError::Length(weak()));
        assert_eq!(
            with(&NIGHTLY.replace('5', " ")),
            ApiKeyError::Character(weak())
        );
        assert_eq!(
            with(&NIGHTLY.replace("5b", "é")),
            ApiKeyError::Character(weak())
        );
        assert_eq!(with(NIGHTLY), ApiKeyError::Repeated(weak()));
        assert_eq!(with(BILLING.0), ApiKeyError::Repeated(weak()));
        let digest = |hex: &str| keys().digest("weak", hex).map(drop).unwrap_err();
        for hex in [
            "",
            &BILLING.1[..62],
            &BILLING.1.replace('3', "g"),
            &format!("+{}", &BILLING.1[1..]),
        ] {
            assert_eq!(digest(hex), ApiKeyError::Digest(weak()), "{hex}");
        }
    }

    #[test]
    fn headers_in_which_other_things_travel_are_not_for_keys() {
        for name in ["authorization", "Cookie", "proxy-authorization", "a b", ""] {
            let refused = ApiKeys::in_header(name).map(drop);
            assert_eq!(refused, Err(ApiKeyError::Header(name.to_owned())));
            assert!(keys().or_in_header(name).is_err());
        }
    }

    // security.md 112
    #[test]
    fn neither_keys_nor_their_digests_are_printed() {
        assert_eq!(
            format!("{:?}", keys()),
            "ApiKeys { headers: [\"x-api-key\", \"x-old-key\"], \
             names: [\"nightly-copy\", \"billing\"], .. }"
        );
    }
}
