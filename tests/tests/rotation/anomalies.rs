//! Whatever happens to files and clock, in whatever order: is the pair in use the one that a model says?

use std::{fs, path::PathBuf, time::Duration};

use countersign::{
    Client, CredentialSource,
    proto::management::{CertificateUsage, NewCertificate, NewMapping},
};
use countersign_testkit::{ManualClock, TestPlatform};
use proptest::{prelude::*, test_runner::TestRunner};

use super::pair::{Kind, Pair};
use crate::fixtures;

/// The pairs of a walk.
const FIRST: usize = 0;
const GOOD: std::ops::Range<usize> = 0..3;
const ENDED: usize = 3;
const OF_TOMORROW: usize = 4;
/// Good in itself, and unknown to the platform.
const UNKNOWN: usize = 5;
const PAIRS: usize = UNKNOWN + 1;

/// What may happen next.
#[derive(Clone, Debug)]
enum Happening {
    /// Both files are those of a pair, one after the other.
    Pair(usize),
    /// The certificate file is that of a pair, or the beginning of it, in thousandths.
    Certificate(usize, usize),
    Key(usize, usize),
    NoCertificate,
    NoKey,
    /// A key whose password nobody gave.
    LockedKey,
    /// Where the key was is something that is no file.
    FolderForKey,
    FolderGone,
    FolderBack,
    /// The clock of the client is so many seconds ahead of the platform's, or behind it.
    Clock(i64),
    /// Time passes.
    Wait(u64),
    /// Nobody looks at the files between the next happening and the one after it.
    AtOnce,
}

/// What lies where a file is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    Whole(usize),
    Nothing,
}

/// What must be so.
struct Model {
    certificate: Lies,
    key: Lies,
    folder: bool,
    used: usize,
}

impl Model {
    fn happens(&mut self, happening: &Happening) {
        let cut = |pair: usize, thousandths: usize| match thousandths {
            1000 => Lies::Whole(pair),
            _ => Lies::Nothing,
        };
        match *happening {
            Happening::FolderGone => self.folder = false,
            Happening::FolderBack => self.folder = true,
            _ if !self.folder => {}
            Happening::Pair(pair) => {
                (self.certificate, self.key) = (Lies::Whole(pair), Lies::Whole(pair));
            }
            Happening::Certificate(pair, thousandths) => self.certificate = cut(pair, thousandths),
            Happening::Key(pair, thousandths) => self.key = cut(pair, thousandths),
            Happening::NoCertificate => self.certificate = Lies::Nothing,
            Happening::NoKey | Happening::LockedKey | Happening::FolderForKey => {
                self.key = Lies::Nothing;
            }
            Happening::Clock(_) | Happening::Wait(_) | Happening::AtOnce => {}
        }
    }

    /// Somebody looks, and asks.
    fn looks(&mut self) {
        if let (true, Lies::Whole(pair)) = (self.folder && self.certificate == self.key, self.key)
            && GOOD.contains(&pair)
        {
            self.used = pair;
        }
    }
}

struct Walk {
    platform: TestPlatform,
    client: Client,
    clock: ManualClock,
    folder: tempfile::TempDir,
    pairs: Vec<Pair>,
}

impl Walk {
    async fn begin() -> Walk {
        let platform = TestPlatform::new().await.unwrap();
        let now = platform.clock().now();
        let day = Duration::from_secs(86_400);
        let pairs: Vec<Pair> = (0..PAIRS)
            .map(|pair| match pair {
                ENDED => Pair::between(Kind::P256, now.minus(day * 9), now.minus(day)),
                OF_TOMORROW => Pair::between(Kind::P256, now.plus(day), now.plus(day * 9)),
                _ => Pair::between(Kind::P256, now.minus(day), now.plus(day * 9)),
            })
            .collect();
        crate::wire_form::registered(&platform, "service", pairs[FIRST].credential()).await;
        let admin = platform.admin().unwrap();
        for pair in &pairs[1..GOOD.end] {
            let new = NewCertificate {
                pem: pair.certificate.clone(),
                client_id: Some("service".to_owned()),
                usage: CertificateUsage::Client,
                kid_alias: None,
            };
            admin.register_certificate(&new).await.unwrap();
            let mapping = NewMapping {
                certificate: pair.sha256(),
                client_id: "service".to_owned(),
                principal: "service".to_owned(),
                is_default: false,
            };
            admin.create_mapping(&mapping).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("here")).unwrap();
        let at = |name: &str| folder.path().join("here").join(name);
        let source = CredentialSource::files(&at("tls.crt"), Some(&at("tls.key")), None);
        let clock = ManualClock::new(now);
        let client = platform.client("service", source);
        let client = client.clock(std::sync::Arc::new(clock.clone())).build();
        let walk = Walk {
            client: client.unwrap(),
            platform,
            clock,
            folder,
            pairs,
        };
        walk.happens(&Happening::Pair(FIRST));
        walk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("here").join(name)
    }

    fn happens(&self, happening: &Happening) {
        let there = self.at("").is_dir();
        let cut = |text: &str, thousandths: usize| {
            let text = text.trim_end();
            text[..text.len() * thousandths / 1000].to_owned()
        };
        match happening {
            Happening::FolderGone if there => {
                fs::rename(self.at(""), self.folder.path().join("gone")).unwrap();
            }
            Happening::FolderBack if !there => {
                fs::rename(self.folder.path().join("gone"), self.at("")).unwrap();
            }
            Happening::Clock(ahead) => {
                let now = self.platform.clock().now().as_secs();
                let now = now.saturating_add_signed(*ahead);
                self.clock
                    .set(countersign::proto::time::UnixTime::from_secs(now));
            }
            Happening::Wait(seconds) => self.pass(*seconds),
            _ if !there => {}
            Happening::Pair(pair) => {
                self.put("tls.key", &self.pairs[*pair].key);
                self.put("tls.crt", &self.pairs[*pair].certificate);
            }
            Happening::Certificate(pair, thousandths) => {
                self.put(
                    "tls.crt",
                    &cut(&self.pairs[*pair].certificate, *thousandths),
                );
            }
            Happening::Key(pair, thousandths) => {
                self.put("tls.key", &cut(&self.pairs[*pair].key, *thousandths));
            }
            Happening::NoCertificate => self.clear("tls.crt"),
            Happening::NoKey => self.clear("tls.key"),
            Happening::LockedKey => {
                let locked = fixtures::text("clients/p256/p256.encrypted.key");
                self.put("tls.key", &locked);
            }
            Happening::FolderForKey => {
                self.clear("tls.key");
                fs::create_dir(self.at("tls.key")).unwrap();
            }
            Happening::FolderGone | Happening::FolderBack | Happening::AtOnce => {}
        }
    }

    fn put(&self, name: &str, text: &str) {
        self.clear(name);
        fs::write(self.at(name), text).unwrap();
    }

    fn clear(&self, name: &str) {
        let path = self.at(name);
        if path.is_dir() {
            fs::remove_dir(path).unwrap();
        } else if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }

    fn pass(&self, seconds: u64) {
        self.platform.clock().advance(Duration::from_secs(seconds));
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Which pair earned a new token.
    async fn used(&self) -> Result<usize, TestCaseError> {
        self.pass(2);
        let renewed = self.client.renew().await;
        let token = renewed.map_err(|error| TestCaseError::fail(format!("lost: {error}")))?;
        let earner = token.issue_cert_thumbprint;
        let is_earner = |pair: &Pair| Some(pair.leaf().sha256()) == earner;
        Ok(self.pairs.iter().position(is_earner).unwrap())
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let part = prop_oneof![1 => Just(1000_usize), 1 => 0..1000_usize];
    prop_oneof![
        4 => (0..PAIRS).prop_map(Happening::Pair),
        3 => (0..PAIRS, part.clone()).prop_map(|(pair, part)| Happening::Certificate(pair, part)),
        3 => (0..PAIRS, part).prop_map(|(pair, part)| Happening::Key(pair, part)),
        1 => Just(Happening::NoCertificate),
        1 => Just(Happening::NoKey),
        1 => Just(Happening::LockedKey),
        1 => Just(Happening::FolderForKey),
        1 => Just(Happening::FolderGone),
        2 => Just(Happening::FolderBack),
        1 => prop_oneof![Just(-3600), Just(0), Just(3600)].prop_map(Happening::Clock),
        1 => (1..400_u64).prop_map(Happening::Wait),
        2 => Just(Happening::AtOnce),
    ]
}

#[test]
fn a_random_walk_through_anomalies_loses_no_call_and_uses_what_the_model_says() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // The same walks every time.
    let mut walks = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let outcome = walks.run(&prop::collection::vec(happening(), 1..40), |happenings| {
        runtime.block_on(async {
            let walk = Walk::begin().await;
            let mut model = Model {
                certificate: Lies::Whole(FIRST),
                key: Lies::Whole(FIRST),
                folder: true,
                used: FIRST,
            };
            prop_assert_eq!(walk.used().await?, FIRST);
            let mut at_once = false;
            for happening in &happenings {
                walk.happens(happening);
                model.happens(happening);
                let unseen =
                    std::mem::replace(&mut at_once, matches!(happening, Happening::AtOnce));
                if !unseen {
                    model.looks();
                    let used = walk.used().await?;
                    prop_assert_eq!(used, model.used, "after {:?}", happening);
                }
            }
            Ok(())
        })
    });
    outcome.unwrap();
}
