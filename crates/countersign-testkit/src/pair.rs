//! How does a test hold both ends at once?

use countersign::Client;

use crate::{ManualClock, TestPlatform, TestkitError, Wire};

/// A client and its platform, the wire between them and the clock that both read.
///
/// The application is called `service`, signs with [`crate::fixtures::service`], and maps to the principal `service`.
/// The wire has counted nothing yet.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pair {
    /// The SDK's client.
    pub client: Client,
    /// The platform.
    pub platform: TestPlatform,
    /// The clock of both.
    pub clock: ManualClock,
    /// What is between them.
    pub wire: Wire,
}

impl Pair {
    /// Both ends with every default.
    pub async fn new() -> Result<Pair, TestkitError> {
        let platform = TestPlatform::new().await?;
        let client = platform.application("service").register().await?;
        Ok(Pair::of(client, platform))
    }

    /// A client of a platform that was set up by hand.
    pub fn of(client: Client, platform: TestPlatform) -> Pair {
        Pair {
            client,
            clock: platform.clock().clone(),
            wire: platform.wire().clone(),
            platform,
        }
    }
}
