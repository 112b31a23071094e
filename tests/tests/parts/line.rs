//! How does the network between two ends fail?

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A TCP address that leads to wherever it is told. The address stays, whoever is at the other end.
pub(crate) struct Line {
    address: SocketAddr,
    leads: watch::Sender<Leads>,
    taking: JoinHandle<()>,
}

/// Where connections lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To this address.
    To(SocketAddr),
    /// To this address, and of an answer the last byte does not come: the connection ends before it.
    AlmostTo(SocketAddr),
    /// Nowhere: each is closed as it comes.
    Nowhere,
}

impl Line {
    /// A line that leads nowhere yet.
    pub(crate) async fn start() -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (leads, told) = watch::channel(Leads::Nowhere);
        let taking = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut told = told.clone();
                let leads = *told.borrow_and_update();
                tokio::spawn(async move {
                    // Connections that are there end when the line leads elsewhere.
                    tokio::select! {
                        _ = told.changed() => {}
                        _ = carry(client, leads) => {}
                    }
                });
            }
        });
        Line {
            address,
            leads,
            taking,
        }
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads there from now on; connections that are there are cut.
    pub(crate) fn lead(&self, leads: Leads) {
        self.leads.send_replace(leads);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

async fn carry(mut client: TcpStream, leads: Leads) -> io::Result<()> {
    match leads {
        Leads::Nowhere => {}
        Leads::To(there) => {
            let mut there = TcpStream::connect(there).await?;
            copy_bidirectional(&mut client, &mut there).await?;
        }
        Leads::AlmostTo(there) => {
            let mut there = TcpStream::connect(there).await?;
            let (mut questions, mut back) = client.split();
            let (mut answers, mut forth) = there.split();
            let cut = async {
                let mut answer = vec![0; 64 * 1024];
                let length = answers.read(&mut answer).await?;
                back.write_all(&answer[..length.saturating_sub(1)]).await
            };
            tokio::select! {
                _ = copy(&mut questions, &mut forth) => {}
                _ = cut => {}
            }
        }
    }
    Ok(())
}
