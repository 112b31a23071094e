//! Does a platform go on in PostgreSQL where it stopped in its file?

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
};

use super::place::{FILE, Place};
use crate::{
    postgres::{Cluster, PASSWORD},
    world::APP_ID,
};

/// What the platform answers to a question about a token.
fn introspected(place: &Place, token: &str) -> serde_json::Value {
    let asking = place.run("token --profile asker").ok();
    let address = place.issuer.strip_prefix("http://").unwrap();
    let body = format!("token={}", token.trim());
    let mut connection = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /oauth2/introspect HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         authorization: Bearer {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        asking.trim(),
        body.len()
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(json).expect(&answer)
}

// security.md 65, 70
#[test]
fn tokens_sessions_and_refreshes_go_on_after_a_move_to_postgresql() {
    let mut place = Place::new();
    place.is_signed_in("");
    place.run("refresh").ok();
    // A resource server, which may ask about tokens.
    let certificate = place.home.certificates().join("inventory-service.pem");
    for line in [
        format!("admin app update {APP_ID} --scope introspect --profile dev-admin"),
        format!(
            "login {} --app-id {APP_ID} --cert {} --scope introspect --profile asker",
            place.issuer,
            certificate.display()
        ),
    ] {
        place.run(&line).ok();
    }
    place.run("use default").ok();
    let of_person = place.run("token").ok();
    let of_service = place.run("token --profile dev").ok();
    let audit = |place: &Place| {
        let line = "admin audit --limit 500 --profile dev-admin --output json";
        place.run(line).json()["items"].as_array().unwrap().clone()
    };
    let written = audit(&place);
    place.stops();

    let cluster = Cluster::shared();
    let url = cluster.url_without_password(&cluster.database());
    let password = place.home.path().join("database.password");
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = format!(
        "store migrate --from {FILE} --to {url} --password-file database.password --output json"
    );
    let moved = place.run(&line).json();
    assert_eq!(moved["tables"]["session"], 1);
    assert_eq!(moved["tables"]["account"], 1);
    assert!(moved["tables"]["audit"].as_u64().unwrap() >= written.len() as u64);

    place.remembers_in(&format!(
        "url = \"{url}\"\npassword_file = \"database.password\""
    ));
    place.starts();
    for token in [&of_person, &of_service] {
        let found = introspected(&place, token);
        assert_eq!(found["active"], true, "{found}");
    }
    // Another token of the same key: the platform's keys came along.
    assert_eq!(place.run("token").ok(), of_person);
    assert_eq!(place.run("whoami --output json").json()["principal"], "dev");
    let refreshed = place.run("refresh --output json").json();
    assert_eq!(refreshed["refreshes_remaining"], 8, "two of ten are used");
    assert_ne!(place.run("token").ok(), of_person);
    // What was written down is there, in its order.
    let again = audit(&place);
    let offset = again.iter().position(|entry| *entry == written[0]).unwrap();
    assert_eq!(again[offset..], written);
    // Whoever signs in now does so by the password from before.
    place.is_signed_in("--profile second");
    let sessions = place.run("admin session list --profile dev-admin --output json");
    assert_eq!(sessions.json()["items"].as_array().unwrap().len(), 2);
}
