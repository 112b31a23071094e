//! Is any token lost that was granted, or believed that was revoked, when the platform is killed?

use std::sync::{Arc, Mutex, PoisonError};

use countersign::{
    ErrorKind, GrantedCredential,
    admin::Admin,
    proto::management::{GivenToken, GrantedForm, GrantedKind, GrantedState, NewToken, Rotation},
};
use tokio::{sync::Notify, task::JoinSet};

use crate::parts::serving::Site;

const ROUNDS: usize = 3;
/// Acknowledged writes before the first kill; each round has some more, to be killed elsewhere.
const WRITES: usize = 24;
/// Tasks that write at once.
const WRITERS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_while_tokens_are_granted_loses_none_and_brings_none_back() {
    let site = site("sqlite:platform.db");
    let mut running = site.start().await;
    let acknowledged = Arc::new(Acknowledged::default());
    for round in 0..ROUNDS {
        let enough = acknowledged.count() + WRITES + 5 * round;
        let writing = load_until(&site, &acknowledged, enough).await;
        running.kill();
        drop(writing); // not before: it is killed while it is asked
        running = site.start().await;
        assert_eq!(lost(&site, &acknowledged).await, 0, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_check_catches_a_store_that_forgets_its_tokens() {
    let site = site("memory:");
    let mut running = site.start().await;
    let acknowledged = Arc::new(Acknowledged::default());
    let writing = load_until(&site, &acknowledged, WRITES).await;
    running.kill();
    drop(writing);
    let _running = site.start().await;
    assert_eq!(lost(&site, &acknowledged).await, acknowledged.count());
}

fn site(store: &str) -> Site {
    Site::with(store, "[tokens]\nmax_per_identity = 100000\n")
}

/// What the platform said yes to.
#[derive(Default)]
struct Acknowledged {
    writes: Mutex<Vec<Write>>,
    grown: Notify,
}

#[derive(Clone)]
enum Write {
    /// Nothing was done to it since.
    Granted(Arc<GivenToken>),
    /// Ids.
    Rotated { old: String, new: String },
    /// With its predecessor.
    Revoked([Arc<GivenToken>; 2]),
}

impl Acknowledged {
    fn add(&self, write: Write) {
        let writes = self.writes.lock();
        writes.unwrap_or_else(PoisonError::into_inner).push(write);
        self.grown.notify_one();
    }

    fn all(&self) -> Vec<Write> {
        let writes = self.writes.lock();
        writes.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self) -> usize {
        self.all().len()
    }
}

/// Writes from several tasks at once until so much is acknowledged. They go on until the answer is
/// dropped.
async fn load_until(site: &Site, acknowledged: &Arc<Acknowledged>, count: usize) -> JoinSet<()> {
    let admin = site.admin();
    admin.whoami().await.unwrap();
    let mut writing = JoinSet::new();
    for _ in 0..WRITERS {
        let (admin, acknowledged) = (admin.clone(), Arc::clone(acknowledged));
        writing.spawn(async move { while write(&admin, &acknowledged).await.is_ok() {} });
    }
    while acknowledged.count() < count {
        tokio::select! {
            () = acknowledged.grown.notified() => {}
            ended = writing.join_next() => panic!("a writer ended before the platform: {ended:?}"),
        }
    }
    writing
}

async fn write(admin: &Admin, acknowledged: &Acknowledged) -> Result<(), countersign::Error> {
    let kept = admin.create_token(&token()).await?;
    acknowledged.add(Write::Granted(Arc::new(kept)));
    let old = Arc::new(admin.create_token(&token()).await?);
    let id = &old.granted.id;
    let new = Arc::new(admin.rotate_token(id, &Rotation::default()).await?);
    acknowledged.add(Write::Rotated {
        old: id.clone(),
        new: new.granted.id.clone(),
    });
    admin.revoke_token(&new.granted.id, "leaked").await?;
    acknowledged.add(Write::Revoked([old, new]));
    Ok(())
}

fn token() -> NewToken {
    NewToken {
        kind: GrantedKind::Personal,
        form: GrantedForm::Opaque,
        name: "written".to_owned(),
        description: String::new(),
        owner: None,
        roles: Vec::new(),
        scopes: Vec::new(),
        audience: None,
        expires_at: None,
        lifetime_s: None,
        never_expires: false,
    }
}

/// How many of the writes are not there any more.
async fn lost(site: &Site, acknowledged: &Acknowledged) -> usize {
    let admin = site.admin();
    let mut lost = 0;
    for write in acknowledged.all() {
        let there = match write {
            Write::Granted(given) => works(site, &given).await,
            Write::Rotated { old, new } => {
                let row = admin.token(&old).await;
                row.is_ok_and(|row| row.successor.as_ref() == Some(&new))
            }
            Write::Revoked(both) => {
                let mut ended = true;
                for given in both {
                    let row = admin.token(&given.granted.id).await;
                    ended &= row.is_ok_and(|row| row.state == GrantedState::Revoked);
                    assert!(!works(site, &given).await, "{}", given.granted.id);
                }
                ended
            }
        };
        lost += usize::from(!there);
    }
    lost
}

async fn works(site: &Site, given: &GivenToken) -> bool {
    let credential = GrantedCredential::fixed(given.expose()).unwrap();
    let admin = Admin::with_granted(site.issuer(), site.transport(), credential).unwrap();
    match admin.whoami().await {
        Ok(_) => true,
        Err(error) => {
            let kind = error.kind();
            assert!(
                !matches!(kind, ErrorKind::Network | ErrorKind::Server),
                "{error}"
            );
            false
        }
    }
}
