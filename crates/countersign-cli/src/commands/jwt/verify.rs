//! Is this token good?

use std::collections::BTreeMap;

use countersign::{
    Clock, SystemClock,
    proto::jwt::{Refusal, Requirements, VerifiedJwt, verify},
};
use serde_json::{Value, json};

use super::{algorithm, demands, inspect, key_source, members};
use crate::{
    args::{Environment, Format, JwtVerify},
    failure::Failure,
    output::{Block, Output, Shown},
    times::duration,
    token_source,
};

pub(super) fn run(
    args: &JwtVerify,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let requirements = requirements(args)?;
    token_source::one_stdin(&args.token, args.source.key.as_deref())?;
    let keys = key_source::trusted(&args.source, &args.trust, environment)?;
    let token = token_source::read(&args.token)?;
    match verify(&token, &keys, &requirements, SystemClock.now()) {
        Ok(verified) => output.show(&shown(&verified)),
        Err(refusal) => {
            // For programs the answer is data; the failure is said as it always is.
            if output.format() == Some(Format::Json) {
                output.show(&Shown {
                    json: refused(&refusal),
                    text: Vec::new(),
                })?;
            }
            Err(demands::refused(&refusal))
        }
    }
}

fn requirements(args: &JwtVerify) -> Result<Requirements, Failure> {
    let mut requirements = demands::requirements(&args.demands)?;
    if let Some(subject) = &args.subject {
        requirements = requirements.subject(subject);
    }
    if let Some(typ) = &args.typ {
        requirements = requirements.typ(typ);
    }
    if !args.alg.is_empty() {
        let algorithms = args.alg.iter().map(|name| algorithm(name));
        requirements = requirements.algorithms(&algorithms.collect::<Result<Vec<_>, _>>()?);
    }
    let claims = members::members(("--claim", &args.claim), ("--claim-json", &args.claim_json))?;
    for (name, value) in claims {
        requirements = requirements.claim(&name, value);
    }
    if let Some(text) = &args.longest_life {
        requirements = requirements.longest_life(duration("--longest-life", text)?);
    }
    Ok(requirements)
}

fn shown(verified: &VerifiedJwt) -> Shown {
    let header = verified.header();
    let claims = verified.claims().members();
    let fields = [
        ("Verified", "yes".to_owned()),
        ("Algorithm", header.algorithm.to_string()),
        ("KeyId", header.kid.clone().unwrap_or_default()),
        ("Expires", verified.expires_at().to_string()),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    Shown {
        text: vec![
            Block::Fields(fields.into()),
            Block::Lines(
                "Claims".to_owned(),
                claims
                    .iter()
                    .map(|(name, value)| inspect::line(name, value))
                    .collect(),
            ),
        ],
        json: json!({
            "verified": true,
            "algorithm": header.algorithm.name(),
            "kid": header.kid,
            "expires": verified.expires_at().to_string(),
            "claims": claims,
        }),
    }
}

fn refused(refusal: &Refusal) -> Value {
    let mut members = BTreeMap::from([
        ("verified", Value::from(false)),
        ("reason", refusal.word().into()),
        ("message", refusal.to_string().into()),
    ]);
    if let Some(claim) = refusal.claim() {
        members.insert("claim", claim.into());
    }
    if let Refusal::Value { found, wanted, .. } = refusal {
        members.insert("found", found.clone().unwrap_or_default());
        members.insert("wanted", wanted.clone().into());
    }
    json!(members)
}
