//! Does `countersign jwt` make, show, verify, renew and publish what it says, and keep secrets to itself?

mod bad_input;
mod examples;
mod keys;

use std::{io::Write as _, process::Stdio, time::Duration};

use countersign::{
    Clock, SystemClock,
    proto::{
        jwt::{JwtBuilder, Signer, SymmetricKey},
        time::UnixTime,
    },
};
use serde_json::{Value, json};

use crate::world::{Home, Ran};

/// RFC 7515 App. A.1.
const SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

const ISSUER: &str = "https://issuer.example";
const API: &str = "https://api.example";

/// Runs a line with this on its stdin.
fn fed(home: &Home, line: &str, input: &str) -> Ran {
    fed_with(home, line, input, &[])
}

fn fed_with(home: &Home, line: &str, input: &str, environment: &[(&str, &str)]) -> Ran {
    let mut process = home
        .command(line)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    // Whoever is refused for what was typed does not read.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = process.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A home with the key of an issuer.
fn with_key() -> Home {
    let home = Home::new();
    home.run("jwt keygen --out issuer.pem").ok();
    home
}

fn sign(home: &Home, more: &str) -> String {
    let line = format!("jwt sign --key issuer.pem --issuer {ISSUER} --audience {API} {more}");
    home.run(&line).ok().trim().to_owned()
}

fn verify(home: &Home, token: &str, more: &str) -> Ran {
    let line = format!("jwt verify --key issuer.pem --issuer {ISSUER} --audience {API} {more}");
    fed(home, &line, token)
}

/// A token that was signed by the secret so long ago.
fn signed_before(ago: Duration, builder: &JwtBuilder) -> String {
    let secret = SymmetricKey::from_base64url(SECRET).unwrap();
    let then = SystemClock.now().minus(ago);
    let token = builder.build(&Signer::symmetric(secret), then).unwrap();
    token.expose().to_owned()
}

fn with_secret() -> Home {
    let home = Home::new();
    std::fs::write(home.path().join("secret"), format!("{SECRET}\n")).unwrap();
    home
}

const BY_SECRET: &str = "--key secret --key-form base64url --issuer https://issuer.example \
                         --audience https://api.example";

fn builder() -> JwtBuilder {
    JwtBuilder::new().issuer(ISSUER).audience(API)
}

// checklist K1 to K9, K12, K13, K16
#[test]
fn a_token_says_what_was_typed_and_is_verified() {
    let home = with_key();
    std::fs::write(
        home.path().join("claims.json"),
        r#"{"name":"Alice","list":[1]}"#,
    )
    .unwrap();
    let token = sign(
        &home,
        "--audience https://more.example --subject alice --claim role=reader --claim role=writer \
         --claim-json admin=true --claims claims.json --header x=y --typ at+jwt --lifetime 15m",
    );
    let verified = verify(&home, &token, "--output json").json();
    assert_eq!(verified["verified"], true);
    assert_eq!(verified["algorithm"], "ES256");
    let claims = &verified["claims"];
    assert_eq!(claims["aud"], json!([API, "https://more.example"]));
    assert_eq!(claims["role"], json!(["reader", "writer"]));
    assert_eq!(
        (&claims["sub"], &claims["name"]),
        (&json!("alice"), &json!("Alice"))
    );
    assert_eq!(
        (&claims["admin"], &claims["list"]),
        (&json!(true), &json!([1]))
    );
    let lives = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lives, 900);
    assert_eq!(claims["jti"].as_str().unwrap().len(), 32);
    let shown = fed(&home, "jwt inspect --output json", &token).json();
    assert_eq!(shown["header"]["x"], "y");
    assert_eq!(shown["header"]["typ"], "at+jwt");
    let text = verify(&home, &token, "").ok();
    assert!(text.starts_with("Verified   yes\n"), "{text}");

    let bare = sign(&home, "--no-id --not-before 2020-01-01T00:00:00Z");
    let claims = verify(&home, &bare, "--output json").json()["claims"].clone();
    assert_eq!(claims.get("jti"), None);
    assert_eq!(claims["nbf"], 1_577_836_800);
    assert_ne!(sign(&home, ""), sign(&home, ""), "two tokens of one second");
}

#[test]
fn a_file_of_claims_may_name_issuer_audience_and_subject_and_no_times() {
    let home = with_key();
    let write = |claims: Value| std::fs::write(home.path().join("c"), claims.to_string()).unwrap();
    write(json!({"iss": "a", "aud": ["b", "c"], "sub": "d", "e": {"f": null}}));
    let claims = |more: &str| {
        let token = home
            .run(&format!("jwt sign --key issuer.pem --claims c {more}"))
            .ok();
        fed(&home, "jwt inspect --output json", &token).json()["claims"].clone()
    };
    let from_file = claims("--no-id");
    assert_eq!(from_file["iss"], "a");
    assert_eq!(from_file["aud"], json!(["b", "c"]));
    assert_eq!(from_file["sub"], "d");
    assert_eq!(from_file["e"], json!({"f": null}));
    let told = claims("--issuer x --audience y --subject z");
    assert_eq!(told["iss"], "x");
    assert_eq!(told["aud"], json!(["b", "c", "y"]));
    assert_eq!(told["sub"], "z");
    for claims in [
        json!({"exp": 4_000_000_000_u32}),
        json!({"nbf": 0}),
        json!({"iat": 0}),
        json!({"iss": 1}),
        json!({"aud": [1]}),
        json!({"countersign_renewal": {}}),
    ] {
        write(claims.clone());
        assert_eq!(
            home.run("jwt sign --key issuer.pem --claims c").code,
            2,
            "{claims}"
        );
    }
}

#[test]
fn a_token_is_printed_alone_as_a_header_as_a_variable_or_as_an_object() {
    let home = with_key();
    let line = "jwt sign --key issuer.pem --issuer i";
    let raw = home.run(line).ok();
    assert_eq!(raw.matches('.').count(), 2);
    assert_eq!(raw.matches('\n').count(), 1);
    let header = home.run(&format!("{line} --output header")).ok();
    assert!(header.starts_with("Authorization: Bearer eyJ"), "{header}");
    let variable = home.run(&format!("{line} --output env")).ok();
    let token = variable.strip_prefix("export COUNTERSIGN_TOKEN=").unwrap();
    let object = home.run(&format!("{line} --output json")).json();
    assert_eq!(object["algorithm"], "ES256");
    assert!(object["token"].as_str().unwrap().starts_with("eyJ"));
    assert!(UnixTime::parse(object["expires"].as_str().unwrap()).is_some());
    // What one prints the other takes.
    let inspect = "jwt inspect --token-env COUNTERSIGN_TOKEN --output json";
    let environment = [("COUNTERSIGN_TOKEN", token.trim())];
    let shown = fed_with(&home, inspect, "", &environment).json();
    assert_eq!(shown["issuer"], "i");
    assert_eq!(home.run("jwt verify --output raw").code, 2);
}

// checklist K14
#[test]
fn an_inspection_says_that_nothing_was_verified_in_both_forms() {
    let home = with_key();
    let token = sign(&home, "--subject alice --claim role=reader");
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.AAAA");
    for token in [&token, &forged] {
        let text = fed(&home, "jwt inspect", token).ok();
        assert!(
            text.starts_with("Verified   no: anybody may have written this\n"),
            "{text}"
        );
        for said in [
            "Issuer     https://issuer.example",
            "Audiences  https://api.example",
            "Subject    alice",
            "Algorithm  ES256",
            "Type       JWT",
            "  role: reader",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        let shown = fed(&home, "jwt inspect --output json", token).json();
        assert_eq!(shown["verified"], false);
        assert_eq!(shown["subject"], "alice");
        assert_eq!(shown["refused"], Value::Null);
    }
    let over = signed_before(Duration::from_secs(7200), &builder());
    let text = fed(&home, "jwt inspect", &over).ok();
    assert!(text.contains("Z (over)\n"), "{text}");
}

// A mistake of checklist K: an inspector that drops repeated claims.
#[test]
fn a_repeated_claim_is_shown_each_time_in_both_forms() {
    let home = Home::new();
    // {"alg":"ES256"} . {"sub":"alice","sub":"mallory","x":{"y":1,"y":2}}
    let token = "eyJhbGciOiJFUzI1NiJ9.\
                 eyJzdWIiOiJhbGljZSIsInN1YiI6Im1hbGxvcnkiLCJ4Ijp7InkiOjEsInkiOjJ9fQ.AAAA";
    let text = fed(&home, "jwt inspect", token).ok();
    for said in [
        "  sub: alice\n  sub: mallory\n  x: {\"y\":1,\"y\":2}\n",
        "Repeated, so that readers differ in what they take\n",
        "  claims.sub: \"alice\" and \"mallory\"\n",
        "  claims.x.y: 1 and 2\n",
        "Refused    the token's claims: the JSON has the member \"sub\" twice\n",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let shown = fed(&home, "jwt inspect --output json", token).json();
    assert_eq!(
        shown["repeated"],
        json!([
            {"member": "claims.x.y", "values": [1, 2]},
            {"member": "claims.sub", "values": ["alice", "mallory"]},
        ])
    );
}

// checklist K16
#[test]
fn a_refusal_says_which_claim_what_was_found_and_what_was_wanted() {
    let home = with_key();
    let token = sign(&home, "--subject alice --claim role=reader --lifetime 1h");
    home.run("jwt keygen --out other.pem").ok();
    let right = format!("--key issuer.pem --issuer {ISSUER} --audience {API}");
    for (more, reason, said) in [
        (
            "--key other.pem --any-issuer --any-audience".to_owned(),
            "signature",
            "the token's signature does not verify",
        ),
        (
            format!("{right} --subject bob"),
            "claim",
            "the claim \"sub\" is \"alice\", wanted is \"bob\"",
        ),
        (
            format!("{right} --claim role=writer"),
            "claim",
            "the claim \"role\" is \"reader\", wanted is \"writer\"",
        ),
        (
            format!("{right} --claim-json admin=true"),
            "claim",
            "the claim \"admin\" is missing, wanted is true",
        ),
        (
            format!("{right} --typ at+jwt"),
            "type",
            "the token's typ is \"jwt\", wanted is \"at+jwt\"",
        ),
        (
            format!("{right} --alg ES384 --alg RS256"),
            "algorithm",
            "the token is signed by ES256, and nothing is accepted of its key",
        ),
        (
            format!("{right} --longest-life 30m"),
            "lifetime",
            "the token lives for 3600 s; at most 1800 s are accepted",
        ),
        (
            "--key issuer.pem --issuer x --any-audience".to_owned(),
            "claim",
            "the claim \"iss\" is \"https://issuer.example\", wanted is \"x\"",
        ),
        (
            "--key issuer.pem --any-issuer".to_owned(),
            "audience",
            "the token is for \"https://api.example\", and no audience was stated",
        ),
    ] {
        let text = fed(&home, &format!("jwt verify {more}"), &token);
        assert_eq!((text.code, &*text.stdout), (1, ""), "{said}");
        assert!(
            text.stderr.starts_with(&format!("error: {said}\n")),
            "{text:?}"
        );
        let json = fed(&home, &format!("jwt verify {more} --output json"), &token);
        assert_eq!(json.code, 1);
        let object: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(object["verified"], false);
        assert_eq!(object["reason"], reason, "{said}");
        assert_eq!(object["message"], said);
    }
    let refused = verify(&home, &token, "--subject bob --output json");
    let object: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(
        object,
        json!({"verified": false, "reason": "claim", "claim": "sub", "found": "alice",
            "wanted": ["bob"], "message": "the claim \"sub\" is \"alice\", wanted is \"bob\""})
    );
}

#[test]
fn a_token_that_is_over_ends_with_11_and_the_clock_skew_is_tolerated() {
    let home = with_secret();
    let hour_ago = Duration::from_secs(3600);
    let at = |lifetime: u64| {
        let builder = builder().lifetime(Duration::from_secs(lifetime));
        signed_before(hour_ago, &builder)
    };
    let verify =
        |token: &str, more: &str| fed(&home, &format!("jwt verify {BY_SECRET} {more}"), token);
    let over = verify(&at(1800), "");
    assert_eq!(over.code, 11, "{over:?}");
    assert!(
        over.stderr.contains("error: the token expired at "),
        "{over:?}"
    );
    assert!(over.stderr.contains("hint: "), "{over:?}");
    // Half a minute over: within the minute that is tolerated, and not within none.
    let just_over = at(3600 - 30);
    verify(&just_over, "").ok();
    assert_eq!(verify(&just_over, "--clock-skew 0s").code, 11);
    let two_minutes = at(3600 - 120);
    assert_eq!(verify(&two_minutes, "").code, 11);
    verify(&two_minutes, "--clock-skew 5m").ok();
}

// checklist K17
#[test]
fn a_token_is_renewed_counted_and_ended() {
    let home = with_key();
    let mut token = sign(&home, "--subject alice --claim role=reader");
    let line = format!(
        "jwt renew --key issuer.pem --issuer {ISSUER} --audience {API} --renewals 2 --lifetime 5m"
    );
    for count in 1..=2 {
        let ran = fed(&home, &format!("{line} --output json"), &token);
        assert!(
            ran.stderr.contains(&format!("renewed {count} of 2 times")),
            "{ran:?}"
        );
        let renewed = ran.json();
        assert_eq!(renewed["renewals"], count);
        assert_eq!(renewed["renewals_remaining"], 2 - count);
        let next = renewed["token"].as_str().unwrap().to_owned();
        assert_ne!(next, token);
        token = next;
        let claims = verify(&home, &token, "--output json").json()["claims"].clone();
        assert_eq!(claims["sub"], "alice");
        assert_eq!(claims["role"], "reader");
        assert_eq!(claims["countersign_renewal"]["count"], count);
    }
    let over = fed(&home, &line, &token);
    assert_eq!(over.code, 15, "{over:?}");
    assert_eq!(over.stdout, "");
    assert!(over.stderr.contains("renewed 2 times"), "{over:?}");
    assert!(
        over.stderr.contains("hint: have it issued anew"),
        "{over:?}"
    );
}

// A mistake of checklist K: renewing without verifying signature, issuer and expiry first.
#[test]
fn what_is_not_good_is_not_renewed() {
    let home = with_secret();
    let line = format!("jwt renew {BY_SECRET}");
    let good = signed_before(Duration::from_secs(60), &builder());
    fed(&home, &line, &good).ok();
    let (input, _) = good.rsplit_once('.').unwrap();
    let forged = fed(&home, &line, &format!("{input}.AAAA"));
    assert_eq!(forged.code, 1, "{forged:?}");
    // Ten seconds over, which a verification tolerates and a renewal does not.
    let minute = builder().lifetime(Duration::from_secs(60));
    let over = signed_before(Duration::from_secs(70), &minute);
    fed(&home, &format!("jwt verify {BY_SECRET}"), &over).ok();
    let refused = fed(&home, &line, &over);
    assert_eq!(refused.code, 11, "{refused:?}");
    let foreign = JwtBuilder::new()
        .issuer("https://other.example")
        .audience(API);
    let foreign = signed_before(Duration::from_secs(60), &foreign);
    let refused = fed(&home, &line, &foreign);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("the claim \"iss\" is "),
        "{refused:?}"
    );
    // An absolute end that is over, while the token itself lives.
    let day = builder().lifetime(Duration::from_secs(86_400));
    let old = signed_before(Duration::from_secs(46_800), &day);
    let refused = fed(&home, &line, &old);
    assert_eq!(refused.code, 11, "{refused:?}");
    assert!(
        refused.stderr.contains("however often it is renewed"),
        "{refused:?}"
    );
    fed(&home, &format!("{line} --renewable-for 14h"), &old).ok();
}

#[test]
fn a_token_of_an_older_key_is_renewed_when_that_key_is_trusted() {
    let home = with_key();
    let token = sign(&home, "");
    home.run("jwt keygen --type p384 --out next.pem").ok();
    let line = format!("jwt renew --key next.pem --issuer {ISSUER} --audience {API}");
    assert_eq!(fed(&home, &line, &token).code, 1);
    let next = fed(&home, &format!("{line} --trust issuer.pem"), &token).ok();
    let verify = format!("jwt verify --key next.pem --issuer {ISSUER} --audience {API}");
    fed(&home, &verify, next.trim()).ok();
}

// checklist K2, K9 at issue: what a token says of its renewal binds whoever renews it.
#[test]
fn a_token_says_itself_how_often_it_may_be_renewed() {
    let home = with_key();
    let token = sign(&home, "--renewals 1 --renewable-for 2h");
    let line =
        format!("jwt renew --key issuer.pem --issuer {ISSUER} --audience {API} --renewals 9");
    let renewed = fed(&home, &format!("{line} --output json"), &token).json();
    assert_eq!(renewed["renewals_remaining"], 0);
    let again = fed(&home, &line, renewed["token"].as_str().unwrap());
    assert_eq!(again.code, 15);
}

// security.md 112
#[test]
fn a_token_on_the_command_line_is_refused_and_said_nowhere() {
    let home = with_key();
    let token = sign(&home, "");
    for verb in [
        "inspect".to_owned(),
        "verify --key issuer.pem --any-issuer".to_owned(),
        "renew --key issuer.pem --any-issuer".to_owned(),
    ] {
        let ran = home.run(&format!("jwt {verb} {token}"));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("on the command line"), "{ran:?}");
        assert!(!ran.stderr.contains("eyJ"), "{ran:?}");
        assert_eq!(ran.stdout, "");
    }
    let file = home.path().join("token");
    std::fs::write(file, &token).unwrap();
    home.run("jwt inspect token").ok();
    fed(&home, "jwt inspect -", &token).ok();
}
