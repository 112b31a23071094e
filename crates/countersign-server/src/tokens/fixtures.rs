//! Which tokens do the tests judge?

use countersign_proto::{
    management::{GrantedForm, GrantedKind},
    time::UnixTime,
};

use crate::store::TokenRow;

/// A personal access token of `anna` that carries all that she may do, and has no end.
pub(crate) fn row(id: &str) -> TokenRow {
    TokenRow {
        id: id.to_owned(),
        kind: GrantedKind::Personal,
        form: GrantedForm::Opaque,
        name: "laptop".to_owned(),
        description: String::new(),
        owner: Some("anna".to_owned()),
        roles: Vec::new(),
        scope: String::new(),
        audience: None,
        digest: id.as_bytes().to_vec(),
        pepper_version: 1,
        created_at: UnixTime::from_secs(1_795_336_200),
        created_by: "anna".to_owned(),
        created_through: None,
        application: None,
        certificate: None,
        expires_at: None,
        revoked_at: None,
        revocation_reason: None,
        predecessor: None,
        successor: None,
        grace_ends_at: None,
        ends_at_first_use: false,
        last_used_at: None,
        last_used_from: None,
    }
}
