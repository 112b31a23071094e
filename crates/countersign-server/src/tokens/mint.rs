//! How is the string of a new token made?

use countersign_proto::{
    management::GrantedKind,
    opaque::{OpaqueKind, OpaqueToken, TokenId},
};
use zeroize::Zeroizing;

use crate::{random, refusal::Fault};

/// A new string: the id of its token, and a secret of 256 random bits.
pub(crate) fn mint(prefix: &str, kind: GrantedKind, id: &TokenId) -> Result<OpaqueToken, Fault> {
    let secret = Zeroizing::new(random::bytes::<32>()?);
    Ok(OpaqueToken::compose(prefix, opaque_kind(kind), id, &secret))
}

/// What stands for a kind in the string.
pub(crate) fn opaque_kind(kind: GrantedKind) -> OpaqueKind {
    match kind {
        GrantedKind::Personal => OpaqueKind::PersonalAccess,
        GrantedKind::App => OpaqueKind::App,
        GrantedKind::System => OpaqueKind::System,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // security.md 61
    #[test]
    fn every_string_is_new_and_names_its_kind() {
        let id = TokenId::from_bytes([0x33; 16]);
        for (kind, begins) in [
            (GrantedKind::Personal, "csn_pat_"),
            (GrantedKind::App, "csn_app_"),
            (GrantedKind::System, "csn_sys_"),
        ] {
            let strings = (0..100).map(|_| mint("csn", kind, &id).unwrap());
            let secrets: BTreeSet<[u8; 32]> = strings
                .map(|token| {
                    assert!(token.expose().starts_with(begins));
                    assert!(OpaqueToken::parse(token.expose(), "csn").is_ok());
                    *token.secret()
                })
                .collect();
            assert_eq!(secrets.len(), 100);
        }
        let own = mint("acme", GrantedKind::App, &id).unwrap();
        assert!(own.expose().starts_with("acme_app_"));
    }
}
