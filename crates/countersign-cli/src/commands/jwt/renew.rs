//! How does a token get a successor?

use countersign::{
    Clock, SystemClock,
    proto::jwt::{RenewalError, RenewalPolicy, TrustedKeys, renew},
};
use serde_json::Map;

use super::{
    demands, key_source, printed, refused,
    sign::{new_id, not_built},
};
use crate::{
    args::{Environment, JwtRenew},
    failure::{Exit, Failure},
    output::Output,
    times::duration,
    token_source,
};

pub(super) fn run(
    args: &JwtRenew,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let requirements = demands::requirements(&args.demands)?;
    let policy = policy(args)?;
    token_source::one_stdin(&args.token, args.signer.source.key.as_deref())?;
    let signer = key_source::signer(&args.signer, environment, output)?;
    let own = TrustedKeys::of(&signer);
    let keys = if args.trust.is_empty() {
        own
    } else {
        let more = key_source::trusted(&Default::default(), &args.trust, environment)?;
        TrustedKeys::together(&[own, more]).map_err(refused("the keys together"))?
    };
    let token = token_source::read(&args.token)?;
    let now = SystemClock.now();
    let renewed = renew(
        &token,
        &keys,
        &requirements,
        &policy,
        &signer,
        now,
        &new_id()?,
    )
    .map_err(|error| not_renewed(&error))?;
    output.note(&format!(
        "renewed {} of {} times; no successor lives beyond {}",
        renewed.count,
        renewed.count + renewed.remaining,
        renewed.until
    ));
    let mut more = Map::new();
    more.insert("renewals".to_owned(), renewed.count.into());
    more.insert("renewals_remaining".to_owned(), renewed.remaining.into());
    more.insert(
        "renewable_until".to_owned(),
        renewed.until.to_string().into(),
    );
    printed::print(&renewed.token, more, output)
}

fn policy(args: &JwtRenew) -> Result<RenewalPolicy, Failure> {
    let mut policy = RenewalPolicy::default();
    if let Some(text) = &args.lifetime {
        policy.lifetime = duration("--lifetime", text)?;
    }
    if let Some(limit) = args.renewals {
        policy.limit = limit;
    }
    if let Some(text) = &args.renewable_for {
        policy.longest = duration("--renewable-for", text)?;
    }
    Ok(policy)
}

fn not_renewed(error: &RenewalError) -> Failure {
    match error {
        RenewalError::Refused(refusal) => demands::refused(refusal),
        RenewalError::Build(error) => not_built(error),
        RenewalError::LimitReached { .. } => {
            Failure::new(Exit::RefreshLimit, error.to_string()).hint("have it issued anew")
        }
        _ => Failure::new(Exit::Expired, error.to_string()).hint("have it issued anew"),
    }
}
