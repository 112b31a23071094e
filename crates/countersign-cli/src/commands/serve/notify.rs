//! How does whoever started the platform learn that it serves, and that it stops?
//!
//! systemd names a socket in NOTIFY_SOCKET (sd_notify(3)): a datagram tells it. Where there is none
//! nobody wants to know.

use std::{
    io,
    os::unix::net::{SocketAddr, UnixDatagram},
};

use crate::output::Output;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Requests are answered from now on.
    Ready,
    /// It was told to stop, and finishes what was begun.
    Stopping,
}

/// Tells it, if somebody wants to know. It goes on where that fails.
pub(crate) fn tell(told: Told, socket: Option<&str>, output: &Output) {
    let Some(socket) = socket else { return };
    let message = match told {
        Told::Ready => "READY=1",
        Told::Stopping => "STOPPING=1",
    };
    if let Err(error) = send(message, socket) {
        output.warn(&format!(
            "cannot tell {socket} that it is so: {message}: {error}"
        ));
    }
}

fn send(message: &str, socket: &str) -> io::Result<()> {
    let to = match socket.strip_prefix('@') {
        Some(name) => abstract_address(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(message.as_bytes(), &to)
        .map(drop)
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &str) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    // sd_notify(3): "READY=1", "STOPPING=1"; a name that begins with @ is abstract.
    #[test]
    fn a_socket_is_told_by_its_path_and_by_its_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let named = UnixDatagram::bind(&path).unwrap();
        let name = format!("countersign-{}", std::process::id());
        let address = abstract_address(&name).unwrap();
        let abstract_one = UnixDatagram::bind_addr(&address).unwrap();
        let output = Output::default();
        for (socket, text) in [
            (&named, path.to_str().unwrap().to_owned()),
            (&abstract_one, format!("@{name}")),
        ] {
            tell(Told::Ready, Some(&text), &output);
            assert_eq!(heard(socket), "READY=1");
            tell(Told::Stopping, Some(&text), &output);
            assert_eq!(heard(socket), "STOPPING=1");
        }
    }

    #[test]
    fn nobody_is_told_where_nobody_asks_or_listens() {
        let output = Output::default();
        for socket in [None, Some("/nowhere/notify"), Some("")] {
            tell(Told::Ready, socket, &output);
        }
    }
}
