//! Do the examples of help run as they are printed?

use std::path::Path;

use super::*;

/// Runs a script where `countersign` is the binary; the first line that fails ends it.
fn shell(home: &Home, script: &str, environment: &[(&str, &str)]) -> Ran {
    let binary = Path::new(env!("CARGO_BIN_EXE_countersign"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let mut command = std::process::Command::new("sh");
    command
        .args(["-euc", script])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", path)
        .envs(environment.iter().copied())
        .current_dir(home.path())
        .stdin(Stdio::null());
    crate::world::ran(&mut command)
}

// A mistake of checklist K: examples that do not run. Those of the documents are walked by the book's tests.
#[test]
fn the_examples_of_help_run_as_they_are_printed() {
    let home = with_key();
    home.run("jwt keygen --type p384 --certificate CN=issuer --out next.pem")
        .ok();
    home.run("cert import next.pem").ok();
    home.run("jwt keygen --form jwk --out client.jwk").ok();
    std::fs::write(home.path().join("claims.json"), r#"{"sub":"alice"}"#).unwrap();
    let token = sign(&home, "");
    std::fs::write(home.path().join("token"), &token).unwrap();
    let set = home.run("jwt jwks issuer.pem next.pem").ok();
    std::fs::write(home.path().join("jwks.json"), set).unwrap();
    let environment = [("HMAC_KEY", SECRET), ("COUNTERSIGN_TOKEN", token.as_str())];
    let mut run = 0;
    for verb in ["sign", "verify", "keygen", "jwks"] {
        let help = home.run(&format!("jwt {verb} --help")).ok();
        let (_, examples) = help.split_once("\nExamples:\n").unwrap();
        let examples = examples.replace("\\\n", " ");
        for example in examples.lines().map(str::trim) {
            // What an example makes is not there yet when it is tried.
            for out in ["secret.txt", "issuer.jwk", "client.pem"] {
                let _ = std::fs::remove_file(home.path().join(out));
            }
            let example = match example.strip_suffix("--out issuer.pem") {
                Some(rest) => format!("{rest}--out new.pem"),
                None => example.to_owned(),
            };
            let ran = shell(&home, &example, &environment);
            assert_eq!(ran.code, 0, "{example}: {ran:?}");
            run += 1;
        }
    }
    assert_eq!(run, 12);
}
