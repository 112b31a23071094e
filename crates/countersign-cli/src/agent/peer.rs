//! Which user's program is at the other end of the socket?

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use crate::output::Output;

/// Whose programs are served.
pub(super) struct Peers {
    users: BTreeSet<u32>,
    refused: AtomicU64,
    output: Output,
}

/// A program that is served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) user: u32,
    pub(super) process: Option<i32>,
    /// Whether it has to leave room for programs of other users.
    pub(super) company: Company,
}

/// Who else is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    Nobody,
    OtherUsers,
}

impl Peers {
    pub(super) fn new(users: BTreeSet<u32>, output: Output) -> Peers {
        Peers {
            users,
            refused: AtomicU64::new(0),
            output,
        }
    }

    /// Asks the system who connected (SO_PEERCRED): the peer has no say in it.
    pub(super) fn admit(&self, stream: &UnixStream) -> Option<Peer> {
        let peer = match stream.peer_cred() {
            Ok(credentials) => Peer {
                user: credentials.uid(),
                process: credentials.pid(),
                company: match self.users.len() {
                    0 | 1 => Company::Nobody,
                    _ => Company::OtherUsers,
                },
            },
            Err(error) => {
                self.output.warn(&format!(
                    "a connection was refused: its user is not known: {error}"
                ));
                return None;
            }
        };
        if self.users.contains(&peer.user) {
            return Some(peer);
        }
        let count = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        // Every one at first, then fewer: who is refused must not be able to fill a disk.
        if count.is_power_of_two() {
            let process = peer.process.unwrap_or_default();
            self.output.warn(&format!(
                "refused process {process} of user {}, who is not served here ({count} so far)",
                peer.user
            ));
        }
        None
    }
}

/// Tells a program that it is not served. What it sends is not looked at, but let come: a program
/// that cannot send does not read the answer.
pub(super) async fn turn_away(mut stream: UnixStream) {
    let told = async {
        stream.write_all(REFUSED).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(MOST), &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(PATIENCE, told).await;
}

const MOST: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

const REFUSED: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\n\
cache-control: no-store\r\nconnection: close\r\ncontent-length: 47\r\n\r\n\
{\"error\":\"this agent does not serve this user\"}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_who_is_refused_is_as_long_as_it_says() {
        let text = std::str::from_utf8(REFUSED).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
    }

    // security.md 132
    #[tokio::test]
    async fn a_program_of_another_user_is_refused_with_the_system_as_witness() {
        let me = rustix::process::geteuid().as_raw();
        let quiet = Output::default();
        for (users, served) in [
            ([me].into(), true),
            ([me + 1].into(), false),
            ([].into(), false),
        ] {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            let admitted = Peers::new(users, quiet).admit(&ours);
            assert_eq!(admitted.is_some(), served);
        }
    }

    // security.md 136
    #[tokio::test]
    async fn a_program_is_in_company_where_another_user_is_served_too() {
        let me = rustix::process::geteuid().as_raw();
        for (users, company) in [
            (BTreeSet::from([me]), Company::Nobody),
            (BTreeSet::from([me, me + 1]), Company::OtherUsers),
        ] {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            let admitted = Peers::new(users, Output::default()).admit(&ours);
            assert_eq!(admitted.unwrap().company, company);
        }
    }
}
