//! Is a server of another make asked as it wants, or not at all?

use crate::world::{Home, Ran, ran};

/// A home with `client.pem`, a P-256 key, and `rsa.pem`.
fn home() -> Home {
    let home = Home::new();
    home.run("cert new CN=inventory --out client.pem").ok();
    home.run("cert new CN=inventory --out rsa.pem --key-type rsa2048")
        .ok();
    home
}

/// Runs with a proxy that is not there, so that nothing leaves this machine.
fn offline(home: &Home, line: &str) -> Ran {
    ran(home.command(line).env("HTTPS_PROXY", "http://127.0.0.1:1"))
}

const ENTRA: &str = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0";

#[test]
fn a_provider_is_told_by_the_host_and_that_is_said() {
    let home = home();
    let login = "login https://acme.okta.com --app-id a --cert client.pem";
    // It never gives a token without a scope, so it is not asked.
    let found = offline(&home, login);
    assert_eq!(found.code, 2, "{found:?}");
    assert_eq!(
        found.stderr,
        "signing in as Okta wants it, by the host of the server (--provider okta; --provider none does not)\n\
         error: Okta gives no token without a scope\n\
         hint: ask for the scopes that the application was granted\n"
    );
    for (more, code) in [("--scope okta.users.read", 13), ("--provider none", 13)] {
        let asked = offline(&home, &format!("{login} {more}"));
        assert_eq!(asked.code, code, "{asked:?}");
        assert_eq!(
            asked.stderr.contains("signing in as Okta"),
            more.starts_with("--scope")
        );
    }
}

#[test]
fn what_a_provider_never_takes_is_refused_before_it_is_asked() {
    let home = home();
    let login = |server: &str, certificate: &str, more: &str| {
        let line = format!("login {server} --app-id a --cert {certificate} {more}");
        offline(&home, &line)
    };
    let graph = "--scope https://graph.microsoft.com/.default";
    for (server, certificate, more, said) in [
        (
            ENTRA,
            "rsa.pem",
            "",
            "takes exactly one scope, RESOURCE/.default",
        ),
        (
            ENTRA,
            "rsa.pem",
            "--scope User.Read",
            "takes exactly one scope",
        ),
        (
            ENTRA,
            "rsa.pem",
            &format!("{graph} --principal vader"),
            "knows no principals",
        ),
        (
            ENTRA,
            "rsa.pem",
            &format!("{graph} --parameter client_secret=x"),
            "the parameter \"client_secret\"",
        ),
        (
            ENTRA,
            "rsa.pem",
            &format!("{graph} --parameter a=1 --parameter a=2"),
            "--parameter a is given twice",
        ),
        (
            ENTRA,
            "rsa.pem",
            "--parameter a",
            "a name and a value with = between them",
        ),
        (
            "https://id.example",
            "rsa.pem",
            "--provider keyclock",
            "there are: entra-id, okta, keycloak, hydra",
        ),
    ] {
        let found = login(server, certificate, more);
        assert_eq!(found.code, 2, "{more}: {found:?}");
        assert!(found.stderr.contains(said), "{more}: {found:?}");
    }
    let platform = offline(
        &home,
        "login https://id.example --as-platform --cert rsa.pem --provider okta",
    );
    assert_eq!(platform.code, 2, "{platform:?}");
    let browser = offline(&home, "login https://id.example --provider okta");
    assert_eq!(browser.code, 2, "{browser:?}");
    assert!(
        browser
            .stderr
            .contains("--provider belongs to a sign-in with a certificate")
    );
}

#[test]
fn a_description_that_is_wrong_is_named_with_its_place() {
    let home = home();
    let config = home.path().join(".config/countersign");
    std::fs::create_dir_all(&config).unwrap();
    let login = |provider: &str| {
        let line =
            format!("login https://id.example --app-id a --cert rsa.pem --provider {provider}");
        let found = offline(&home, &line);
        assert_eq!(found.code, 2, "{found:?}");
        found.stderr
    };
    let settings = "[provider.okta]\nkid = 'none'\n\n[provider.acme]\nkid = 'x5t'\n";
    std::fs::write(config.join("config.toml"), settings).unwrap();
    assert!(login("okta").contains("[provider.okta] of the settings has the name of a provider"));
    assert!(login("acme").contains("[provider.acme]: kid = \"x5t\": not a form of kid"));
    std::fs::write(home.path().join("acme.toml"), "kidd = 'none'").unwrap();
    let said = login("acme.toml");
    assert!(said.contains("acme.toml: unknown field `kidd`"), "{said}");
}
