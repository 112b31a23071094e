//! Can a hostile server reach the terminal through what it says?

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
};

use crate::world::Home;

/// A server that answers every request for metadata properly and every other with `refusal`.
fn hostile(refusal: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let metadata = format!(
        r#"{{"issuer":"{issuer}","token_endpoint":"{issuer}/token","response_types_supported":[]}}"#
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            let mut request = String::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                request.push_str(&line);
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let (status, body) = match request.starts_with("GET ") {
                true => ("200 OK", metadata.as_str()),
                false => ("400 Bad Request", refusal),
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    issuer
}

// security.md C8
#[test]
fn controls_in_an_error_description_are_not_printed() {
    let issuer = hostile(
        r#"{"error":"access_denied","error_description":"no\u001b[2J\u009b31m\r\nhint: pay here\u202e"}"#,
    );
    let home = Home::new();
    home.run("cert new CN=a --out a.pem").ok();
    let ran = home.run(&format!("login {issuer} --app-id a --cert a.pem"));
    assert_eq!(ran.code, 10, "{ran:?}");
    assert!(ran.stderr.contains("no"), "{ran:?}");
    assert!(
        !ran.stderr.chars().any(|c| c != '\n' && c.is_control()),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("\nhint: pay here"), "{ran:?}");
    assert!(!ran.stderr.contains('\u{202e}'), "{ran:?}");
}

#[test]
fn colours_are_only_for_terminals() {
    let home = Home::new();
    let ran = home.run("token");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
}
