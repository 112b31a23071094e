//! Where does the platform's randomness come from?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{opaque::TokenId, time::UnixTime};

use crate::refusal::Fault;

/// 128 random bits in base64url, 22 characters: a `jti` (security.md 61).
pub(crate) fn token_id() -> Result<String, Fault> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<16>()?))
}

/// The public id of an opaque token, or of a session, that begins at `now`: a UUIDv7 (RFC 9562 §5.7), of which 74 bits are random.
pub(crate) fn opaque_id(now: UnixTime) -> Result<TokenId, Fault> {
    let milliseconds = now.as_secs().saturating_mul(1000);
    let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes::<10>()?).into_uuid();
    Ok(TokenId::from_bytes(id.into_bytes()))
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

    #[test]
    fn later_tokens_have_greater_ids_and_none_comes_twice() {
        let at = |seconds| opaque_id(UnixTime::from_secs(seconds)).unwrap();
        let ids: std::collections::BTreeSet<String> = (0..1000)
            .map(|n| at(1_795_336_200 + n % 2).to_string())
            .collect();
        assert_eq!(ids.len(), 1000);
        assert!(at(1_795_336_200).to_string() < at(1_795_336_201).to_string());
        // RFC 9562 appendix A.6: 2022-02-22T19:22:22.00Z in milliseconds is 0x017F22E279B0.
        assert_eq!(
            at(1_645_557_742).as_bytes()[..6],
            [0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0]
        );
        assert_eq!(at(1_645_557_742).as_bytes()[6] >> 4, 7);
        assert_eq!(at(1_645_557_742).as_bytes()[8] >> 6, 0b10);
    }

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
