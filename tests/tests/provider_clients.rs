//! Does a client with a provider ask as the provider's own clients do?

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use countersign::{
    Client, HttpTransport, Provider, Transport, TransportError, proto::scope::Scope,
};
use serde_json::{Map, Value, json};

use crate::{
    fixtures,
    parts::{
        self,
        recorder::{Asked, Recorder},
    },
};

const APP: &str = "0oar95zt9zIpYuz6A0h7";
const ENTRA: &str = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0";

/// A vendor's client, and what it is asked to ask for.
struct Vendor {
    provider: &'static Provider,
    issuer: &'static str,
    /// Where the provider's metadata puts the token endpoint, after the issuer without this ending.
    token_endpoint: &'static str,
    kind: &'static str,
    scope: &'static str,
    parameter: Option<(&'static str, &'static str)>,
    /// What the vendor's client says otherwise, or besides, and we do not, with the reason.
    theirs: &'static [&'static str],
    /// What we say besides, with the reason.
    ours: &'static [&'static str],
}

/// Leads what would go to the provider to the recorder, and says of the provider what its metadata says.
struct Led {
    endpoint: String,
    metadata: Value,
    wire: HttpTransport,
}

impl Transport for Led {
    fn send(
        &self,
        mut request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        if request.method() == http::Method::GET {
            let body = Bytes::from(self.metadata.to_string());
            let answer = http::Response::builder().header("content-type", "application/json");
            return Box::pin(async move { Ok(answer.body(body).unwrap()) });
        }
        assert_eq!(
            request.uri(),
            self.metadata["token_endpoint"].as_str().unwrap()
        );
        *request.uri_mut() = self.endpoint.parse().unwrap();
        self.wire.send(request)
    }
}

async fn ours(vendor: &Vendor, recorder: &Recorder) -> Asked {
    let led = Led {
        endpoint: recorder.endpoint.clone(),
        metadata: json!({"issuer": vendor.issuer, "token_endpoint": vendor.token_endpoint}),
        wire: HttpTransport::builder().no_proxy().build().unwrap(),
    };
    let mut client = Client::builder(vendor.issuer, APP, fixtures::client(vendor.kind))
        .provider(vendor.provider)
        .scope(Scope::parse(vendor.scope).unwrap())
        .transport(Arc::new(led));
    if let Some((name, value)) = vendor.parameter {
        client = client.parameter(name, value);
    }
    client.build().unwrap().token().await.unwrap();
    recorder.asked()
}

/// What a vendor's client asks, run in its own process while this one records.
async fn theirs(vendor: &Vendor, library: &str, recorder: &Recorder) -> Asked {
    let file = |ending: &str| {
        fixtures::path(&format!("clients/{0}/{0}.{ending}", vendor.kind))
            .display()
            .to_string()
    };
    let mut arguments = vec![
        vendor.issuer.to_owned(),
        APP.to_owned(),
        file("key"),
        file("pem"),
        vendor.scope.to_owned(),
        recorder.endpoint.clone(),
    ];
    let printed = if library == "msal" {
        let authority = vendor.issuer.trim_end_matches("/v2.0");
        authority.clone_into(&mut arguments[0]);
        let run = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            parts::python("msal_client.py", &arguments)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    } else {
        arguments.insert(0, library.to_owned());
        let parameter = vendor.parameter.iter();
        arguments.extend(parameter.map(|(name, value)| format!("{name}={value}")));
        let run = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            parts::node("vendor-client.mjs", &arguments, "")
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    };
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["access_token"], "given", "{library}: {printed}");
    recorder.asked()
}

/// Everything that is sent, as `PART.NAME` and its value; of times and chance only that it is there.
fn members(asked: &Asked) -> Map<String, Value> {
    let form = asked.form.iter();
    let form = form.map(|(name, value)| (format!("form.{name}"), json!(value)));
    let header = asked.header.iter();
    let header = header.map(|(name, value)| (format!("header.{name}"), value.clone()));
    let claims = asked.claims.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "exp" | "iat" | "nbf" => json!(value.is_number()),
            "jti" => json!(value.as_str().is_some_and(|text| text.len() > 15)),
            _ => value.clone(),
        };
        (format!("claims.{name}"), value)
    });
    form.chain(header).chain(claims).collect()
}

async fn ask_alike(vendor: Vendor, library: &str) {
    let recorder = Recorder::start().await;
    let theirs = members(&theirs(&vendor, library, &recorder).await);
    let ours = members(&ours(&vendor, &recorder).await);
    let only = |these: &Map<String, Value>, those: &Map<String, Value>| -> Vec<String> {
        let names = these
            .iter()
            .filter(|(name, value)| those.get(*name) != Some(value));
        let mut names: Vec<_> = names.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        only(&theirs, &ours),
        vendor.theirs,
        "{library}: theirs {theirs:#?}"
    );
    assert_eq!(
        only(&ours, &theirs),
        vendor.ours,
        "{library}: ours {ours:#?}"
    );
}

fn entra_id() -> Vendor {
    Vendor {
        provider: Provider::entra_id(),
        issuer: ENTRA,
        token_endpoint: "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/oauth2/v2.0/token",
        kind: "rsa2048",
        scope: "https://graph.microsoft.com/.default",
        parameter: None,
        theirs: &[],
        ours: &[],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_id_is_asked_as_microsoft_s_client_for_python_asks() {
    let vendor = Vendor {
        theirs: &[
            // asks for information on the person, who is not there
            "form.client_info",
            // it sends the certificate whenever it is given one; --x5c does
            "header.x5c",
            // base64url with the padding that RFC 7515 §2 leaves out
            "header.x5t#S256",
        ],
        // as the documents ask
        ours: &["claims.nbf", "header.x5t#S256"],
        ..entra_id()
    };
    ask_alike(vendor, "msal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_id_is_asked_as_microsoft_s_client_for_node_asks() {
    let vendor = Vendor {
        // what it says about itself and this machine
        theirs: &[
            "form.client-request-id",
            "form.x-client-CPU",
            "form.x-client-OS",
            "form.x-client-SKU",
            "form.x-client-VER",
            "form.x-client-current-telemetry",
            "form.x-client-last-telemetry",
            "form.x-ms-lib-capability",
        ],
        ..entra_id()
    };
    ask_alike(vendor, "msal-node").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn okta_is_asked_as_okta_s_client_for_node_asks() {
    // Of EC keys it cannot make the proof of possession that it sends along unasked.
    let vendor = Vendor {
        provider: Provider::okta(),
        issuer: "https://acme.okta.com",
        token_endpoint: "https://acme.okta.com/oauth2/v1/token",
        kind: "rsa2048",
        scope: "okta.groups.read okta.users.read",
        parameter: None,
        theirs: &[],
        // optional in RFC 7523 §3, and sent to every server
        ours: &["claims.nbf"],
    };
    ask_alike(vendor, "okta-sdk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_is_asked_as_a_certified_client_asks() {
    let vendor = Vendor {
        provider: Provider::keycloak(),
        issuer: "https://id.example/realms/acme",
        token_endpoint: "https://id.example/realms/acme/protocol/openid-connect/token",
        kind: "rsa2048",
        scope: "openid",
        parameter: None,
        theirs: &[],
        // RFC 10070, and names of the certificate that Keycloak passes over
        ours: &["header.typ", "header.x5t", "header.x5t#S256"],
    };
    ask_alike(vendor, "openid-client").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_hydra_s_goes_along_as_a_certified_client_sends_it() {
    let vendor = Vendor {
        provider: Provider::hydra(),
        issuer: "https://id.example",
        token_endpoint: "https://id.example/oauth2/token",
        kind: "rsa2048",
        scope: "stock:read",
        parameter: Some(("audience", "https://stock.example")),
        theirs: &[
            // it names the issuer, which Hydra refuses
            "claims.aud",
            // the client of this test is made for Keycloak
            "header.alg",
            "header.kid",
        ],
        ours: &[
            "claims.aud",
            "header.alg",
            "header.kid",
            "header.typ",
            "header.x5t",
            "header.x5t#S256",
        ],
    };
    ask_alike(vendor, "openid-client").await;
}
