//! How does the platform prove to a provider that it is the client that the provider knows?

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_proto::{
    assertion::Assertion,
    certificate::{Certificate, CertificateChain},
    exchange::JWT_BEARER_ASSERTION_TYPE,
    key::{Algorithm, LocalKey, SigningKey as _},
    time::UnixTime,
};
use http::HeaderValue;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::{config::ClientAuthentication, idp::provider::Description, outbound::Form, random};

/// Bytes of the longest file with a secret, a certificate or a key.
const FILE_MAX: u64 = 64 * 1024;
/// Bytes of a form, so that it never moves and leaves a copy behind.
const FORM_ROOM: usize = 32 * 1024;

/// Whose files are read at every use, so that a secret or a certificate is replaced without a stop.
pub(super) struct Credentials {
    issuer: String,
    client_id: String,
    files: ClientAuthentication,
}

/// What was read.
enum Loaded {
    Nothing,
    Secret(Zeroizing<String>),
    Pair(Box<Pair>),
}

impl Credentials {
    /// Reads the files once, to say early what is wrong with them.
    pub(super) fn new(
        issuer: &str,
        client_id: &str,
        files: &ClientAuthentication,
    ) -> Result<Credentials, String> {
        Loaded::read(files)?;
        Ok(Credentials {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            files: files.clone(),
        })
    }

    /// A form with these parameters and with what the provider wants to see of the client.
    ///
    /// # Errors
    /// Which file cannot be used, or that the provider takes none of what there is.
    pub(super) async fn form(
        &self,
        parameters: &[(&str, &str)],
        description: &Description,
        now: UnixTime,
    ) -> Result<Form, String> {
        let files = self.files.clone();
        let loaded = tokio::task::spawn_blocking(move || Loaded::read(&files))
            .await
            .map_err(|_| "the thread that read the credentials ended".to_owned())??;
        self.with(&loaded, parameters, description, now)
    }

    fn with(
        &self,
        loaded: &Loaded,
        parameters: &[(&str, &str)],
        description: &Description,
        now: UnixTime,
    ) -> Result<Form, String> {
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(FORM_ROOM));
        form.extend_pairs(parameters);
        let mut authorization = None;
        match loaded {
            Loaded::Nothing => {
                form.append_pair("client_id", &self.client_id);
            }
            Loaded::Secret(secret) => {
                let offers = |method: &str| description.auth_methods.iter().any(|it| it == method);
                if offers("client_secret_basic") {
                    authorization = Some(basic(&self.client_id, secret)?);
                } else if offers("client_secret_post") {
                    form.append_pair("client_id", &self.client_id);
                    form.append_pair("client_secret", secret);
                } else {
                    return Err("the provider takes no client secret".to_owned());
                }
            }
            Loaded::Pair(pair) => {
                let jti = random::token_id().map_err(|fault| fault.to_string())?;
                let assertion = Assertion::client(&self.client_id, &self.issuer)
                    .mint(
                        &pair.chain,
                        &pair.key,
                        pair.algorithm(&description.auth_algorithms),
                        now,
                        &jti,
                    )
                    .map_err(|error| error.to_string())?;
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_assertion_type", JWT_BEARER_ASSERTION_TYPE);
                form.append_pair("client_assertion", assertion.expose());
            }
        }
        Ok(Form {
            body: Zeroizing::new(form.finish()),
            authorization,
        })
    }
}

impl Loaded {
    fn read(files: &ClientAuthentication) -> Result<Loaded, String> {
        match files {
            ClientAuthentication::Public => Ok(Loaded::Nothing),
            ClientAuthentication::SecretFile(file) => read_secret(file).map(Loaded::Secret),
            ClientAuthentication::Certificate { certificate, key } => {
                Pair::read(certificate, key).map(|pair| Loaded::Pair(Box::new(pair)))
            }
        }
    }
}

/// A certificate and its key.
struct Pair {
    chain: CertificateChain,
    key: LocalKey,
}

impl Pair {
    fn read(certificate: &Path, key: &Path) -> Result<Pair, String> {
        let named = |file: &Path, problem: String| format!("{}: {problem}", file.display());
        let pem = read(certificate)?;
        let mut found = Certificate::all_from_pem(&pem)
            .map_err(|error| named(certificate, error.to_string()))?;
        if found.is_empty() {
            return Err(named(certificate, "holds no certificate in PEM".to_owned()));
        }
        let chain = CertificateChain::new(found.remove(0), found);
        let private =
            LocalKey::from_pem(&read(key)?).map_err(|error| named(key, error.to_string()))?;
        if private.public_key() != chain.leaf().public_key() {
            let problem = format!("is not the key of {}", certificate.display());
            return Err(named(key, problem));
        }
        Ok(Pair {
            chain,
            key: private,
        })
    }

    /// Of several the one that the provider lists first of ours, else RS256.
    fn algorithm(&self, listed: &[String]) -> Algorithm {
        let of_key = self.key.public_key().algorithms();
        let is_listed = |algorithm: &&Algorithm| listed.iter().any(|it| it == algorithm.name());
        of_key
            .iter()
            .find(is_listed)
            .or(of_key.last())
            .copied()
            .unwrap_or(Algorithm::RS256)
    }
}

/// RFC 6749 §2.3.1: both are form-encoded before they are joined.
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let joined = Zeroizing::new(format!(
        "{}:{}",
        encode(client_id),
        Zeroizing::new(encode(secret)).as_str()
    ));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(joined.as_bytes())));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| "the client secret makes no header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The text of a file without its last line break.
fn read_secret(file: &Path) -> Result<Zeroizing<String>, String> {
    let text = read(file)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() || secret.chars().any(char::is_control) {
        return Err(format!(
            "{}: is no client secret: one line of text",
            file.display()
        ));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn read(file: &Path) -> Result<Zeroizing<String>, String> {
    let named = |problem: &str| format!("{}: {problem}", file.display());
    let about = std::fs::metadata(file).map_err(|error| named(&error.to_string()))?;
    if about.len() > FILE_MAX {
        return Err(named("is too long"));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => Err(named(&error.to_string())),
    }
}

#[cfg(test)]
mod tests;
