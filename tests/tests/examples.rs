//! Do the examples run, each as a person would run it?

use crate::parts;

/// Runs an example that the test command has built. Answers what it printed.
fn run(name: &str) -> String {
    let test = std::env::current_exe().expect("a test has a file");
    let program = test
        .ancestors()
        .nth(2)
        .expect("a test lives in target/PROFILE/deps")
        .join("examples")
        .join(name);
    assert!(
        program.exists(),
        "{name} is not built; run scripts/test or cargo build --examples"
    );
    let home = tempfile::tempdir().unwrap();
    let output = parts::command(program)
        .env("HOME", home.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn the_service_calls_its_api_with_a_token() {
    assert_eq!(run("call_an_api"), "the api says: hello invoices-service\n");
}

#[test]
fn the_component_gets_a_platform_token() {
    assert_eq!(
        run("platform_token"),
        "type 2, principal platform, lives 300 s\n"
    );
}

#[test]
fn the_service_under_test_is_tested() {
    assert_eq!(
        run("service_under_test"),
        "the service kept its token while the platform was away\n"
    );
}
