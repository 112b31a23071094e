//! What does a terminal cost that only waits for its browser?

use std::{
    net::SocketAddr,
    process::{Child, Stdio},
    time::Duration,
};

use countersign::proto::login::SUBPROTOCOL;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::parts;

const SOCKETS: usize = 2_000;
/// Measured: 8 KiB, of which a part is the allocator's. A reader that keeps a whole buffer for each
/// would take 128 KiB.
const KIB_EACH: u64 = 24;
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn thousands_of_sockets_that_wait_cost_little_memory_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (platform, address) = serve(folder.path()).await;
    let process = platform.0.id();
    // The first ones pay for what all of them share.
    let mut waiting = Vec::new();
    for number in 0..100 {
        waiting.push(socket(address, number).await);
    }
    let before = resident_kib(process);
    for number in 0..SOCKETS {
        waiting.push(socket(address, number).await);
    }
    let each = (resident_kib(process).saturating_sub(before)) / SOCKETS as u64;
    assert!(each <= KIB_EACH, "{each} KiB for each socket");

    // Somebody who asks is answered as if nobody were waiting.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop(waiting);
}

/// The process, killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A socket that was welcomed, from one of many addresses.
async fn socket(address: SocketAddr, number: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = format!("127.0.1.{}:0", 1 + number / 100);
    socket.bind(from.parse().unwrap()).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /login/socket HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("welcome") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut heard)).await;
        let count = read.unwrap().unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&heard));
    }
    stream
}

/// A platform in a process of its own, which waits for proofs longer than this test takes.
async fn serve(folder: &std::path::Path) -> (Running, SocketAddr) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let settings = format!(
        "issuer = \"http://{address}\"\n\
         [listen]\naddress = \"{address}\"\n\
         [store]\nurl = \"memory:\"\n\
         [limits]\nconnections = 20000\nper_source_per_minute = 1000000000\n\
         per_client_per_minute = 1000000000\n\
         [login]\nhello_s = 60\n"
    );
    let file = folder.join("countersign.toml");
    std::fs::write(&file, settings).unwrap();
    let mut command = parts::command(parts::countersign());
    command
        .arg("serve")
        .arg("--config")
        .arg(&file)
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let running = Running(command.spawn().unwrap());
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        if TcpStream::connect(address).await.is_ok() {
            return (running, address);
        }
    }
}

/// What a process holds in memory (proc(5), VmRSS).
fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}
