//! Does anything of the protocol take an algorithm that the toolkit alone knows?

use super::*;
use crate::{
    assertion::{Expectation, Purpose, UnverifiedAssertion},
    jws::{JwsError, UnverifiedJws},
    key::Algorithm as Pair,
};

// Invariant: a symmetric algorithm is known to this toolkit alone; so are the longer hashes of RSA.
#[test]
fn nothing_of_the_protocol_takes_an_algorithm_of_the_toolkit() {
    let claims = json!({"iss": "app-1", "sub": "app-1", "aud": ISSUER, "iat": NOW, "nbf": NOW,
        "exp": NOW.as_secs() + 60, "jti": "5f0c2b7e-3a51-4d0e-9d4f-1c2b3a4d5e6f"});
    let expectation = Expectation {
        purpose: Purpose::Client,
        client_id: "app-1",
        audiences: &[ISSUER],
        lifetime_max: std::time::Duration::from_secs(300),
        now: NOW,
    };
    let rsa = Identity::named("rsa");
    for signer in signers() {
        let text = forge(&signer, &header_of(&signer), &claims);
        let demands = Requirements::issued_by("app-1").for_audience(ISSUER);
        assert!(verify(&text, &TrustedKeys::of(&signer), &demands, NOW).is_ok());
        let key = signer.public_key().unwrap_or(rsa.public_key()).clone();
        let believed = UnverifiedAssertion::parse(&text)
            .and_then(|assertion| assertion.verify(&key, &Pair::PROTOCOL, &expectation))
            .is_ok();
        let of_protocol = Pair::from_name(signer.algorithm().name());
        assert_eq!(believed, of_protocol.is_some(), "{}", signer.algorithm());
        let parsed = UnverifiedJws::parse(&text).map(|_| ());
        match of_protocol {
            Some(_) => assert_eq!(parsed, Ok(())),
            None => assert_eq!(parsed, Err(JwsError::Algorithm)),
        }
    }
}
