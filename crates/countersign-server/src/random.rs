//! Where does the platform's randomness come from?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::refusal::Fault;

/// 128 random bits in base64url, 22 characters: a `jti` (security.md 61).
pub(crate) fn token_id() -> Result<String, Fault> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<16>()?))
}

/// 64 random bits in base64url, 11 characters: names one request in an answer and in the log.
pub(crate) fn support_id() -> String {
    // A request without a name is better than no answer.
    bytes::<8>().map_or_else(|_| "unnamed".to_owned(), |id| URL_SAFE_NO_PAD.encode(id))
}

/// Random bytes of the crypto library's generator.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Fault::new("random generator failed"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md 61
    #[test]
    fn a_token_id_has_128_bits_and_never_comes_twice() {
        let ids: std::collections::HashSet<String> =
            (0..1000).map(|_| token_id().unwrap()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(
            ids.iter()
                .all(|id| URL_SAFE_NO_PAD.decode(id).unwrap().len() == 16)
        );
    }
}
