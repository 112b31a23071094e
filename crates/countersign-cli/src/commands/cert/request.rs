//! How does a person ask an authority for a certificate?

use std::{path::Path, sync::Arc};

use countersign::{
    certificate_store::KeyState,
    proto::key::{LocalKey, SigningKey},
};
use serde_json::json;

use super::list;
use crate::{
    args::{CertRequest, Environment, StoreOptions},
    certificate_choice::open_with,
    commands::admin::view,
    failure::Failure,
    new_certificate,
    output::Output,
    private_file::{self, Existing},
};

/// The request is no secret and goes to stdout unless told; the key never does.
pub(crate) fn run(
    args: &CertRequest,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let (key, new) = match &args.key {
        Some(place) => (existing_key(place, args, environment)?, None),
        None => {
            let pem = new_certificate::new_key(args.key_type)?;
            let key =
                LocalKey::from_pem(&pem).map_err(|error| Failure::other(error.to_string()))?;
            (Arc::new(key) as Arc<dyn SigningKey>, Some(pem))
        }
    };
    let request = new_certificate::request(&args.subject, key.as_ref())?;
    if let (Some(file), Some(new)) = (&args.key_out, &new) {
        private_file::write(file, new.as_bytes(), Existing::Refuse)?;
        output.note(&format!("the key is in {}", file.display()));
    }
    let Some(file) = &args.out else {
        return output.data(request.as_bytes());
    };
    private_file::write(file, request.as_bytes(), Existing::Refuse)?;
    output.show(&view::record(
        &json!({
            "file": file.display().to_string(),
            "subject": args.subject,
            "key_type": key.public_key().key_type().to_string(),
        }),
        &list::ORDER,
    ))
}

/// A key in a file, or one that does not leave its token.
fn existing_key(
    place: &Path,
    args: &CertRequest,
    environment: &Environment,
) -> Result<Arc<dyn SigningKey>, Failure> {
    let options = StoreOptions {
        cert_store: None,
        password_file: args.password_file.clone(),
        ask_password: args.ask_password,
    };
    let store = open_with(place, &options, environment)?;
    let name = place.display();
    store.signing_key().map_err(|state| match state {
        KeyState::Locked(why) => Failure::other(format!("{name}: {why}"))
            .hint("give --password-file FILE, COUNTERSIGN_KEY_PASSWORD or --ask-password"),
        KeyState::Unusable(why) => {
            Failure::other(format!("{name} holds no key that can be used: {why}"))
        }
        _ => Failure::other(format!("{name} holds no private key")).hint(
            "name a file with a private key, or the URI of a token with the label of its key",
        ),
    })
}
