//! What stands in a provider's metadata, as far as the platform needs it?

use countersign_proto::{
    json::{self, Limits, Map, Value},
    metadata::Metadata,
};
use url::Url;

use crate::outbound;

/// What a provider says about itself (RFC 8414, OpenID Connect Discovery 1.0 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    /// `authorization_endpoint`; a provider that only takes assertions has none.
    pub(crate) authorization_endpoint: Option<Url>,
    /// `token_endpoint`
    pub(crate) token_endpoint: Url,
    /// `jwks_uri`
    pub(crate) jwks_uri: Option<Url>,
    /// `authorization_response_iss_parameter_supported` (RFC 9207 §3)
    pub(crate) promises_iss: bool,
    /// `token_endpoint_auth_methods_supported`; `client_secret_basic` when it is absent.
    pub(crate) auth_methods: Vec<String>,
    /// `token_endpoint_auth_signing_alg_values_supported`
    pub(crate) auth_algorithms: Vec<String>,
    /// `code_challenge_methods_supported`; `None` when it is not said.
    pub(crate) challenge_methods: Option<Vec<String>>,
}

impl Description {
    /// Reads a document that was fetched for `issuer`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(body: &[u8], issuer: &str) -> Result<Description, String> {
        let common = Metadata::parse(body, issuer).map_err(|error| error.to_string())?;
        let members = json::object(body, &Limits::DOCUMENT).map_err(|error| error.to_string())?;
        let wrong = |name: &str| format!("its metadata: `{name}` is malformed");
        let promises_iss = match members.get("authorization_response_iss_parameter_supported") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(promised)) => *promised,
            Some(_) => return Err(wrong("authorization_response_iss_parameter_supported")),
        };
        let basic = || vec!["client_secret_basic".to_owned()];
        let secure = issuer.starts_with("https:");
        for (name, url) in [
            ("token_endpoint", Some(&common.token_endpoint)),
            ("jwks_uri", common.jwks_uri.as_ref()),
        ] {
            if url.is_some_and(|url| !outbound::is_permitted(url)) {
                return Err(wrong(name));
            }
        }
        Ok(Description {
            authorization_endpoint: authorization_endpoint(&members, secure)
                .map_err(|()| wrong("authorization_endpoint"))?,
            token_endpoint: common.token_endpoint,
            jwks_uri: common.jwks_uri,
            promises_iss,
            auth_methods: strings(&members, "token_endpoint_auth_methods_supported")
                .map_err(wrong)?
                .unwrap_or_else(basic),
            auth_algorithms: common.token_endpoint_auth_signing_alg_values_supported,
            challenge_methods: strings(&members, "code_challenge_methods_supported")
                .map_err(wrong)?,
        })
    }
}

/// Where browsers are sent. A provider that is reached by TLS does not send them elsewhere without,
/// and no address shows a name before the host that is not the host.
fn authorization_endpoint(members: &Map<String, Value>, secure: bool) -> Result<Option<Url>, ()> {
    let text = match members.get("authorization_endpoint") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(()),
    };
    let url = Url::parse(text).map_err(drop)?;
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let sent_safely = outbound::is_permitted(&url) && (url.scheme() == "https" || !secure);
    if plain && sent_safely {
        Ok(Some(url))
    } else {
        Err(())
    }
}

fn strings<'n>(
    members: &Map<String, Value>,
    name: &'n str,
) -> Result<Option<Vec<String>>, &'n str> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map(Some)
            .ok_or(name),
        Some(_) => Err(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example.com/realm";

    fn parse(changes: &Value) -> Result<Description, String> {
        let mut document = serde_json::json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/auth?tenant=7",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://id.example.com/keys",
        });
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        Description::parse(document.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn what_is_not_said_has_the_default_of_the_specification() {
        let found = parse(&serde_json::json!({})).unwrap();
        assert_eq!(found.auth_methods, ["client_secret_basic"]);
        assert_eq!(found.challenge_methods, None);
        assert!(!found.promises_iss);
        let endpoint = found.authorization_endpoint.unwrap();
        assert_eq!(endpoint.as_str(), "https://id.example.com/auth?tenant=7");
    }

    // security.md 64
    #[test]
    fn the_metadata_of_another_issuer_is_refused_byte_for_byte() {
        for issuer in [
            "https://id.example.com/realm/",
            "https://ID.example.com/realm",
            "https://id.example.com/Realm",
            "https://id.example.com:443/realm",
            "https://evil.example.com/realm",
            "",
        ] {
            let refused = parse(&serde_json::json!({ "issuer": issuer }));
            assert!(refused.unwrap_err().contains("issuer"), "{issuer}");
        }
        assert!(parse(&serde_json::json!({ "issuer": [ISSUER] })).is_err());
    }

    #[test]
    fn endpoints_that_nobody_is_sent_to_are_refused() {
        for (name, value) in [
            ("authorization_endpoint", "http://id.example.com/auth"),
            ("authorization_endpoint", "http://127.0.0.1/auth"),
            ("authorization_endpoint", "javascript:alert(1)"),
            ("authorization_endpoint", "https://id.example.com/auth#x"),
            (
                "authorization_endpoint",
                "https://id.example.com@evil.example/",
            ),
            ("authorization_endpoint", "/auth"),
            ("token_endpoint", "http://id.example.com/token"),
            ("token_endpoint", "wss://id.example.com/token"),
            ("jwks_uri", "http://127.0.0.1/keys"),
            ("jwks_uri", "wss://id.example.com/keys"),
            ("jwks_uri", "file:///etc/passwd"),
        ] {
            let refused = parse(&serde_json::json!({ (name): value }));
            assert!(refused.unwrap_err().contains(name), "{value}");
        }
    }

    #[test]
    fn members_of_a_wrong_type_are_refused() {
        for (name, value) in [
            ("authorization_endpoint", serde_json::json!(7)),
            (
                "authorization_response_iss_parameter_supported",
                serde_json::json!("true"),
            ),
            (
                "token_endpoint_auth_methods_supported",
                serde_json::json!("none"),
            ),
            (
                "token_endpoint_auth_methods_supported",
                serde_json::json!([7]),
            ),
            ("code_challenge_methods_supported", serde_json::json!({})),
        ] {
            let refused = parse(&serde_json::json!({ (name): value }));
            assert!(refused.unwrap_err().contains(name), "{name}");
        }
    }
}
