//! Is a token renewed only while it is good, counted, and not for ever?

use std::time::Duration;

use super::*;
use crate::{
    jws::{ClaimError, JwsError},
    time::UnixTime,
};

fn policy(lifetime: u64, limit: u32, longest: u64) -> RenewalPolicy {
    RenewalPolicy {
        lifetime: Duration::from_secs(lifetime),
        limit,
        longest: Duration::from_secs(longest),
    }
}

fn renewed(text: &str, policy: &RenewalPolicy, now: UnixTime) -> Result<Renewed, RenewalError> {
    let signer = es256();
    let keys = TrustedKeys::of(&signer);
    renew(text, &keys, &demands(), policy, &signer, now, "new-id")
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(1_700_000_000 + seconds)
}

// checklist K17
#[test]
fn a_renewed_token_keeps_every_claim_and_has_new_times() {
    let token = builder()
        .subject("alice")
        .id("old-id")
        .claim("role", "reader")
        .claim("role", "writer")
        .claim("address", json!({"city": "Theed"}))
        .header("x", 1)
        .typ("at+jwt")
        .build(&es256(), NOW)
        .unwrap();
    let renewed = renewed(token.expose(), &policy(600, 10, 43_200), at(1000)).unwrap();
    let seen = inspect(renewed.token.expose()).unwrap();
    let claims = Node::Object(seen.claims().to_vec()).to_value();
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": API, "sub": "alice", "role": ["reader", "writer"],
            "address": {"city": "Theed"}, "jti": "new-id",
            "iat": 1_700_001_000, "nbf": 1_700_001_000, "exp": 1_700_001_600,
            RENEWAL_CLAIM: {"count": 1, "limit": 10, "until": 1_700_043_200},
        })
    );
    let header = Node::Object(seen.header().to_vec()).to_value();
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["x"], 1);
    assert_eq!(header["kid"], es256().kid().unwrap());
    assert_eq!((renewed.count, renewed.remaining), (1, 9));
    assert_eq!(renewed.until, at(43_200));
}

// A mistake of checklist K: renewing without verifying signature, issuer and expiry first.
#[test]
fn a_token_that_is_forged_foreign_or_over_is_not_renewed() {
    let policy = RenewalPolicy::default();
    let refused = |text: &str, now| match renewed(text, &policy, now) {
        Err(RenewalError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    let good = builder().build(&es256(), NOW).unwrap();
    let (input, _) = good.expose().rsplit_once('.').unwrap();
    assert_eq!(
        refused(&format!("{input}."), NOW),
        Refusal::Jws(JwsError::Signature)
    );
    // Signed by another key under the name of the right one.
    let kid: Kid = format!("literal:{}", es256().kid().unwrap())
        .parse()
        .unwrap();
    let (stranger, _) = key::LocalKey::generate(key::KeyType::P256).unwrap();
    let stranger = Signer::key_pair(Arc::new(stranger)).with_kid(&kid).unwrap();
    let forged = builder().build(&stranger, NOW).unwrap();
    assert_eq!(
        refused(forged.expose(), NOW),
        Refusal::Jws(JwsError::Signature)
    );
    // An alg swap: signed by HMAC with the public key, as everybody could.
    let public = Identity::named("p256").public_key().spki().to_vec();
    let header = json!({"alg": "HS256", "kid": es256().kid().unwrap()});
    let input = SigningInput::encode(
        header.as_object().unwrap(),
        claims_with("x", json!(1)).as_object().unwrap(),
    );
    let hash = Algorithm::HS256.hash().unwrap();
    let signature = crate::crypto::hmac::sign(hash, &public, input.as_bytes());
    assert!(matches!(
        refused(&input.finish(&signature), NOW),
        Refusal::Algorithm { .. }
    ));
    let foreign = builder()
        .issuer("https://other.example")
        .build(&es256(), NOW)
        .unwrap();
    assert_eq!(refused(foreign.expose(), NOW).claim(), Some("iss"));
    let for_others = JwtBuilder::new()
        .issuer(ISSUER)
        .audience("https://other.example")
        .build(&es256(), NOW)
        .unwrap();
    assert_eq!(refused(for_others.expose(), NOW).claim(), Some("aud"));
    // No tolerance for clocks at the end: an hour, and not a second more.
    assert!(renewed(good.expose(), &policy, at(3599)).is_ok());
    assert_eq!(
        refused(good.expose(), at(3600)),
        Refusal::Expired {
            at: at(3600),
            now: at(3600)
        }
    );
    let later = builder().not_before(at(1000)).build(&es256(), NOW).unwrap();
    assert!(matches!(
        refused(later.expose(), NOW),
        Refusal::NotYetValid { claim: "nbf", .. }
    ));
}

// A mistake of checklist K: renewing for ever, with no count.
#[test]
fn a_token_is_renewed_so_many_times_and_not_once_more() {
    let policy = policy(3600, 3, 1_000_000);
    let mut token = builder().build(&es256(), NOW).unwrap();
    for count in 1..=3 {
        let next = renewed(token.expose(), &policy, at(u64::from(count))).unwrap();
        assert_eq!((next.count, next.remaining), (count, 3 - count));
        token = next.token;
    }
    assert_eq!(
        renewed(token.expose(), &policy, at(4)).unwrap_err(),
        RenewalError::LimitReached { limit: 3 }
    );
    let never = self::policy(3600, 0, 1_000_000);
    let fresh = builder().build(&es256(), NOW).unwrap();
    assert_eq!(
        renewed(fresh.expose(), &never, at(1)).unwrap_err(),
        RenewalError::LimitReached { limit: 0 }
    );
}

// A mistake of checklist K: renewing for ever, with no absolute end.
#[test]
fn no_successor_lives_beyond_the_absolute_end() {
    let policy = policy(3600, 1000, 10_000);
    let mut token = builder().build(&es256(), NOW).unwrap();
    let mut now = 0;
    let mut ends = Vec::new();
    while let Ok(next) = renewed(token.expose(), &policy, at(now)) {
        assert_eq!(next.until, at(10_000));
        ends.push(next.token.expires_at().as_secs() - NOW.as_secs());
        token = next.token;
        now += 3000;
    }
    // At 0, 3000, 6000 and 9000 seconds; the last two are cut.
    assert_eq!(ends, [3600, 6600, 9600, 10_000]);
    assert_eq!(now, 12_000);
    let at_the_end = Refusal::Expired {
        at: at(10_000),
        now: at(10_000),
    };
    assert_eq!(
        renewed(token.expose(), &policy, at(10_000)).unwrap_err(),
        RenewalError::Refused(at_the_end)
    );
}

#[test]
fn of_what_token_and_policy_say_the_stricter_holds() {
    let told = builder()
        .renewable(policy(0, 5, 20_000))
        .lifetime(Duration::from_secs(100_000))
        .build(&es256(), NOW)
        .unwrap();
    let one = renewed(told.expose(), &policy(600, 9, 90_000), at(1)).unwrap();
    assert_eq!((one.count, one.remaining, one.until), (1, 4, at(20_000)));
    let two = renewed(told.expose(), &policy(600, 2, 10_000), at(1)).unwrap();
    assert_eq!((two.count, two.remaining, two.until), (1, 1, at(10_000)));
    // Longer lived than its absolute end: the token itself is good, and is not renewed any more.
    assert_eq!(
        renewed(told.expose(), &policy(600, 9, 90_000), at(20_000)).unwrap_err(),
        RenewalError::Ended { until: at(20_000) }
    );
    // A count that was reached under a larger limit is over under a smaller one.
    let mut token = told;
    for second in 1..=3 {
        token = renewed(token.expose(), &policy(60_000, 9, 90_000), at(second))
            .unwrap()
            .token;
    }
    assert_eq!(
        renewed(token.expose(), &policy(600, 2, 90_000), at(4)).unwrap_err(),
        RenewalError::LimitReached { limit: 2 }
    );
}

#[test]
fn a_count_that_makes_no_sense_is_not_taken_for_none() {
    for count in [
        json!(null),
        json!(1),
        json!([]),
        json!({}),
        json!({"count": -1, "limit": 1, "until": 1_700_100_000}),
        json!({"count": "0", "limit": 1, "until": 1_700_100_000}),
        json!({"count": 0, "limit": 4_294_967_296_u64, "until": 1_700_100_000}),
        json!({"count": 0, "limit": 1}),
    ] {
        let signer = es256();
        let claims = claims_with(RENEWAL_CLAIM, count.clone());
        let text = forge(&signer, &header_of(&signer), &claims);
        assert_eq!(
            renewed(&text, &RenewalPolicy::default(), NOW).unwrap_err(),
            RenewalError::Refused(Refusal::Claim(ClaimError {
                claim: RENEWAL_CLAIM,
                missing: false
            })),
            "{count}"
        );
    }
}

// What is stated of a renewal that remembers nothing.
#[test]
fn two_renewals_of_one_token_count_from_it_and_share_its_end() {
    let token = builder().build(&es256(), NOW).unwrap();
    let policy = RenewalPolicy::default();
    let one = renewed(token.expose(), &policy, at(10)).unwrap();
    let two = renewed(token.expose(), &policy, at(20)).unwrap();
    assert_eq!((one.count, two.count), (1, 1));
    assert_eq!((one.until, two.until), (at(43_200), at(43_200)));
}

#[test]
fn a_token_of_an_older_key_is_renewed_by_the_new_one() {
    let (old, new) = (
        es256(),
        signer_by(Algorithm::KeyPair(key::Algorithm::PS256)),
    );
    let token = builder().build(&old, NOW).unwrap();
    let both = TrustedKeys::together(&[TrustedKeys::of(&old), TrustedKeys::of(&new)]).unwrap();
    let policy = RenewalPolicy::default();
    let renewed = renew(token.expose(), &both, &demands(), &policy, &new, NOW, "id").unwrap();
    assert_eq!(renewed.token.kid(), new.kid());
    let verified = verify(
        renewed.token.expose(),
        &TrustedKeys::of(&new),
        &demands(),
        NOW,
    );
    assert!(verified.is_ok());
    // Certificates of the old key do not come along.
    let pair = include_str!("../../../../../testdata/clients/p256/p256.pair.pem");
    let old = Signer::from_pem(pair).and_then(Signer::with_x5c).unwrap();
    let token = builder().build(&old, NOW).unwrap();
    let keys = TrustedKeys::of(&old);
    let renewed = renew(token.expose(), &keys, &demands(), &policy, &new, NOW, "id").unwrap();
    let names = |text: &str| -> Vec<String> {
        let seen = inspect(text).unwrap();
        seen.header().iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(
        names(token.expose()),
        ["alg", "kid", "typ", "x5c", "x5t#S256"]
    );
    assert_eq!(names(renewed.token.expose()), ["alg", "kid", "typ"]);
}
