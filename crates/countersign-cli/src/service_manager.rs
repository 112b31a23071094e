//! What do a service manager and this process tell each other? (sd_listen_fds(3), sd_notify(3))

use std::{
    ffi::OsStr,
    os::unix::{
        ffi::OsStrExt as _,
        net::{SocketAddr, UnixDatagram, UnixListener},
    },
};

use listenfd::ListenFd;

use crate::{failure::Failure, output::Output};

/// The socket that was opened for us; `None` when none was.
pub(crate) fn socket() -> Result<Option<UnixListener>, Failure> {
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

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Requests are answered from now on.
    Ready,
    /// It was told to stop, and finishes what was begun.
    Stopping,
}

/// Tells it, if somebody wants to know: `listener` is what NOTIFY_SOCKET says. It goes on where that fails.
pub(crate) fn tell(told: Standing, listener: Option<&OsStr>, output: &Output) {
    let Some(listener) = listener else { return };
    let message = match told {
        Standing::Ready => "READY=1",
        Standing::Stopping => "STOPPING=1",
    };
    if let Err(error) = send(message, listener.as_bytes()) {
        output.warn(&format!(
            "cannot tell the service manager at {} that it is so: {message}: {error}",
            listener.display()
        ));
    }
}

fn send(message: &str, name: &[u8]) -> std::io::Result<()> {
    let to = match name.strip_prefix(b"@") {
        Some(name) => abstract_name(name)?,
        None => SocketAddr::from_pathname(OsStr::from_bytes(name))?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(message.as_bytes(), &to)
        .map(drop)
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
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        // What was told is here already, or was not told.
        socket.set_nonblocking(true).unwrap();
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    // sd_notify(3): "READY=1", "STOPPING=1"; a name that begins with @ is abstract.
    #[test]
    fn a_service_manager_hears_what_it_is_told_by_a_path_or_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("countersign-test-{}", std::process::id());
        let by_name = abstract_name(name.as_bytes()).unwrap();
        for (socket, listener) in [
            (
                UnixDatagram::bind(&path).unwrap(),
                path.to_str().unwrap().to_owned(),
            ),
            (
                UnixDatagram::bind_addr(&by_name).unwrap(),
                format!("@{name}"),
            ),
        ] {
            for (told, message) in [
                (Standing::Ready, "READY=1"),
                (Standing::Stopping, "STOPPING=1"),
            ] {
                tell(told, Some(OsStr::new(&listener)), &Output::default());
                assert_eq!(heard(&socket), message);
            }
        }
    }

    #[test]
    fn nobody_is_told_where_nobody_asks_or_listens() {
        for listener in [None, Some("/nowhere/notify"), Some("")] {
            tell(
                Standing::Ready,
                listener.map(OsStr::new),
                &Output::default(),
            );
        }
    }
}
