//! How does a notice get to its receiver?

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode};
use url::Url;

use super::{Notice, delivery::Sent, queue::Queue, signature};
use crate::{
    Platform, config,
    outbound::{Answer, Outbound, OutboundError, Signed},
};

/// Time for the receiver to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Which event it is, for whoever sorts them before they are read.
const NAME: HeaderName = HeaderName::from_static("countersign-event");

/// The receiver of every event, and what waits for it.
pub(super) struct Webhook {
    receiver: Url,
    outbound: Outbound,
    pub(super) queue: Queue,
}

impl Webhook {
    /// Trusts the authorities of `fallback` when the receiver has none of its own.
    ///
    /// # Errors
    /// What is wrong with the file of authorities.
    pub(super) fn new(
        settings: &config::Settings,
        webhook: &config::Webhook,
        queue: Queue,
    ) -> Result<Webhook, String> {
        let outbound = match &webhook.ca_bundle {
            Some(own) => Outbound::trusting("events.webhook_ca_bundle", own, 1),
            None => Outbound::new(settings.outbound_ca_bundle.as_deref(), 1),
        };
        Ok(Webhook {
            receiver: webhook.url.clone(),
            outbound: outbound?,
            queue,
        })
    }

    /// Sends a notice once. The key that is active now signs it.
    pub(super) async fn send(&self, platform: &Platform, notice: Arc<Notice>) -> Sent {
        let signed = signature::sign(
            &notice,
            &platform.keys(),
            platform.issuer(),
            &self.receiver,
            platform.now(),
        );
        let signature = match signed {
            Ok(signature) => signature,
            Err(fault) => return Sent::Failed(fault.to_string()),
        };
        let document = Signed {
            body: notice.body.clone(),
            headers: [
                (signature::HEADER, signature),
                (NAME, HeaderValue::from_static(notice.name.as_str())),
            ],
        };
        let answer = self.outbound.deliver(&self.receiver, document, PATIENCE);
        judged(answer.await)
    }
}

/// Any status of success is a receipt. A few mean that the same bytes will never be taken; all
/// others, redirects among them, may be the fault of a moment.
fn judged(answer: Result<Answer, OutboundError>) -> Sent {
    match answer {
        Ok(answer) if answer.status.is_success() => Sent::Taken,
        Ok(answer) => {
            let cause = format!("it answered {}", answer.status.as_u16());
            match answer.status {
                StatusCode::BAD_REQUEST
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY => Sent::Refused(cause),
                _ => Sent::Failed(cause),
            }
        }
        Err(error) => Sent::Failed(error.to_string()),
    }
}
