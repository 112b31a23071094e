//! Does a token of another platform go on working, alone or in a table?

use super::ADMIN;
use crate::world::{Platform, ran};

const FOREIGN: &str = "other-platform-0123456789abcdef";

#[test]
fn a_token_of_another_platform_goes_on_working_here() {
    let platform = Platform::start();
    std::fs::write(platform.home.path().join("foreign"), format!("{FOREIGN}\n")).unwrap();
    let terms = "--owner inventory-service --lifetime 30d";
    let line = format!("app-token import foreign --name shop {terms} --output json");
    let imported = platform.admin(&line).json();
    assert_eq!(
        (&imported["form"], &imported["state"]),
        (&"imported".into(), &"active".into())
    );
    let who = platform.holding(FOREIGN, "whoami --output json").json();
    assert_eq!(who["principal"], "inventory-service");
    // The same value again is no other token.
    assert_eq!(platform.admin(&line).code, 1);

    let listed = format!("app-token import --name old {terms} --invalidate-all {ADMIN}");
    let mut command = platform.home.command(&listed);
    let old = "another-one-0123456789abcdef";
    std::fs::write(platform.home.path().join("old"), old).unwrap();
    command.stdin(std::fs::File::open(platform.home.path().join("old")).unwrap());
    assert!(ran(&mut command).ok().contains("revoked"));
    assert_eq!(platform.holding(old, "whoami").code, 14);
}

#[test]
fn a_table_is_imported_line_by_line_until_one_is_refused() {
    let platform = Platform::start();
    let token = |n: usize| format!("token-{n}-0123456789abcdef");
    let row = |n: usize, owner: &str| format!("t{n},{},{owner},Inventory\n", token(n));
    let head = "name,token,owner,roles\n";
    let good = |n| row(n, "inventory-service");
    let table = |rows: &[String]| {
        let text = format!("{head}{}", rows.concat());
        std::fs::write(platform.home.path().join("tokens.csv"), text).unwrap();
    };
    table(&[good(1), good(2), row(3, "nobody"), good(4)]);
    let stopped = platform.admin("app-token import --table tokens.csv");
    assert_ne!(stopped.code, 0);
    assert_eq!(stopped.stdout, "");
    assert!(
        stopped.stderr.contains("error: tokens.csv:4: "),
        "{stopped:?}"
    );
    assert!(
        stopped
            .stderr
            .contains("the 2 lines before it were imported"),
        "{stopped:?}"
    );
    assert!(stopped.stderr.contains("--from-line 4"), "{stopped:?}");
    assert!(!stopped.stderr.contains(&token(3)), "{stopped:?}");
    platform.holding(&token(2), "whoami").ok();
    assert_eq!(platform.holding(&token(4), "whoami").code, 14);

    table(&[good(1), good(2), good(3), good(4)]);
    let line = "app-token import --table tokens.csv --from-line 4 --output json";
    let went_on = platform.admin(line).json();
    assert_eq!(went_on["imported"], 2);
    assert_eq!(went_on["items"][0]["line"], 4);
    platform.holding(&token(4), "whoami").ok();

    table(&[good(5)]);
    platform
        .admin("app-token import --table tokens.csv --invalidate-all")
        .ok();
    assert_eq!(platform.holding(&token(5), "whoami").code, 14);
    let revoked = platform.admin("app-token list --state revoked").ok();
    assert!(revoked.contains("t5"), "{revoked}");
}
