//! What does an authorization server say about itself (RFC 8414)?

use std::fmt;

use serde::Serialize;
use url::{Host, Url};

use crate::{
    exchange::{JWT_BEARER_GRANT, REFRESH_GRANT},
    json::{self, JsonError, Limits, Map, Value},
    key::Algorithm,
};

/// Authorization server metadata: the members that we use. Every URL is https, or http on
/// loopback, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// `issuer`, byte for byte as configured.
    pub issuer: String,
    /// `token_endpoint`
    pub token_endpoint: Url,
    /// `jwks_uri`
    pub jwks_uri: Option<Url>,
    /// `introspection_endpoint`
    pub introspection_endpoint: Option<Url>,
    /// `revocation_endpoint`
    pub revocation_endpoint: Option<Url>,
    /// `token_endpoint_auth_signing_alg_values_supported`
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// `dpop_signing_alg_values_supported` (RFC 9449 §5.1)
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// `grant_types_supported`
    pub grant_types_supported: Vec<String>,
    /// `scopes_supported`
    pub scopes_supported: Vec<String>,
    /// Root of the management API.
    pub countersign_api: Option<Url>,
    /// Where a terminal waits for a login in the browser: wss, or ws on loopback.
    pub countersign_login_endpoint: Option<Url>,
    /// Version of the platform.
    pub countersign_version: Option<String>,
}

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not acceptable JSON.
    Json(JsonError),
    /// This member is missing or malformed.
    Member(&'static str),
    /// The document is of another issuer (RFC 8414 §3.3).
    Issuer {
        /// As configured.
        expected: String,
        /// As the document has it.
        found: String,
    },
    /// This member is a URL that is neither encrypted nor on loopback, or is not encrypted
    /// although the issuer's is.
    Insecure(&'static str),
}

/// Why a text is no issuer identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerError {
    /// No absolute URL with a host.
    Url,
    /// Not https, and not http on loopback.
    Scheme,
    /// It has a query or a fragment.
    QueryOrFragment,
    /// It has a user name or a password.
    Userinfo,
}

/// Checks an issuer identifier (RFC 8414 §2): https, or http on loopback (127.0.0.0/8, `[::1]`,
/// `localhost`); no query, fragment, userinfo.
///
/// Keep the text: issuers are compared byte for byte, and a URL that was parsed and printed again
/// may differ in a trailing slash.
///
/// # Errors
///
/// [`IssuerError`] names what an issuer must not have.
pub fn check_issuer(issuer: &str) -> Result<Url, IssuerError> {
    // The URL parser forgives these; a comparison of bytes does not.
    if !issuer
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    {
        return Err(IssuerError::Url);
    }
    let url = Url::parse(issuer).map_err(|_| IssuerError::Url)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => return Err(IssuerError::Scheme),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(IssuerError::QueryOrFragment);
    }
    if !url.username().is_empty() || url.password().is_some() || issuer.contains('@') {
        return Err(IssuerError::Userinfo);
    }
    Ok(url)
}

/// `/.well-known/oauth-authorization-server` inserted before the issuer's path (RFC 8414 §3.1),
/// then `/.well-known/openid-configuration` appended to it (OpenID Connect Discovery 1.0 §4).
pub fn well_known(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    [
        with_path(
            issuer,
            &format!("/.well-known/oauth-authorization-server{path}"),
        ),
        with_path(issuer, &format!("{path}/.well-known/openid-configuration")),
    ]
}

impl Metadata {
    /// The metadata of our platform for an issuer.
    ///
    /// `issuer` is written without a trailing slash where there is no path; set the member where
    /// the configured text has one.
    pub fn for_platform(issuer: &Url) -> Metadata {
        let base = issuer.path().trim_end_matches('/').to_owned();
        let at = |path: &str| with_path(issuer, &format!("{base}{path}"));
        let algorithms: Vec<String> = Algorithm::PROTOCOL
            .iter()
            .map(|algorithm| algorithm.name().to_owned())
            .collect();
        Metadata {
            issuer: if issuer.path() == "/" {
                issuer.as_str().trim_end_matches('/').to_owned()
            } else {
                issuer.as_str().to_owned()
            },
            token_endpoint: at("/oauth2/token"),
            jwks_uri: Some(at("/jwks.json")),
            introspection_endpoint: Some(at("/oauth2/introspect")),
            revocation_endpoint: Some(at("/oauth2/revoke")),
            token_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            dpop_signing_alg_values_supported: algorithms,
            grant_types_supported: vec![
                "client_credentials".to_owned(),
                JWT_BEARER_GRANT.to_owned(),
                REFRESH_GRANT.to_owned(),
            ],
            scopes_supported: Vec::new(),
            countersign_api: Some(at("/api/v1")),
            countersign_login_endpoint: Some(web_socket(at("/login/socket"))),
            countersign_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }
    }

    /// Reads a document that was fetched for `issuer` (as configured, byte for byte).
    ///
    /// # Errors
    ///
    /// [`MetadataError`]; a document of another issuer is refused before anything else is read.
    pub fn parse(body: &[u8], issuer: &str) -> Result<Metadata, MetadataError> {
        let members = json::object(body, &Limits::DOCUMENT).map_err(MetadataError::Json)?;
        let found = string(&members, "issuer")?.ok_or(MetadataError::Member("issuer"))?;
        if found != issuer {
            return Err(MetadataError::Issuer {
                expected: issuer.to_owned(),
                found,
            });
        }
        let url = |name| secure_url(&members, name, issuer, ["https", "http"]);
        Ok(Metadata {
            issuer: found,
            token_endpoint: url("token_endpoint")?
                .ok_or(MetadataError::Member("token_endpoint"))?,
            jwks_uri: url("jwks_uri")?,
            introspection_endpoint: url("introspection_endpoint")?,
            revocation_endpoint: url("revocation_endpoint")?,
            token_endpoint_auth_signing_alg_values_supported: strings(
                &members,
                "token_endpoint_auth_signing_alg_values_supported",
            )?,
            dpop_signing_alg_values_supported: strings(
                &members,
                "dpop_signing_alg_values_supported",
            )?,
            grant_types_supported: strings(&members, "grant_types_supported")?,
            scopes_supported: strings(&members, "scopes_supported")?,
            countersign_api: url("countersign_api")?,
            countersign_login_endpoint: secure_url(
                &members,
                "countersign_login_endpoint",
                issuer,
                ["wss", "ws"],
            )?,
            countersign_version: string(&members, "countersign_version")?,
        })
    }

    /// The JSON document.
    pub fn to_json(&self) -> Vec<u8> {
        let algorithms = &self.token_endpoint_auth_signing_alg_values_supported;
        let methods = ["private_key_jwt"];
        let body = Document {
            issuer: &self.issuer,
            token_endpoint: &self.token_endpoint,
            jwks_uri: self.jwks_uri.as_ref(),
            introspection_endpoint: self.introspection_endpoint.as_ref(),
            revocation_endpoint: self.revocation_endpoint.as_ref(),
            response_types_supported: [],
            grant_types_supported: &self.grant_types_supported,
            scopes_supported: &self.scopes_supported,
            token_endpoint_auth_methods_supported: methods,
            token_endpoint_auth_signing_alg_values_supported: algorithms,
            introspection_endpoint_auth_methods_supported: self
                .introspection_endpoint
                .as_ref()
                .map(|_| methods),
            introspection_endpoint_auth_signing_alg_values_supported: self
                .introspection_endpoint
                .as_ref()
                .map(|_| &**algorithms),
            revocation_endpoint_auth_methods_supported: self
                .revocation_endpoint
                .as_ref()
                .map(|_| methods),
            revocation_endpoint_auth_signing_alg_values_supported: self
                .revocation_endpoint
                .as_ref()
                .map(|_| &**algorithms),
            dpop_signing_alg_values_supported: &self.dpop_signing_alg_values_supported,
            countersign_api: self.countersign_api.as_ref(),
            countersign_login_endpoint: self.countersign_login_endpoint.as_ref(),
            countersign_version: self.countersign_version.as_deref(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetadataError::Json(why) => write!(f, "the server's metadata: {why}"),
            MetadataError::Member(name) => write!(
                f,
                "the server's metadata: the member \"{name}\" is missing or malformed"
            ),
            MetadataError::Issuer { expected, found } => write!(
                f,
                "the server's metadata is of issuer {:?}, not of {expected:?}: configure the \
                 issuer exactly as the server writes it",
                found.chars().take(256).collect::<String>()
            ),
            MetadataError::Insecure(name) => {
                write!(
                    f,
                    "the server's metadata: \"{name}\" is not an encrypted URL"
                )
            }
        }
    }
}

impl std::error::Error for MetadataError {}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IssuerError::Url => "the issuer is not an absolute URL",
            IssuerError::Scheme => "the issuer is not https (http is for loopback only)",
            IssuerError::QueryOrFragment => "the issuer has a query or a fragment",
            IssuerError::Userinfo => "the issuer has a user name or a password",
        })
    }
}

impl std::error::Error for IssuerError {}

#[derive(Serialize)]
struct Document<'a> {
    issuer: &'a str,
    token_endpoint: &'a Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<&'a Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<&'a Url>,
    response_types_supported: [&'a str; 0],
    grant_types_supported: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes_supported: &'a [String],
    token_endpoint_auth_methods_supported: [&'a str; 1],
    token_endpoint_auth_signing_alg_values_supported: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint_auth_methods_supported: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint_auth_signing_alg_values_supported: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint_auth_methods_supported: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint_auth_signing_alg_values_supported: Option<&'a [String]>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    dpop_signing_alg_values_supported: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    countersign_api: Option<&'a Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    countersign_login_endpoint: Option<&'a Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    countersign_version: Option<&'a str>,
}

/// Whether an address is one of this machine and of no other: 127.0.0.0/8, ::1 or `localhost`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn with_path(issuer: &Url, path: &str) -> Url {
    let mut url = issuer.clone();
    url.set_path(path);
    url
}

/// The same address, asked by WebSocket (RFC 6455 §3).
fn web_socket(mut url: Url) -> Url {
    let scheme = match url.scheme() {
        "https" => "wss",
        _ => "ws",
    };
    // Cannot fail: these schemes are all special to the URL parser. Were it to fail, the endpoint
    // would be one that every client refuses.
    let _ = url.set_scheme(scheme);
    url
}

fn string(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, MetadataError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

fn strings(members: &Map<String, Value>, name: &'static str) -> Result<Vec<String>, MetadataError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or(MetadataError::Member(name)),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

/// An endpoint of the encrypted scheme, or on loopback of the plain one. A server that is reached
/// by TLS does not send its clients elsewhere without.
fn secure_url(
    members: &Map<String, Value>,
    name: &'static str,
    issuer: &str,
    [encrypted, plain]: [&str; 2],
) -> Result<Option<Url>, MetadataError> {
    let Some(text) = string(members, name)? else {
        return Ok(None);
    };
    let url = Url::parse(&text).map_err(|_| MetadataError::Member(name))?;
    if url.host().is_none() || url.fragment().is_some() {
        return Err(MetadataError::Member(name));
    }
    match url.scheme() {
        scheme if scheme == encrypted => Ok(Some(url)),
        scheme if scheme == plain && is_loopback(&url) && !issuer.starts_with("https:") => {
            Ok(Some(url))
        }
        _ => Err(MetadataError::Insecure(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://server.example.com";

    fn document(changes: &[(&str, Value)]) -> Vec<u8> {
        let mut members = Map::new();
        members.insert("issuer".to_owned(), ISSUER.into());
        members.insert(
            "token_endpoint".to_owned(),
            "https://server.example.com/token".into(),
        );
        for (name, value) in changes {
            members.insert((*name).to_owned(), value.clone());
        }
        serde_json::to_vec(&members).unwrap()
    }

    // The example of RFC 8414 §3.2.
    #[test]
    fn the_document_of_rfc_8414_is_read() {
        let body = br#"{
            "issuer": "https://server.example.com",
            "authorization_endpoint": "https://server.example.com/authorize",
            "token_endpoint": "https://server.example.com/token",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
            "userinfo_endpoint": "https://server.example.com/userinfo",
            "jwks_uri": "https://server.example.com/jwks.json",
            "registration_endpoint": "https://server.example.com/register",
            "scopes_supported": ["openid", "profile", "email", "address", "phone",
                "offline_access"],
            "response_types_supported": ["code", "code token"],
            "service_documentation": "http://server.example.com/service_documentation.html",
            "ui_locales_supported": ["en-US", "en-GB", "en-CA", "fr-FR", "fr-CA"]
        }"#;
        let metadata = Metadata::parse(body, ISSUER).unwrap();
        assert_eq!(
            metadata.token_endpoint.as_str(),
            "https://server.example.com/token"
        );
        assert_eq!(
            metadata.token_endpoint_auth_signing_alg_values_supported,
            ["RS256", "ES256"]
        );
        assert_eq!(metadata.scopes_supported.len(), 6);
        assert_eq!(metadata.introspection_endpoint, None);
        assert_eq!(metadata.countersign_api, None);
    }

    // security.md 64
    #[test]
    fn a_document_of_another_issuer_is_refused() {
        for found in [
            "https://server.example.com/",
            "https://SERVER.example.com",
            "https://server.example.com:443",
            "http://server.example.com",
            "https://evil.example",
            "",
        ] {
            assert_eq!(
                Metadata::parse(&document(&[("issuer", found.into())]), ISSUER),
                Err(MetadataError::Issuer {
                    expected: ISSUER.to_owned(),
                    found: found.to_owned()
                })
            );
        }
        let list = serde_json::json!([ISSUER]);
        assert_eq!(
            Metadata::parse(&document(&[("issuer", list)]), ISSUER),
            Err(MetadataError::Member("issuer"))
        );
        assert!(Metadata::parse(&document(&[]), ISSUER).is_ok());
    }

    #[test]
    fn an_endpoint_without_tls_is_refused() {
        for name in [
            "token_endpoint",
            "jwks_uri",
            "introspection_endpoint",
            "revocation_endpoint",
        ] {
            for url in [
                "http://server.example.com/x",
                "http://127.0.0.1/x",
                "file:///etc/passwd",
                "ftp://server.example.com/x",
                "javascript:alert(1)",
                "/token",
                "https://server.example.com/x#f",
            ] {
                assert!(
                    Metadata::parse(&document(&[(name, url.into())]), ISSUER).is_err(),
                    "{name} {url}"
                );
            }
        }
        let body = br#"{"issuer":"http://127.0.0.1:8085",
            "token_endpoint":"http://127.0.0.1:8085/oauth2/token"}"#;
        assert!(Metadata::parse(body, "http://127.0.0.1:8085").is_ok());
        let body = br#"{"issuer":"http://127.0.0.1:8085","token_endpoint":"http://10.0.0.1/t"}"#;
        assert_eq!(
            Metadata::parse(body, "http://127.0.0.1:8085"),
            Err(MetadataError::Insecure("token_endpoint"))
        );
    }

    // security.md 96
    #[test]
    fn the_login_endpoint_is_a_web_socket_that_is_encrypted_or_on_loopback() {
        let read = |issuer: &str, endpoint: &str| {
            let body = format!(
                r#"{{"issuer":"{issuer}","token_endpoint":"{issuer}/t",
                    "countersign_login_endpoint":"{endpoint}"}}"#
            );
            Metadata::parse(body.as_bytes(), issuer)
                .map(|metadata| metadata.countersign_login_endpoint.map(String::from))
        };
        let local = "http://127.0.0.1:8085";
        for (issuer, endpoint) in [
            (ISSUER, "wss://server.example.com/login/socket"),
            (local, "ws://127.0.0.1:8085/login/socket"),
            (local, "wss://server.example.com/login/socket"),
        ] {
            assert_eq!(read(issuer, endpoint), Ok(Some(endpoint.to_owned())));
        }
        for (issuer, endpoint) in [
            (ISSUER, "ws://server.example.com/login/socket"),
            (ISSUER, "ws://127.0.0.1/login/socket"),
            (ISSUER, "https://server.example.com/login/socket"),
            (local, "ws://10.0.0.1/login/socket"),
            (local, "http://127.0.0.1:8085/login/socket"),
        ] {
            assert_eq!(
                read(issuer, endpoint),
                Err(MetadataError::Insecure("countersign_login_endpoint")),
                "{endpoint}"
            );
        }
        // The other endpoints are asked by HTTP.
        let body = document(&[("jwks_uri", "wss://server.example.com/x".into())]);
        assert_eq!(
            Metadata::parse(&body, ISSUER),
            Err(MetadataError::Insecure("jwks_uri"))
        );
    }

    // security.md 63
    #[test]
    fn the_metadata_of_the_platform_is_read_back() {
        for (issuer, token_endpoint) in [
            ("https://id.example", "https://id.example/oauth2/token"),
            (
                "http://127.0.0.1:8085",
                "http://127.0.0.1:8085/oauth2/token",
            ),
            (
                "https://id.example/a/b",
                "https://id.example/a/b/oauth2/token",
            ),
        ] {
            let metadata = Metadata::for_platform(&check_issuer(issuer).unwrap());
            assert_eq!(metadata.issuer, issuer);
            assert_eq!(metadata.token_endpoint.as_str(), token_endpoint);
            let login = token_endpoint
                .replacen("http", "ws", 1)
                .replace("/oauth2/token", "/login/socket");
            let found = metadata.countersign_login_endpoint.as_ref();
            assert_eq!(found.map(Url::as_str), Some(login.as_str()));
            let body = metadata.to_json();
            assert_eq!(Metadata::parse(&body, issuer).unwrap(), metadata);
            let text = String::from_utf8(body).unwrap();
            assert!(text.contains("\"private_key_jwt\""), "{text}");
            assert!(
                !text.contains("password") && !text.contains("HS256"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_issuer_is_https_or_loopback_and_nothing_more() {
        for issuer in [
            "https://id.example",
            "https://id.example:8443/tenant",
            "http://127.0.0.1:8085",
            "http://127.3.2.1",
            "http://[::1]:8085",
            "http://localhost",
        ] {
            assert!(check_issuer(issuer).is_ok(), "{issuer}");
        }
        for (issuer, error) in [
            ("id.example", IssuerError::Url),
            ("", IssuerError::Url),
            (" https://id.example", IssuerError::Url),
            ("https://id.example\n", IssuerError::Url),
            ("https:\\\\id.example", IssuerError::Url),
            ("https://idé.example", IssuerError::Url),
            ("http://id.example", IssuerError::Scheme),
            ("http://127.0.0.1.evil.example", IssuerError::Scheme),
            ("http://localhost.evil.example", IssuerError::Scheme),
            ("ftp://id.example", IssuerError::Scheme),
            ("https://id.example?x", IssuerError::QueryOrFragment),
            ("https://id.example/#", IssuerError::QueryOrFragment),
            ("https://u@id.example", IssuerError::Userinfo),
            ("https://u:p@id.example", IssuerError::Userinfo),
        ] {
            assert_eq!(check_issuer(issuer), Err(error), "{issuer:?}");
        }
    }

    // RFC 8414 §3.1 and OpenID Connect Discovery 1.0 §4
    #[test]
    fn the_well_known_addresses_are_inserted_and_appended() {
        let addresses = |issuer: &str| well_known(&Url::parse(issuer).unwrap()).map(String::from);
        assert_eq!(
            addresses("https://example.com"),
            [
                "https://example.com/.well-known/oauth-authorization-server",
                "https://example.com/.well-known/openid-configuration"
            ]
        );
        assert_eq!(
            addresses("https://example.com/issuer1/"),
            [
                "https://example.com/.well-known/oauth-authorization-server/issuer1",
                "https://example.com/issuer1/.well-known/openid-configuration"
            ]
        );
    }
}
