//! Does the SDK of AWS find credentials by us, as it does by its own means?

use std::path::Path;

use serde_json::{Value, json};

use super::{Service, python};
use crate::{
    agent::loopback::Open,
    secrets::holds_a_token,
    world::{Platform, ran},
};

const ROLE: &str = "arn:aws:iam::123456789012:role/FederatedWebIdentityRole";

/// A platform, a file with its token, and a service that believes it.
fn scene() -> (Platform, std::path::PathBuf, Service) {
    let platform = Platform::start();
    let file = platform.home.path().join("web-identity-token");
    // The SDK sends what is in it, with a line end if there is one.
    std::fs::write(&file, platform.run("token").ok().trim()).unwrap();
    let service = Service::start("sts.py", &[&file]);
    (platform, file, service)
}

/// The credentials that botocore finds by these settings.
fn botocore(home: &Path, settings: &str, more: &[(&str, &str)]) -> Value {
    let file = home.join("aws-config");
    std::fs::write(&file, settings).unwrap();
    let mut command = python("aws_credentials.py");
    command
        .env("HOME", home)
        .env("AWS_CONFIG_FILE", &file)
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_REGION", "eu-central-1")
        .envs(more.iter().copied());
    ran(&mut command).json()
}

// The object is that of https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html
#[test]
fn botocore_takes_the_credentials_and_asks_for_them_by_itself_as_we_do() {
    let (platform, file, mut service) = scene();
    let home = platform.home.path();
    let process = format!(
        "[default]\ncredential_process = {} token --output credential-process --role-arn {ROLE} \
         --role-session-name stock --role-duration 1h --sts-endpoint {} --profile dev\n",
        env!("CARGO_BIN_EXE_countersign"),
        service.address
    );
    let by_us = botocore(home, &process, &[]);
    let asked_by_us = service.asked();
    assert_eq!(
        by_us,
        json!({
            "method": "custom-process",
            "access_key": "ASgeIAIOSFODNN7EXAMPLE",
            "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
            "token": "AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE",
            "expires": "2114-10-24T23:00:23+00:00",
        })
    );

    // The other way of AWS: a file with a token, which its SDK exchanges itself.
    let settings = format!(
        "[default]\nrole_arn = {ROLE}\nrole_session_name = stock\nduration_seconds = 3600\n\
         web_identity_token_file = {}\n",
        file.display()
    );
    let mut by_itself = botocore(
        home,
        &settings,
        &[("AWS_ENDPOINT_URL_STS", &service.address)],
    );
    let mut asked_by_itself = service.asked();
    by_itself["method"] = "custom-process".into();
    assert_eq!(by_itself, by_us);
    // Botocore does not pass the duration of a file on; all else is one request.
    asked_by_itself["DurationSeconds"] = "3600".into();
    assert_eq!(asked_by_us, asked_by_itself);
}

// The endpoint for containers, with its token in a file, is that of
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#[test]
fn botocore_takes_credentials_of_the_agent_which_gets_them_once() {
    let (platform, _, service) = scene();
    let endpoint = &service.address;
    let words = format!("--role-arn {ROLE} --role-session-name stock --sts-endpoint {endpoint}");
    let open = Open::start(&platform, &words);
    let uri = format!("http://127.0.0.1:{}/aws-credentials", open.port);
    let secret = open.agent.socket.with_file_name("agent.secret");
    let mut found = Vec::new();
    for _ in 0..3 {
        let more = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                secret.to_str().unwrap(),
            ),
        ];
        found.push(botocore(platform.home.path(), "[default]\n", &more));
    }
    found.dedup();
    assert_eq!(
        found,
        [json!({
            "method": "container-role",
            "access_key": "ASgeIAIOSFODNN7EXAMPLE",
            "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
            "token": "AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE",
            "expires": "2114-10-24T23:00:23+00:00",
        })]
    );
    assert_eq!(service.ends().len(), 1, "three programs, and one request");
}

#[test]
fn an_agent_without_a_role_serves_none_and_one_whose_role_is_refused_says_so() {
    let (platform, file, service) = scene();
    std::fs::write(file, "another").unwrap();
    let words = format!("--role-arn {ROLE} --sts-endpoint {}", service.address);
    let open = Open::start(&platform, &words);
    let refused = open.agent.get("/aws-credentials");
    assert_eq!(refused.status, 502, "{refused:?}");
    assert!(refused.body.contains("InvalidIdentityToken") && !holds_a_token(&refused.body));
    drop(open);
    let open = Open::start(&platform, "");
    assert_eq!(open.agent.get("/aws-credentials").status, 404);
}

// security.md 112, 137
#[test]
fn a_service_that_says_no_is_quoted_with_what_helps_and_without_the_token() {
    let (platform, file, service) = scene();
    std::fs::write(file, "another").unwrap();
    let endpoint = &service.address;
    let line =
        format!("token --output credential-process --role-arn {ROLE} --sts-endpoint {endpoint}");
    let refused = platform.run(&line);
    assert_eq!(refused.code, 14, "{refused:?}");
    assert!(
        refused.stderr.starts_with(
            "error: the security token service said no: InvalidIdentityToken: No OpenIDConnect \
             provider found in your account for \"http://p\"\nhint: AWS must know the issuer"
        ),
        "{refused:?}"
    );
    assert!(
        refused.stdout.is_empty() && !holds_a_token(&refused.stderr),
        "{refused:?}"
    );
    let asked = service.ends();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0]["RoleSessionName"],
        platform.run("whoami --output json").json()["principal"]
    );
}

// security.md 85
#[test]
fn a_token_is_sent_to_no_service_that_others_could_read() {
    let platform = Platform::start();
    for endpoint in [
        "http://sts.amazonaws.com",
        "http://10.0.0.1",
        "https://u@h",
        "ftp://127.0.0.1",
    ] {
        let line = format!(
            "token --output credential-process --role-arn {ROLE} --sts-endpoint {endpoint}"
        );
        let ran = platform.run(&line);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("--sts-endpoint"), "{ran:?}");
    }
}

#[test]
fn an_answer_that_makes_no_sense_is_no_credential() {
    let platform = Platform::start();
    // The platform itself: it knows no such path.
    let line = format!(
        "token --output credential-process --role-arn {ROLE} --sts-endpoint {}",
        platform.issuer
    );
    let ran = platform.run(&line);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(
        ran.stderr.contains("an answer that makes no sense"),
        "{ran:?}"
    );
}
