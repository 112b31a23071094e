//! How does a sign-in through a browser begin?

use std::net::IpAddr;

use countersign_proto::login::{ServerBody, ServerMessage, VerifiedHello, label};
use url::Url;

use super::stored;
use crate::{
    Platform,
    login::{Asked, Login},
    policy, random,
    refusal::Fault,
    source::Source,
};

/// A login that has begun, on the connection that began it.
pub(crate) struct Begun {
    /// Under which name it is kept.
    pub(crate) id: String,
    /// Which connection this is.
    pub(crate) epoch: u64,
    /// What the terminal is told: the link, and the id to come back with.
    pub(crate) message: ServerMessage,
}

/// Why none begins.
#[derive(Debug)]
pub(crate) enum NotBegun {
    /// This source has too many under way, or begins them too fast.
    TooMany,
    /// The terminal offers no way that the platform permits.
    NoWay,
    Fault(Fault),
}

/// Begins a login for a terminal that has proved its key.
///
/// # Errors
/// [`NotBegun`]
pub(crate) async fn begin(
    platform: &Platform,
    hello: &VerifiedHello,
    peer: Option<IpAddr>,
) -> Result<Begun, NotBegun> {
    let now = platform.now();
    let address = platform.observed(peer);
    let asked = hello.hello();
    let policy = platform.settings().session.binding;
    let ways = policy::ways(policy, &asked.bind, asked.loopback.as_ref())
        .map_err(|policy::NoWay| NotBegun::NoWay)?;
    if !platform.logins().admit(address) {
        return Err(NotBegun::TooMany);
    }
    let source = Source::of(address);
    // Counting and adding belong together: one at a time for each source.
    let _turn = platform.logins().turn_of(source).await;
    let source = source.to_string();
    let most = platform.settings().limits.logins_per_source;
    let under_way = platform.store().live_logins(&source, now).await?;
    if address.is_some() && under_way >= most {
        return Err(NotBegun::TooMany);
    }

    let sid = random::token_id()?;
    let handle = random::token_id()?;
    let login = Login::begin(
        Asked {
            proof: hello.thumbprint().to_owned(),
            address,
            label: label(&sid),
            client: (&asked.client).into(),
            scope: asked.scope.to_string(),
            login_hint: asked.login_hint.clone(),
            ways,
        },
        platform.settings().login,
        now,
    );
    let key = platform.login_key()?;
    let id = key.id(&sid);
    let row = stored::row(id.clone(), key.handle(&handle), source, &login)?;
    platform.store().create_login(row).await?;
    platform.metrics().login_begun();
    Ok(Begun {
        id,
        epoch: login.epoch(),
        message: ServerMessage::numbered(
            login.last_seq(),
            ServerBody::Session {
                sid,
                url: link(platform, &handle),
                label: login.asked().label.clone(),
                bind: login.asked().binding(),
                fallback: login.asked().fallback(),
                expires_in_s: login.expires_at().since(now).as_secs(),
            },
        ),
    })
}

fn link(platform: &Platform, handle: &str) -> Url {
    platform.url_of(&format!("{}/login/{handle}", platform.base_path()))
}

impl<E: Into<Fault>> From<E> for NotBegun {
    fn from(error: E) -> NotBegun {
        NotBegun::Fault(error.into())
    }
}
