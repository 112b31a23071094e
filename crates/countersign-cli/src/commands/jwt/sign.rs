//! How does a person make a token?

use countersign::{
    Clock, SystemClock,
    proto::jwt::{BuildError, JwtBuilder, RenewalPolicy},
};
use serde_json::{Map, Value};

use super::{key_source, members, printed};
use crate::{
    args::{Environment, JwtSign},
    failure::{Exit, Failure},
    output::Output,
    times::{duration, moment},
};

pub(super) fn run(
    args: &JwtSign,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let builder = builder(args)?;
    let signer = key_source::signer(&args.signer, environment, output)?;
    let token = builder
        .build(&signer, SystemClock.now())
        .map_err(|error| not_built(&error))?;
    output.detail(&format!(
        "signed by {} until {}",
        token.algorithm(),
        token.expires_at()
    ));
    printed::print(&token, Map::new(), output)
}

fn builder(args: &JwtSign) -> Result<JwtBuilder, Failure> {
    let mut builder = JwtBuilder::new();
    if let Some(file) = &args.claims {
        for (name, value) in members::of_file("--claims", file)? {
            builder = with_claim(builder, &name, value);
        }
    }
    if let Some(issuer) = &args.issuer {
        builder = builder.issuer(issuer);
    }
    for audience in &args.audience {
        builder = builder.audience(audience);
    }
    if let Some(subject) = &args.subject {
        builder = builder.subject(subject);
    }
    let claims = members::members(("--claim", &args.claim), ("--claim-json", &args.claim_json))?;
    for (name, value) in claims {
        builder = builder.claim(&name, value);
    }
    let header = members::members(
        ("--header", &args.header),
        ("--header-json", &args.header_json),
    )?;
    for (name, value) in header {
        builder = builder.header(&name, value);
    }
    if let Some(text) = &args.lifetime {
        builder = builder.lifetime(duration("--lifetime", text)?);
    }
    if let Some(text) = &args.not_before {
        builder = builder.not_before(moment("--not-before", text)?);
    }
    if let Some(typ) = &args.typ {
        builder = builder.typ(typ);
    }
    match (&args.id, args.no_id) {
        (Some(id), _) => builder = builder.id(id),
        (None, true) => {}
        (None, false) => builder = builder.id(&new_id()?),
    }
    if let Some(limit) = args.renewals {
        let mut policy = RenewalPolicy::default();
        policy.limit = limit;
        if let Some(text) = &args.renewable_for {
            policy.longest = duration("--renewable-for", text)?;
        }
        builder = builder.renewable(policy);
    }
    Ok(builder)
}

/// A claim of a file. Of those that have a setting of their own, issuer, audience, subject and name
/// may stand there, and an option wins; the times may not.
fn with_claim(builder: JwtBuilder, name: &str, value: Value) -> JwtBuilder {
    match (name, &value) {
        ("iss", Value::String(issuer)) => builder.issuer(issuer),
        ("sub", Value::String(subject)) => builder.subject(subject),
        ("aud", Value::String(audience)) => builder.audience(audience),
        ("aud", Value::Array(audiences)) if audiences.iter().all(Value::is_string) => audiences
            .iter()
            .filter_map(Value::as_str)
            .fold(builder, JwtBuilder::audience),
        _ => builder.claim(name, value),
    }
}

/// A `jti` of 128 random bits, in hexadecimal.
pub(super) fn new_id() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if filled != Ok(bytes.len()) {
        return Err(Failure::other(
            "the operating system gives no random numbers",
        ));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What cannot be said is a matter of the command line; what the key refuses is not.
pub(super) fn not_built(error: &BuildError) -> Failure {
    let exit = match error {
        BuildError::CertificateValidity(_) => Exit::Expired,
        BuildError::CertificateUsage | BuildError::Signing(_) => Exit::Failure,
        _ => Exit::Usage,
    };
    let failure = Failure::new(exit, error.to_string());
    match error {
        BuildError::OwnClaim(name) => failure.hint(match *name {
            "iss" => "say it with --issuer",
            "sub" => "say it with --subject",
            "aud" => "say it with --audience",
            "exp" => "say it with --lifetime",
            "nbf" => "say it with --not-before",
            "jti" => "say it with --id",
            "iat" => "it is the moment of signing",
            _ => "say it with --renewals",
        }),
        BuildError::OwnHeader(name) => failure.hint(match *name {
            "alg" => "say it with --alg",
            "kid" => "say it with --kid",
            "typ" => "say it with --typ",
            "x5c" => "say it with --x5c",
            _ => "leave it out",
        }),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md 37
    #[test]
    fn every_id_is_new_and_has_128_bits() {
        let drawn: std::collections::HashSet<String> =
            (0..100).map(|_| new_id().unwrap()).collect();
        assert_eq!(drawn.len(), 100);
        assert!(drawn.iter().all(|id| id.len() == 32));
    }
}
