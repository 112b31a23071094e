//! How do several nodes stand behind one address?

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
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
