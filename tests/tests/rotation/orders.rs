//! Does a rotation lose a call, in whatever order its steps are taken?

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use countersign::{
    Client, Dpop, Error, Token, Transport, TransportError,
    admin::Admin,
    blocking,
    proto::management::{Application, CertificateUsage, NewCertificate, NewMapping, Principal},
};
use countersign_testkit::{TestPlatform, Wire};
use tokio::sync::{RwLock, watch};

use super::pair::{Kind, Layout, Pair, Part};

/// Whoever calls while the certificate is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// Takes what is cached, and renews ahead of time.
    Takes,
    /// Asks for a new token each time.
    Renews,
    /// Asks for a platform token each time, and shares no request with anybody.
    AsksAlone,
    /// Takes, from a thread without async.
    TakesBlocking,
    /// Asks for a new token each time, from a thread without async.
    RenewsBlocking,
}

use Caller::{AsksAlone, Renews, RenewsBlocking, Takes, TakesBlocking};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Disk(Part),
    Register,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Revoked,
    Expired,
}

/// One application, its files, and those who use it.
#[derive(Clone, Copy)]
struct Line {
    layout: Layout,
    usage: CertificateUsage,
    dpop: Dpop,
    callers: &'static [Caller],
    rotations: usize,
}

const LINES: [Line; 4] = [
    Line {
        layout: Layout::TwoFiles,
        usage: CertificateUsage::Client,
        dpop: Dpop::Off,
        callers: &[Takes, Renews, Renews],
        rotations: 480,
    },
    Line {
        layout: Layout::OneFile,
        usage: CertificateUsage::Client,
        dpop: Dpop::Off,
        callers: &[TakesBlocking, RenewsBlocking],
        rotations: 200,
    },
    Line {
        layout: Layout::Archive,
        usage: CertificateUsage::Platform,
        dpop: Dpop::Off,
        callers: &[Takes, AsksAlone, AsksAlone],
        rotations: 120,
    },
    Line {
        layout: Layout::Mounted,
        usage: CertificateUsage::Client,
        dpop: Dpop::Required,
        callers: &[Takes, Renews],
        rotations: 200,
    },
];

/// A certificate that is to end by itself lives for its own rotation, the next one and so long.
const SHORT: Duration = Duration::from_secs(280);
const LONG: Duration = Duration::from_secs(400 * 86_400);
/// Longer than a certificate that was refused is ever left alone.
const BEYOND_EVERY_PAUSE: Duration = Duration::from_secs(301);

#[test]
fn a_thousand_rotations_in_every_order_lose_no_call() {
    let lines = LINES.map(|line| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(rotate(line))
        })
    });
    let calls: Vec<usize> = lines.into_iter().map(|line| line.join().unwrap()).collect();
    let rotations: usize = LINES.iter().map(|line| line.rotations).sum();
    assert_eq!(rotations, 1000);
    eprintln!("{calls:?} calls, none lost");
}

/// Does the rotations of a line under load. How many calls were made.
async fn rotate(line: Line) -> usize {
    let service = Service::start(line).await;
    let orders = orders(line.layout.parts(), line.usage);
    let load = Load::begin(line, &service.client);
    load.calls_by_everybody().await;
    let mut old = service.first.clone();
    let mut next_end = End::Revoked;
    for number in 0..line.rotations {
        let order = &orders[number % orders.len()];
        // Each order is gone through with both ends and at every pace.
        let end = next_end;
        next_end = match (number / orders.len()).is_multiple_of(2) {
            true => End::Expired,
            false => End::Revoked,
        };
        let pace = match (number / orders.len()) % 3 {
            0 => Duration::ZERO,
            1 => Duration::from_secs(2),
            _ => BEYOND_EVERY_PAUSE,
        };
        let life = match next_end {
            End::Revoked => LONG,
            End::Expired => SHORT + BEYOND_EVERY_PAUSE * 9,
        };
        let kind = match number % 40 {
            39 => Kind::Rsa2048,
            _ => Kind::P256,
        };
        // It outlives the one that it replaces.
        let begins = match end {
            End::Revoked => service.platform.clock().now(),
            End::Expired => old.leaf().not_after(),
        };
        let new = Pair::between(
            kind,
            service
                .platform
                .clock()
                .now()
                .minus(Duration::from_secs(60)),
            begins.plus(life),
        );
        let refused_before = service.refused();
        for step in order {
            load.let_them_call();
            service.take(*step, &new, number + 1).await;
            load.pass_time(&service.platform, pace).await;
            load.calls_by_everybody().await;
        }
        load.let_them_call();
        match end {
            End::Revoked => service.revoke(&old).await,
            End::Expired => {
                let left = old.leaf().not_after().since(service.platform.clock().now());
                load.pass_time(&service.platform, left + Duration::from_secs(1))
                    .await;
            }
        }
        load.calls_by_everybody().await;
        // A token is looked after once a second.
        load.pass_time(&service.platform, Duration::from_secs(2))
            .await;
        let about = format!("{:?}, rotation {number}, {order:?}, {end:?}", line.layout);
        let used = service.client.token().await.expect(&about);
        let used_sha256 = used.issue_cert_thumbprint.map(|it| it.to_hex());
        let expected = Some(new.sha256().to_ascii_uppercase());
        assert_eq!(used_sha256, expected, "{about}");
        if number % 20 == 0 && line.usage == CertificateUsage::Client && line.dpop == Dpop::Off {
            let active = service.platform.is_active(&used.access_token).await;
            assert!(active.unwrap(), "{about}");
        }
        let refused = service.refused() - refused_before;
        let bearable = order.len() + line.callers.len() + 1;
        assert!(
            refused <= bearable,
            "{about}: {refused} requests were refused"
        );
        old = new;
    }
    load.end().await
}

/// Every order in which the steps can be taken: a certificate is mapped once it is registered.
fn orders(parts: &[Part], usage: CertificateUsage) -> Vec<Vec<Step>> {
    let mut steps: Vec<Step> = parts.iter().copied().map(Step::Disk).collect();
    steps.push(Step::Register);
    if usage == CertificateUsage::Client {
        steps.push(Step::Map);
    }
    let mut orders = vec![Vec::new()];
    for _ in 0..steps.len() {
        orders = orders
            .into_iter()
            .flat_map(|begun: Vec<Step>| {
                let possible = |step: &&Step| {
                    !begun.contains(step)
                        && (**step != Step::Map || begun.contains(&Step::Register))
                };
                steps
                    .iter()
                    .filter(possible)
                    .map(|step| [&begun[..], &[*step]].concat())
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    orders
}

#[test]
fn the_orders_are_all_that_map_after_they_register() {
    let count = |layout: Layout, usage| orders(layout.parts(), usage).len();
    assert_eq!(count(Layout::TwoFiles, CertificateUsage::Client), 12);
    assert_eq!(count(Layout::OneFile, CertificateUsage::Client), 3);
    assert_eq!(count(Layout::Archive, CertificateUsage::Platform), 2);
}

/// A platform with one application, whose files lie in a folder.
struct Service {
    platform: TestPlatform,
    admin: Admin,
    line: Line,
    folder: tempfile::TempDir,
    client: Client,
    first: Pair,
    refused: Arc<AtomicUsize>,
}

const NAME: &str = "service";

impl Service {
    async fn start(line: Line) -> Service {
        let platform = TestPlatform::new().await.unwrap();
        let admin = platform.admin().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let first = Pair::new(Kind::P256, platform.clock().now(), LONG);
        line.layout.place_all(folder.path(), &first, 0);
        let refused = Arc::new(AtomicUsize::new(0));
        let transport = Counting {
            wire: platform.wire().clone(),
            refused: refused.clone(),
        };
        let mut builder = platform
            .client(NAME, line.layout.source(folder.path()))
            .transport(Arc::new(transport))
            .deadline(Duration::from_secs(600))
            .dpop(line.dpop);
        if line.usage == CertificateUsage::Platform {
            builder = builder.as_platform();
        }
        let service = Service {
            client: builder.build().unwrap(),
            platform,
            admin,
            line,
            folder,
            first,
            refused,
        };
        service.prepare().await;
        service
    }

    async fn prepare(&self) {
        if self.line.usage == CertificateUsage::Client {
            let application = Application {
                client_id: NAME.to_owned(),
                name: NAME.to_owned(),
                scopes: Vec::new(),
                audience: None,
                dpop_bound_access_tokens: self.line.dpop == Dpop::Required,
                accept_token_endpoint_audience: false,
                forward: false,
                accept_provider_audience: false,
                assertion_lifetime_max_s: None,
                enabled: true,
            };
            self.admin.create_application(&application).await.unwrap();
            let principal = Principal {
                name: NAME.to_owned(),
                display_name: NAME.to_owned(),
                roles: Vec::new(),
                enabled: true,
                password_set_at: None,
            };
            self.admin.create_principal(&principal).await.unwrap();
        }
        self.take(Step::Register, &self.first, 0).await;
        if self.line.usage == CertificateUsage::Client {
            self.take(Step::Map, &self.first, 0).await;
        }
    }

    async fn take(&self, step: Step, pair: &Pair, number: usize) {
        match step {
            Step::Disk(part) => self
                .line
                .layout
                .place(part, self.folder.path(), pair, number),
            Step::Register => {
                let client = self.line.usage == CertificateUsage::Client;
                let new = NewCertificate {
                    pem: pair.certificate.clone(),
                    client_id: client.then(|| NAME.to_owned()),
                    usage: self.line.usage,
                    kid_alias: None,
                };
                self.admin.register_certificate(&new).await.unwrap();
            }
            Step::Map => {
                let new = NewMapping {
                    certificate: pair.sha256(),
                    client_id: NAME.to_owned(),
                    principal: NAME.to_owned(),
                    is_default: false,
                };
                self.admin.create_mapping(&new).await.unwrap();
            }
        }
    }

    async fn revoke(&self, pair: &Pair) {
        let sha256 = pair.sha256();
        let revoked = self.admin.revoke_certificate(&sha256, "rotated");
        revoked.await.unwrap();
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}

/// Counts what the platform does not grant.
struct Counting {
    wire: Wire,
    refused: Arc<AtomicUsize>,
}

impl Transport for Counting {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        Box::pin(async move {
            let answer = self.wire.pass(request).await?;
            // A nonce that is asked for is no refusal.
            if !answer.status().is_success() && !answer.headers().contains_key("dpop-nonce") {
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
            Ok(answer)
        })
    }
}

/// Callers, who call while a step is taken and after it.
struct Load {
    calls: Arc<watch::Sender<Calls>>,
    /// Held by whoever calls: time does not jump within a call.
    time: Arc<RwLock<()>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct Calls {
    /// By each caller.
    made: Vec<usize>,
    /// Everybody makes so many.
    wanted: usize,
    lost: Vec<String>,
    over: bool,
}

/// Calls of each caller while a step is taken, and again after it.
const CALLS: usize = 2;

impl Load {
    fn begin(line: Line, client: &Client) -> Load {
        let calls = Arc::new(watch::Sender::new(Calls {
            made: vec![0; line.callers.len()],
            wanted: 0,
            lost: Vec::new(),
            over: false,
        }));
        let mut load = Load {
            calls,
            time: Arc::default(),
            tasks: Vec::new(),
        };
        for (number, caller) in line.callers.iter().enumerate() {
            let task = load.spawn(number, *caller, client);
            load.tasks.push(task);
        }
        load
    }

    fn spawn(&self, number: usize, caller: Caller, client: &Client) -> tokio::task::JoinHandle<()> {
        let (calls, time) = (self.calls.clone(), self.time.clone());
        let mut turns = calls.subscribe();
        let mut is_wanted = async move || {
            let turn = turns.wait_for(|calls| calls.over || calls.made[number] < calls.wanted);
            !turn.await.unwrap().over
        };
        let count = move |called: Result<Token, Error>| {
            calls.send_modify(|calls| {
                calls.made[number] += 1;
                if let Err(error) = called {
                    calls.lost.push(format!("{caller:?}: {error}"));
                }
            });
        };
        let client = client.clone();
        match caller {
            Takes | Renews | AsksAlone => tokio::spawn(async move {
                while is_wanted().await {
                    let still = time.read().await;
                    count(match caller {
                        Takes => client.token().await,
                        Renews => client.renew().await,
                        _ => client.platform_token().await,
                    });
                    drop(still);
                }
            }),
            TakesBlocking | RenewsBlocking => {
                let client = blocking::Client::new(client).unwrap();
                let here = tokio::runtime::Handle::current();
                tokio::task::spawn_blocking(move || {
                    let thread = std::thread::spawn(move || {
                        while here.block_on(is_wanted()) {
                            let still = time.blocking_read();
                            count(match caller {
                                TakesBlocking => client.token(),
                                _ => client.renew(),
                            });
                            drop(still);
                        }
                    });
                    thread.join().unwrap();
                })
            }
        }
    }

    fn let_them_call(&self) {
        self.calls.send_modify(|calls| calls.wanted += CALLS);
    }

    /// Ends when everybody has called again after this.
    async fn calls_by_everybody(&self) {
        self.let_them_call();
        let mut calls = self.calls.subscribe();
        let all = |calls: &Calls| calls.made.iter().all(|made| *made == calls.wanted);
        let now = calls.wait_for(all).await.unwrap();
        assert_eq!(now.lost.first(), None, "of {}", now.lost.len());
    }

    async fn pass_time(&self, platform: &TestPlatform, by: Duration) {
        let _nobody_calls = self.time.write().await;
        platform.clock().advance(by);
    }

    async fn end(self) -> usize {
        self.calls.send_modify(|calls| calls.over = true);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.calls.borrow().made.iter().sum()
    }
}
