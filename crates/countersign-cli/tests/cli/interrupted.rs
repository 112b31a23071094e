//! How does a command end when it is told to?

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStderr, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::Home;

fn tell(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}

#[test]
fn ctrl_c_ends_a_command_that_waits_for_a_server_with_130() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new();
    home.run("cert new CN=a --out a.pem").ok();
    let address = listener.local_addr().unwrap();
    let mut command = home.command(&format!("login http://{address} --app-id a --cert a.pem"));
    let process = command
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let connection = listener.accept().unwrap();
    tell(&process, Signal::INT);
    let output = process.wait_with_output().unwrap();
    drop(connection);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: interrupted\n"
    );
}

/// An address that nobody listens at.
pub(crate) fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// A running `countersign serve`, and what it says.
pub(crate) struct Serving {
    pub(crate) process: Child,
    said: BufReader<ChildStderr>,
}

impl Serving {
    /// With these settings besides the address, which is answered too.
    pub(crate) fn start(home: &Home, scheme: &str, settings: &str) -> (Serving, String) {
        let address = free_address();
        let issuer = format!("{scheme}://{address}");
        let settings = format!(
            "[store]\nurl = \"sqlite:platform.sqlite\"\n[secrets]\nfile = \"secrets.toml\"\n{settings}"
        );
        (Serving::at(home, &issuer, &address, &settings), address)
    }

    /// The same at this address, with all other settings.
    pub(crate) fn at(home: &Home, issuer: &str, address: &str, settings: &str) -> Serving {
        let settings =
            format!("issuer = \"{issuer}\"\n[listen]\naddress = \"{address}\"\n{settings}");
        std::fs::write(home.path().join("countersign.toml"), settings).unwrap();
        let mut command = home.command("serve --config countersign.toml");
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        let mut serving = Serving { process, said };
        serving.wait_for("is served at");
        serving
    }

    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert_ne!(
                self.said.read_line(&mut line).unwrap(),
                0,
                "it ended before {words:?}"
            );
        }
    }

    /// How it ends, and the rest of what it says.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        let rest = self.said.lines().map_while(Result::ok).collect();
        (self.process.wait().unwrap().code(), rest)
    }
}

#[test]
fn a_platform_ends_well_when_it_is_told_to() {
    let home = Home::new();
    for signal in [Signal::TERM, Signal::INT] {
        let (serving, _) = Serving::start(&home, "http", "");
        tell(&serving.process, Signal::HUP); // without TLS there is nothing to reload, and nothing stops
        tell(&serving.process, signal);
        let (code, rest) = serving.end();
        assert_eq!(code, Some(0), "{rest:?}");
    }
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_a_request_that_does_not_end() {
    let home = Home::new();
    let limits = "[limits]\nbody_s = 300\ndrain_s = 600\n";
    let (mut serving, address) = Serving::start(&home, "http", limits);
    let mut slow = TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\
         content-type: application/x-www-form-urlencoded\r\nexpect: 100-continue\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 12];
    slow.read_exact(&mut go_on).unwrap(); // it has read the head and wants the body
    assert_eq!(&go_on, b"HTTP/1.1 100");

    tell(&serving.process, Signal::INT);
    serving.wait_for("stopping; once more to stop at once");
    assert_eq!(
        serving.process.try_wait().unwrap(),
        None,
        "it waits for the request"
    );
    tell(&serving.process, Signal::INT);
    let (code, rest) = serving.end();
    assert_eq!(code, Some(130), "{rest:?}");
    let error = "error: stopped without waiting for requests to end".to_owned();
    assert!(rest.contains(&error), "{rest:?}");
}

/// Writes a certificate for 127.0.0.1 by a new authority of this name.
fn write_tls(home: &Home, authority: &str) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write(authority, &root.pem());
    write("tls.pem", &leaf.pem());
    write("tls.key", &key.serialize_pem());
}

#[test]
fn sighup_reads_the_tls_certificate_again_and_a_wrong_one_does_not_replace_it() {
    let home = Home::new();
    home.run("cert new CN=a --out a.pem").ok();
    write_tls(&home, "first.pem");
    let tls = "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n";
    let (mut serving, address) = Serving::start(&home, "https", tls);
    // 14: the platform answered, and does not know this certificate. 13: no TLS session.
    let code = |authority: &str| {
        home.run(&format!(
            "login https://{address} --app-id a --cert a.pem --ca-bundle {authority}"
        ))
        .code
    };
    assert_eq!(code("first.pem"), 14);

    write_tls(&home, "second.pem");
    tell(&serving.process, Signal::HUP);
    serving.wait_for("the TLS certificate was read again");
    assert_eq!((code("first.pem"), code("second.pem")), (13, 14));

    std::fs::write(home.path().join("tls.pem"), "not a certificate").unwrap();
    tell(&serving.process, Signal::HUP);
    serving.wait_for("the TLS certificate from before stays");
    assert_eq!(code("second.pem"), 14);

    tell(&serving.process, Signal::TERM);
    let (code, rest) = serving.end();
    assert_eq!(code, Some(0), "{rest:?}");
}
