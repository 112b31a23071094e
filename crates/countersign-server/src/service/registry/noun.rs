//! Which steps are the same for every noun of the registry?
//!
//! A noun says who may and which change it is, as pure functions; waiting and writing happen here,
//! once for all.

use std::{
    future::{Future, ready},
    sync::Arc,
};

use countersign_proto::time::UnixTime;
use serde::{Serialize, de::DeserializeOwned};

use super::{ChangeRefusal, Step, apply, attempt, present};
use crate::{Platform, registry::Registry, service::Caller};

/// A noun that is listed, found, made and taken away.
pub(crate) trait Noun {
    /// What is registered.
    type Item: Clone + Serialize + Send + Sync;
    /// What is sent to make one.
    type New: DeserializeOwned + Send;
    /// What is asked to list some.
    type Filter: DeserializeOwned + Default + Send + Sync;

    /// As messages name it.
    const NAME: &'static str;
    /// The permission to see it.
    const READ: &'static str;
    /// The permission to change it.
    const WRITE: &'static str;
    /// The member that names one of them.
    const ID: &'static str;

    /// The value of that member.
    fn id(item: &Self::Item) -> &str;

    /// Whether a filter lets one through.
    fn takes(filter: &Self::Filter, item: &Self::Item) -> bool;

    /// All, in stable order.
    fn all(registry: &Registry) -> Vec<Arc<Self::Item>>;

    /// One.
    fn one(registry: &Registry, id: &str) -> Option<Arc<Self::Item>>;

    /// The same, with what the platform knows of them besides.
    fn completed(
        _: &Platform,
        found: Vec<Arc<Self::Item>>,
    ) -> impl Future<Output = Result<Vec<Arc<Self::Item>>, ChangeRefusal>> + Send {
        ready(Ok(found))
    }

    /// How one is made, if this caller may.
    fn creation(facts: &Facts<'_>, new: Self::New) -> Result<Step, ChangeRefusal>;

    /// How one is taken away, if this caller may.
    fn removal(facts: &Facts<'_>, id: &str) -> Result<Step, ChangeRefusal>;
}

/// A noun that is changed in its place: what is sent is what it becomes.
pub(crate) trait Alterable: Noun {
    /// How one is changed, if this caller may.
    fn alteration(facts: &Facts<'_>, item: Self::Item) -> Result<Step, ChangeRefusal>;
}

/// What a noun judges by.
pub(crate) struct Facts<'a> {
    pub(super) registry: &'a Registry,
    pub(super) caller: &'a Caller,
    pub(super) now: UnixTime,
}

/// Those that the filter lets through, in stable order.
pub(crate) async fn list<N: Noun>(
    platform: &Platform,
    caller: &Caller,
    filter: &N::Filter,
) -> Result<Vec<Arc<N::Item>>, ChangeRefusal> {
    let all = registered::<N>(platform, caller)?;
    let mut found = N::completed(platform, all).await?;
    found.retain(|item| N::takes(filter, item));
    Ok(found)
}

/// All, as the registry has them.
pub(crate) fn registered<N: Noun>(
    platform: &Platform,
    caller: &Caller,
) -> Result<Vec<Arc<N::Item>>, ChangeRefusal> {
    caller.must_have(N::READ)?;
    Ok(N::all(&platform.registry()))
}

/// Whether what is asked for is absent, or this.
pub(super) fn is<T: PartialEq>(asked: &Option<T>, found: &T) -> bool {
    asked.as_ref().is_none_or(|asked| asked == found)
}

/// Whether what is asked for is absent, or part of one of these, whatever the case of ASCII letters.
pub(super) fn is_part(asked: &Option<String>, of: &[&str]) -> bool {
    asked.as_ref().is_none_or(|asked| {
        let asked = asked.to_ascii_lowercase();
        of.iter().any(|it| it.to_ascii_lowercase().contains(&asked))
    })
}

/// One.
pub(crate) async fn find<N: Noun>(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<Arc<N::Item>, ChangeRefusal> {
    caller.must_have(N::READ)?;
    one::<N>(platform, &platform.registry(), id).await
}

async fn one<N: Noun>(
    platform: &Platform,
    registry: &Registry,
    id: &str,
) -> Result<Arc<N::Item>, ChangeRefusal> {
    let found = present(N::one(registry, id), N::NAME, id)?;
    let found = N::completed(platform, vec![found]).await?.pop();
    present(found, N::NAME, id)
}

/// Makes one.
pub(crate) async fn create<N: Noun>(
    platform: &Platform,
    caller: &Caller,
    new: N::New,
) -> Result<Arc<N::Item>, ChangeRefusal> {
    write::<N>(platform, caller, |facts| N::creation(facts, new)).await
}

/// Changes one.
pub(crate) async fn update<N: Alterable>(
    platform: &Platform,
    caller: &Caller,
    item: N::Item,
) -> Result<Arc<N::Item>, ChangeRefusal> {
    write::<N>(platform, caller, |facts| N::alteration(facts, item)).await
}

/// Takes one away.
pub(crate) async fn delete<N: Noun>(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<(), ChangeRefusal> {
    let removed = step::<N>(platform, caller, |facts| N::removal(facts, id));
    attempt(platform, caller, N::WRITE, async {
        apply(platform, caller, removed?).await.map(drop)
    })
    .await
}

/// Makes a change, and shows what came of it.
async fn write<N: Noun>(
    platform: &Platform,
    caller: &Caller,
    judge: impl FnOnce(&Facts<'_>) -> Result<Step, ChangeRefusal>,
) -> Result<Arc<N::Item>, ChangeRefusal> {
    let judged = step::<N>(platform, caller, judge);
    attempt(platform, caller, N::WRITE, async {
        let step = judged?;
        let id = step.subject.clone();
        let registry = apply(platform, caller, step).await?;
        one::<N>(platform, &registry, &id).await
    })
    .await
}

/// The permission first, then what the noun says.
fn step<N: Noun>(
    platform: &Platform,
    caller: &Caller,
    judge: impl FnOnce(&Facts<'_>) -> Result<Step, ChangeRefusal>,
) -> Result<Step, ChangeRefusal> {
    caller.must_have(N::WRITE)?;
    judge(&Facts {
        registry: &platform.registry(),
        caller,
        now: platform.now(),
    })
}
