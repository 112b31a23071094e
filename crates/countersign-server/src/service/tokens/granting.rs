//! How is a token granted, and its string handed out once?

use countersign_proto::{
    management::{GivenToken, GrantedForm, NewToken},
    opaque::TokenId,
    token::AccessToken,
};

use super::{
    Caller, ChangeRefusal, attempt, fault, invalid, rights_of,
    standing::{WRITE, shown, with_facts},
};
use crate::{
    Platform, audit, issuer,
    policy::granted::{Terms, grant},
    random,
    refusal::Fault,
    store::{NewAuditEntry, TokenCreated, TokenRow},
    tokens::{self, digest},
};

/// Grants a token. Its string is in the answer and nowhere else.
pub(crate) async fn create(
    platform: &Platform,
    caller: &Caller,
    new: NewToken,
) -> Result<GivenToken, ChangeRefusal> {
    create_as(platform, caller, new, &random::opaque_id(platform.now())?).await
}

/// Grants a token that has this id. A second one with it is a fault: so whoever asks again with the
/// same id is not granted another.
pub(crate) async fn create_as(
    platform: &Platform,
    caller: &Caller,
    new: NewToken,
    id: &TokenId,
) -> Result<GivenToken, ChangeRefusal> {
    attempt(platform, caller, WRITE.own, async {
        if new.form == GrantedForm::Imported {
            let problem = "has to be `opaque` or `jwt`; a string that is there already is imported";
            return Err(invalid("form", problem.to_owned()));
        }
        let terms = with_facts(platform, caller, |facts| grant(facts, &new))?;
        let (text, row) = minted(platform, caller, &new, terms, id)?;
        keep(platform, caller, row.clone(), "granted_token.create").await?;
        Ok(GivenToken::new(text.expose(), shown(platform, row)))
    })
    .await
}

/// The string of a new token and its row.
pub(super) fn minted(
    platform: &Platform,
    caller: &Caller,
    new: &NewToken,
    terms: Terms,
    id: &TokenId,
) -> Result<(AccessToken, TokenRow), ChangeRefusal> {
    let (text, row) = match new.form {
        GrantedForm::Jwt => {
            let row = row(platform, caller, new, terms, id);
            let rights = rights_of(&row, &platform.registry())
                .ok_or_else(|| Fault::new("the owner of the token is gone"))?;
            let signed = issuer::mint_granted(
                &row,
                &rights.roles,
                &rights.scope,
                &platform.keys(),
                platform.local_signing_keys(),
                platform.issuer(),
            )?;
            (signed, row)
        }
        GrantedForm::Opaque | GrantedForm::Imported => {
            let token = tokens::mint(&platform.settings().tokens.prefix, new.kind, id)?;
            let text = AccessToken::new(token.expose())
                .map_err(|_| Fault::new("the token is no token"))?;
            (text, row(platform, caller, new, terms, id))
        }
    };
    let row = known_by(platform, text.expose(), row)?;
    Ok((text, row))
}

/// A row that knows this string again.
pub(super) fn known_by(
    platform: &Platform,
    text: &str,
    row: TokenRow,
) -> Result<TokenRow, ChangeRefusal> {
    let kept = digest::of(platform.secrets(), text)?;
    Ok(TokenRow {
        digest: kept.digest,
        pepper_version: kept.pepper_version,
        ..row
    })
}

/// What is kept of a token, but for its digest.
pub(super) fn row(
    platform: &Platform,
    caller: &Caller,
    new: &NewToken,
    terms: Terms,
    id: &TokenId,
) -> TokenRow {
    // What a granted token grants goes back to where that came from.
    let (application, certificate) = match caller.granted.as_deref() {
        Some(row) => (row.application.clone(), row.certificate.clone()),
        None => {
            let certificate = caller.claims.certificate.as_ref();
            let certificate = certificate.map(|it| it.to_hex().to_ascii_lowercase());
            let application = certificate
                .is_some()
                .then(|| caller.claims.client_id.clone());
            (application, certificate)
        }
    };
    TokenRow {
        id: id.to_string(),
        kind: new.kind,
        form: new.form,
        name: new.name.clone(),
        description: new.description.clone(),
        owner: terms.owner,
        roles: terms.roles,
        scope: terms.scope.to_string(),
        audience: terms.audience,
        digest: Vec::new(),
        pepper_version: 0,
        created_at: platform.now(),
        created_by: caller.claims.principal.clone(),
        created_through: Some(through(caller)),
        application,
        certificate,
        expires_at: terms.expires_at,
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

/// What a token is granted with. A session outlives its tokens, so it is named and none of them.
fn through(caller: &Caller) -> String {
    let session = caller.claims.session.as_ref();
    session.unwrap_or(&caller.claims.jti).clone()
}

/// Makes a new token durable with its audit row.
pub(super) async fn keep(
    platform: &Platform,
    caller: &Caller,
    row: TokenRow,
    action: &'static str,
) -> Result<(), ChangeRefusal> {
    let limit = platform.settings().tokens.max_per_identity;
    let whose = row.owner.clone();
    let entry = written_down(platform, caller, &row, action);
    match platform.store().create_token(row, limit, entry).await {
        Ok(TokenCreated::Created) => Ok(()),
        Ok(TokenCreated::AlreadyThere) => Err(is_here_already()),
        Ok(TokenCreated::LimitReached) => Err(too_many(platform, whose.as_deref())),
        Err(error) => Err(fault(error)),
    }
}

/// There is no room for one more of this owner.
pub(super) fn too_many(platform: &Platform, owner: Option<&str>) -> ChangeRefusal {
    let limit = platform.settings().tokens.max_per_identity;
    ChangeRefusal::LimitReached(match owner {
        Some(owner) => format!(
            "`{}` has {limit} live tokens, and no more are permitted; revoke one first",
            owner.escape_debug()
        ),
        None => format!(
            "there are {limit} live system tokens, and no more are permitted; revoke one first"
        ),
    })
}

/// Nobody grants what is granted already.
pub(super) fn is_here_already() -> ChangeRefusal {
    ChangeRefusal::Conflict("a token with this string is here already".to_owned())
}

/// Who did it, to whose token, and to which.
pub(super) fn written_down(
    platform: &Platform,
    caller: &Caller,
    row: &TokenRow,
    action: &'static str,
) -> NewAuditEntry {
    audit::granted_token(caller, action, row, platform.now())
}
