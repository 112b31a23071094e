//! Is any hostile token believed by the toolkit, and is each refused for its own reason, and at what cost?

mod guard;

use std::collections::BTreeMap;

use countersign::proto::{
    jws::MAX_BYTES,
    jwt::{Requirements, TrustedKeys, verify},
};
use countersign_tests::hostile::{API, ISSUER, Issuer, NOW, TYP, reason};

// security.md 1 to 10, 12, 14 to 17, 19 to 23, 30 to 34; attacks A1 to A12, A17 to A23
#[test]
fn of_some_thousand_hostile_tokens_none_is_accepted_and_each_is_refused_for_its_reason() {
    let demands = Requirements::issued_by(ISSUER).for_audience(API).typ(TYP);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for issuer in Issuer::all() {
        let algorithm = issuer.signer().algorithm();
        let keys = TrustedKeys::of(issuer.signer());
        assert!(
            verify(&issuer.good(), &keys, &demands, NOW).is_ok(),
            "{algorithm}"
        );
        for hostile in issuer.hostile() {
            let shown: String = hostile.token.chars().take(2_000).collect();
            let verified = at_bounded_cost(&hostile.token, || {
                verify(&hostile.token, &keys, &demands, NOW)
            });
            let refusal = match verified {
                Ok(_) => panic!("{algorithm} accepted: {shown}"),
                Err(refusal) => refusal,
            };
            assert_eq!(
                reason(&refusal),
                hostile.why,
                "{algorithm}: {refusal:?}: {shown}"
            );
            *reasons.entry(hostile.why).or_default() += 1;
        }
    }
    let count: usize = reasons.values().sum();
    assert!(count > 3_000 && reasons.len() > 30, "{count}: {reasons:?}");
}

/// What a token may make its reader keep at once: a byte of JSON becomes a value of 32 at most, in a
/// list that grows by doubling. A token that is too long is not even copied.
fn at_bounded_cost<T>(token: &str, look: impl FnOnce() -> T) -> T {
    let mut found = None;
    let cost = allocation_counter::measure(|| found = Some(look()));
    let most = match token.len() > MAX_BYTES {
        true => 1_024,
        false => 64 * MAX_BYTES,
    };
    let most = u64::try_from(most).unwrap();
    let length = token.len();
    assert!(cost.bytes_max <= most, "{length} bytes cost {cost:?}");
    assert!(cost.bytes_total <= 4 * most, "{length} bytes cost {cost:?}");
    found.unwrap()
}
