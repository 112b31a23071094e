//! How long are credentials of AWS served before new ones are got?

use std::{collections::BTreeMap, time::Duration};

use countersign::{Clock as _, SystemClock, proto::time::UnixTime};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    aws::{Credentials, Exchange},
    failure::Failure,
    session::Held,
};

/// A role, and its credentials for each profile that asked.
pub(super) struct AwsRole {
    exchange: Exchange,
    /// Held while they are got: of many who ask one goes.
    served: Mutex<BTreeMap<String, Served>>,
}

struct Served {
    credentials: Credentials,
    renew_at: UnixTime,
}

/// The SDKs of AWS ask again this long before the end, at each use.
const SDK_ASKS: Duration = Duration::from_secs(15 * 60);

impl AwsRole {
    pub(super) fn new(exchange: Exchange) -> AwsRole {
        AwsRole {
            exchange,
            served: Mutex::new(BTreeMap::new()),
        }
    }

    /// Credentials for this profile: those that are there, or new ones. When none can be had, those
    /// from before are served while they live.
    pub(super) async fn credentials(&self, profile: &str, held: &Held) -> Result<Value, Failure> {
        let mut served = self.served.lock().await;
        let now = SystemClock.now();
        if let Some(served) = served.get(profile).filter(|served| now < served.renew_at) {
            return Ok(served.credentials.of_a_container());
        }
        match self.exchange.credentials(held).await {
            Ok(credentials) => {
                let object = credentials.of_a_container();
                let renew_at = renewal(now, credentials.expires_at);
                let new = Served {
                    credentials,
                    renew_at,
                };
                served.insert(profile.to_owned(), new);
                Ok(object)
            }
            Err(failure) => match served.get(profile) {
                Some(served) if now < served.credentials.expires_at => {
                    Ok(served.credentials.of_a_container())
                }
                _ => Err(failure),
            },
        }
    }
}

/// A minute before the SDKs begin to ask, or in the middle of a short life.
fn renewal(now: UnixTime, expires_at: UnixTime) -> UnixTime {
    let life = expires_at.since(now);
    expires_at.minus((SDK_ASKS + Duration::from_secs(60)).min(life / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_renewed_before_the_sdks_ask_or_in_the_middle_of_a_short_life() {
        let at = UnixTime::from_secs;
        assert_eq!(renewal(at(1000), at(1000 + 3600)), at(1000 + 3600 - 960));
        assert_eq!(renewal(at(1000), at(1000 + 900)), at(1000 + 450));
        assert_eq!(renewal(at(1000), at(900)), at(900));
    }
}
