//! Has every reason its status, its challenge and its word?

use std::{collections::BTreeSet, time::Duration};

use countersign_proto::{
    dpop::ProofError,
    jws::{ClaimError, JwsError},
    jwt,
    time::UnixTime,
};
use serde_json::json;

use crate::Refusal;

const BEARER: &str = "Bearer realm=\"countersign\"";
const DPOP: &str = "DPoP realm=\"countersign\"";

/// A reason, its word, the status, the schemes that are challenged, the code, and what is told.
type Row = (
    Refusal,
    &'static str,
    u16,
    &'static [&'static str],
    &'static str,
    &'static str,
);

fn table() -> Vec<Row> {
    let time = UnixTime::from_secs(1);
    let wait = Duration::from_secs(7);
    let claim = |claim| {
        jwt::Refusal::Claim(ClaimError {
            claim,
            missing: true,
        })
    };
    let either: &[&str] = &[BEARER, DPOP];
    let invalid = "invalid_token";
    let proof = "invalid_dpop_proof";
    vec![
        (Refusal::Missing, "missing", 401, either, "", ""),
        (Refusal::Unguarded, "unguarded", 401, either, "", ""),
        (
            Refusal::Malformed,
            "malformed",
            400,
            &[BEARER],
            "invalid_request",
            "the Authorization header holds no token",
        ),
        (
            Refusal::Several,
            "several",
            400,
            &[BEARER],
            "invalid_request",
            "more than one token was presented",
        ),
        (
            Refusal::Token(jwt::Refusal::Jws(JwsError::Signature)),
            "signature",
            401,
            &[BEARER],
            invalid,
            "the token is not valid",
        ),
        (
            Refusal::Token(jwt::Refusal::UnknownKey("k\"\r\n".to_owned())),
            "key",
            401,
            &[BEARER],
            invalid,
            "the token is not valid",
        ),
        (
            Refusal::Token(claim("sub")),
            "claim",
            401,
            &[BEARER],
            invalid,
            "the token is not valid",
        ),
        (
            Refusal::Token(claim("aud")),
            "claim",
            401,
            &[BEARER],
            invalid,
            "the token is for another audience",
        ),
        (
            Refusal::Token(jwt::Refusal::AudienceNotStated { found: json!("a") }),
            "audience",
            401,
            &[BEARER],
            invalid,
            "the token is for another audience",
        ),
        (
            Refusal::Token(jwt::Refusal::Expired {
                at: time,
                now: time,
            }),
            "expired",
            401,
            &[BEARER],
            invalid,
            "the token has expired",
        ),
        (
            Refusal::Token(jwt::Refusal::NotYetValid {
                claim: "nbf",
                from: time,
                now: time,
            }),
            "not_yet_valid",
            401,
            &[BEARER],
            invalid,
            "the token is not valid yet",
        ),
        (
            Refusal::Token(jwt::Refusal::Type {
                found: None,
                wanted: "at+jwt".to_owned(),
            }),
            "type",
            401,
            &[BEARER],
            invalid,
            "the token is not an access token",
        ),
        (
            Refusal::Issuer,
            "issuer",
            401,
            &[BEARER],
            invalid,
            "the token is of an issuer that is not trusted here",
        ),
        (
            Refusal::Opaque,
            "opaque",
            401,
            &[BEARER],
            invalid,
            "tokens of this form are not taken here",
        ),
        (
            Refusal::NotForApis,
            "not_for_apis",
            401,
            &[BEARER],
            invalid,
            "the token is not for use with an API, or not whole",
        ),
        (
            Refusal::Inactive,
            "inactive",
            401,
            &[BEARER],
            invalid,
            "the token is not active",
        ),
        (
            Refusal::OtherToken,
            "other_token",
            401,
            &[BEARER],
            invalid,
            "the token is not active",
        ),
        (
            Refusal::BoundToKey,
            "bound_to_key",
            401,
            &[DPOP],
            invalid,
            "the token is bound to a key: present it with a proof",
        ),
        (
            Refusal::NotBound,
            "not_bound",
            401,
            &[BEARER],
            invalid,
            "the token is not bound to a key: present it as Bearer",
        ),
        (
            Refusal::ProofMissing,
            "proof_missing",
            401,
            &[DPOP],
            proof,
            "the proof is missing",
        ),
        (
            Refusal::Proof(ProofError::Header),
            "proof",
            401,
            &[DPOP],
            proof,
            "there is more than one proof",
        ),
        (
            Refusal::Proof(ProofError::Method),
            "proof",
            401,
            &[DPOP],
            proof,
            "the proof is for another method",
        ),
        (
            Refusal::Proof(ProofError::Uri),
            "proof",
            401,
            &[DPOP],
            proof,
            "the proof is for another address",
        ),
        (
            Refusal::Proof(ProofError::AccessToken),
            "proof",
            401,
            &[DPOP],
            proof,
            "the proof is for another token",
        ),
        (
            Refusal::Proof(ProofError::TooOld),
            "proof",
            401,
            &[DPOP],
            proof,
            "the proof is too old",
        ),
        (
            Refusal::Proof(ProofError::InFuture),
            "proof",
            401,
            &[DPOP],
            proof,
            "the proof is dated ahead",
        ),
        (
            Refusal::Proof(ProofError::Jwk),
            "proof",
            401,
            &[DPOP],
            proof,
            "the proof is not valid",
        ),
        (
            Refusal::ProofOfOtherKey,
            "proof_of_other_key",
            401,
            &[DPOP],
            proof,
            "the proof is of another key than the token's",
        ),
        (
            Refusal::ProofReplayed,
            "proof_replayed",
            401,
            &[DPOP],
            proof,
            "the proof was used before",
        ),
        (
            Refusal::NonceRequired("n-1".to_owned()),
            "nonce_required",
            401,
            &[DPOP],
            "use_dpop_nonce",
            "the proof has to carry the nonce",
        ),
        (
            Refusal::CertificateMissing,
            "certificate_missing",
            401,
            &[BEARER],
            invalid,
            "the token is bound to a certificate",
        ),
        (
            Refusal::OtherCertificate,
            "other_certificate",
            401,
            &[BEARER],
            invalid,
            "the token is bound to another certificate",
        ),
        (
            Refusal::Unbound,
            "unbound",
            401,
            &[DPOP],
            invalid,
            "a token that is bound to its holder is needed",
        ),
        (
            Refusal::Scope {
                wanted: "orders.write".to_owned(),
            },
            "scope",
            403,
            &[BEARER],
            "insufficient_scope",
            "the token lacks a scope",
        ),
        (
            Refusal::Role {
                wanted: vec!["Reader".to_owned()],
            },
            "role",
            403,
            &[BEARER],
            "insufficient_scope",
            "the token lacks a role",
        ),
        (
            Refusal::Kind,
            "kind",
            403,
            &[BEARER],
            "insufficient_scope",
            "the token is not of a kind that is taken here",
        ),
        (
            Refusal::NotByLoopback,
            "not_by_loopback",
            403,
            &[BEARER],
            "insufficient_scope",
            "a sign-in on the machine of the browser is needed",
        ),
        (
            Refusal::Unavailable { retry_after: wait },
            "unavailable",
            503,
            &[],
            "",
            "",
        ),
        (
            Refusal::Busy { retry_after: wait },
            "busy",
            503,
            &[],
            "",
            "",
        ),
    ]
}

// security.md 83, 84
#[test]
fn every_reason_has_its_status_its_challenge_and_its_word() {
    for (refusal, word, status, schemes, code, told) in table() {
        assert_eq!(refusal.word(), word, "{refusal:?}");
        let response = refusal.response::<String>();
        assert_eq!(response.status(), status, "{refusal:?}");
        assert_eq!(response.body(), "", "{refusal:?}");
        assert_eq!(refusal.code().unwrap_or_default(), code, "{refusal:?}");
        let found: Vec<&str> = response
            .headers()
            .get_all("www-authenticate")
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        let wanted: Vec<String> = schemes
            .iter()
            .map(|scheme| {
                let mut wanted = (*scheme).to_owned();
                if !code.is_empty() {
                    wanted += &format!(", error=\"{code}\", error_description=\"{told}\"");
                }
                if word == "scope" {
                    wanted += ", scope=\"orders.write\"";
                }
                if *scheme == DPOP {
                    // RFC 9449 §7.1
                    wanted += ", algs=\"ES256 ES384 ES512 EdDSA PS256 RS256\"";
                }
                wanted
            })
            .collect();
        assert_eq!(found, wanted, "{refusal:?}");
        let header = |name: &str| response.headers().get(name).map(|it| it.to_str().unwrap());
        assert_eq!(
            header("retry-after"),
            (status == 503).then_some("7"),
            "{refusal:?}"
        );
        let nonce = (word == "nonce_required").then_some("n-1");
        assert_eq!(header("dpop-nonce"), nonce, "{refusal:?}");
    }
}

#[test]
fn the_table_leaves_no_reason_out() {
    let reasons: BTreeSet<String> = table()
        .into_iter()
        .map(|row| format!("{:?}", row.0))
        .map(|shown| shown.chars().take_while(|c| c.is_alphanumeric()).collect())
        .collect();
    assert_eq!(reasons.len(), 26, "{reasons:?}");
}
