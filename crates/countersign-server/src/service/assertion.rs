//! Is this assertion believed? Steps 1 to 8 of protocol.md.

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    assertion::{
        AssertionError, Expectation, PLATFORM_CLIENT_ID, Purpose, UnverifiedAssertion,
        VerifiedAssertion as VerifiedClaims,
    },
    certificate::Validity,
    jws::JwsError,
    key::PublicKey,
    management::{Application, CertificateUsage},
    time::UnixTime,
};

use super::{DummyKeys, forwarding::admits_provider_audience};
use crate::{
    refusal::Refusal,
    registry::{CertificateEntry, Registry},
};

/// An assertion that passed steps 1 to 8, and the certificate that vouches for it.
///
/// ```compile_fail,E0451
/// # use countersign_server::VerifiedAssertion;
/// fn without_verifying() -> VerifiedAssertion {
///     VerifiedAssertion {
///         claims: panic!(), certificate: panic!(), application: panic!(), lifetime_max: panic!(),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct VerifiedAssertion {
    pub(super) claims: VerifiedClaims,
    pub(super) certificate: Arc<CertificateEntry>,
    pub(super) application: Option<Arc<Application>>,
    /// How long it may live at most.
    pub(super) lifetime_max: Duration,
}

/// What the platform holds an assertion against.
pub(crate) struct Rules<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) dummies: &'a DummyKeys,
    pub(crate) issuer: &'a str,
    pub(crate) token_endpoint: &'a str,
    /// The issuer of the provider that assertions are forwarded to.
    pub(crate) provider: Option<&'a str>,
    pub(crate) lifetime_max: Duration,
    pub(crate) now: UnixTime,
}

/// A refusal, and who it was when the signature was good: then it is audited.
#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) refusal: Refusal,
    pub(crate) identified: Option<Identified>,
}

/// Somebody whose signature was good.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    pub(crate) client_id: String,
    pub(crate) certificate: String,
}

impl VerifiedAssertion {
    /// Steps 1 to 8. `stated_client_id` is the form's `client_id`, when there was one.
    pub(crate) fn verify(
        presented: &str,
        purpose: Purpose,
        stated_client_id: Option<&str>,
        rules: &Rules<'_>,
    ) -> Result<VerifiedAssertion, Denial> {
        let unrecognised = |cause: String| Denial {
            refusal: Refusal::Unrecognised { purpose, cause },
            identified: None,
        };
        // 1. size, strict parse
        let assertion = UnverifiedAssertion::parse(presented)
            .map_err(|error| unrecognised(format!("malformed: {error:?}")))?;
        let client_id = assertion.claimed_client_id().unwrap_or_default().to_owned();
        if stated_client_id.is_some_and(|stated| stated != client_id) {
            return Err(unrecognised(
                "client_id is not the assertion's iss".to_owned(),
            ));
        }

        // 3. the key, among those registered for `iss`; one of another type is none
        let found = find_certificate(&assertion, purpose, &client_id, rules)
            .filter(|entry| fits(entry.certificate.public_key(), &assertion));
        let application = rules.registry.application(&client_id).cloned();
        let audiences = audiences(application.as_deref(), rules);
        let lifetime_max = longest_lifetime(application.as_deref(), rules.lifetime_max);
        let expectation = Expectation {
            purpose,
            client_id: &client_id,
            audiences: &audiences,
            lifetime_max,
            now: rules.now,
        };

        // 2. and 4. algorithm and signature; the claims of 6. to 8. are judged by the same call
        let key = match &found {
            Some(entry) => entry.certificate.public_key(),
            // An unknown client, and a key of another type, cost as much as a wrong signature.
            // What a dummy says counts for nothing: somebody may have its private half.
            None => rules.dummies.for_algorithm(assertion.algorithm()),
        };
        let verified = verify_once(assertion, key, &expectation);
        let Some(certificate) = found else {
            return Err(unrecognised("no such client or key".to_owned()));
        };
        if let Err(error @ (AssertionError::Jws(_) | AssertionError::Type)) = &verified {
            return Err(unrecognised(format!("not verified: {error:?}")));
        }
        let identified = Identified {
            client_id: client_id.clone(),
            certificate: certificate.record.sha256.clone(),
        };
        let denied = |refusal| Denial {
            refusal,
            identified: Some(identified.clone()),
        };

        // 5. the certificate: now that the caller has its key, reasons may be told
        usable(&certificate, purpose, rules).map_err(denied)?;
        if purpose == Purpose::Client && !application.as_ref().is_some_and(|it| it.enabled) {
            return Err(denied(Refusal::ApplicationDisabled(purpose)));
        }

        // 6. to 8. names, audience, times
        let claims =
            verified.map_err(|error| denied(claim_refusal(error, purpose, lifetime_max, rules)))?;
        Ok(VerifiedAssertion {
            claims,
            certificate,
            application,
            lifetime_max,
        })
    }

    /// Who it is.
    pub(crate) fn identified(&self) -> Identified {
        Identified {
            client_id: self.claims.client_id().to_owned(),
            certificate: self.certificate.record.sha256.clone(),
        }
    }
}

fn find_certificate(
    assertion: &UnverifiedAssertion<'_>,
    purpose: Purpose,
    client_id: &str,
    rules: &Rules<'_>,
) -> Option<Arc<CertificateEntry>> {
    if purpose == Purpose::Platform && client_id != PLATFORM_CLIENT_ID {
        return None;
    }
    match assertion.kid() {
        Some(kid) => rules.registry.certificate_by_kid(client_id, kid),
        None => rules
            .registry
            .certificate_by_thumbprint(client_id, &assertion.thumbprint()?),
    }
    .cloned()
}

fn fits(key: &PublicKey, assertion: &UnverifiedAssertion<'_>) -> bool {
    key.algorithms().contains(&assertion.algorithm())
}

/// The one place where an assertion's signature is verified: once for each request.
fn verify_once(
    assertion: UnverifiedAssertion<'_>,
    key: &PublicKey,
    expectation: &Expectation<'_>,
) -> Result<VerifiedClaims, AssertionError> {
    #[cfg(test)]
    VERIFICATIONS.with(|count| count.set(count.get() + 1));
    assertion.verify(key, key.algorithms(), expectation)
}

fn usable(entry: &CertificateEntry, purpose: Purpose, rules: &Rules<'_>) -> Result<(), Refusal> {
    let usage_fits = matches!(
        (purpose, entry.record.usage),
        (Purpose::Client, CertificateUsage::Client)
            | (Purpose::Platform, CertificateUsage::Platform)
    );
    if !usage_fits {
        return Err(Refusal::WrongUsage(purpose));
    }
    if entry.record.revoked_at.is_some() {
        return Err(Refusal::CertificateRevoked(purpose));
    }
    match entry.certificate.validity(rules.now) {
        Validity::Valid => Ok(()),
        Validity::Expired { .. } => Err(Refusal::CertificateExpired(purpose)),
        Validity::NotYet { .. } => Err(Refusal::CertificateNotYetValid(purpose)),
    }
}

/// The issuer, then what the switches of this application admit.
fn audiences<'a>(application: Option<&Application>, rules: &Rules<'a>) -> Vec<&'a str> {
    let admitted = |admits: fn(&Application) -> bool| application.is_some_and(admits);
    let token_endpoint =
        admitted(|it| it.accept_token_endpoint_audience).then_some(rules.token_endpoint);
    let provider = rules
        .provider
        .filter(|_| admitted(admits_provider_audience));
    std::iter::once(rules.issuer)
        .chain(token_endpoint)
        .chain(provider)
        .collect()
}

fn longest_lifetime(application: Option<&Application>, setting: Duration) -> Duration {
    application
        .and_then(|application| application.assertion_lifetime_max_s)
        .map_or(setting, Duration::from_secs)
}

fn claim_refusal(
    error: AssertionError,
    purpose: Purpose,
    lifetime_max: Duration,
    rules: &Rules<'_>,
) -> Refusal {
    match error {
        AssertionError::Audience => Refusal::WrongAudience {
            purpose,
            expected: rules.issuer.to_owned(),
        },
        AssertionError::Expired { .. }
        | AssertionError::NotYetValid { .. }
        | AssertionError::TooOld => Refusal::ClockSkew {
            purpose,
            server_time: rules.now,
        },
        AssertionError::Lifetime => Refusal::LifetimeTooLong {
            purpose,
            permitted_s: lifetime_max.as_secs(),
        },
        AssertionError::Jws(JwsError::Signature) => Refusal::Unrecognised {
            purpose,
            cause: "signature".to_owned(),
        },
        error => Refusal::Claim { purpose, error },
    }
}

#[cfg(test)]
thread_local! {
    /// How many signatures of assertions this thread verified.
    pub(super) static VERIFICATIONS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use countersign_proto::{
        assertion::Assertion,
        certificate::{Certificate, CertificateChain},
        key::{Algorithm, KeyType, LocalKey, SigningKey as _},
        management::NewCertificate,
    };

    use super::*;
    use crate::registry::Change;

    const ISSUER: &str = "https://platform.example";
    const RSA: &str = include_str!("../../../../testdata/clients/rsa2048/rsa2048.pem");

    fn with_an_rsa_certificate() -> Registry {
        let application = Application {
            name: String::new(),
            ..Application::new("orders")
        };
        let asked = NewCertificate {
            pem: RSA.to_owned(),
            client_id: Some("orders".to_owned()),
            usage: CertificateUsage::Client,
            kid_alias: None,
        };
        let record = CertificateEntry::new(&asked).unwrap().record;
        Registry::default()
            .apply(&Change::All(vec![
                Change::CreateApplication(application),
                Change::RegisterCertificate(record),
            ]))
            .unwrap()
    }

    // security.md 10, 16, B17
    #[test]
    fn a_dummy_key_vouches_for_nobody_even_when_its_private_half_is_known() {
        let registry = with_an_rsa_certificate();
        let (dummy, _) = LocalKey::generate(KeyType::P256).unwrap();
        let dummies = DummyKeys::make()
            .unwrap()
            .with_p256(dummy.public_key().clone());
        let now = UnixTime::from_secs(1_795_336_200);
        let leaf = Certificate::all_from_pem(RSA).unwrap().remove(0);
        let forged = Assertion::client("orders", ISSUER)
            .mint(
                &CertificateChain::new(leaf, Vec::new()),
                &dummy,
                Algorithm::ES256,
                now,
                "jti-0001",
            )
            .unwrap();
        let rules = Rules {
            registry: &registry,
            dummies: &dummies,
            issuer: ISSUER,
            token_endpoint: "https://platform.example/oauth2/token",
            provider: None,
            lifetime_max: Duration::from_secs(300),
            now,
        };
        let denial = VerifiedAssertion::verify(forged.expose(), Purpose::Client, None, &rules)
            .expect_err("it was signed by no key of the client");
        assert!(matches!(denial.refusal, Refusal::Unrecognised { .. }));
        assert!(denial.identified.is_none());
    }
}
