//! Is any hostile token believed by the toolkit, and is each refused for its own reason?

mod guard;

use std::collections::BTreeMap;

use countersign::proto::jwt::{Requirements, TrustedKeys, verify};
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
            let refusal = match verify(&hostile.token, &keys, &demands, NOW) {
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
