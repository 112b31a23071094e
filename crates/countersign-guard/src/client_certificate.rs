//! Which program is this, by the certificate of its connection?

use std::{collections::BTreeMap, fmt, future::ready, sync::Arc};

use countersign_proto::{
    certificate::{Certificate, LeafPolicyError, Validity},
    thumbprint::Thumbprint,
};
use http::{Extensions, HeaderMap, HeaderValue};
use tower_layer::Layer;

use crate::{
    Clock, PeerCertificate, SystemClock,
    first_factor::{Checked, Factor, FirstFactor, NotRecognized, Recognize, Recognizing},
};

/// A layer that lets through whoever holds the key of one of these certificates, and puts a
/// [`FirstFactor`] with its name into the request.
///
/// The certificate is that of the TLS connection, which [`PeerCertificate`] says; TLS has proved that
/// its key is there. It is believed because it is named here, each by itself: no chain leads to it,
/// and what an authority revokes is taken away here. Everybody else is answered by 403, since HTTP
/// cannot ask for a certificate.
#[derive(Clone)]
pub struct ClientCertificates {
    known: Arc<BTreeMap<Thumbprint, Known>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Known {
    name: String,
    certificate: Certificate,
}

impl Default for ClientCertificates {
    fn default() -> ClientCertificates {
        ClientCertificates {
            known: Arc::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl ClientCertificates {
    /// Knows nobody yet.
    #[must_use]
    pub fn new() -> ClientCertificates {
        ClientCertificates::default()
    }

    /// Whoever has this certificate has this name, while the certificate is valid. One that is given
    /// again gets the name that is given last.
    ///
    /// # Errors
    ///
    /// When the certificate says that it is for something else than signing in as a client.
    pub fn certificate(
        mut self,
        name: &str,
        certificate: &Certificate,
    ) -> Result<ClientCertificates, LeafPolicyError> {
        certificate.leaf_policy()?;
        let known = Known {
            name: name.to_owned(),
            certificate: certificate.clone(),
        };
        Arc::make_mut(&mut self.known).insert(certificate.sha256(), known);
        Ok(self)
    }

    /// By which clock a certificate is valid. Default: that of the operating system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> ClientCertificates {
        self.clock = clock;
        self
    }

    fn recognized(&self, extensions: &Extensions) -> Result<FirstFactor, NotRecognized> {
        let peer: &PeerCertificate = extensions.get().ok_or(NotRecognized::Missing)?;
        let known = self.known.get(&peer.thumbprint());
        let known = known.ok_or(NotRecognized::Unknown)?;
        match known.certificate.validity(self.clock.now()) {
            Validity::Valid => Ok(FirstFactor::new(&known.name, Factor::Certificate)),
            Validity::NotYet { .. } | Validity::Expired { .. } => Err(NotRecognized::NotValidNow),
        }
    }
}

impl<S> Layer<S> for ClientCertificates {
    type Service = Recognizing<S>;

    fn layer(&self, inner: S) -> Recognizing<S> {
        Recognizing::new(inner, Arc::new(self.clone()))
    }
}

impl Recognize for ClientCertificates {
    fn recognize(&self, _: &mut HeaderMap, extensions: &Extensions) -> Checked {
        Box::pin(ready(self.recognized(extensions)))
    }

    fn challenge(&self) -> Option<&HeaderValue> {
        None
    }
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.known.values().map(|known| &known.name);
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::Pin, time::Duration};

    use countersign_proto::time::UnixTime;
    use http::{Request, Response};

    use super::*;
    use crate::first_factor::tests::{ask, reason};

    struct At(u64);

    impl Clock for At {
        fn now(&self) -> UnixTime {
            UnixTime::from_secs(self.0)
        }

        fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::pending())
        }
    }

    /// Valid from 2020-01-01T00:00:00Z to 2021-01-01T00:00:00Z, as openssl says.
    const OF_2020: &str = include_str!("../../../testdata/refused/expired.pem");
    const BEGINS: u64 = 1_577_836_800;
    const ENDS: u64 = 1_609_459_200;

    fn certificate(pem: &str) -> Certificate {
        Certificate::all_from_pem(pem).unwrap().remove(0)
    }

    fn known() -> ClientCertificates {
        let known = ClientCertificates::new();
        known.certificate("robot", &certificate(OF_2020)).unwrap()
    }

    async fn answer(now: u64, presented: Option<&[u8]>) -> Response<String> {
        let mut request = Request::new(());
        if let Some(der) = presented {
            let peer = PeerCertificate::from_der(der);
            request.extensions_mut().insert(peer);
        }
        ask(&known().clock(Arc::new(At(now))), request).await
    }

    // security.md 51
    #[tokio::test]
    async fn a_certificate_is_recognized_while_it_is_valid_both_ends_included() {
        let der = certificate(OF_2020).der().to_vec();
        for now in [BEGINS, ENDS] {
            let response = answer(now, Some(&der)).await;
            assert_eq!(response.body(), "robot Certificate 0");
        }
        for now in [BEGINS - 1, ENDS + 1] {
            let response = answer(now, Some(&der)).await;
            assert_eq!(response.status(), 403);
            assert_eq!(reason(&response), NotRecognized::NotValidNow);
        }
    }

    // security.md 103
    #[tokio::test]
    async fn no_certificate_and_that_of_somebody_else_are_refused() {
        let response = answer(BEGINS, None).await;
        assert_eq!(response.status(), 403);
        assert!(response.headers().is_empty());
        assert_eq!(reason(&response), NotRecognized::Missing);
        let mut other = certificate(OF_2020).der().to_vec();
        *other.last_mut().unwrap() ^= 1;
        let response = answer(BEGINS, Some(&other)).await;
        assert_eq!(response.status(), 403);
        assert_eq!(reason(&response), NotRecognized::Unknown);
    }

    // security.md 104
    #[tokio::test]
    async fn a_certificate_in_a_header_counts_for_nothing() {
        let request = Request::builder()
            .header("client-cert", OF_2020.replace('\n', ""))
            .header("x-ssl-client-cert", OF_2020.replace('\n', ""));
        let layer = known().clock(Arc::new(At(BEGINS)));
        let response = ask(&layer, request.body(()).unwrap()).await;
        assert_eq!(reason(&response), NotRecognized::Missing);
    }

    // security.md 52
    #[test]
    fn a_certificate_that_is_for_something_else_is_not_registered() {
        for (pem, why) in [
            (
                include_str!("../../../testdata/refused/wrong-eku.pem"),
                LeafPolicyError::ExtendedKeyUsage,
            ),
            (
                include_str!("../../../testdata/refused/wrong-key-usage.pem"),
                LeafPolicyError::KeyUsage,
            ),
            (
                include_str!("../../../testdata/refused/certificate-authority.pem"),
                LeafPolicyError::KeyUsage,
            ),
        ] {
            let registered = ClientCertificates::new().certificate("x", &certificate(pem));
            assert_eq!(registered.unwrap_err(), why);
        }
    }
}
