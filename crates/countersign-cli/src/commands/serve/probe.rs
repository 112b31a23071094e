//! Is the platform of these settings, on this machine, ready?
//!
//! For whoever watches a container that has no other program in it. One request over plain HTTP to the
//! address that the platform listens on; a platform that speaks TLS itself is watched from outside.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use countersign_server::config::Settings;

use crate::{
    failure::{Exit, Failure},
    output::Output,
};

/// How long connecting, asking and answering may take, each.
const PATIENCE: Duration = Duration::from_secs(3);
/// A status line is shorter.
const HEAD_MAX: u64 = 1024;

pub(crate) fn run(settings: &Settings, output: &Output) -> Result<(), Failure> {
    if settings.tls.is_some() {
        return Err(
            Failure::usage("the platform speaks TLS, and a probe speaks plain HTTP").hint(
                "ask /readyz of the issuer's address over https, from where its certificate is \
                 believed",
            ),
        );
    }
    let address = reached(settings.listen);
    let said = ask(address).map_err(|error| {
        Failure::new(Exit::Network, format!("{address} does not answer: {error}"))
            .hint("is the platform started? its log says why not")
    })?;
    match said.split(' ').nth(1) {
        Some("200") => {
            output.note(&format!("{address} is ready"));
            Ok(())
        }
        _ => Err(Failure::other(format!("{address} is not ready: {said}"))
            .hint("the platform's log says what it waits for")),
    }
}

/// An address that listens everywhere is reached by loopback.
fn reached(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status line of the answer.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(HEAD_MAX).read_to_end(&mut answer)?;
    let line = answer.split(|byte| *byte == b'\r').next();
    Ok(String::from_utf8_lossy(line.unwrap_or_default()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_reached_by_loopback() {
        for (listens, reaches) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.1.2.3:443", "10.1.2.3:443"),
        ] {
            assert_eq!(reached(listens.parse().unwrap()), reaches.parse().unwrap());
        }
    }
}
