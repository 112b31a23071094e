//! Does kubectl take our token, in every version of its protocol that it speaks?

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{HINT, Service, root};
use crate::world::{Platform, Ran, ran};

/// A platform, and an API server on loopback over TLS that believes its token.
fn scene() -> (Platform, Service) {
    let platform = Platform::start();
    let home = platform.home.path();
    let token = home.join("token");
    std::fs::write(&token, platform.run("token").ok()).unwrap();
    let site = home.join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(
        site.join("version"),
        "{\"major\": \"1\", \"minor\": \"32\"}\n",
    )
    .unwrap();
    let tls = root().join("testdata/tls/localhost");
    let (certificate, key) = (tls.with_extension("pem"), tls.with_extension("key"));
    let challenge = Path::new("Bearer");
    let service = Service::start(
        "bearer_site.py",
        &[&site, &token, challenge, &certificate, &key],
    );
    (platform, service)
}

/// kubectl with a plugin of this version.
fn kubectl(platform: &Platform, service: &Service, version: &str, profile: &str) -> Ran {
    let authority = root().join("testdata/authority/authority.pem");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {
            "server": service.address,
            "certificate-authority": authority,
            "tls-server-name": "localhost",
        }}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "users": [{"name": "me", "user": {"exec": {
            "apiVersion": format!("client.authentication.k8s.io/{version}"),
            "command": env!("CARGO_BIN_EXE_countersign"),
            "args": ["token", "--output", "exec-credential", "--profile", profile],
            "interactiveMode": "Never",
            "provideClusterInfo": true,
        }}}],
    });
    let file = platform.home.path().join("kubeconfig");
    std::fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new("kubectl");
    command
        .args(["get", "--raw", "/version", "--kubeconfig"])
        .arg(file)
        .env_clear()
        .env("HOME", platform.home.path())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    assert!(command.output().is_ok(), "kubectl is not installed; {HINT}");
    ran(&mut command)
}

/// What is in a release of kubectl: `v1` since 1.22.
fn versions() -> &'static [&'static str] {
    let told = Command::new("kubectl")
        .args(["version", "--client", "--output", "json"])
        .output();
    let told = told.unwrap_or_else(|error| panic!("kubectl: {error}; {HINT}"));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let minor = told["clientVersion"]["minor"].as_str().unwrap();
    let minor: u32 = minor.trim_end_matches('+').parse().unwrap();
    if minor >= 22 {
        &["v1", "v1beta1"]
    } else {
        &["v1beta1"]
    }
}

#[test]
fn real_kubectl_shows_our_token_to_its_server() {
    let (platform, mut service) = scene();
    for version in versions() {
        let shown = kubectl(&platform, &service, version, "dev").ok();
        assert_eq!(
            shown, "{\"major\": \"1\", \"minor\": \"32\"}\n",
            "{version}"
        );
        let asked = service.asked();
        assert_eq!(
            (&asked["scheme"], &asked["right"]),
            (&"bearer".into(), &true.into()),
            "{asked}"
        );
    }
}

#[test]
fn real_kubectl_says_what_we_say_when_there_is_no_token() {
    let (platform, service) = scene();
    let version = versions()[0];
    let failed = kubectl(&platform, &service, version, "nobody");
    assert_ne!(failed.code, 0);
    assert!(
        failed
            .stderr
            .contains("error: there is no profile \"nobody\""),
        "{failed:?}"
    );
    assert!(service.ends().iter().all(|asked| asked["right"] == false));
}

/// What a plugin answers: the types ExecCredential and ExecCredentialStatus of
/// k8s.io/client-go/pkg/apis/clientauthentication/v1/types.go, which v1beta1 has too, as a JSON schema.
#[track_caller]
fn is_an_answer(answer: &Value, version: &str) {
    let members = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(members(answer), ["apiVersion", "kind", "status"]);
    assert_eq!(
        answer["apiVersion"],
        format!("client.authentication.k8s.io/{version}")
    );
    assert_eq!(answer["kind"], "ExecCredential");
    assert_eq!(members(&answer["status"]), ["expirationTimestamp", "token"]);
    // metav1.Time: RFC 3339 without fractions.
    let time = answer["status"]["expirationTimestamp"].as_str().unwrap();
    let form: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(form, "0000-00-00T00:00:00Z");
}

#[test]
fn the_answer_is_of_the_version_that_was_asked_for_and_ends_with_the_token() {
    let platform = Platform::start();
    let token = platform.run("token").ok();
    let ends = platform.run("token --decode --output json").json()["expires"].clone();
    let ask = |info: Option<String>| {
        let mut command = platform.home.command("token --output exec-credential");
        command.envs(info.map(|info| ("KUBERNETES_EXEC_INFO", info)));
        ran(&mut command)
    };
    let info = |version: &str| {
        let version = format!("client.authentication.k8s.io/{version}");
        let info = json!({"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": false}});
        Some(info.to_string())
    };
    for (asked, version) in [
        (None, "v1"),
        (info("v1"), "v1"),
        (info("v1beta1"), "v1beta1"),
    ] {
        let answer = ask(asked).json();
        is_an_answer(&answer, version);
        assert_eq!(answer["status"]["token"], token.trim());
        assert_eq!(answer["status"]["expirationTimestamp"], ends);
    }
    let old = ask(info("v1alpha1"));
    assert_eq!((old.code, old.stdout.as_str()), (2, ""));
    assert!(
        old.stderr
            .contains("hint: set apiVersion: client.authentication.k8s.io/v1"),
        "{old:?}"
    );
}

#[test]
fn a_plugin_asks_nobody_when_kubectl_says_that_nobody_is_there() {
    let platform = Platform::start();
    let home = platform.home.path();
    let certificate = platform.home.certificates().join("inventory-service.pem");
    let settings = home.join(".config/countersign/config.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let more = format!(
        "[profile.asks]\nserver = {:?}\napp_id = {:?}\ncert = {certificate:?}\nask_password = true\nprincipal = \"inventory\"\n",
        platform.issuer,
        crate::world::APP_ID
    );
    std::fs::write(&settings, format!("{text}{more}")).unwrap();
    let info = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}"#;
    let mut command = platform
        .home
        .command("token --output exec-credential --profile asks");
    let refused = ran(command.env("KUBERNETES_EXEC_INFO", info));
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("nobody can be asked now"),
        "{refused:?}"
    );
}
