//! How does a person get a key to sign tokens with, or one in another form?

use std::{sync::Arc, time::Duration};

use countersign::{
    Clock, SystemClock,
    proto::{
        jwt::{Algorithm, Kid, PrivateKey, PublishedKey, Signer, SymmetricKey},
        key::{KeyError, KeyType},
    },
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{
    algorithm,
    key_source::{KeyText, kid_form},
    refused,
};
use crate::{
    args::{Environment, JwtKeygen, KeyForm, NewKey},
    commands::admin::view,
    failure::Failure,
    new_certificate::{self, BACK_DATED, WantedFor},
    output::Output,
    private_file::{self, Existing},
    token_source::is_stdin,
};

/// A key pair or a secret.
enum Material {
    Pair(PrivateKey),
    Secret(SymmetricKey),
}

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn run(
    args: &JwtKeygen,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let material = material(args, environment)?;
    let signer = signer(&material, args)?;
    let content = match (&material, form(args, &material)?) {
        (Material::Pair(key), KeyForm::Pem) => with_certificate(key, args)?,
        (Material::Pair(key), _) => key
            .to_jwk(Some(signer.algorithm()), signer.kid())
            .map_err(unexpected)?,
        (Material::Secret(key), KeyForm::Hex) => key.to_hex(),
        (Material::Secret(key), KeyForm::Base64url) => key.to_base64url(),
        (Material::Secret(key), _) => key.to_jwk(signer.algorithm(), signer.kid()),
    };
    let content = ending_with_a_line_end(&content);
    if is_stdin(&args.out) {
        return output.data(content.as_bytes());
    }
    private_file::write(&args.out, content.as_bytes(), Existing::Refuse)?;
    output.show(&view::record(
        &Value::Object(told(args, &material, &signer)),
        &["file", "key", "algorithm", "kid"],
    ))
}

fn material(args: &JwtKeygen, environment: &Environment) -> Result<Material, Failure> {
    if let Some(file) = &args.from {
        let text = KeyText::of_file(file, args.key_form)?;
        return Ok(match text.private_key(&args.store, environment)? {
            Ok(key) => Material::Pair(key),
            Err(secret) => Material::Secret(secret),
        });
    }
    let secret = |algorithm| {
        SymmetricKey::generate(algorithm)
            .map(Material::Secret)
            .map_err(|error| Failure::other(error.to_string()))
    };
    let pair = |key_type| PrivateKey::generate(key_type).map(Material::Pair);
    match args.kind {
        NewKey::P256 => pair(KeyType::P256),
        NewKey::P384 => pair(KeyType::P384),
        NewKey::P521 => pair(KeyType::P521),
        NewKey::Ed25519 => pair(KeyType::Ed25519),
        NewKey::Rsa2048 => pair(KeyType::Rsa { bits: 2048 }),
        NewKey::Rsa3072 => pair(KeyType::Rsa { bits: 3072 }),
        NewKey::Rsa4096 => pair(KeyType::Rsa { bits: 4096 }),
        NewKey::Hs256 => return secret(Algorithm::HS256),
        NewKey::Hs384 => return secret(Algorithm::HS384),
        NewKey::Hs512 => return secret(Algorithm::HS512),
    }
    .map_err(unexpected)
}

/// By what and under which name the key will sign; what a JWK says of itself.
fn signer(material: &Material, args: &JwtKeygen) -> Result<Signer, Failure> {
    let signer = match material {
        Material::Pair(key) => Signer::key_pair(Arc::new(key.to_local_key().map_err(unexpected)?)),
        Material::Secret(key) => Signer::symmetric(key.clone()),
    };
    let signer = match &args.alg {
        None => signer,
        Some(name) => signer
            .with_algorithm(algorithm(name)?)
            .map_err(|refusal| Failure::usage(format!("--alg {name}: {refusal}")))?,
    };
    let kid: Kid = kid_form(&args.kid)?;
    signer.with_kid(&kid).map_err(refused("--kid"))
}

fn form(args: &JwtKeygen, material: &Material) -> Result<KeyForm, Failure> {
    let (form, permitted, what) = match material {
        Material::Pair(_) => (
            args.form.unwrap_or(KeyForm::Pem),
            &[KeyForm::Pem, KeyForm::Jwk][..],
            "a key pair is written as pem or jwk",
        ),
        Material::Secret(_) => (
            args.form.unwrap_or(KeyForm::Jwk),
            &[KeyForm::Jwk, KeyForm::Hex, KeyForm::Base64url][..],
            "a secret is written as jwk, hex or base64url",
        ),
    };
    if !permitted.contains(&form) {
        return Err(Failure::usage(format!("--form: {what}")));
    }
    if args.certificate.is_some() && form != KeyForm::Pem {
        return Err(
            Failure::usage("--certificate: a certificate is written as pem")
                .hint("countersign jwt jwks FILE publishes key and certificate as a JWK set"),
        );
    }
    Ok(form)
}

/// The key in PEM, behind its certificate when one is asked for.
fn with_certificate(key: &PrivateKey, args: &JwtKeygen) -> Result<Zeroizing<String>, Failure> {
    let Some(subject) = &args.certificate else {
        return Ok(key.to_pem());
    };
    let now = SystemClock.now();
    let wanted = WantedFor {
        subject,
        key: key.to_pem(),
        not_before: now.minus(BACK_DATED),
        not_after: now.plus(DAY * args.days),
    };
    new_certificate::self_signed(wanted).map(|made| made.bundle(""))
}

/// What may be shown of the key.
fn told(args: &JwtKeygen, material: &Material, signer: &Signer) -> Map<String, Value> {
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| told.insert(name.to_owned(), value);
    tell("file", args.out.display().to_string().into());
    tell("algorithm", signer.algorithm().name().into());
    tell("kid", json!(signer.kid()));
    match material {
        Material::Pair(key) => tell("key", key.public_key().key_type().to_string().into()),
        Material::Secret(key) => tell("key", format!("secret of {} bits", key.bits()).into()),
    };
    if let Some(published) = PublishedKey::of_signer(signer) {
        tell("public_jwk", Value::Object(published.to_members()));
    }
    told
}

fn ending_with_a_line_end(content: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(content.len() + 1));
    text.push_str(content.trim_end_matches('\n'));
    text.push('\n');
    text
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn unexpected(error: KeyError) -> Failure {
    Failure::other(error.to_string())
}
