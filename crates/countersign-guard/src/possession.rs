//! Has whoever presents a token proved what it is bound to (RFC 9449 §7, RFC 8705 §3)?

use std::time::Duration;

use countersign_proto::{
    dpop::{self, ProofError, ProofRequest},
    metadata,
    thumbprint::Thumbprint,
    time::UnixTime,
    token::{Confirmation, TokenType},
};
use http::header::HOST;
use url::Url;

use crate::{
    Caller, PeerCertificate, Refusal,
    caller::Believed,
    nonce::Nonces,
    presented::{Presented, View},
    replay::{NotTaken, ROOM_AFTER, Replays},
};

/// What a guard knows to judge proofs by.
pub(crate) struct Possession {
    /// Under which address clients know the API, where that is said.
    origin: Option<Url>,
    /// Demanded where there are some.
    nonces: Option<Nonces>,
    replays: Replays,
}

/// When a request is judged.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: UnixTime,
    /// On [`crate::Clock::elapsed`].
    pub(crate) elapsed: Duration,
}

impl Possession {
    pub(crate) fn new(origin: Option<Url>, nonces: Option<Nonces>) -> Possession {
        Possession {
            origin,
            nonces,
            replays: Replays::new(),
        }
    }

    /// The caller, when what the token is bound to was proved with this request, and in no other way
    /// was it presented than it may be.
    pub(crate) fn prove(
        &self,
        believed: Believed,
        presented: Presented<'_>,
        view: View<'_>,
        moment: Moment,
    ) -> Result<Caller, Refusal> {
        let (key, certificate) = match believed.confirmation() {
            Confirmation::None => (None, None),
            Confirmation::Key(key) => (Some(key.as_str()), None),
            Confirmation::Certificate(certificate) => (None, Some(*certificate)),
            Confirmation::KeyAndCertificate(key, certificate) => {
                (Some(key.as_str()), Some(*certificate))
            }
            // A bond that came to be known later, and is not checked here.
            _ => return Err(Refusal::Inactive),
        };
        if let Some(certificate) = certificate {
            check_certificate(certificate, view)?;
        }
        match (key, presented.scheme) {
            (None, TokenType::Bearer) => {}
            (None, TokenType::DPoP) => return Err(Refusal::NotBound),
            (Some(_), TokenType::Bearer) => return Err(Refusal::BoundToKey),
            (Some(key), TokenType::DPoP) => self.check_proof(key, presented, view, moment)?,
        }
        Ok(believed.proved())
    }

    fn check_proof(
        &self,
        key: &str,
        presented: Presented<'_>,
        view: View<'_>,
        moment: Moment,
    ) -> Result<(), Refusal> {
        let proof = dpop::read(view.headers)
            .map_err(Refusal::Proof)?
            .ok_or(Refusal::ProofMissing)?;
        let targets = self.targets(view);
        let verify = |uri: &Url| {
            let request = ProofRequest {
                method: view.method,
                uri,
                access_token: Some(presented.token),
                nonce: None,
            };
            dpop::verify(proof, &request, moment.now)
        };
        let mut verified = Err(ProofError::Uri);
        for target in &targets {
            verified = verify(target);
            if verified.as_ref().err() != Some(&ProofError::Uri) {
                break;
            }
        }
        let proof = verified.map_err(Refusal::Proof)?;
        if proof.thumbprint() != key {
            return Err(Refusal::ProofOfOtherKey);
        }
        if let Some(nonces) = &self.nonces {
            let taken = proof
                .nonce()
                .is_some_and(|it| nonces.takes(it, moment.elapsed));
            if !taken {
                let newest = nonces.newest(moment.elapsed);
                return Err(newest.map_or(Refusal::unavailable(None), Refusal::NonceRequired));
            }
        }
        self.replays
            .take(&proof, moment.now)
            .map_err(|why| match why {
                NotTaken::Replayed => Refusal::ProofReplayed,
                NotTaken::Full => Refusal::Busy {
                    retry_after: ROOM_AFTER,
                },
            })
    }

    /// What `htu` may be: one address, or two when it is not known whether the request came over TLS,
    /// which is possible on loopback only.
    fn targets(&self, view: View<'_>) -> Vec<Url> {
        let path = view.uri.path();
        if let Some(origin) = &self.origin {
            let mut url = origin.clone();
            let base = origin.path().trim_end_matches('/');
            url.set_path(&format!("{base}{path}"));
            return vec![url];
        }
        let Some(authority) = authority(view) else {
            return Vec::new();
        };
        // The scheme of the address is what the client says. Tokens travel by TLS, but on loopback.
        let schemes: &[&str] = match is_loopback(authority) {
            true => &["https", "http"],
            false => &["https"],
        };
        let url = |scheme: &&str| Url::parse(&format!("{scheme}://{authority}{path}")).ok();
        schemes.iter().filter_map(url).collect()
    }
}

fn check_certificate(wanted: Thumbprint, view: View<'_>) -> Result<(), Refusal> {
    let certificate = view
        .extensions
        .get::<PeerCertificate>()
        .ok_or(Refusal::CertificateMissing)?;
    if certificate.thumbprint() != wanted {
        return Err(Refusal::OtherCertificate);
    }
    Ok(())
}

/// Whom the request was sent to (RFC 9112 §3.2.2, RFC 9113 §8.3.1): that of the address, else `Host`.
fn authority<'a>(view: View<'a>) -> Option<&'a str> {
    if let Some(authority) = view.uri.authority() {
        return Some(authority.as_str());
    }
    let mut hosts = view.headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    // A host is a host, and nothing that a URL parser would take for a path or a user.
    let is_host = !host.is_empty() && !host.contains(['/', '@', '?', '#', '\\', ' ']);
    (hosts.next().is_none() && is_host).then_some(host)
}

fn is_loopback(authority: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{authority}/")) else {
        return false;
    };
    metadata::is_loopback(&url)
}
