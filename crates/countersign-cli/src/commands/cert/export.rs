//! How does a certificate leave with its key, in the form that another program wants?

use countersign::{
    certificate_store::{KeyState, Password, to_pkcs12},
    proto::{certificate::CertificateChain, jwt::PrivateKey},
};
use serde_json::json;
use zeroize::Zeroizing;

use super::list;
use crate::{
    args::{CertExport, CertForm, Environment},
    certificate_choice::{open_with, unusable},
    commands::admin::view,
    failure::Failure,
    output::Output,
    private_file::{self, Existing},
    typed_secret,
};

pub(crate) fn run(
    args: &CertExport,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let (chain, key) = read(args, environment)?;
    let content = match args.form {
        CertForm::Pem => pem(&chain, &key),
        CertForm::Pkcs12 => to_pkcs12(&chain, &key, &new_password(args)?)
            .map_err(|error| Failure::other(error.to_string()))?,
    };
    private_file::write(&args.out, &content, Existing::Refuse)?;
    let leaf = chain.leaf();
    output.show(&view::record(
        &json!({
            "file": args.out.display().to_string(),
            "subject": leaf.subject().to_string(),
            "thumbprint": leaf.sha1().to_hex(),
            "not_after": leaf.not_after().to_string(),
            "issuers": chain.issuers().len(),
        }),
        &list::ORDER,
    ))
}

fn read(
    args: &CertExport,
    environment: &Environment,
) -> Result<(CertificateChain, PrivateKey), Failure> {
    let store = open_with(&args.file, &args.store, environment)?;
    let keys = match &args.key {
        Some(file) => open_with(file, &args.store, environment)?,
        None => store.clone(),
    };
    let name = keys.path().display().to_string();
    let key = keys.private_key().map_err(|state| match state {
        KeyState::Locked(why) => Failure::other(format!("{name}: {why}"))
            .hint("give --password-file FILE, COUNTERSIGN_KEY_PASSWORD or --ask-password"),
        KeyState::Unusable(why) => Failure::other(format!("{name}: {why}")),
        _ => Failure::other(format!("{name} holds no private key"))
            .hint("name the file with the key: --key FILE"),
    })?;
    let candidates = store.candidates().map_err(unusable)?;
    let chains = candidates.into_iter().filter_map(|found| found.chain);
    let chain = chains
        .into_iter()
        .find(|chain| chain.leaf().public_key() == key.public_key())
        .ok_or_else(|| {
            Failure::other(format!(
                "{} holds no certificate of the key in {name}",
                args.file.display()
            ))
        })?;
    Ok((chain, key))
}

/// Certificate, issuers, key, as `cert new` writes them.
fn pem(chain: &CertificateChain, key: &PrivateKey) -> Zeroizing<Vec<u8>> {
    let certificates: String = std::iter::once(chain.leaf())
        .chain(chain.issuers())
        .map(countersign::proto::certificate::Certificate::to_pem)
        .collect();
    let key = key.to_pem();
    let mut text = Zeroizing::new(Vec::with_capacity(certificates.len() + key.len()));
    text.extend_from_slice(certificates.as_bytes());
    text.extend_from_slice(key.as_bytes());
    text
}

fn new_password(args: &CertExport) -> Result<Password, Failure> {
    let typed = match (&args.new_password_file, args.ask_new_password) {
        (Some(file), _) => typed_secret::from_file(file)?,
        (None, true) => typed_secret::ask_twice("password of the new file: ")?,
        (None, false) => {
            return Err(Failure::usage("a PKCS#12 file needs a password")
                .hint("give --new-password-file FILE or --ask-new-password"));
        }
    };
    Ok(Password::new(typed.to_string()))
}
