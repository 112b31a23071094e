//! Does a key that never leaves its hardware token sign in, as one in a file does?

use countersign::{
    CertificateSelector, Clock as _, Credential, CredentialSource, Pkcs11Uri, SystemClock,
    certificate_store::{Candidate, CertificateStore, KeyState, Password},
    proto::key::{Algorithm, KeyType, SigningError},
};
use countersign_testkit::{ManualClock, TestPlatform};

use crate::{
    parts::softhsm::{MODULE, PIN, SoftHsm, alone},
    wire_form::{self, TOKEN},
};

pub(crate) fn store(uri: &str) -> CertificateStore {
    store_with(uri, Some(PIN))
}

pub(crate) fn store_with(uri: &str, pin: Option<&str>) -> CertificateStore {
    let uri: Pkcs11Uri = uri.parse().unwrap();
    let pin = pin.map(|pin| Password::new(pin.to_owned()));
    CertificateStore::in_token(&uri, pin).unwrap()
}

pub(crate) fn by_subject(subject: &str) -> CertificateSelector {
    CertificateSelector::by_subject(subject.parse().unwrap())
}

pub(crate) fn credential(uri: &str, subject: &str) -> Credential {
    let candidates = store(uri).candidates().unwrap();
    let selection = by_subject(subject).select(&candidates, SystemClock.now());
    selection.unwrap().credential
}

/// A platform where `service` may sign in by these credentials.
pub(crate) async fn platform(credentials: &[Credential]) -> TestPlatform {
    let platform = TestPlatform::on_loopback(ManualClock::starting_now())
        .await
        .unwrap();
    for credential in credentials {
        let application = platform
            .application("service")
            .credential(credential.clone());
        application.register().await.unwrap();
    }
    platform
}

/// Why a candidate has no key.
fn reason(candidate: &Candidate) -> &str {
    match &candidate.key {
        KeyState::Locked(reason) | KeyState::Unusable(reason) => reason,
        other => panic!("{other:?}"),
    }
}

// security.md 53: `SoftHsm::key` proves by pkcs11-tool that the key cannot be exported.
#[test]
fn keys_in_a_softhsm_token_that_cannot_be_exported_sign_in() {
    alone(
        "hardware_token::keys_in_a_softhsm_token_that_cannot_be_exported_sign_in",
        async |hsm| {
            let uri = hsm.token("one");
            for (id, kind, named, told, expected) in [
                ("01", "rsa:2048", "rsa", None, "PS256"),
                ("02", "rsa:2048", "pkcs1", Some(Algorithm::RS256), "RS256"),
                ("03", "EC:prime256v1", "p256", None, "ES256"),
                ("04", "EC:secp384r1", "p384", None, "ES384"),
                ("05", "EC:secp521r1", "p521", None, "ES512"),
                ("06", "EC:edwards25519", "ed25519", None, "EdDSA"),
            ] {
                hsm.key("one", named, id, kind);
                let subject = format!("CN={named}");
                hsm.certificate("one", named, id, &subject);
                let platform = platform(&[credential(&uri, &subject)]).await;
                let source = CredentialSource::store(store(&uri), by_subject(&subject));
                let mut client = platform.client("service", source);
                if let Some(algorithm) = told {
                    client = client.algorithm(algorithm);
                }
                let token = client.build().unwrap().renew().await.expect(named);
                assert_eq!(token.principal.as_deref(), Some("service"));
                let sent = platform.wire().sent_to(TOKEN);
                let header = wire_form::assertion(sent.last().unwrap()).1;
                assert_eq!(header["alg"].as_str(), Some(expected), "{named}");
            }
        },
    );
}

#[test]
fn a_key_in_a_softhsm_token_that_wants_its_pin_for_each_use_signs() {
    alone(
        "hardware_token::a_key_in_a_softhsm_token_that_wants_its_pin_for_each_use_signs",
        async |hsm| {
            let uri = hsm.token("one");
            hsm.key_as("one", "each", "01", "rsa:2048", &["--always-auth"]);
            hsm.certificate("one", "each", "01", "CN=each");
            let key = credential(&uri, "CN=each");
            for algorithm in [Algorithm::PS256, Algorithm::RS256] {
                for message in [b"one".as_slice(), b"another"] {
                    let signature = key.key().sign(algorithm, message).unwrap();
                    let public_key = key.chain().leaf().public_key();
                    public_key.verify(algorithm, message, &signature).unwrap();
                }
            }
        },
    );
}

#[test]
fn a_softhsm_token_is_selected_from_as_a_folder_is() {
    alone(
        "hardware_token::a_softhsm_token_is_selected_from_as_a_folder_is",
        async |hsm| {
            let one = hsm.token("one");
            hsm.token("two");
            for (token, label, id) in [("one", "a", "01"), ("one", "b", "02"), ("two", "c", "01")] {
                hsm.key(token, label, id, "EC:prime256v1");
                hsm.certificate(token, label, id, &format!("CN={label}"));
            }
            // A certificate beside the key of another, and one without a key.
            let foreign = hsm.signed("one", "a", "CN=foreign");
            hsm.put_certificate("two", "foreign", "01", &foreign);
            hsm.put_certificate("two", "lonely", "77", &foreign.clone());

            let found = store(&one).candidates().unwrap();
            let sources: Vec<_> = found
                .iter()
                .map(|found| found.source.display().to_string())
                .collect();
            assert_eq!(
                sources,
                [
                    "pkcs11:token=one;object=a;id=%01",
                    "pkcs11:token=one;object=b;id=%02"
                ]
            );
            let b = &found[1].chain.as_ref().unwrap().leaf().clone();
            let by_thumbprint = CertificateSelector::by_thumbprint(b.sha1());
            let taken = by_thumbprint.select(&found, SystemClock.now()).unwrap();
            assert_eq!(taken.credential.chain().leaf(), b);

            let meant = |rest: &str| {
                let uri = format!("pkcs11:{rest}?module-path={MODULE}");
                let found = store(&uri).candidates();
                found
                    .map(|found| found.len())
                    .map_err(|error| error.to_string())
            };
            assert_eq!(meant("token=one;object=b"), Ok(1));
            assert_eq!(meant("token=one;id=%01"), Ok(1));
            assert_eq!(meant("token=one;id=%01;object=b"), Ok(0));
            assert_eq!(
                meant("token=two;manufacturer=SoftHSM%20project;model=SoftHSM%20v2"),
                Ok(3)
            );
            assert_eq!(meant("token=one;library-manufacturer=SoftHSM"), Ok(2));
            for absent in [
                "token=three",
                "token=one;serial=1",
                "token=one;library-version=9.9",
            ] {
                let problem = meant(absent).unwrap_err();
                assert!(problem.contains("there is no such token"), "{problem}");
            }

            let of_two = store("pkcs11:token=two?module-name=softhsm2")
                .candidates()
                .unwrap();
            let state = |name: &str| {
                let of = |found: &&Candidate| found.source.display().to_string().contains(name);
                of_two.iter().find(of).unwrap().key.clone()
            };
            assert!(matches!(state("=c;"), KeyState::Present(_)));
            assert!(matches!(state("foreign"), KeyState::DoesNotFit));
            assert!(matches!(state("lonely"), KeyState::Absent));
        },
    );
}

// A PIN that is shown to the wrong token costs that one a try.
#[test]
fn where_several_softhsm_tokens_are_meant_no_pin_is_tried_at_any() {
    alone(
        "hardware_token::where_several_softhsm_tokens_are_meant_no_pin_is_tried_at_any",
        async |hsm| {
            for token in ["one", "two"] {
                hsm.token(token);
                hsm.key(token, "k", "01", "EC:prime256v1");
                hsm.certificate(token, "k", "01", &format!("CN={token}"));
            }
            let uri = format!("pkcs11:?module-path={}", SoftHsm::spy());
            let found = store(&uri).candidates().unwrap();
            assert_eq!(found.len(), 2);
            for candidate in &found {
                assert!(reason(candidate).contains("several tokens are meant, so no PIN is tried"));
            }
            assert_eq!(hsm.asked("C_Login"), 0);
            assert!(hsm.asked("C_OpenSession") > 0);
        },
    );
}

#[test]
fn a_softhsm_token_without_a_pin_shows_its_certificates_and_says_what_is_missing() {
    alone(
        "hardware_token::a_softhsm_token_without_a_pin_shows_its_certificates_and_says_what_is_missing",
        async |hsm| {
            let uri = hsm.token("one");
            hsm.key("one", "k", "01", "EC:prime256v1");
            hsm.certificate("one", "k", "01", "CN=k");
            let found = store_with(&uri, None).candidates().unwrap();
            assert_eq!(
                reason(&found[0]),
                "token \"one\": it needs its PIN and none was given"
            );
            let leaf = found[0].chain.as_ref().unwrap().leaf();
            assert_eq!(leaf.subject().to_string(), "CN=k");
        },
    );
}

// security.md 53, 112
#[test]
fn a_wrong_pin_is_tried_once_at_a_softhsm_token_until_its_file_has_another() {
    alone(
        "hardware_token::a_wrong_pin_is_tried_once_at_a_softhsm_token_until_its_file_has_another",
        async |hsm| {
            hsm.token("one");
            hsm.key("one", "k", "01", "EC:prime256v1");
            hsm.certificate("one", "k", "01", "CN=k");
            let file = hsm.path("pin");
            let uri = format!(
                "pkcs11:token=one?pin-source=file:{}&module-path={}",
                file.display(),
                SoftHsm::spy()
            );
            let pin = |text: &str| std::fs::write(&file, text).unwrap();
            let look = || store_with(&uri, None).candidates().unwrap().remove(0);

            pin("sekrit-wrong-1");
            let first = look();
            assert!(
                reason(&first).ends_with("the PIN is wrong; it is not tried again"),
                "{first:?}"
            );
            for _ in 0..20 {
                let again = look();
                assert!(reason(&again).ends_with("was refused before, and is not tried again"));
            }
            // Nor by another store that has the same PIN from elsewhere.
            let other = store_with(&uri, Some("sekrit-wrong-1"))
                .candidates()
                .unwrap();
            assert!(reason(&other[0]).ends_with("was refused before, and is not tried again"));
            assert_eq!(hsm.asked("C_Login"), 1);

            pin("sekrit-wrong-2");
            assert!(matches!(look().key, KeyState::Locked(_)));
            assert!(matches!(look().key, KeyState::Locked(_)));
            assert_eq!(hsm.asked("C_Login"), 2);
            pin(&format!("{PIN}\n"));
            let found = look();
            assert!(matches!(found.key, KeyState::Present(_)), "{found:?}");
            look();
            assert_eq!(hsm.asked("C_Login"), 3, "a token is logged in to once");
            assert!(!format!("{first:?}{found:?}{other:?}").contains("sekrit"));
        },
    );
}

#[test]
fn a_softhsm_token_signs_for_sixteen_threads_at_once() {
    alone(
        "hardware_token::a_softhsm_token_signs_for_sixteen_threads_at_once",
        async |hsm| {
            let uri = hsm.token("one").replace(MODULE, SoftHsm::spy());
            hsm.key("one", "k", "01", "EC:prime256v1");
            hsm.certificate("one", "k", "01", "CN=k");
            let credential = credential(&uri, "CN=k");
            assert_eq!(credential.key().public_key().key_type(), KeyType::P256);
            std::thread::scope(|scope| {
                for thread in 0..16_u8 {
                    let key = credential.key();
                    scope.spawn(move || {
                        for round in 0..20_u8 {
                            key.sign(Algorithm::ES256, &[thread, round]).unwrap();
                        }
                    });
                }
            });
            let sessions = hsm.asked("C_OpenSession");
            assert!((1..=8).contains(&sessions), "{sessions}");
            assert_eq!(hsm.asked("C_Login"), 1);
            assert_eq!(
                credential.key().sign(Algorithm::RS256, b"m"),
                Err(SigningError::Algorithm(Algorithm::RS256))
            );
        },
    );
}

// security.md 53
#[test]
fn a_certificate_beside_a_key_of_another_in_a_softhsm_token_is_found_out_by_the_first_signature() {
    alone(
        "hardware_token::a_certificate_beside_a_key_of_another_in_a_softhsm_token_is_found_out_by_the_first_signature",
        async |hsm| {
            let uri = hsm.token("one");
            for (label, id) in [("a", "01"), ("b", "02")] {
                hsm.key("one", label, id, "EC:prime256v1");
            }
            let of_b = hsm.signed("one", "b", "CN=b");
            hsm.put_certificate("one", "a", "01", &of_b);
            hsm.remove_key("one", "02");
            // Nothing tells whose the key is.
            hsm.remove_public_half("one", "01");
            let credential = credential(&uri, "CN=b");
            let error = credential.key().sign(Algorithm::ES256, b"m").unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("does not verify by the certificate"),
                "{error}"
            );
        },
    );
}
