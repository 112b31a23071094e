//! Where does chance come from?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// 128 bits of the crypto library's generator, as 22 characters: a `jti` (RFC 7519 §4.1.7), a nonce.
/// `None` when the operating system gives no random numbers.
pub(crate) fn text() -> Option<String> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}
