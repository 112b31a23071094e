//! Does the doctor find what is wrong, and say what helps?

use std::io::{Read, Write};

use crate::world::{Home, Platform, Ran, ran};

/// What was found by the check of this name.
#[track_caller]
fn found(ran: &Ran, name: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect(&ran.stdout);
    let checks = report["items"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == name);
    check
        .unwrap_or_else(|| panic!("{name}: {report}"))
        .to_string()
}

fn service(platform: &Platform) -> std::path::PathBuf {
    platform.home.certificates().join("inventory-service.pem")
}

#[test]
fn a_missing_mapping_and_a_revoked_certificate_are_found() {
    let platform = Platform::start();
    let mappings = platform
        .run("admin mapping list --profile dev-admin --output json")
        .json();
    let mapping = mappings["items"].as_array().unwrap().iter();
    let mapping = mapping
        .clone()
        .find(|mapping| mapping["principal"] == "inventory-service")
        .unwrap();
    let id = mapping["id"].as_str().unwrap();
    platform
        .run(&format!("admin mapping delete {id} --profile dev-admin"))
        .ok();
    let ran = platform.run("doctor --profile dev --output json");
    assert_eq!(ran.code, 14);
    assert!(found(&ran, "sign-in").contains("principal_not_mapped"));

    let certificate = mapping["certificate"].as_str().unwrap();
    platform
        .run(&format!(
            "admin certificate revoke {certificate} --reason lost --profile dev-admin"
        ))
        .ok();
    let ran = platform.run("doctor --profile dev --output json");
    assert_eq!(ran.code, 14);
    assert!(found(&ran, "sign-in").contains("certificate_revoked"));
}

#[test]
fn a_missing_key_is_found_by_its_certificate_and_signing_in_is_not_tried() {
    let platform = Platform::start();
    let text = std::fs::read_to_string(service(&platform)).unwrap();
    let (certificate, _) = text.split_once("-----BEGIN PRIVATE KEY").unwrap();
    std::fs::write(service(&platform), certificate).unwrap();
    let ran = platform.run("doctor --profile dev --output json");
    assert_eq!(ran.code, 1);
    let key = found(&ran, "private key");
    assert!(
        key.contains("inventory-service.pem: there is no key for it"),
        "{key}"
    );
    assert!(found(&ran, "sign-in").contains("no certificate can sign"));
    assert_eq!(
        ran.stdout.matches("private key\"").count(),
        1,
        "of this one alone: {ran:?}"
    );
}

#[test]
fn a_name_that_is_not_known_is_found() {
    let ran = Home::new().run("doctor https://nobody.invalid --output json");
    assert_eq!(ran.code, 13);
    assert!(found(&ran, "name").contains("nobody.invalid: "));
}

#[test]
fn a_proxy_that_does_not_answer_is_named_without_its_password() {
    let home = Home::new();
    let mut command = home.command("doctor https://platform.invalid --output json");
    let ran = ran(command.env("HTTPS_PROXY", "http://u:canary@127.0.0.1:1"));
    assert_eq!(ran.code, 13);
    let connection = found(&ran, "connection");
    assert!(
        connection.contains("the proxy that HTTPS_PROXY names"),
        "{connection}"
    );
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"));
}

#[test]
fn a_server_whose_clock_differs_is_found() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let answer = "HTTP/1.1 404 Not Found\r\ndate: Tue, 01 Jan 2019 00:00:00 GMT\r\n\
                          content-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let ran = Home::new().run(&format!("doctor http://{address} --output json"));
    server.join().unwrap();
    let clock = found(&ran, "clock");
    assert!(
        clock.contains("ahead of the server's") && clock.contains("NTP"),
        "{clock}"
    );
    assert!(found(&ran, "discovery").contains("404"));
}

#[test]
fn a_proxy_of_the_environment_is_asked_unless_it_is_told_to_be_left_out() {
    let home = Home::new();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let doctor = || {
        let mut command = home.command("doctor https://platform.invalid --output json");
        command.env("HTTPS_PROXY", &address);
        command
    };
    // It never answers a word; each connection ends as soon as it was heard.
    let asked = std::thread::spawn({
        let proxy = proxy.try_clone().unwrap();
        move || {
            let (mut stream, _) = proxy.accept().unwrap();
            let mut heard = [0; 4096];
            let length = stream.read(&mut heard).unwrap();
            String::from_utf8_lossy(&heard[..length]).into_owned()
        }
    });
    let mut running = doctor()
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let heard = asked.join().unwrap();
    let _ = running.kill();
    running.wait().unwrap();
    assert!(
        heard.starts_with("CONNECT platform.invalid:443 "),
        "{heard}"
    );

    proxy.set_nonblocking(true).unwrap();
    while proxy.accept().is_ok() {} // what the one before still asked
    let ran = ran(doctor().env("NO_PROXY", "platform.invalid"));
    assert_eq!(ran.code, 13, "{ran:?}");
    assert_eq!(
        proxy.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}
