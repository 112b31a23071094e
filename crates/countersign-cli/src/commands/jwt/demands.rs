//! What was said that a token must be like?

use countersign::proto::jwt::{Refusal, Requirements};

use crate::{
    args::Demands,
    failure::{Exit, Failure},
    times::duration,
};

/// Issuer, audience and tolerance.
pub(super) fn requirements(demands: &Demands) -> Result<Requirements, Failure> {
    let mut issuers = demands.issuer.iter();
    let mut requirements = match (issuers.next(), demands.any_issuer) {
        (Some(issuer), _) => Requirements::issued_by(issuer),
        (None, true) => Requirements::of_any_issuer(),
        (None, false) => {
            return Err(Failure::usage("no issuer is named")
                .hint("--issuer ISSUER says who must have issued the token, or --any-issuer"));
        }
    };
    requirements = issuers.fold(requirements, |all, issuer| all.or_issued_by(issuer));
    requirements = demands
        .audience
        .iter()
        .fold(requirements, |all, audience| all.for_audience(audience));
    if demands.any_audience {
        requirements = requirements.for_any_audience();
    }
    if let Some(text) = &demands.clock_skew {
        let skew = duration("--clock-skew", text)?;
        if skew > Requirements::CLOCK_SKEW_MAX {
            return Err(Failure::usage(format!("--clock-skew {text} is too long"))
                .hint("10m is the longest; set the clock right instead"));
        }
        requirements = requirements.clock_skew(skew);
    }
    Ok(requirements)
}

/// A token that is not good: which claim, what was wanted, and what may help.
pub(super) fn refused(refusal: &Refusal) -> Failure {
    let exit = match refusal {
        Refusal::Expired { .. } => Exit::Expired,
        _ => Exit::Failure,
    };
    let failure = Failure::new(exit, refusal.to_string());
    match hint(refusal) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn hint(refusal: &Refusal) -> Option<&'static str> {
    match refusal.word() {
        "signature" => Some("the token was changed, or it was signed by another key"),
        "key" => Some("countersign jwt inspect shows the kid; --trust FILE adds a key"),
        "algorithm" => Some("the key decides by what it verifies; --alg can only narrow that"),
        "audience" => Some("--audience AUDIENCE says who reads the token, or --any-audience"),
        "expired" => Some("have it issued anew; a token is renewed before it ends"),
        "not_yet_valid" => Some("is the clock right? --clock-skew DURATION tolerates more"),
        "form" => Some("countersign jwt inspect shows what is in it"),
        _ => None,
    }
}
