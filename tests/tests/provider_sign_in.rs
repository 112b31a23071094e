//! Does a certificate sign in where a server is as strict as Entra ID, Okta, Keycloak or Hydra is said to be?

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use countersign::{
    Audience, Client, ClientBuilder, ErrorKind, HttpTransport, Provider, Token,
    proto::{
        assertion::{KidForm, ThumbprintForm, TypForm},
        key::Algorithm,
        scope::Scope,
        token::inspect,
    },
};
use serde_json::{Value, json};

use crate::{
    fixtures,
    parts::{self, shell::Home, stand_in::StandIn},
};

const APP: &str = "inventory";

/// One make of server, and what it gives.
struct Make {
    /// As the stand-in calls it.
    name: &'static str,
    provider: &'static Provider,
    kind: &'static str,
    scope: &'static str,
    parameter: Option<(&'static str, &'static str)>,
    alg: &'static str,
    /// How long its tokens live, in seconds.
    lives: u64,
    form: TokenForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenForm {
    Jwt,
    Opaque,
}

fn makes() -> Vec<Make> {
    use TokenForm::{Jwt, Opaque};
    let make = |name, provider, kind, scope, alg, lives, form| Make {
        name,
        provider,
        kind,
        scope,
        parameter: None,
        alg,
        lives,
        form,
    };
    let (entra, okta) = (Provider::entra_id(), Provider::okta());
    let (keycloak, hydra) = (Provider::keycloak(), Provider::hydra());
    let graph = "https://graph.microsoft.com/.default";
    let audience = Some(("audience", "https://stock.example"));
    vec![
        make("entra-id", entra, "rsa2048", graph, "PS256", 3599, Jwt),
        make(
            "okta",
            okta,
            "rsa2048",
            "okta.users.read",
            "RS256",
            3600,
            Opaque,
        ),
        make(
            "okta",
            okta,
            "p256",
            "okta.users.read",
            "ES256",
            3600,
            Opaque,
        ),
        make(
            "okta-custom",
            okta,
            "p384",
            "stock:read",
            "ES384",
            3600,
            Jwt,
        ),
        make("keycloak", keycloak, "rsa2048", "", "PS256", 300, Jwt),
        make("keycloak", keycloak, "p256", "inventory", "ES256", 300, Jwt),
        make("keycloak", keycloak, "ed25519", "", "EdDSA", 300, Jwt),
        make(
            "hydra",
            hydra,
            "rsa2048",
            "stock:read",
            "RS256",
            3600,
            Opaque,
        ),
        Make {
            parameter: audience,
            ..make("hydra", hydra, "rsa2048", "", "RS256", 3600, Opaque)
        },
    ]
}

fn file(kind: &str, ending: &str) -> PathBuf {
    fixtures::path(&format!("clients/{kind}/{kind}.{ending}"))
}

/// What is registered of a certificate: the file itself, or the JWKS that our own command prints.
fn registered(make: &str, kind: &str, folder: &Path) -> PathBuf {
    let certificate = file(kind, "pem");
    if make.starts_with("okta") || make == "hydra" {
        let mut command = parts::command(parts::countersign());
        command.args(["jwt", "jwks"]).arg(&certificate);
        let printed = command.env("HOME", folder).output().unwrap();
        assert!(printed.status.success(), "{printed:?}");
        let jwks = folder.join("jwks.json");
        std::fs::write(&jwks, printed.stdout).unwrap();
        return jwks;
    }
    certificate
}

fn client(issuer: &str, make: &Make) -> ClientBuilder {
    let transport = HttpTransport::builder().no_proxy().build().unwrap();
    let client = Client::builder(issuer, APP, fixtures::client(make.kind))
        .scope(Scope::parse(make.scope).unwrap())
        .transport(Arc::new(transport));
    match make.parameter {
        Some((name, value)) => client.parameter(name, value),
        None => client,
    }
}

fn form(token: &Token) -> TokenForm {
    match inspect(token.access_token.expose()) {
        Some(_) => TokenForm::Jwt,
        None => TokenForm::Opaque,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_signs_in_where_node_oidc_provider_is_as_strict_as_each_provider() {
    for make in makes() {
        let folder = tempfile::tempdir().unwrap();
        let registered = registered(make.name, make.kind, folder.path());
        let server = StandIn::start(make.name, APP, &registered);
        let signed_in = client(&server.issuer, &make).provider(make.provider);
        let token = signed_in
            .build()
            .unwrap()
            .token()
            .await
            .unwrap_or_else(|error| panic!("{} {}: {error}", make.name, make.kind));
        let lives = token.expires_at.since(token.issued_at);
        assert_eq!(lives, Duration::from_secs(make.lives), "{}", make.name);
        assert_eq!(form(&token), make.form, "{}", make.name);
        if !make.scope.is_empty() {
            let scope = token.scope.as_ref().map(Scope::to_string);
            assert_eq!(scope.as_deref(), Some(make.scope));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_ins_are_strict_and_refuse_what_is_sent_to_our_own_platform() {
    for make in makes() {
        let folder = tempfile::tempdir().unwrap();
        let registered = registered(make.name, make.kind, folder.path());
        let server = StandIn::start(make.name, APP, &registered);
        let refused = client(&server.issuer, &make);
        let refused = refused.build().unwrap().token().await.unwrap_err();
        assert!(refused.oauth().is_some(), "{}: {refused}", make.name);
    }
}

/// One thing that is said otherwise than the provider wants it.
type Deviation = (
    &'static str,
    &'static str,
    fn(ClientBuilder) -> ClientBuilder,
);

const DEVIATIONS: [Deviation; 16] = [
    ("entra-id", "audience", |it| it.audience(Audience::Issuer)),
    ("entra-id", "kid", |it| it.kid(KidForm::Sha1Hex)),
    ("entra-id", "typ", |it| it.typ(TypForm::Purpose)),
    ("entra-id", "x5t too", |it| {
        it.thumbprints(ThumbprintForm::Both)
    }),
    ("entra-id", "x5t alone", |it| {
        it.thumbprints(ThumbprintForm::Sha1)
    }),
    ("okta", "audience", |it| it.audience(Audience::Issuer)),
    ("okta", "kid", |it| it.kid(KidForm::Sha1Hex)),
    ("okta", "no kid", |it| it.kid(KidForm::None)),
    ("okta", "thumbprints", |it| {
        it.thumbprints(ThumbprintForm::Both)
    }),
    ("okta", "algorithm", |it| it.algorithm(Algorithm::PS256)),
    ("keycloak", "audience", |it| {
        it.audience(Audience::Uri("https://x.example".to_owned()))
    }),
    ("keycloak", "kid", |it| it.kid(KidForm::Sha1Hex)),
    ("keycloak", "no kid", |it| it.kid(KidForm::None)),
    ("hydra", "audience", |it| it.audience(Audience::Issuer)),
    ("hydra", "kid", |it| it.kid(KidForm::Sha1Hex)),
    ("hydra", "algorithm", |it| it.algorithm(Algorithm::PS256)),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_stand_in_refuses_whatever_differs_from_what_its_provider_wants() {
    for name in ["entra-id", "okta", "keycloak", "hydra"] {
        let make = makes().into_iter().find(|make| make.name == name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let registered = registered(name, make.kind, folder.path());
        let server = StandIn::start(name, APP, &registered);
        for (_, what, deviate) in DEVIATIONS.iter().filter(|(of, ..)| *of == name) {
            let asking = client(&server.issuer, &make).provider(make.provider);
            let refused = deviate(asking).build().unwrap().token().await;
            let refused = refused.expect_err(&format!("{name}: {what}"));
            assert!(refused.oauth().is_some(), "{name}: {what}: {refused}");
        }
    }
}

/// The arguments of `countersign login` for a make.
fn login<'a>(issuer: &'a str, make: &Make, certificate: &'a str, key: &'a str) -> Vec<String> {
    let mut words: Vec<String> = [
        "login",
        issuer,
        "--provider",
        &make.provider.name,
        "--app-id",
        APP,
        "--cert",
        certificate,
        "--key",
        key,
    ]
    .map(str::to_owned)
    .to_vec();
    if !make.scope.is_empty() {
        words.extend(["--scope".to_owned(), make.scope.to_owned()]);
    }
    if let Some((name, value)) = make.parameter {
        words.extend(["--parameter".to_owned(), format!("{name}={value}")]);
    }
    words
}

async fn run(home: &Home, words: &[String]) -> std::process::Output {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    home.run(&words).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_signs_in_where_node_oidc_provider_is_as_strict_as_each_provider() {
    for make in makes() {
        let folder = tempfile::tempdir().unwrap();
        let registered = registered(make.name, make.kind, folder.path());
        let server = StandIn::start(make.name, APP, &registered);
        let home = Home::new();
        let [certificate, key] =
            ["pem", "key"].map(|ending| file(make.kind, ending).display().to_string());
        let output = run(&home, &login(&server.issuer, &make, &certificate, &key)).await;
        assert!(
            output.status.success(),
            "{}: {}",
            make.name,
            text(&output.stderr)
        );

        // What was said once is remembered: a new token needs no more words, and the doctor has no complaint.
        let output = home.run(&["refresh"]).await;
        assert!(
            output.status.success(),
            "{}: {}",
            make.name,
            text(&output.stderr)
        );
        let output = home.run(&["doctor", "--output", "json"]).await;
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.success(), "{}: {report}", make.name);
        let found = report["items"].as_array().unwrap().iter();
        let found = found
            .clone()
            .find(|check| check["check"] == "provider")
            .unwrap();
        let wanted = format!("{}, signing by {}", make.provider.title, make.alg);
        assert_eq!(
            (&found["finding"], &found["detail"]),
            (&json!("ok"), &json!(wanted))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_not_registered_is_told_with_what_helps_at_that_provider() {
    for (name, kind, other, said) in [
        ("entra-id", "rsa2048", "rsa3072", "Certificates & secrets"),
        ("okta", "rsa2048", "rsa3072", "countersign jwt jwks"),
        ("keycloak", "rsa2048", "rsa3072", "import this certificate"),
        ("hydra", "rsa2048", "rsa3072", "countersign jwt jwks"),
    ] {
        let make = makes().into_iter().find(|make| make.name == name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let registered = registered(name, kind, folder.path());
        let server = StandIn::start(name, APP, &registered);
        let home = Home::new();
        let [certificate, key] =
            ["pem", "key"].map(|ending| file(other, ending).display().to_string());
        let output = run(&home, &login(&server.issuer, &make, &certificate, &key)).await;
        let stderr = text(&output.stderr);
        assert!(
            [Some(14), Some(1)].contains(&output.status.code()),
            "{stderr}"
        );
        let hint = stderr.lines().find(|line| line.starts_with("hint: "));
        assert!(
            hint.is_some_and(|hint| hint.contains(said)),
            "{name}: {stderr}"
        );

        let issuer = &server.issuer;
        let refused = client(
            issuer,
            &Make {
                kind: other,
                ..make
            },
        );
        let refused = refused.provider(Provider::named(name).unwrap()).build();
        let error = refused.unwrap().token().await.unwrap_err();
        assert!(
            matches!(
                error.kind(),
                ErrorKind::IdentityRejected | ErrorKind::Server
            ),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_hydra_was_not_told_of_goes_along_and_is_refused_with_what_helps() {
    let make = makes().into_iter().find(|make| make.name == "hydra");
    let make = Make {
        parameter: Some(("audience", "https://other.example")),
        ..make.unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let registered = registered("hydra", make.kind, folder.path());
    let server = StandIn::start("hydra", APP, &registered);
    let home = Home::new();
    let [certificate, key] =
        ["pem", "key"].map(|ending| file(make.kind, ending).display().to_string());
    let output = run(&home, &login(&server.issuer, &make, &certificate, &key)).await;
    let stderr = text(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("has not been whitelisted"), "{stderr}");
    assert!(
        stderr.contains("hint: add the audience to the client first"),
        "{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_one_s_own_is_described_in_a_file_or_in_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let registered = registered("okta", "rsa2048", folder.path());
    let server = StandIn::start("okta", APP, &registered);
    let [certificate, key] =
        ["pem", "key"].map(|ending| file("rsa2048", ending).display().to_string());
    let file = folder.path().join("acme.toml");
    // Okta's rules, said one by one.
    let said = "audience = 'token-endpoint'\nkid = 'jwk-thumbprint'\ntyp = 'jwt'\nthumbprints = 'none'\n\
                algorithms = ['RS256']\nclient_id = 'left-out'\nscope = 'required'\n";
    std::fs::write(&file, said).unwrap();
    let file = file.display().to_string();
    let home = Home::new();
    let words = |provider: &str, more: &[&str]| -> Vec<String> {
        let first = [
            "login",
            &server.issuer,
            "--provider",
            provider,
            "--app-id",
            APP,
        ];
        let rest = ["--cert", &certificate, "--key", &key];
        let all = first.iter().chain(&rest).chain(more);
        all.map(|word| (*word).to_owned()).collect()
    };
    let scope = ["--scope", "okta.users.read"];
    let output = run(&home, &words(&file, &[])).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("acme gives no token without a scope"));
    let output = run(&home, &words(&file, &scope)).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = home.run(&["refresh"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));

    let settings = home.path().join(".config/countersign/config.toml");
    let before = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(
        &settings,
        format!("{before}\n[provider.acme]\nlike = 'okta'\n"),
    )
    .unwrap();
    let output = run(&home, &words("acme", &scope)).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    // and it is still there
    let after = std::fs::read_to_string(&settings).unwrap();
    assert!(after.contains("[provider.acme]"), "{after}");

    for (word, code, said) in [
        (
            "nobody",
            2,
            "there are: entra-id, okta, keycloak, hydra, acme",
        ),
        ("./nobody.toml", 1, "nobody.toml"),
    ] {
        let output = run(&home, &words(word, &scope)).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}
