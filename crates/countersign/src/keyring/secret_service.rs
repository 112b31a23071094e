//! How is a keyring spoken to (Secret Service API 0.2, on the session bus)?
//!
//! In a plain session: its secrets cross a socket that only this user and root reach, and whoever
//! can watch that bus can ask the keyring as well. The other kind, Diffie-Hellman with 1024 bits to
//! a peer that proves nothing, would cost each command some milliseconds and keep nobody out.
//!
//! What is kept here is wiped. The library that speaks D-Bus does not do that with what it received,
//! so a copy of the key stays in this process until that memory is used again.
//!
//! Nothing is ever unlocked: that asks a person, who may not be there. A prompt that the keyring
//! offers is not run.

#[cfg(target_os = "linux")]
use std::os::unix::net::SocketAddr;
use std::{collections::HashMap, os::unix::net::UnixStream};

use serde::Serialize;
use tokio::try_join;
use zbus::{
    Address, Connection, DynamicType, Message, OwnedObjectPath, OwnedVariant, Variant,
    address::transport::{Transport, UnixSocket},
    connection::Builder,
    fdo,
};
use zeroize::Zeroizing;

use super::{Answer, FoundKeyring, KeyringProblem, Question};
use crate::cache_file::{KeyId, SealingKey};

const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const DEFAULT: &str = "/org/freedesktop/secrets/aliases/default";

/// By what a person finds the key in the keyring.
const LABEL: &str = "countersign: key of the token cache";
/// By what this program finds it: these, and `key` with its name.
const ATTRIBUTES: [(&str, &str); 2] = [("application", "countersign"), ("purpose", "token-cache")];

/// Of more keys than these something else is wrong.
const MOST_KEYS: usize = 8;

/// Session, parameters of its encryption, value, kind of content.
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

pub(super) async fn ask(bus: &str, question: Question) -> Result<Answer, KeyringProblem> {
    let service = Service::connect(bus).await?;
    match question {
        Question::Look => service.look().await.map(Answer::Found),
        Question::Key(id) => service.key(id).await.map(Answer::Key),
        Question::Keep(key) => {
            let made = service.make(&key).await?;
            // Whoever was quicker has perhaps sealed by theirs already, and nobody by ours.
            let agreed = service.key(None).await?;
            if let Some(agreed) = &agreed
                && agreed.id() != key.id()
            {
                service.delete(&made).await?;
            }
            Ok(Answer::Key(agreed))
        }
    }
}

struct Service {
    bus: Connection,
}

impl Service {
    async fn connect(bus: &str) -> Result<Service, KeyringProblem> {
        let unreachable = |error: std::io::Error| KeyringProblem::Unreachable(error.to_string());
        // Connected here: the library would look up the groups of the peer's user as well, on one more
        // thread, which takes longer than all of the rest.
        let socket = connect(&local(bus)?).map_err(unreachable)?;
        check_peer(&socket)?;
        socket.set_nonblocking(true).map_err(unreachable)?;
        Ok(Service {
            bus: Builder::unix_stream(socket).build().await?,
        })
    }

    /// The key with this name; or the one that seals from now on, which is the first by name, so
    /// that all who see the same keys take the same one.
    async fn key(&self, id: Option<KeyId>) -> Result<Option<SealingKey>, KeyringProblem> {
        // Both at once: neither needs the other's answer.
        let (session, items) = try_join!(self.open_session(), self.search(id))?;
        let mut keys = Vec::new();
        for item in items.unlocked.iter().take(MOST_KEYS) {
            let secret = self.secret(item, &session).await?;
            keys.extend(SealingKey::from_text(&secret));
        }
        keys.retain(|key| id.is_none_or(|id| key.id() == id));
        match keys.into_iter().min_by_key(SealingKey::id) {
            None if !items.locked.is_empty() => Err(KeyringProblem::Locked),
            key => Ok(key),
        }
    }

    async fn make(&self, key: &SealingKey) -> Result<OwnedObjectPath, KeyringProblem> {
        let (session, _) = try_join!(self.open_session(), self.default_collection())?;
        let id = key.id().to_string();
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from(LABEL)),
            (
                "org.freedesktop.Secret.Item.Attributes",
                Variant::from(attributes(Some(&id))),
            ),
        ]);
        let text = key.to_text();
        let no_parameters: &[u8] = &[];
        let secret = (&session, no_parameters, text.as_bytes(), "text/plain");
        let interface = "org.freedesktop.Secret.Collection";
        // Never in place of another: somebody may have sealed by that.
        let made = self
            .call(
                DEFAULT,
                interface,
                "CreateItem",
                &(properties, secret, false),
            )
            .await?;
        let (item, prompt): (OwnedObjectPath, OwnedObjectPath) = made.body().deserialize()?;
        match is_none(&item) || !is_none(&prompt) {
            true => Err(KeyringProblem::Locked), // it would ask somebody
            false => Ok(item),
        }
    }

    async fn delete(&self, item: &OwnedObjectPath) -> Result<(), KeyringProblem> {
        let interface = "org.freedesktop.Secret.Item";
        self.call(item.as_str(), interface, "Delete", &()).await?;
        Ok(())
    }

    async fn look(&self) -> Result<FoundKeyring, KeyringProblem> {
        let items = self.search(None).await?;
        if items.unlocked.is_empty() && !items.locked.is_empty() {
            return Err(KeyringProblem::Locked);
        }
        let collection = match items.unlocked.first().and_then(collection_of) {
            Some(collection) => collection.to_owned(),
            None => {
                let collection = self.default_collection().await?;
                let named = ("org.freedesktop.Secret.Collection", "Locked");
                let interface = "org.freedesktop.DBus.Properties";
                let locked = self
                    .call(collection.as_str(), interface, "Get", &named)
                    .await?;
                let (locked,): (OwnedVariant,) = locked.body().deserialize()?;
                if *locked == Variant::from(true) {
                    return Err(KeyringProblem::Locked);
                }
                collection.to_string()
            }
        };
        Ok(FoundKeyring {
            program: self.program().await,
            collection: collection.rsplit('/').next().unwrap_or_default().to_owned(),
            has_key: !items.unlocked.is_empty(),
        })
    }

    /// The name of the program that keeps the secrets. Nobody vouches for it.
    async fn program(&self) -> Option<String> {
        let named = (SERVICE,);
        let asked = self.bus.call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus"),
            "GetConnectionUnixProcessID",
            &named,
        );
        let (process,): (u32,) = asked.await.ok()?.body().deserialize().ok()?;
        // How it was called: the other name that the system keeps is cut after 15 bytes.
        let words = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let first = words.split(|byte| *byte == 0).next()?;
        let name = String::from_utf8_lossy(first);
        name.rsplit('/').next().map(str::to_owned)
    }

    async fn open_session(&self) -> Result<OwnedObjectPath, KeyringProblem> {
        let plain = ("plain", Variant::from(""));
        let opened = self.service("OpenSession", &plain).await?;
        let (_, session): (OwnedVariant, OwnedObjectPath) = opened.body().deserialize()?;
        Ok(session)
    }

    async fn search(&self, id: Option<KeyId>) -> Result<Items, KeyringProblem> {
        let id = id.map(|id| id.to_string());
        let found = self
            .service("SearchItems", &(attributes(id.as_deref()),))
            .await?;
        let (unlocked, locked) = found.body().deserialize()?;
        Ok(Items { unlocked, locked })
    }

    async fn secret(
        &self,
        item: &OwnedObjectPath,
        session: &OwnedObjectPath,
    ) -> Result<Zeroizing<Vec<u8>>, KeyringProblem> {
        let interface = "org.freedesktop.Secret.Item";
        let secret = self
            .call(item.as_str(), interface, "GetSecret", &(session,))
            .await?;
        let ((_, _, value, _),): (Secret,) = secret.body().deserialize()?;
        Ok(Zeroizing::new(value))
    }

    /// Where new secrets go.
    async fn default_collection(&self) -> Result<OwnedObjectPath, KeyringProblem> {
        let named = self.service("ReadAlias", &("default",)).await?;
        let (collection,): (OwnedObjectPath,) = named.body().deserialize()?;
        match is_none(&collection) {
            true => Err(KeyringProblem::NoCollection),
            false => Ok(collection),
        }
    }

    async fn service<B: Serialize + DynamicType>(
        &self,
        method: &str,
        body: &B,
    ) -> Result<Message, KeyringProblem> {
        let interface = "org.freedesktop.Secret.Service";
        self.call(ROOT, interface, method, body).await
    }

    async fn call<B: Serialize + DynamicType>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, KeyringProblem> {
        let answer = self
            .bus
            .call_method(Some(SERVICE), path, Some(interface), method, body);
        Ok(answer.await?)
    }
}

struct Items {
    unlocked: Vec<OwnedObjectPath>,
    locked: Vec<OwnedObjectPath>,
}

/// The first socket of this machine in a list of addresses.
fn local(bus: &str) -> Result<UnixSocket, KeyringProblem> {
    let addresses = bus.split(';').filter_map(|one| one.parse::<Address>().ok());
    let mut sockets = addresses.filter_map(|address| match address.transport() {
        Transport::Unix(unix) => Some(unix.path().clone()),
        _ => None,
    });
    let unfit = || KeyringProblem::Unreachable("its address is that of no local socket".to_owned());
    sockets.next().ok_or_else(unfit)
}

fn connect(socket: &UnixSocket) -> std::io::Result<UnixStream> {
    match socket {
        UnixSocket::File(path) => UnixStream::connect(path),
        #[cfg(target_os = "linux")]
        UnixSocket::Abstract(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            let address = SocketAddr::from_abstract_name(name.as_encoded_bytes())?;
            UnixStream::connect_addr(&address)
        }
        // A folder is where a bus puts its socket, and not one.
        _ => Err(std::io::ErrorKind::Unsupported.into()),
    }
}

/// What another user listens on is no bus of ours: it would be told our secrets.
fn check_peer(socket: &UnixStream) -> Result<(), KeyringProblem> {
    #[cfg(target_os = "linux")]
    {
        let peer = rustix::net::sockopt::socket_peercred(socket);
        let peer = peer.map_err(|errno| KeyringProblem::Unreachable(errno.to_string()))?;
        if peer.uid != rustix::process::geteuid() {
            return Err(KeyringProblem::NotOurs(peer.uid.as_raw()));
        }
    }
    let _ = socket;
    Ok(())
}

fn attributes(id: Option<&str>) -> HashMap<&str, &str> {
    let id = id.map(|id| ("key", id));
    ATTRIBUTES.into_iter().chain(id).collect()
}

/// The path that stands for no object.
fn is_none(path: &OwnedObjectPath) -> bool {
    path.as_str() == "/"
}

/// The collection of an item.
fn collection_of(item: &OwnedObjectPath) -> Option<&str> {
    item.as_str()
        .rsplit_once('/')
        .map(|(collection, _)| collection)
}

impl From<zbus::Error> for KeyringProblem {
    fn from(error: zbus::Error) -> KeyringProblem {
        match &error {
            zbus::Error::MethodError(name, _, _) => match name.as_str() {
                "org.freedesktop.Secret.Error.IsLocked" => KeyringProblem::Locked,
                _ => KeyringProblem::Refused(error.to_string()),
            },
            zbus::Error::FDO(answer) => match **answer {
                fdo::Error::ServiceUnknown(_)
                | fdo::Error::NameHasNoOwner(_)
                | fdo::Error::SpawnExecFailed(_)
                | fdo::Error::SpawnChildExited(_) => KeyringProblem::NoService,
                fdo::Error::NoReply(_) | fdo::Error::TimedOut(_) | fdo::Error::Timeout(_) => {
                    KeyringProblem::NoAnswer
                }
                _ => KeyringProblem::Refused(error.to_string()),
            },
            _ => KeyringProblem::Unreachable(error.to_string()),
        }
    }
}
