//! What does the API keep in its folder, and where does it come from at the first start?

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use anyhow::Context as _;
use argon2::{Argon2, PasswordHasher as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::jwt::{Algorithm, SymmetricKey};
use zeroize::Zeroizing;

/// The Argon2id hash of the password of each user.
pub(crate) type Users = HashMap<String, String>;

/// A hash of the same cost that belongs to no password.
pub(crate) const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$Y291bnRlcnNpZ24gbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The secret that signs tokens: they go on being good when the API is started again.
pub(crate) fn signing_key(data: &Path) -> anyhow::Result<SymmetricKey> {
    let file = data.join("signing-key.jwk");
    if !file.exists() {
        let key = SymmetricKey::generate(Algorithm::HS256)?;
        write_private(data, "signing-key.jwk", &key.to_jwk(Algorithm::HS256, None))?;
    }
    Ok(SymmetricKey::from_jwk(&Zeroizing::new(fs::read(file)?))?)
}

/// Everybody who may have a token: a line `name:hash` for each.
pub(crate) fn users(data: &Path) -> anyhow::Result<Users> {
    let file = data.join("users");
    if !file.exists() {
        let password = Zeroizing::new(chance()?);
        let salt = chance()?;
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt.as_bytes());
        let hash = hash.map_err(anyhow::Error::msg)?;
        let netrc = format!("machine 127.0.0.1 login admin password {}\n", *password);
        write_private(data, "netrc", &Zeroizing::new(netrc))?;
        write_private(data, "users", &format!("admin:{hash}\n"))?;
        let written = data.join("netrc");
        eprintln!("the password of admin is in {}", written.display());
    }
    let lines = fs::read_to_string(file)?;
    let pairs = lines.lines().filter_map(|line| line.split_once(':'));
    let owned = |(name, hash): (&str, &str)| (name.to_owned(), hash.to_owned());
    Ok(pairs.map(owned).collect())
}

/// 128 random bits, as text.
pub(crate) fn chance() -> anyhow::Result<String> {
    let mut bytes = Zeroizing::new([0; 16]);
    aws_lc_rs::rand::fill(&mut *bytes).context("there are no random numbers")?;
    Ok(URL_SAFE_NO_PAD.encode(*bytes))
}

/// Makes a folder for its owner alone, where there is none.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    Ok(DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?)
}

/// Writes a new file for its owner alone.
fn write_private(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    make_folder(folder)?;
    let file = folder.join(name);
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(&file);
    let mut opened = opened.with_context(|| format!("cannot make {}", file.display()))?;
    Ok(opened.write_all(text.as_bytes())?)
}
