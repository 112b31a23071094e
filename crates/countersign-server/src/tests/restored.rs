//! Does anything come back to life with a backup, and does everything else?

use std::{path::PathBuf, sync::Arc};

use axum::http::{Method, StatusCode};
use countersign_proto::{
    dpop::{self, ProofRequest},
    time::UnixTime,
};
use serde_json::json;
use tempfile::TempDir;

use super::{
    clock::HandClock,
    terminal::limited,
    token_scene::{granted, personal, revoke, works},
    world::{
        Answer, ISSUER, Identity, TOKEN, World, application, client_credentials, form_request,
    },
};
use crate::{
    Platform, StartError,
    config::{Settings, StoreUrl},
    restore::{GrantedTokens, RestoreError, Restored, restore},
    store::{SessionState, backup},
};

/// A platform on a file, which can be stopped and started.
struct Site {
    folder: TempDir,
    clock: Arc<HandClock>,
    settings: Settings,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
        settings.store = StoreUrl::Sqlite(folder.path().join("store.db"));
        settings.secrets_file = Some(folder.path().join("secrets"));
        settings.limits.per_source_per_minute = 100_000;
        settings.limits.api_per_source_per_minute = 100_000;
        settings.limits.per_client_per_minute = 100_000;
        settings.limits.failures_per_source_per_minute = 100_000;
        Site {
            folder,
            clock: Arc::new(HandClock::turned_by_hand()),
            settings,
        }
    }

    async fn start(&self) -> World {
        let started = self.try_to_start().await;
        let world = started.unwrap_or_else(|error| panic!("{error}"));
        // No two assertions of a test are one.
        for _ in 0..self.starts() {
            world.next_jti();
        }
        world
    }

    async fn try_to_start(&self) -> Result<World, StartError> {
        let platform = Platform::open(self.settings.clone(), self.clock.clone()).await?;
        Ok(World::around(platform, self.clock.clone()))
    }

    /// A number that grows from start to start.
    fn starts(&self) -> usize {
        let marks = self.folder.path().join("starts");
        let before = std::fs::read(&marks).unwrap_or_default().len();
        std::fs::write(&marks, vec![b'x'; before + 1]).unwrap();
        before * 10_000
    }

    fn backup_file(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    fn store_file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    async fn back_up(&self, world: &World) {
        let now = world.now();
        backup(&self.store_file(), &self.backup_file(), now)
            .await
            .unwrap();
    }

    async fn restore(
        &self,
        granted: Option<GrantedTokens>,
        now: UnixTime,
    ) -> Result<Restored, RestoreError> {
        restore(&self.backup_file(), &self.settings, granted, now).await
    }
}

/// An application that may do everything, and its certificate.
async fn administrator(world: &World) -> Identity {
    world.principal("admin", &["Administrator"]).await;
    world.application("console", &["admin"]).await
}

async fn token(world: &World, identity: &Identity) -> String {
    let assertion = world.assertion("console", identity);
    world.exchange(&assertion, "").await.token()
}

fn proof(world: &World, key: &impl countersign_proto::key::SigningKey) -> String {
    let uri = format!("{ISSUER}{TOKEN}").parse().unwrap();
    let nonce = world.platform.proofs().nonce(world.now());
    let request = ProofRequest {
        method: &Method::POST,
        uri: &uri,
        access_token: None,
        nonce: Some(&nonce),
    };
    dpop::mint(&request, key, world.now(), &world.next_jti()).unwrap()
}

async fn exchange_with(world: &World, assertion: &str, proof: &str) -> Answer {
    let mut request = form_request(TOKEN, &client_credentials(assertion, ""));
    request.headers_mut().append("dpop", proof.parse().unwrap());
    world.send(request).await
}

// security.md 140, 36, 65, 79
#[tokio::test]
async fn nothing_that_was_revoked_or_used_up_after_a_backup_comes_back_to_life_with_it() {
    let site = Site::new();
    let world = site.start().await;
    let identity = administrator(&world).await;
    let admin = token(&world, &identity).await;
    let (pat, pat_text) = granted(&world, &admin, personal("lost")).await;
    let mut refreshed = world.terminal_by("anna", limited(3)).await;
    let ended = world.terminal_by("bert", limited(3)).await;
    let oldest = refreshed.refresh_token.clone();
    site.back_up(&world).await;

    // After it: a refresh is counted, a session ends, tokens are revoked, a key, an assertion and a
    // proof are used.
    world.advance(20);
    refreshed.refresh(&world).await.token();
    let path = format!("sessions/{}/end", ended.session);
    world
        .api(Method::POST, &path, &admin, Some(json!({})))
        .await;
    revoke(&world, &admin, &pat).await;
    let assertion = world.assertion("console", &identity);
    world.exchange(&assertion, "").await.token();
    let signed_before = world.assertion("console", &identity);
    let key = countersign_proto::key::LocalKey::generate(countersign_proto::key::KeyType::P256)
        .unwrap()
        .0;
    let used_proof = proof(&world, &key);
    exchange_with(&world, &signed_before, &used_proof)
        .await
        .token();
    let kid = world.platform.keys().active().kid.clone();
    world.platform.close().await.unwrap();

    world.advance(5);
    let restored = site
        .restore(Some(GrantedTokens::Revoke), world.now())
        .await
        .unwrap();
    assert_eq!(
        (
            restored.sessions_ended,
            restored.tokens_revoked,
            restored.tokens_kept
        ),
        (2, 1, 0)
    );
    assert_eq!(restored.keys_retired, 1);
    // An assertion and a proof may be dated a minute ahead, so what was signed before ends later.
    let minute = std::time::Duration::from_secs(60);
    assert_eq!(restored.believed_from, world.now().plus(minute));
    let world = site.start().await;

    // Signed tokens, revoked or not: their key is gone.
    assert!(!world.platform.keys().know(&kid));
    assert!(!works(&world, &admin).await);
    assert!(!works(&world, &refreshed.access_token).await);
    // Granted tokens.
    assert!(!works(&world, &pat_text).await);
    // What was used, and what nobody knows whether it was used.
    let again = world.exchange(&assertion, "").await;
    again.refused("invalid_client", "assertion_replayed");
    // A minute later all is as ever. Refreshes: neither that which was used, nor that which was current, nor
    // that of the session that had ended.
    world.advance(70);
    for (key, text) in [
        (&refreshed.key, &oldest),
        (&refreshed.key, &refreshed.refresh_token),
        (&ended.key, &ended.refresh_token),
    ] {
        let answer = world.refresh(key, text, "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
    let session = world.store.session(&ended.session).await.unwrap().unwrap();
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(session.end_reason.as_deref(), Some("restored"));
    // Neither an assertion nor a proof from before.
    let again = world.exchange(&assertion, "").await;
    assert!(!again.status.is_success(), "{}", again.json());
    let fresh = world.assertion("console", &identity);
    let answer = exchange_with(&world, &fresh, &used_proof).await;
    assert!(!answer.status.is_success(), "{}", answer.json());
    let admin = token(&world, &identity).await;
    assert!(works(&world, &admin).await);
    let fresh = world.assertion("console", &identity);
    exchange_with(&world, &fresh, &proof(&world, &key))
        .await
        .token();
    let mut terminal = world.terminal_by("anna", limited(3)).await;
    terminal.refresh(&world).await.token();
    // It is written down.
    let audited = world.audited().await;
    assert!(audited.iter().any(|(action, _)| action == "store.restore"));
}

// security.md 140
#[tokio::test]
async fn granted_tokens_go_on_or_end_as_it_was_said_and_nothing_is_done_before() {
    let site = Site::new();
    let world = site.start().await;
    let identity = administrator(&world).await;
    let admin = token(&world, &identity).await;
    let (_, text) = granted(&world, &admin, personal("builds")).await;
    site.back_up(&world).await;
    world.platform.close().await.unwrap();
    world.advance(20);
    let before = std::fs::read(site.store_file()).unwrap();
    let refused = site.restore(None, world.now()).await.unwrap_err();
    assert!(matches!(refused, RestoreError::Undecided(1)), "{refused}");
    // The log was folded back, which changes no more than the kind of the journal.
    let after = std::fs::read(site.store_file()).unwrap();
    assert_eq!(after.len(), before.len());
    let world = site.start().await;
    assert!(works(&world, &admin).await, "it is the store of before");
    world.platform.close().await.unwrap();

    let restored = site
        .restore(Some(GrantedTokens::Keep), world.now())
        .await
        .unwrap();
    assert_eq!((restored.tokens_revoked, restored.tokens_kept), (0, 1));
    let world = site.start().await;
    assert!(works(&world, &text).await);
    world.platform.close().await.unwrap();
    world.advance(1);
    let restored = site
        .restore(Some(GrantedTokens::Revoke), world.now())
        .await
        .unwrap();
    assert_eq!((restored.tokens_revoked, restored.tokens_kept), (1, 0));
    assert!(!works(&site.start().await, &text).await);
}

// security.md 142
#[tokio::test]
async fn a_backup_comes_back_with_its_own_secrets_file_and_with_no_other() {
    let site = Site::new();
    let world = site.start().await;
    administrator(&world).await;
    site.back_up(&world).await;
    world.platform.close().await.unwrap();
    let secrets = site.folder.path().join("secrets");
    let kept = site.folder.path().join("kept");
    std::fs::rename(&secrets, &kept).unwrap();
    let refused = site
        .restore(None, world.now())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("secrets: is missing") && refused.contains("worth nothing"),
        "{refused}"
    );
    crate::secrets::Secrets::read_or_create(&secrets).unwrap();
    let refused = site
        .restore(None, world.now())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("the secrets file is not the one"),
        "{refused}"
    );
    std::fs::rename(&kept, &secrets).unwrap();
    site.restore(None, world.now()).await.unwrap();
    site.start().await;
}

// security.md 140
#[tokio::test]
async fn what_was_changed_after_the_backup_is_said_and_the_old_store_is_kept() {
    let site = Site::new();
    let world = site.start().await;
    let identity = administrator(&world).await;
    site.back_up(&world).await;
    world.advance(20);
    let admin = token(&world, &identity).await;
    let new = json!({"name": "late", "display_name": "", "roles": [], "enabled": true});
    let made = world
        .api(Method::POST, "principals", &admin, Some(new))
        .await;
    assert!(made.status.is_success(), "{}", made.json());
    world.platform.close().await.unwrap();
    let restored = site.restore(None, world.now()).await.unwrap();
    let taken_back = restored.taken_back.unwrap();
    let told: Vec<_> = taken_back
        .iter()
        .map(|it| (it.actor.as_str(), it.action.as_str(), it.subject.as_str()))
        .collect();
    assert_eq!(told, [("admin", "principal.create", "late")]);

    // The old one is a store as ever, under its other name.
    let world = site.start().await;
    assert!(world.platform.registry().principal("late").is_none());
    world.platform.close().await.unwrap();
    std::fs::rename(restored.kept.unwrap(), site.store_file()).unwrap();
    let world = site.start().await;
    assert!(world.platform.registry().principal("late").is_some());
    assert!(works(&world, &admin).await);
}

#[tokio::test]
async fn where_no_store_is_left_nobody_says_what_was_changed() {
    let site = Site::new();
    let world = site.start().await;
    administrator(&world).await;
    site.back_up(&world).await;
    world.platform.close().await.unwrap();
    std::fs::remove_file(site.store_file()).unwrap();
    let wal = site.folder.path().join("store.db-wal");
    std::fs::write(&wal, "of the one that is lost").unwrap();
    let refused = site
        .restore(None, world.now())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("store.db-wal: belongs to a store that is not there"),
        "{refused}"
    );
    std::fs::remove_file(&wal).unwrap();
    let restored = site.restore(None, world.now()).await.unwrap();
    assert_eq!((restored.taken_back, restored.kept), (None, None));
    site.start().await;
}

#[tokio::test]
async fn a_store_that_is_served_is_not_replaced_and_goes_on() {
    let site = Site::new();
    let world = site.start().await;
    let identity = administrator(&world).await;
    site.back_up(&world).await;
    let refused = site
        .restore(None, world.now())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("is in use by a platform; stop that first"),
        "{refused}"
    );
    token(&world, &identity).await;
    world.platform.close().await.unwrap();
    site.restore(None, world.now()).await.unwrap();
}

#[tokio::test]
async fn what_is_damaged_newer_or_not_ours_is_refused_and_the_store_stays() {
    let site = Site::new();
    let world = site.start().await;
    administrator(&world).await;
    site.back_up(&world).await;
    world.platform.close().await.unwrap();
    let good = std::fs::read(site.backup_file()).unwrap();
    let mut damaged = good.clone();
    // A page in the midst of the file, in front of which every structure is still whole.
    let page = damaged.len() / 2 / 4096 * 4096;
    damaged[page..page + 4096].fill(0x5a);
    for (content, problem) in [
        (damaged, "is damaged"),
        (good[..good.len() / 2].to_vec(), "damaged"),
        (vec![b'x'; 8192], "is no SQLite database"),
        (Vec::new(), ""),
    ] {
        std::fs::write(site.backup_file(), content).unwrap();
        let refused = site
            .restore(None, world.now())
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(problem), "{refused}");
        assert!(refused.contains("backup: "), "{refused}");
    }
    std::fs::remove_file(site.backup_file()).unwrap();
    let refused = site
        .restore(None, world.now())
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("cannot be read"), "{refused}");
    site.start().await;
    let names = std::fs::read_dir(site.folder.path()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| name.to_string_lossy().contains(".part"));
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_database_and_memory_are_brought_back_by_other_means() {
    let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let from = PathBuf::from("backup");
    let at = UnixTime::from_secs(1);
    let refused = runtime
        .block_on(restore(&from, &settings, None, at))
        .unwrap_err();
    assert!(matches!(refused, RestoreError::NoFile("memory:")));
    let url = crate::config::PostgresUrl::parse("postgres://c@127.0.0.1/d", &from).unwrap();
    settings.store = StoreUrl::Postgres(url);
    let refused = runtime
        .block_on(restore(&from, &settings, None, at))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "store.url is a PostgreSQL database, which is no file"
    );
}

/// What `application` is here for: a name that no other test takes.
#[tokio::test]
async fn what_was_registered_before_the_backup_is_there_again() {
    let site = Site::new();
    let world = site.start().await;
    let identity = Identity::fresh("orders");
    world
        .application_of(application("orders"), &identity, &["anna"])
        .await;
    site.back_up(&world).await;
    world.revoke(&identity).await;
    world.platform.close().await.unwrap();
    site.restore(None, world.now()).await.unwrap();
    let world = site.start().await;
    world.advance(70);
    // That its certificate was revoked is what the restore could not know: it says so.
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
}
