//! Which user is this, by name and password (RFC 7617)?

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Extensions, HeaderMap, HeaderValue, header::AUTHORIZATION};
use tower_layer::Layer;
use zeroize::Zeroizing;

use crate::{
    first_factor::{Checked, Factor, FirstFactor, NotRecognized, Recognize, Recognizing},
    secure::PlainHttp,
};

/// Bytes of an `Authorization` header that is looked at.
const MAX_HEADER: usize = 2048;
/// Bytes of a user name.
const MAX_NAME: usize = 255;

/// A layer that lets through whoever says a name and its password, and puts a [`FirstFactor`] into
/// the request.
///
/// Over TLS only: a request without the extension [`crate::Secure`] is answered by 426 before
/// anybody looks at what it carries. It is for the route that gives out tokens; everything else is
/// better behind a [`crate::Guard`].
///
/// ```
/// use countersign_guard::{Basic, CannotVerify, Password};
///
/// async fn verify(user: String, password: Password) -> Result<Option<String>, CannotVerify> {
///     # fn hash_of(user: &str) -> &'static str { "" }
///     # fn argon2_verifies(hash: &str, password: &str) -> bool { true }
///     // Of a user who is not there, the hash of a password that nobody knows.
///     let hash = hash_of(&user);
///     Ok(argon2_verifies(hash, password.expose()).then_some(user))
/// }
///
/// # fn main() -> Result<(), countersign_guard::RealmError> {
/// let layer = Basic::new("orders", verify)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Basic {
    realm: HeaderValue,
    verifier: Verifier,
    plain_http: PlainHttp,
}

#[derive(Clone)]
struct Verifier(Arc<dyn Fn(String, Password) -> Verdict + Send + Sync>);

type Verdict = Pin<Box<dyn Future<Output = Result<Option<String>, CannotVerify>> + Send>>;

/// A password as it came: UTF-8 of any length that a header has room for, without control
/// characters, not normalized. Wiped when dropped, never printed.
pub struct Password(Zeroizing<String>);

/// A verifier could not say whether a password is right: its database is away. Whatever the reason
/// is, it is to be logged where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotVerify;

/// A realm holds the characters of RFC 6750 §3 and no others: printable ASCII but `"` and `\`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RealmError;

impl Basic {
    /// For the users whom `verifier` knows; `realm` is what their programs show them.
    ///
    /// The verifier is given the user name and the password, and answers the name that the request
    /// goes on with, or nothing when one of them is wrong. It must take as long for a user who is
    /// not there as for a wrong password, or user names can be guessed by the clock: hash the
    /// password in any case, against a hash that belongs to nobody. It counts failures if they are
    /// to be limited, and hashes where that does not keep other requests waiting
    /// (`tokio::task::spawn_blocking`). A name has 1 to 255 bytes without control characters; names
    /// that look alike are different names. An empty password never reaches it.
    ///
    /// # Errors
    ///
    /// When the realm cannot be written in a challenge.
    pub fn new<V, F>(realm: &str, verifier: V) -> Result<Basic, RealmError>
    where
        V: Fn(String, Password) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<String>, CannotVerify>> + Send + 'static,
    {
        let is_quotable = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
        if !realm.bytes().all(is_quotable) {
            return Err(RealmError);
        }
        let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
        Ok(Basic {
            realm: HeaderValue::try_from(challenge).map_err(|_| RealmError)?,
            verifier: Verifier(Arc::new(move |user, password| {
                Box::pin(verifier(user, password))
            })),
            plain_http: PlainHttp::Refused,
        })
    }

    /// Takes passwords over plain http too, from programs on this machine: the extension
    /// [`crate::PeerAddress`] is a loopback address, and no header says that a proxy forwards for
    /// somebody else. For development.
    #[must_use]
    pub fn allow_loopback_http(mut self) -> Basic {
        self.plain_http = PlainHttp::FromLoopback;
        self
    }
}

impl<S> Layer<S> for Basic {
    type Service = Recognizing<S>;

    fn layer(&self, inner: S) -> Recognizing<S> {
        Recognizing::new(inner, Arc::new(self.clone()))
    }
}

impl Recognize for Basic {
    fn recognize(&self, headers: &mut HeaderMap, extensions: &Extensions) -> Checked {
        if !self.plain_http.permits(headers, extensions) {
            return Box::pin(async { Err(NotRecognized::PlainHttp) });
        }
        let read = read(headers);
        headers.remove(AUTHORIZATION);
        let verifier = self.verifier.clone();
        Box::pin(async move {
            let (user, password) = read?;
            match verifier.0(user, password).await {
                Ok(Some(name)) => Ok(FirstFactor::new(&name, Factor::Password)),
                Ok(None) => Err(NotRecognized::Unknown),
                Err(CannotVerify) => Err(NotRecognized::CannotVerify),
            }
        })
    }

    fn challenge(&self) -> Option<&HeaderValue> {
        Some(&self.realm)
    }
}

/// One header, `Basic`, and canonical base64 of a name, a colon and a password (RFC 7617 §2).
fn read(headers: &HeaderMap) -> Result<(String, Password), NotRecognized> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(NotRecognized::Missing)?;
    if values.next().is_some() {
        return Err(NotRecognized::Several);
    }
    if value.len() > MAX_HEADER {
        return Err(NotRecognized::Malformed);
    }
    let text = value.to_str().map_err(|_| NotRecognized::Malformed)?;
    let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(NotRecognized::Missing);
    }
    user_and_password(credentials.trim_start_matches(' ')).ok_or(NotRecognized::Malformed)
}

fn user_and_password(credentials: &str) -> Option<(String, Password)> {
    // As long as it can be, so that nothing of it is left behind by growing.
    let mut decoded = Zeroizing::new(vec![0; credentials.len()]);
    let length = STANDARD.decode_slice(credentials, &mut decoded).ok()?;
    let text = std::str::from_utf8(&decoded[..length]).ok()?;
    let (user, password) = text.split_once(':')?;
    // An empty password is taken for an anonymous sign-in by some directories.
    let is_well_formed = (1..=MAX_NAME).contains(&user.len())
        && !password.is_empty()
        && !text.contains(char::is_control);
    let password = Password(Zeroizing::new(password.to_owned()));
    is_well_formed.then(|| (user.to_owned(), password))
}

impl Password {
    /// The text, to be hashed or compared in constant time and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl fmt::Display for CannotVerify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the password cannot be verified now")
    }
}

impl std::error::Error for CannotVerify {}

impl fmt::Display for RealmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a realm is printable ASCII without \" and \\")
    }
}

impl std::error::Error for RealmError {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response, header::WWW_AUTHENTICATE, request::Builder};

    use super::*;
    use crate::{
        PeerAddress, Secure,
        first_factor::tests::{ask, reason},
    };

    /// Knows Aladdin by the password of RFC 7617 §2, counts how often it is asked, and has lost its
    /// database when somebody asks for `away`.
    struct Users(Arc<AtomicUsize>);

    impl Users {
        fn new() -> Users {
            Users(Arc::default())
        }

        fn layer(&self) -> Basic {
            let asked = self.0.clone();
            Basic::new("WallyWorld", move |user, password: Password| {
                asked.fetch_add(1, Ordering::SeqCst);
                async move {
                    if user == "away" {
                        return Err(CannotVerify);
                    }
                    let is_right = user == "Aladdin" && password.expose() == "open sesame";
                    Ok(is_right.then_some(user))
                }
            })
            .unwrap()
        }

        fn asked(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn over_tls(authorization: &str) -> Builder {
        Request::builder()
            .extension(Secure)
            .header(AUTHORIZATION, authorization)
    }

    fn basic(credentials: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    async fn answer(request: Builder) -> Response<String> {
        ask(&Users::new().layer(), request.body(()).unwrap()).await
    }

    #[tokio::test]
    async fn the_user_of_rfc_7617_is_recognized_and_the_password_goes_no_further() {
        let response = answer(over_tls("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.body(), "Aladdin Password 0");
        let response = answer(over_tls("bASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==")).await;
        assert_eq!(response.status(), 200);
    }

    #[tokio::test]
    async fn the_verifier_says_under_which_name_the_request_goes_on() {
        let layer = Basic::new("r", async |_, _| Ok(Some("u-17".to_owned()))).unwrap();
        let request = over_tls(&basic("Aladdin:open sesame")).body(()).unwrap();
        assert_eq!(ask(&layer, request).await.body(), "u-17 Password 0");
    }

    #[test]
    fn text_is_read_as_utf_8_and_only_the_first_colon_parts_it() {
        // RFC 7617 §2.1: "test" and "123£".
        let (user, password) = user_and_password("dGVzdDoxMjPCow==").unwrap();
        assert_eq!((user.as_str(), password.expose()), ("test", "123£"));
        let (user, password) = user_and_password(&STANDARD.encode("a:b:c:")).unwrap();
        assert_eq!((user.as_str(), password.expose()), ("a", "b:c:"));
    }

    // security.md 83
    #[tokio::test]
    async fn a_wrong_password_an_unknown_user_and_nothing_at_all_are_answered_alike() {
        let wrong = answer(over_tls(&basic("Aladdin:open barley"))).await;
        let unknown = answer(over_tls(&basic("Cassim:open sesame"))).await;
        let nothing = answer(Request::builder().extension(Secure)).await;
        let other = answer(over_tls("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==")).await;
        for response in [&wrong, &unknown, &nothing, &other] {
            assert_eq!(response.status(), 401);
            let challenge = &response.headers()[WWW_AUTHENTICATE];
            assert_eq!(challenge, "Basic realm=\"WallyWorld\", charset=\"UTF-8\"");
            assert_eq!(response.headers().len(), 1);
        }
        assert_eq!(reason(&wrong), NotRecognized::Unknown);
        assert_eq!(reason(&unknown), NotRecognized::Unknown);
        assert_eq!(reason(&nothing), NotRecognized::Missing);
        assert_eq!(reason(&other), NotRecognized::Missing);
    }

    // security.md 85
    #[tokio::test]
    async fn over_plain_http_nobody_looks_at_a_password() {
        let users = Users::new();
        let plain = || {
            Request::builder()
                .uri("https://api.example/token/new")
                .header("x-forwarded-proto", "https")
                .header(AUTHORIZATION, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        };
        let local = PeerAddress("127.0.0.1:4711".parse().unwrap());
        for request in [plain(), plain().extension(local)] {
            let response = ask(&users.layer(), request.body(()).unwrap()).await;
            assert_eq!(response.status(), 426);
            assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
            assert_eq!(reason(&response), NotRecognized::PlainHttp);
        }
        assert_eq!(users.asked(), 0);
    }

    #[tokio::test]
    async fn plain_http_is_taken_from_this_machine_alone_and_only_if_asked_for() {
        let layer = Users::new().layer().allow_loopback_http();
        for (peer, status) in [("127.0.0.1:4711", 200), ("192.0.2.7:4711", 426)] {
            let request = Request::builder()
                .header(AUTHORIZATION, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
                .extension(PeerAddress(peer.parse().unwrap()));
            let response = ask(&layer, request.body(()).unwrap()).await;
            assert_eq!(response.status(), status, "{peer}");
        }
    }

    #[tokio::test]
    async fn two_headers_are_refused_and_not_chosen_from() {
        let users = Users::new();
        for second in ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Bearer a"] {
            let request = over_tls("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
            let request = request.header(AUTHORIZATION, second).body(()).unwrap();
            let response = ask(&users.layer(), request).await;
            assert_eq!(response.status(), 400);
            assert_eq!(reason(&response), NotRecognized::Several);
        }
        assert_eq!(users.asked(), 0);
    }

    #[tokio::test]
    async fn what_is_not_a_name_and_a_password_never_reaches_the_verifier() {
        let users = Users::new();
        let longest_name = "n".repeat(MAX_NAME);
        let malformed = [
            "Basic".to_owned(),
            "Basic ".to_owned(),
            basic(""),
            basic("Aladdin"),
            basic(":open sesame"),
            basic("Aladdin:"),
            basic("Aladdin:open\nsesame"),
            basic("Alad\0din:open sesame"),
            basic("Aladdin:open\u{85}sesame"),
            basic(b"Aladdin:open\xff"),
            basic(format!("{longest_name}n:x")),
            basic(format!("a:{}", "x".repeat(MAX_HEADER))),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ".to_owned(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=".to_owned(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==".to_owned(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== ".to_owned(),
            "Basic QWxhZGRpbjpvcGVu IHNlc2FtZQ==".to_owned(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, Basic YTpi".to_owned(),
            "Basic YT-_".to_owned(),
        ];
        for authorization in malformed {
            let request = over_tls(&authorization).body(()).unwrap();
            let response = ask(&users.layer(), request).await;
            assert_eq!(response.status(), 401, "{authorization}");
            assert_eq!(
                reason(&response),
                NotRecognized::Malformed,
                "{authorization}"
            );
        }
        assert_eq!(users.asked(), 0);
        let longest = over_tls(&basic(format!("{longest_name}:x")))
            .body(())
            .unwrap();
        ask(&users.layer(), longest).await;
        assert_eq!(users.asked(), 1);
    }

    #[tokio::test]
    async fn a_verifier_that_cannot_say_is_not_the_callers_fault() {
        let response = answer(over_tls(&basic("away:open sesame"))).await;
        assert_eq!(response.status(), 503);
        assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
        assert_eq!(reason(&response), NotRecognized::CannotVerify);
    }

    // security.md 84
    #[test]
    fn a_realm_cannot_break_out_of_its_challenge() {
        for realm in ["a\"b", "a\\b", "a\r\nSet-Cookie: x", "é", "\0"] {
            let layer = Basic::new(realm, async |_, _| Ok(None));
            assert_eq!(layer.unwrap_err(), RealmError, "{realm:?}");
        }
    }

    // security.md 112
    #[test]
    fn a_password_is_not_printed() {
        let (_, password) = user_and_password("QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
