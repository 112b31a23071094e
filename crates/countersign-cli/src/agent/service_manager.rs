//! What do a service manager and the agent tell each other? (sd_listen_fds(3), sd_notify(3))

use std::{
    ffi::OsStr,
    os::unix::{
        ffi::OsStrExt as _,
        net::{SocketAddr, UnixDatagram, UnixListener},
    },
};

use listenfd::ListenFd;

use crate::failure::Failure;

/// The socket that was opened for us; `None` when none was.
pub(super) fn socket() -> Result<Option<UnixListener>, Failure> {
    // What was meant for another process is left alone.
    let is_for_us = std::env::var_os("LISTEN_PID")
        .is_some_and(|process| process == std::process::id().to_string().as_str());
    if !is_for_us {
        return Ok(None);
    }
    let mut given = ListenFd::from_env();
    if given.len() > 1 {
        return Err(
            Failure::usage("the service manager gives more than one socket")
                .hint("let the socket unit have one ListenStream="),
        );
    }
    given.take_unix_listener(0).map_err(|error| {
        Failure::usage(format!(
            "what the service manager gives is not taken: {error}"
        ))
        .hint("ListenStream= of the socket unit is the path of a Unix socket")
    })
}

/// Tells it something, if it listens. The agent goes on whether or not that was heard.
pub(super) fn tell(listener: Option<&OsStr>, what: &str) {
    let Some(name) = listener.map(OsStr::as_bytes) else {
        return;
    };
    let address = match name.strip_prefix(b"@") {
        Some(name) => abstract_name(name),
        None => SocketAddr::from_pathname(OsStr::from_bytes(name)),
    };
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        let _ = socket.send_to_addr(what.as_bytes(), &address);
    }
}

/// A name that is no file, which Linux alone has.
#[cfg(target_os = "linux")]
fn abstract_name(name: &[u8]) -> std::io::Result<SocketAddr> {
    <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_name(_name: &[u8]) -> std::io::Result<SocketAddr> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_hears_what_it_is_told_by_a_path_or_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("countersign-test-{}", std::process::id());
        let by_name = abstract_name(name.as_bytes()).unwrap();
        for (socket, told) in [
            (
                UnixDatagram::bind(&path).unwrap(),
                path.to_str().unwrap().to_owned(),
            ),
            (
                UnixDatagram::bind_addr(&by_name).unwrap(),
                format!("@{name}"),
            ),
        ] {
            tell(Some(OsStr::new(&told)), "READY=1");
            let mut heard = [0; 16];
            let length = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1");
        }
        tell(None, "READY=1");
        tell(Some(OsStr::new("/nobody/is/there")), "READY=1");
    }
}
