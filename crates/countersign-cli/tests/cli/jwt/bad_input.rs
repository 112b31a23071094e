//! Does every bad input get one clear line, a hint and its exit code?

use super::*;

/// What was typed, what stands on stdin, the exit code, how the error begins.
const TABLE: &[(&str, &str, i32, &str)] = &[
    ("jwt", "", 2, "a verb is missing"),
    ("jwt decode", "", 2, "unrecognized subcommand 'decode'"),
    ("jwt inspect", "", 2, "there is no token"),
    ("jwt inspect", "csn_pat_abc", 1, "the token is opaque"),
    (
        "jwt inspect",
        "a.b",
        1,
        "this is no token: it has 2 segments",
    ),
    ("jwt inspect", "a.b.c.d.e", 1, "the token is encrypted"),
    (
        "jwt inspect",
        "%.%.%",
        1,
        "the token's header is not base64url",
    ),
    (
        "jwt inspect",
        "e30.W10.",
        1,
        "the token's claims is not a JSON object",
    ),
    (
        "jwt inspect",
        "Bearer e30.e30.",
        2,
        "the token begins with \"Bearer\"",
    ),
    ("jwt inspect missing", "", 1, "cannot read missing"),
    (
        "jwt inspect --token-env NOTHING",
        "",
        2,
        "the environment has no variable NOTHING",
    ),
    ("jwt sign", "", 2, "no key is named"),
    (
        "jwt sign --key missing.pem",
        "",
        1,
        "cannot read missing.pem",
    ),
    (
        "jwt sign --key secret",
        "",
        2,
        "what kind of key is in secret cannot be told",
    ),
    (
        "jwt sign --key secret --key-form hex",
        "",
        1,
        "secret: the secret is not hexadecimal",
    ),
    (
        "jwt sign --key short --key-form passphrase",
        "",
        1,
        "short: the secret has 6 bytes; HS256 needs 32",
    ),
    (
        "jwt sign --key issuer.pem --key-form passphrase",
        "",
        1,
        "issuer.pem: the secret is the text of a key",
    ),
    (
        "jwt sign --key public.jwk",
        "",
        1,
        "public.jwk: this is a public key; a private key is needed",
    ),
    (
        "jwt sign --key issuer.pem --alg HS256",
        "",
        2,
        "--alg HS256: the key does not sign by HS256; it has ES256",
    ),
    (
        "jwt sign --key issuer.pem --alg none",
        "",
        2,
        "--alg \"none\" is not an algorithm",
    ),
    (
        "jwt sign --key issuer.pem --kid sha1-hex",
        "",
        1,
        "issuer.pem: the kid is to name a certificate",
    ),
    (
        "jwt sign --key issuer.pem --kid x",
        "",
        2,
        "--kid \"x\" is not a form of kid",
    ),
    (
        "jwt sign --key issuer.pem --x5c",
        "",
        1,
        "issuer.pem: the kid is to name a certificate",
    ),
    (
        "jwt sign --key issuer.pem --claim role",
        "",
        2,
        "--claim \"role\" has no name",
    ),
    (
        "jwt sign --key issuer.pem --claim iss=x",
        "",
        2,
        "the claim \"iss\" is not set as a claim of one's own",
    ),
    (
        "jwt sign --key issuer.pem --header alg=none",
        "",
        2,
        "the header member \"alg\" comes from the key",
    ),
    (
        "jwt sign --key issuer.pem --header-json crit=[\"x\"]",
        "",
        2,
        "the header member \"crit\"",
    ),
    (
        "jwt sign --key issuer.pem --claim-json a=b",
        "",
        2,
        "--claim-json a: the text is not JSON",
    ),
    (
        "jwt sign --key issuer.pem --claims secret",
        "",
        2,
        "--claims secret: the text is not JSON",
    ),
    (
        "jwt sign --key issuer.pem --lifetime 1w",
        "",
        2,
        "--lifetime \"1w\" is no length of time",
    ),
    (
        "jwt sign --key issuer.pem --lifetime 0",
        "",
        2,
        "a token lives for a second or more",
    ),
    (
        "jwt sign --key issuer.pem --lifetime 9999999d",
        "",
        2,
        "a token lives for a second or more",
    ),
    (
        "jwt sign --key issuer.pem --not-before soon",
        "",
        2,
        "--not-before \"soon\" is no moment",
    ),
    (
        "jwt sign --key issuer.pem --not-before 9999-01-01T00:00:00Z",
        "",
        2,
        "the token would end before it begins",
    ),
    (
        "jwt sign --key issuer.pem --id x --no-id",
        "",
        2,
        "the argument '--id <ID>' cannot be used with '--no-id'",
    ),
    (
        "jwt sign --key issuer.pem --cert CN=x",
        "",
        2,
        "the argument '--key <FILE>' cannot be used with '--cert <SELECTOR>'",
    ),
    ("jwt verify --any-issuer", "e30.e30.", 2, "no key is named"),
    (
        "jwt verify --key issuer.pem",
        "e30.e30.",
        2,
        "no issuer is named",
    ),
    (
        "jwt verify --key issuer.pem --any-issuer --clock-skew 11m",
        "e30.e30.",
        2,
        "--clock-skew 11m is too long",
    ),
    (
        "jwt verify --key issuer.pem --any-issuer --issuer x",
        "",
        2,
        "the argument '--any-issuer' cannot be used with '--issuer <ISSUER>'",
    ),
    (
        "jwt verify --key issuer.pem --any-issuer",
        "e30.e30.",
        1,
        "the token's header member \"alg\" is missing",
    ),
    (
        "jwt verify --key issuer.pem --any-issuer",
        "e30.e30",
        1,
        "the token has 2 segments instead of 3",
    ),
    (
        "jwt verify --trust secret --any-issuer",
        "e30.e30.",
        2,
        "what kind of key is in secret cannot be told",
    ),
    (
        "jwt verify --trust mixed.json --any-issuer",
        "e30.e30.",
        1,
        "mixed.json: this is a symmetric key",
    ),
    (
        "jwt renew --key issuer.pem",
        "e30.e30.",
        2,
        "no issuer is named",
    ),
    (
        "jwt renew --key issuer.pem --any-issuer",
        "",
        2,
        "there is no token",
    ),
    (
        "jwt keygen",
        "",
        2,
        "the following required arguments were not provided: --out <FILE>",
    ),
    (
        "jwt keygen --out x --form hex",
        "",
        2,
        "--form: a key pair is written as pem or jwk",
    ),
    (
        "jwt keygen --out x --type hs256 --form pem",
        "",
        2,
        "--form: a secret is written as jwk, hex or base64url",
    ),
    (
        "jwt keygen --out x --type p256 --alg ES384",
        "",
        2,
        "--alg ES384: the key does not sign by ES384",
    ),
    (
        "jwt keygen --out x --certificate CN=a --form jwk",
        "",
        2,
        "--certificate: a certificate is written as pem",
    ),
    (
        "jwt keygen --out x --certificate nonsense",
        "",
        2,
        "subject \"nonsense\"",
    ),
    (
        "jwt keygen --out x --from public.jwk",
        "",
        1,
        "public.jwk: this is a public key",
    ),
    (
        "jwt keygen --out issuer.pem",
        "",
        1,
        "issuer.pem is already there",
    ),
    (
        "jwt jwks",
        "",
        2,
        "the following required arguments were not provided: <FILE>...",
    ),
    ("jwt jwks missing.pem", "", 1, "cannot read missing.pem"),
    (
        "jwt jwks secret",
        "",
        1,
        "secret: the key is malformed: the PEM text has no private key",
    ),
    (
        "jwt jwks mixed.json",
        "",
        1,
        "mixed.json: this is a symmetric key",
    ),
    (
        "jwt jwks --certificates public.jwk",
        "",
        1,
        "no key brings a certificate along",
    ),
    (
        "jwt jwks --certificates issuer.pem",
        "",
        1,
        "issuer.pem: the JWK is not strict JSON",
    ),
];

#[test]
fn every_bad_input_is_one_line_with_its_exit_code() {
    let home = with_key();
    let write = |name: &str, content: &str| std::fs::write(home.path().join(name), content);
    write("secret", SECRET).unwrap();
    write("short", "secret").unwrap();
    let set = home.run("jwt jwks issuer.pem").ok();
    let set: Value = serde_json::from_str(&set).unwrap();
    write("public.jwk", &set["keys"][0].to_string()).unwrap();
    let oct = json!({"kty": "oct", "k": SECRET});
    write(
        "mixed.json",
        &json!({"keys": [set["keys"][0], oct]}).to_string(),
    )
    .unwrap();
    let mut wrong = Vec::new();
    for (line, input, code, message) in TABLE {
        let ran = fed(&home, line, input);
        let first = ran.stderr.lines().next().unwrap_or_default();
        let lines = ran.stderr.lines().count();
        let hint = ran.stderr.lines().nth(1);
        let is_hint = hint.is_none_or(|hint| hint.starts_with("hint: "));
        let begins = first.starts_with(&format!("error: {message}"));
        if ran.code != *code || !begins || lines > 2 || !is_hint || !ran.stdout.is_empty() {
            wrong.push(format!("{line}: {ran:?}"));
        }
        assert!(!ran.stderr.contains(SECRET), "{line}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!home.path().join("x").exists(), "nothing was written");
}
