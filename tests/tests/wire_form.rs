//! What exactly did a client put on the wire?

use std::{collections::BTreeMap, sync::Arc};

use countersign::{Client, Credential, Transport};
use countersign_proto::{
    assertion::{Assertion, ClientAssertion},
    exchange::TokenRequest,
    json::{Map, Value},
    oauth_error::OAuthError,
    token,
};
use countersign_testkit::TestPlatform;
use http::Request;
use url::Url;

/// The path of the token endpoint.
pub(crate) const TOKEN: &str = "/oauth2/token";

/// The parameters of a form request.
pub(crate) fn form(request: &Request<Vec<u8>>) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(request.body())
        .into_owned()
        .collect()
}

/// The header and claims of the assertion in a token request.
pub(crate) fn assertion(
    request: &Request<Vec<u8>>,
) -> (String, Map<String, Value>, Map<String, Value>) {
    let form = form(request);
    let text = form
        .get("client_assertion")
        .or_else(|| form.get("assertion"))
        .expect("a token request carries an assertion")
        .clone();
    let decoded = token::inspect(&text).expect("an assertion is a JWT");
    (text, decoded.header, decoded.claims)
}

/// A client assertion for `platform`, made without the SDK's client.
pub(crate) fn mint(
    platform: &TestPlatform,
    client_id: &str,
    credential: &Credential,
    jti: &str,
) -> ClientAssertion {
    sign(
        &Assertion::client(client_id, platform.issuer()),
        platform,
        credential,
        jti,
    )
}

/// The same of an assertion that is wrong in some way.
pub(crate) fn sign(
    assertion: &Assertion,
    platform: &TestPlatform,
    credential: &Credential,
    jti: &str,
) -> ClientAssertion {
    let algorithm = credential.chain().leaf().public_key().algorithms()[0];
    assertion
        .mint(
            credential.chain(),
            &**credential.key(),
            algorithm,
            platform.clock().now(),
            jti,
        )
        .expect("a fixture signs")
}

/// A kind 1 request with an assertion.
pub(crate) fn client_credentials(
    platform: &TestPlatform,
    client_id: &str,
    assertion: &ClientAssertion,
) -> Request<Vec<u8>> {
    TokenRequest::ClientCredentials {
        client_id,
        assertion,
        scope: None,
        principal: None,
    }
    .to_http(&token_endpoint(platform.issuer()))
}

/// A request to the token endpoint with these parameters.
pub(crate) fn post(
    platform: &TestPlatform,
    path: &str,
    parameters: &[(&str, &str)],
) -> Request<Vec<u8>> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    Request::post(format!("{}{path}", platform.issuer()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.into_bytes())
        .expect("a request")
}

/// Where the token endpoint of a platform of ours is.
pub(crate) fn token_endpoint(issuer: &str) -> Url {
    Url::parse(&format!("{issuer}{TOKEN}")).expect("an issuer is a URL")
}

/// What came back: the JSON object of a 200, or the refusal with its status.
pub(crate) async fn exchange(
    transport: &dyn Transport,
    request: Request<Vec<u8>>,
) -> Result<Map<String, Value>, (u16, OAuthError)> {
    let answer = transport.send(request).await.expect("the platform answers");
    if answer.status() == 200 {
        return Ok(serde_json::from_slice(answer.body()).expect("a token response is JSON"));
    }
    let refusal = OAuthError::parse(answer.body()).unwrap_or_else(|| {
        panic!(
            "{} with no OAuth error: {}",
            answer.status(),
            String::from_utf8_lossy(answer.body())
        )
    });
    Err((answer.status().as_u16(), refusal))
}

/// Registers the self-signed fixture of a kind of key as an application of that name.
pub(crate) async fn registered(
    platform: &TestPlatform,
    name: &str,
    credential: Credential,
) -> Client {
    platform
        .application(name)
        .credential(credential)
        .register()
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The wire of a platform as a transport.
pub(crate) fn wire(platform: &TestPlatform) -> Arc<dyn Transport> {
    Arc::new(platform.wire().clone())
}
