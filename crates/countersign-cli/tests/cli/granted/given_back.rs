//! Does whoever holds a granted token end it, and nothing else with it?

use super::id_of;
use crate::world::Platform;

#[test]
fn whoever_holds_a_granted_token_gives_it_back_by_presenting_it() {
    let platform = Platform::start();
    let system = platform.grant("system-token create --name backup --role Reader");
    let other = platform.grant("system-token create --name other --role Reader");
    // It may change nothing, and yet end itself.
    let given = platform.holding(&system, "logout --output json").json();
    assert_eq!(given["revoked"], true);
    assert_eq!(given["server"], platform.issuer);
    assert_eq!(platform.holding(&system, "whoami").code, 14);
    assert_eq!(platform.state_of(&id_of(&system)), "revoked");
    platform.holding(&other, "whoami").ok();
    // Again is no error: it is over either way.
    platform.holding(&system, "logout").ok();
}

#[test]
fn a_granted_token_that_is_given_back_leaves_profile_and_file_alone() {
    let platform = Platform::start();
    let file = platform.home.path().join("token");
    platform
        .admin("pat create --name a --output-file token")
        .ok();
    let given = platform.run("logout --token-file token --profile dev-admin");
    assert!(given.ok().contains("was given back"));
    assert!(file.exists());
    assert!(platform.run("profiles").ok().contains("dev-admin"));
    platform.admin("whoami").ok();
    let ended = platform.run("whoami --token-file token --profile dev-admin");
    assert_eq!(ended.code, 14, "{ended:?}");
}

#[test]
fn a_granted_token_that_cannot_be_given_back_is_told_so() {
    let platform = Platform::start();
    let mut command = platform.home.command("logout --server http://127.0.0.1:1");
    let ran = crate::world::ran(command.env("COUNTERSIGN_TOKEN", "csn_pat_x"));
    assert_eq!((ran.code, ran.stdout.as_str()), (13, ""), "{ran:?}");
    let ran = platform.run("logout --server http://127.0.0.1:1");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(platform.run("profiles").ok().contains("dev-admin"));
}
