//! Which words are about tokens that are made and read by hand?

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::StoreOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum JwtCommand {
    /// Shows what is in a token, and verifies nothing
    Inspect(TokenSource),
    /// Makes a token and signs it
    #[command(after_help = AFTER_SIGN)]
    Sign(Box<JwtSign>),
    /// Says whether a token is good, and if not, which claim is not as it was wanted
    #[command(after_help = AFTER_VERIFY)]
    Verify(Box<JwtVerify>),
    /// Renews a token that is still good: its claims are kept, it is counted, and it has an end
    Renew(Box<JwtRenew>),
    /// Makes a key, or writes one in another form
    #[command(after_help = AFTER_KEYGEN)]
    Keygen(Box<JwtKeygen>),
    /// Publishes the public keys of certificates and keys as a JWK set
    #[command(after_help = AFTER_JWKS)]
    Jwks(Box<JwtJwks>),
}

/// Where a token comes from; never from the command line itself.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TokenSource {
    /// The file with the token [default: stdin; - is stdin too]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The token is in this variable of the environment
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    pub(crate) token_env: Option<String>,
}

/// A key to sign with.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct KeySource {
    /// The file with the key: PEM, DER, PKCS#12, JWK, or a secret; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The key is in this variable of the environment
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    pub(crate) key_env: Option<String>,
    /// Asks for the key at the terminal
    #[arg(long, conflicts_with_all = ["key", "key_env"])]
    pub(crate) ask_key: bool,
    /// How the key is written; PEM, DER, PKCS#12 and JWK are told by themselves, a secret is not
    #[arg(long, value_name = "FORM")]
    pub(crate) key_form: Option<KeyForm>,
}

/// What a key signs by, and under which name.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SignerOptions {
    #[command(flatten)]
    pub(crate) source: KeySource,
    /// Signs with this certificate of the store: a subject (CN=…), a thumbprint, or a file
    #[arg(long, value_name = "SELECTOR", conflicts_with_all = ["key", "key_env", "ask_key"])]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA [default: by the key]
    #[arg(long, value_name = "ALG")]
    pub(crate) alg: Option<String>,
    /// thumbprint of the key (RFC 7638), one of the certificate (sha1-hex, sha256-hex, sha1-base64url, sha256-base64url), none, or literal:VALUE [default: the kid of the JWK, else thumbprint]
    #[arg(long, value_name = "FORM")]
    pub(crate) kid: Option<String>,
    /// Sends the certificate chain along
    #[arg(long)]
    pub(crate) x5c: bool,
}

/// What is demanded of a token.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Demands {
    /// It must be of this issuer; of one of them when given again
    #[arg(long, value_name = "ISSUER")]
    pub(crate) issuer: Vec<String>,
    /// It may be of any issuer
    #[arg(long, conflicts_with = "issuer")]
    pub(crate) any_issuer: bool,
    /// It must be for this service; for one of them when given again
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Vec<String>,
    /// It may be for anybody
    #[arg(long, conflicts_with = "audience")]
    pub(crate) any_audience: bool,
    /// How far the issuer's clock may differ: 30s, 2m; at most 10m [default: 1m]
    #[arg(long, value_name = "DURATION")]
    pub(crate) clock_skew: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct JwtSign {
    #[command(flatten)]
    pub(crate) signer: SignerOptions,
    /// Who issues it (iss)
    #[arg(long)]
    pub(crate) issuer: Option<String>,
    /// Whom it is for (aud); may be given again
    #[arg(long)]
    pub(crate) audience: Vec<String>,
    /// Whom it is about (sub)
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Adds a claim that is a text; a name that is given again makes an array
    #[arg(long, value_name = "NAME=TEXT")]
    pub(crate) claim: Vec<String>,
    /// Adds a claim that is JSON
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) claim_json: Vec<String>,
    /// Adds the claims of this file, a JSON object; iss, aud and sub may be among them, an option wins
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
    /// Adds a member to the header that is a text
    #[arg(long, value_name = "NAME=TEXT")]
    pub(crate) header: Vec<String>,
    /// Adds a member to the header that is JSON
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) header_json: Vec<String>,
    /// How long it lives: 90s, 15m, 12h, 30d [default: 1h]
    #[arg(long, value_name = "DURATION")]
    pub(crate) lifetime: Option<String>,
    /// From when it is good: 2026-11-22T08:30:00Z, or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<String>,
    /// Its media type (typ) [default: JWT]
    #[arg(long, value_name = "TYPE")]
    pub(crate) typ: Option<String>,
    /// Its name (jti) [default: a new one by chance]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Gives it no name
    #[arg(long, conflicts_with = "id")]
    pub(crate) no_id: bool,
    /// Says in the token how often it may be renewed
    #[arg(long, value_name = "COUNT")]
    pub(crate) renewals: Option<u32>,
    /// Says in the token how long after now its last successor ends: 12h, 30d
    #[arg(long, value_name = "DURATION", requires = "renewals")]
    pub(crate) renewable_for: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct JwtVerify {
    #[command(flatten)]
    pub(crate) token: TokenSource,
    #[command(flatten)]
    pub(crate) source: KeySource,
    /// A file with more keys to believe: certificates, public keys, a JWK or a JWK set; may be given again
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) demands: Demands,
    /// It must be about this (sub)
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// It must be of this media type (typ)
    #[arg(long, value_name = "TYPE")]
    pub(crate) typ: Option<String>,
    /// It must be signed by this algorithm, or by one of them when given again [default: those of the key]
    #[arg(long, value_name = "ALG")]
    pub(crate) alg: Vec<String>,
    /// It must have this claim, a text, alone or in an array
    #[arg(long, value_name = "NAME=TEXT")]
    pub(crate) claim: Vec<String>,
    /// It must have this claim, as JSON
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) claim_json: Vec<String>,
    /// From its issue to its end it must not be longer: 1h, 30d
    #[arg(long, value_name = "DURATION")]
    pub(crate) longest_life: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct JwtRenew {
    #[command(flatten)]
    pub(crate) token: TokenSource,
    #[command(flatten)]
    pub(crate) signer: SignerOptions,
    /// A file with more keys to believe, for tokens of an older key; may be given again
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) demands: Demands,
    /// How long the renewed token lives: 90s, 15m, 12h [default: 1h]
    #[arg(long, value_name = "DURATION")]
    pub(crate) lifetime: Option<String>,
    /// How often a token may be renewed [default: 10]
    #[arg(long, value_name = "COUNT")]
    pub(crate) renewals: Option<u32>,
    /// How long after its first issue the last successor ends [default: 12h]
    #[arg(long, value_name = "DURATION")]
    pub(crate) renewable_for: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct JwtKeygen {
    /// The file for the key, which must not be there yet; - is stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The kind of key
    #[arg(
        long = "type",
        value_name = "TYPE",
        default_value = "p256",
        conflicts_with = "from"
    )]
    pub(crate) kind: NewKey,
    /// Takes this key instead of a new one: PEM, DER, PKCS#12, JWK, or a secret; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// How that key is written, when it is a secret
    #[arg(long, value_name = "FORM", requires = "from")]
    pub(crate) key_form: Option<KeyForm>,
    /// How the key is written: pem or jwk, and for a secret jwk, hex or base64url [default: pem; jwk for a secret]
    #[arg(long, value_name = "FORM")]
    pub(crate) form: Option<KeyForm>,
    /// The algorithm that a JWK names [default: by the key]
    #[arg(long, value_name = "ALG")]
    pub(crate) alg: Option<String>,
    /// The kid that a JWK has: thumbprint, none or literal:VALUE
    #[arg(long, value_name = "FORM", default_value = "thumbprint")]
    pub(crate) kid: String,
    /// Writes a self-signed certificate of the key in front of it, with this subject: CN=client-jwt
    #[arg(long, value_name = "DN")]
    pub(crate) certificate: Option<String>,
    /// How long the certificate is valid, in days
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500), requires = "certificate")]
    pub(crate) days: u32,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
}

#[derive(Args, Debug)]
pub(crate) struct JwtJwks {
    /// Certificates and keys: PEM, DER, PKCS#12, a JWK or a JWK set; of private keys the public half
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Prints the certificates of the keys (x5c) as PEM instead
    #[arg(long)]
    pub(crate) certificates: bool,
    /// Prints the RFC 7638 thumbprints of the keys instead
    #[arg(long, conflicts_with = "certificates")]
    pub(crate) thumbprints: bool,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyForm {
    /// PEM: PKCS#8, PKCS#1 or SEC 1
    Pem,
    /// JSON Web Key
    Jwk,
    /// DER of PKCS#8, PKCS#1, SEC 1, a certificate, or PKCS#12
    Der,
    /// A secret as hexadecimal digits
    Hex,
    /// A secret as base64url
    Base64url,
    /// A secret as it stands there, without the end of its line
    Passphrase,
}

/// The kind of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKey {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    /// A secret of 32 bytes
    Hs256,
    /// A secret of 48 bytes
    Hs384,
    /// A secret of 64 bytes
    Hs512,
}

// No line is longer than help is wide: a line that is broken in two is no command.
const AFTER_SIGN: &str = "\
Examples:
  countersign jwt sign --key issuer.pem --issuer https://issuer.example \\
    --audience https://api.example --subject alice --claim role=reader --lifetime 15m
  countersign jwt sign --key-env HMAC_KEY --key-form base64url --claims claims.json
  countersign jwt sign --cert CN=issuer --kid sha1-hex --x5c --issuer https://issuer.example";

const AFTER_VERIFY: &str = "\
Examples:
  countersign jwt verify --key issuer.pem --issuer https://issuer.example \\
    --audience https://api.example < token
  countersign jwt verify --trust jwks.json --any-issuer --any-audience \\
    --token-env COUNTERSIGN_TOKEN";

const AFTER_KEYGEN: &str = "\
Examples:
  countersign jwt keygen --type ed25519 --out issuer.pem
  countersign jwt keygen --type hs256 --form base64url --out secret.txt
  countersign jwt keygen --from issuer.pem --form jwk --out issuer.jwk
  countersign jwt keygen --from client.jwk --certificate CN=client-jwt --out client.pem";

const AFTER_JWKS: &str = "\
Examples:
  countersign jwt jwks issuer.pem next.pem > jwks.json
  countersign jwt jwks --thumbprints issuer.pem
  countersign jwt jwks --certificates jwks.json > certificates.pem";
