//! Is no call lost when a hardware token is pulled out and put in again, or what is in it is replaced?

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign::{
    Client, Credential, CredentialSource, Error, ErrorKind,
    proto::{
        key::{Algorithm, SigningError},
        management::{CertificateUsage, NewCertificate, NewMapping},
    },
};
use countersign_testkit::TestPlatform;
use cryptoki::context::Pkcs11;

use crate::{
    hardware_token::{by_subject, credential, platform, store},
    parts::softhsm::{MODULE, SoftHsm, alone},
};

const CALLERS: usize = 8;

/// Callers that call until they are told to stop, and of whom each call must succeed.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    callers: Vec<tokio::task::JoinHandle<()>>,
}

/// What a caller does.
#[derive(Clone, Copy)]
enum Call {
    /// Takes the token, whether or not it was kept.
    Token,
    /// Signs in anew.
    Renew,
}

impl Load {
    fn begin(client: &Client, call: Call) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let calls = Arc::new(AtomicUsize::new(0));
        let caller = |_| {
            let (client, stop, calls) = (client.clone(), stop.clone(), calls.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let got = match call {
                        Call::Token => client.token().await,
                        Call::Renew => client.renew().await,
                    };
                    got.expect("no call is lost");
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        };
        let callers = (0..CALLERS).map(caller).collect();
        Load {
            stop,
            calls,
            callers,
        }
    }

    /// Waits for so many more calls.
    async fn calls(&self, more: usize) {
        let enough = self.calls.load(Ordering::SeqCst) + more;
        while self.calls.load(Ordering::SeqCst) < enough
            && self.callers.iter().all(|caller| !caller.is_finished())
        {
            tokio::task::yield_now().await;
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            caller.await.unwrap();
        }
    }
}

async fn register(platform: &TestPlatform, pem: &str) -> String {
    let admin = platform.admin().unwrap();
    let certificate = admin
        .register_certificate(&NewCertificate {
            pem: pem.to_owned(),
            client_id: Some("service".to_owned()),
            usage: CertificateUsage::Client,
            kid_alias: None,
        })
        .await
        .unwrap();
    let sha256 = certificate.sha256;
    admin
        .create_mapping(&NewMapping {
            certificate: sha256.clone(),
            client_id: "service".to_owned(),
            principal: "service".to_owned(),
            is_default: false,
        })
        .await
        .unwrap();
    sha256.to_string()
}

#[test]
fn a_softhsm_token_pulled_out_under_load_loses_no_call_while_a_platform_token_lives() {
    alone(
        "hardware_token_lost::a_softhsm_token_pulled_out_under_load_loses_no_call_while_a_platform_token_lives",
        async |hsm| {
            let uri = hsm.token("one");
            hsm.key("one", "k", "01", "EC:prime256v1");
            hsm.certificate("one", "k", "01", "CN=k");
            let key = credential(&uri, "CN=k");
            let platform = platform(std::slice::from_ref(&key)).await;
            let source = CredentialSource::store(store(&uri), by_subject("CN=k"));
            let client = platform.client("service", source).build().unwrap();
            let first = client.token().await.unwrap();
            let load = Load::begin(&client, Call::Token);
            load.calls(100).await;

            hsm.pull_out();
            // From now on it is to be renewed, and cannot be.
            let life = first.expires_at.since(platform.clock().now());
            platform.clock().advance(life * 9 / 10);
            load.calls(1000).await;
            assert_eq!(
                client.token().await.unwrap().access_token,
                first.access_token
            );
            let error = key.key().sign(Algorithm::ES256, b"m").unwrap_err();
            let SigningError::Unavailable(told) = &error else {
                panic!("{error:?}");
            };
            assert!(told.starts_with("token \"one\": "), "{told}");

            hsm.put_in();
            // A failed renewal is left for a while, but not to the end of the token.
            // Time stands still before anybody would have to wait for a new one: the module takes its own.
            let late = first.expires_at.minus(Duration::from_secs(31));
            while client.token().await.unwrap().access_token == first.access_token {
                if platform.clock().now() < late {
                    platform.clock().advance(Duration::from_secs(1));
                }
                load.calls(CALLERS).await;
            }
            load.end().await;
            key.key().sign(Algorithm::ES256, b"m").unwrap();
        },
    );
}

#[test]
fn a_softhsm_token_that_is_out_fails_as_something_that_may_work_later() {
    alone(
        "hardware_token_lost::a_softhsm_token_that_is_out_fails_as_something_that_may_work_later",
        async |hsm| {
            let uri = hsm.token("one");
            hsm.key("one", "k", "01", "rsa:2048");
            hsm.certificate("one", "k", "01", "CN=k");
            let key = credential(&uri, "CN=k");
            let platform = platform(std::slice::from_ref(&key)).await;
            let source = CredentialSource::store(store(&uri), by_subject("CN=k"));
            let client = platform.client("service", source).build().unwrap();
            client.renew().await.unwrap();
            hsm.pull_out();
            let error = Error::from(key.key().sign(Algorithm::PS256, b"m").unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Signing);
            assert!(error.is_transient(), "{error}");
            assert!(error.to_string().contains("token \"one\""), "{error}");
            let found = store(&uri).candidates().unwrap_err().to_string();
            assert!(found.contains("pkcs11:token=one"), "{found}");
            hsm.put_in();
            client
                .renew()
                .await
                .expect("without a start of the process");
        },
    );
}

// SoftHSM has to be started anew for the one, which ends the sessions of the other.
#[test]
fn one_of_two_softhsm_tokens_pulled_out_does_not_disturb_the_other() {
    alone(
        "hardware_token_lost::one_of_two_softhsm_tokens_pulled_out_does_not_disturb_the_other",
        async |hsm| {
            let one = hsm.token("one");
            let place = hsm.places().remove(0);
            let two = hsm.token("two");
            for token in ["one", "two"] {
                hsm.key(token, "k", "01", "EC:prime256v1");
                hsm.certificate(token, "k", "01", &format!("CN={token}"));
            }
            let pulled = credential(&one, "CN=one");
            let stays = credential(&two, "CN=two");
            let sign = |credential: &Credential| credential.key().sign(Algorithm::ES256, b"m");
            sign(&pulled).unwrap();
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let signers: Vec<_> = (0..CALLERS)
                    .map(|_| {
                        scope.spawn(|| {
                            loop {
                                sign(&stays).expect("the other token is there");
                                if stop.load(Ordering::SeqCst) {
                                    return;
                                }
                            }
                        })
                    })
                    .collect();
                let away = hsm.path("away");
                std::fs::rename(&place, &away).unwrap();
                for _ in 0..5 {
                    let error = sign(&pulled).unwrap_err();
                    assert!(matches!(error, SigningError::Unavailable(_)), "{error}");
                }
                std::fs::rename(&away, &place).unwrap();
                let signed = sign(&pulled);
                stop.store(true, Ordering::SeqCst);
                signed.unwrap();
                for signer in signers {
                    signer.join().unwrap();
                }
            });
        },
    );
}

#[test]
fn a_softhsm_module_that_somebody_stops_or_logs_out_of_is_used_on() {
    alone(
        "hardware_token_lost::a_softhsm_module_that_somebody_stops_or_logs_out_of_is_used_on",
        async |hsm| {
            let uri = hsm.token("one");
            let two = hsm.token("two");
            for token in ["one", "two"] {
                hsm.key(token, "k", "01", "EC:prime256v1");
                hsm.certificate(token, "k", "01", &format!("CN={token}"));
            }
            let keys = [credential(&uri, "CN=one"), credential(&two, "CN=two")];
            let sign = |when: &str| {
                for key in &keys {
                    let signature = key.key().sign(Algorithm::ES256, b"m").expect(when);
                    let public_key = key.chain().leaf().public_key();
                    public_key
                        .verify(Algorithm::ES256, b"m", &signature)
                        .unwrap();
                }
            };
            sign("at first");
            // Somebody else in this process has the same module.
            let theirs = Pkcs11::new(MODULE).unwrap();
            for slot in theirs.get_slots_with_initialized_token().unwrap() {
                let session = theirs.open_ro_session(slot).unwrap();
                session.logout().unwrap();
                sign("after a logout");
            }
            theirs.clone().finalize().unwrap();
            sign("after the module was stopped");
            for key in &keys {
                for slot in theirs.get_slots_with_initialized_token().unwrap() {
                    // Their sessions have the numbers that ours had.
                    let _ = theirs.open_ro_session(slot).unwrap().close();
                }
                key.key().sign(Algorithm::ES256, b"m").unwrap();
            }
        },
    );
}

#[test]
fn a_rotation_in_a_softhsm_token_under_load_loses_no_call() {
    alone(
        "hardware_token_lost::a_rotation_in_a_softhsm_token_under_load_loses_no_call",
        async |hsm| {
            rotate(hsm).await;
        },
    );
}

async fn rotate(hsm: &SoftHsm) {
    let uri = hsm.token("one");
    hsm.key("one", "old", "01", "EC:prime256v1");
    hsm.certificate("one", "old", "01", "CN=service");
    let platform = platform(&[credential(&uri, "CN=service")]).await;
    let source = CredentialSource::store(store(&uri), by_subject("CN=service"));
    let client = platform.client("service", source).build().unwrap();
    let old = client.renew().await.unwrap().issue_cert_thumbprint.unwrap();
    let load = Load::begin(&client, Call::Renew);
    load.calls(20).await;

    // A key without its certificate, then both.
    hsm.key("one", "new", "02", "rsa:2048");
    let new = hsm.signed("one", "new", "CN=service");
    platform.clock().advance(Duration::from_secs(10));
    load.calls(20).await;
    let new_thumbprint = register(&platform, &new).await;
    hsm.put_certificate("one", "new", "02", &new);
    // The old key goes before anybody looked: it does not sign, and the new one is found.
    hsm.remove("one", "01");
    load.calls(20).await;
    platform.clock().advance(Duration::from_secs(10));
    load.calls(20).await;
    load.end().await;
    let now = client.renew().await.unwrap().issue_cert_thumbprint.unwrap();
    assert_ne!(now, old);
    assert_eq!(now.to_string().to_lowercase(), new_thumbprint);
}
