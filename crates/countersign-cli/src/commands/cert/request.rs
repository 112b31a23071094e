//! How does a person ask an authority for a certificate?

use countersign::{certificate_store::CertificateStore, proto::jwt::PrivateKey};
use serde_json::json;
use zeroize::Zeroizing;

use super::list;
use crate::{
    args::CertRequest,
    certificate_choice::unusable,
    commands::admin::view,
    failure::Failure,
    new_certificate,
    output::Output,
    private_file::{self, Existing},
};

/// The request is no secret and goes to stdout unless told; the key never does.
pub(crate) fn run(args: &CertRequest, output: &Output) -> Result<(), Failure> {
    let key = match &args.key {
        Some(file) => {
            let store = CertificateStore::open(file, None).map_err(unusable)?;
            let key = store.private_key().map_err(|_| {
                Failure::other(format!("{} holds no key that can be used", file.display()))
                    .hint("it must be a private key without a password")
            })?;
            key.to_pem()
        }
        None => new_certificate::new_key(args.key_type)?,
    };
    let request = new_certificate::request(&args.subject, &key)?;
    if let Some(file) = &args.key_out {
        private_file::write(file, key.as_bytes(), Existing::Refuse)?;
        output.note(&format!("the key is in {}", file.display()));
    }
    let Some(file) = &args.out else {
        return output.data(request.as_bytes());
    };
    private_file::write(file, request.as_bytes(), Existing::Refuse)?;
    let key: Zeroizing<String> = key;
    let key_type = PrivateKey::from_pem(&key)
        .map(|key| key.public_key().key_type().to_string())
        .unwrap_or_default();
    output.show(&view::record(
        &json!({
            "file": file.display().to_string(),
            "subject": args.subject,
            "key_type": key_type,
        }),
        &list::ORDER,
    ))
}
