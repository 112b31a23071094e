//! How many token exchanges does the store of one file keep up with?
//!
//! What an exchange writes is one `jti` and one audit row, each synced before it is acknowledged.

use std::{error::Error, sync::Arc};

use countersign_bench::{Bench, Figure, Goal, time};
use countersign_proto::{assertion::Purpose, time::UnixTime};
use countersign_server::{
    Rules,
    store::{JtiPurpose, JtiRecord, NewAuditEntry, Outcome, SqliteStore, Store, StoreError},
};

fn main() -> Result<(), Box<dyn Error>> {
    let bench = Bench::from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for callers in [1, 16, 64] {
        let name = format!("store.exchanges.{callers}-callers");
        if !bench.wants(&name) {
            continue;
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("store.db");
        let store: Arc<dyn Store> =
            Arc::new(runtime.block_on(SqliteStore::open(&path, Rules::default()))?);
        let each = 20_000 / (callers + 16);
        let (done, elapsed) = time(|| runtime.block_on(exchange(&store, callers, each)));
        done?;
        bench.tell(&Figure {
            name: &name,
            value: f64::from(callers * each) / elapsed.as_secs_f64(),
            unit: "a second",
            peer: "",
            goal: match callers {
                64 => Goal::AtLeast(6000.0),
                _ => Goal::None,
            },
        });
        runtime.block_on(store.close())?;
    }
    Ok(())
}

async fn exchange(store: &Arc<dyn Store>, callers: u32, each: u32) -> Result<(), Box<dyn Error>> {
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for number in 0..each {
                    let record = jti(&format!("0123456789abcdef-{caller}-{number}"));
                    store.record_jti(record).await?;
                    store.append_audit(audit(caller * each + number)).await?;
                }
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    Ok(())
}

fn jti(jti: &str) -> JtiRecord {
    JtiRecord {
        client_id: "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5".to_owned(),
        purpose: JtiPurpose::Assertion(Purpose::Client),
        jti: jti.to_owned(),
        forget_after: UnixTime::from_secs(1_700_000_070),
    }
}

/// What many clients get, one after the other: rows next to each other have little in common.
fn audit(number: u32) -> NewAuditEntry {
    // Knuth's multiplicative hash: far apart, and the same in each run.
    let far = number.wrapping_mul(2_654_435_761);
    let client = far % 1_000;
    NewAuditEntry {
        at: UnixTime::from_secs(1_700_000_000 + u64::from(number / 1_000)),
        actor: format!("{client:08x}-fc2f-40b5-8aca-940e4cf5f9b5"),
        subject: format!("service {client}"),
        action: "token.issue",
        outcome: Outcome::Ok,
        token_id: Some(format!("{far:08x}-0000-7000-8000")),
        certificate: Some(format!(
            "{client:08x}e03b6d8e446e8332ab4d233a448a7d44b34883aa00281f5443fd1eab"
        )),
        address: Some("127.0.0.1".to_owned()),
        reason: None,
    }
}
