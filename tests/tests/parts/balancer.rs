//! How do several nodes stand behind one address?

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Takes each connection at one address and gives it to a node: sockets of sign-ins to one, all else to another.
pub(crate) struct Balancer {
    address: SocketAddr,
    nodes: Arc<Mutex<Nodes>>,
    taking: JoinHandle<()>,
}

/// Which node serves what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes {
    pub(crate) of_sockets: SocketAddr,
    pub(crate) of_pages: SocketAddr,
}

impl Balancer {
    pub(crate) async fn start(nodes: Nodes) -> Balancer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let nodes = Arc::new(Mutex::new(nodes));
        let shared = nodes.clone();
        let taking = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let nodes = *shared.lock().unwrap_or_else(PoisonError::into_inner);
                tokio::spawn(pass_on(client, nodes));
            }
        });
        Balancer {
            address,
            nodes,
            taking,
        }
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives connections to these from now on.
    pub(crate) fn give_to(&self, nodes: Nodes) {
        *self.nodes.lock().unwrap_or_else(PoisonError::into_inner) = nodes;
    }
}

/// Takes each connection at one address and gives it to a node that says it is ready, each in its turn. It tries no
/// second node: what fails there fails for whoever asked.
pub(crate) struct ReadyBalancer {
    address: SocketAddr,
    ready: watch::Receiver<Vec<SocketAddr>>,
    _working: JoinSet<()>,
}

/// How often each node is asked whether it is ready.
pub(crate) const ASKED_EVERY: Duration = Duration::from_millis(20);

impl ReadyBalancer {
    pub(crate) async fn start(nodes: Vec<SocketAddr>) -> ReadyBalancer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (seen, ready) = watch::channel(Vec::new());
        let mut working = JoinSet::new();
        working.spawn(async move {
            let mut ticks = tokio::time::interval(ASKED_EVERY);
            loop {
                ticks.tick().await;
                let mut now = Vec::new();
                for node in &nodes {
                    if is_ready(*node).await == Some(true) {
                        now.push(*node);
                    }
                }
                seen.send_if_modified(|before| {
                    let is_new = *before != now;
                    *before = now;
                    is_new
                });
            }
        });
        let to = ready.clone();
        working.spawn(async move {
            let mut turn = 0;
            let mut carrying = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                turn += 1;
                let node = {
                    let ready = to.borrow();
                    ready.get(turn % ready.len().max(1)).copied()
                };
                if let Some(node) = node {
                    carrying.spawn(carry(client, node));
                }
            }
        });
        ReadyBalancer {
            address,
            ready,
            _working: working,
        }
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it gives connections to so many nodes.
    pub(crate) async fn sees(&mut self, count: usize) {
        let seen = self.ready.wait_for(|ready| ready.len() == count).await;
        seen.expect("it goes on looking");
    }
}

async fn carry(mut client: TcpStream, node: SocketAddr) {
    if let Ok(mut node) = TcpStream::connect(node).await {
        let _ = copy_bidirectional(&mut client, &mut node).await;
    }
}

/// As a balancer asks: a new connection each time.
async fn is_ready(node: SocketAddr) -> Option<bool> {
    let mut stream = TcpStream::connect(node).await.ok()?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {node}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Some(answer.starts_with(b"HTTP/1.1 200 "))
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

/// By the path of the first request; who asks for something else makes another connection.
async fn pass_on(mut client: TcpStream, nodes: Nodes) -> Option<()> {
    let mut first = vec![0; 4096];
    let length = client.read(&mut first).await.ok()?;
    let is_socket = String::from_utf8_lossy(&first[..length]).contains("/login/socket ");
    let node = if is_socket {
        nodes.of_sockets
    } else {
        nodes.of_pages
    };
    let mut node = TcpStream::connect(node).await.ok()?;
    node.write_all(&first[..length]).await.ok()?;
    copy_bidirectional(&mut client, &mut node).await.ok()?;
    Some(())
}
