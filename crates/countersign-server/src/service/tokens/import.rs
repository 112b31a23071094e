//! How does a token of another platform go on working here?
//!
//! Its digest is taken at once and the string is kept nowhere. What it carries is judged as if it
//! were granted now, so an import is no way around any rule.

use countersign_proto::{
    management::{GrantedForm, GrantedToken, ImportedToken, NewToken},
    opaque::{OpaqueError, OpaqueKind, OpaqueToken, TokenId},
    token::{AccessToken, inspect},
};
use zeroize::Zeroizing;

use super::{
    Caller, ChangeRefusal, attempt, fault,
    granting::{is_here_already, keep, known_by, row},
    invalid,
    standing::{WRITE, shown, with_facts},
};
use crate::{
    Platform,
    policy::granted::grant,
    random,
    service::revocation,
    store::TokenRow,
    tokens::{self, digest},
};

/// Shortest string that may be a token, in characters: a shorter one can be guessed.
const SHORTEST: usize = 16;

/// Why a token is listed as revoked that was imported so.
const IMPORTED_AS_REVOKED: &str = "imported_as_revoked";

/// Takes a token in. Whoever may must be able to grant tokens to others.
pub(crate) async fn import(
    platform: &Platform,
    caller: &Caller,
    asked: &ImportedToken,
) -> Result<GrantedToken, ChangeRefusal> {
    attempt(platform, caller, WRITE.all, async {
        caller.must_have(WRITE.all)?;
        let new = NewToken {
            form: GrantedForm::Imported,
            ..asked.terms.clone()
        };
        let terms = with_facts(platform, caller, |facts| grant(facts, &new))?;
        let known = read(platform, caller, asked.expose(), &new).await?;
        must_be_new(platform, &known.text).await?;
        let mut row = row(platform, caller, &new, terms, &known.id);
        if asked.revoked {
            row.revoked_at = Some(platform.now());
            row.revocation_reason = Some(IMPORTED_AS_REVOKED.to_owned());
        }
        let row: TokenRow = known_by(platform, &known.text, row)?;
        keep(platform, caller, row.clone(), "granted_token.import").await?;
        Ok(shown(platform, row))
    })
    .await
}

/// A string that will be known again, and the id that it gets.
struct Known {
    text: Zeroizing<String>,
    id: TokenId,
}

/// No digest is kept twice, but under another pepper a string has another one.
async fn must_be_new(platform: &Platform, text: &str) -> Result<(), ChangeRefusal> {
    for digest in digest::under_every_pepper(platform.secrets(), text) {
        let known = platform.store().token_by_digest(&digest).await;
        if known.map_err(fault)?.is_some() {
            return Err(is_here_already());
        }
    }
    Ok(())
}

async fn read(
    platform: &Platform,
    caller: &Caller,
    text: &str,
    new: &NewToken,
) -> Result<Known, ChangeRefusal> {
    let wrong = |problem: &str| Err(invalid("token", problem.to_owned()));
    if AccessToken::new(text).is_err() {
        return wrong("holds characters that no bearer token has (RFC 6750 §2.1), or is too long");
    }
    if text.len() < SHORTEST {
        return wrong("is shorter than 16 characters, and could be guessed; grant another");
    }
    let own = revocation::own_token(platform, text).await;
    if own.map_err(fault)?.is_some() {
        return wrong("was signed by this platform, which believes it already");
    }
    // One that has ended, or by a key that is gone, is known no more; it would be refused by its signature
    // wherever it is presented.
    let claimed =
        inspect(text).and_then(|parts| Some(parts.claims.get("iss")? == platform.issuer()));
    if claimed == Some(true) {
        return wrong(
            "says that this platform signed it, and is good no more; grant another in its place",
        );
    }
    let token = match OpaqueToken::parse(text, &platform.settings().tokens.prefix) {
        Ok(token) => token,
        Err(OpaqueError::Prefix | OpaqueError::Kind) => {
            return Ok(Known {
                text: Zeroizing::new(text.to_owned()),
                id: random::opaque_id(platform.now())?,
            });
        }
        // It is refused wherever it is presented, and nobody is asked.
        Err(problem) => return wrong(&format!("cannot be a token of this form: {problem}")),
    };
    if token.kind() == OpaqueKind::Refresh {
        return wrong("is a refresh token, which belongs to a session of its own platform");
    }
    // A string says what it is, and is looked for by the id that stands in it.
    if token.kind() != tokens::opaque_kind(new.kind) {
        return wrong("says that it is of another kind");
    }
    let id = token.id().to_string();
    let taken = platform.store().token(&id).await.map_err(fault)?;
    // Whoever may revoke a token may revoke what was granted through its id, and that may be the id
    // of somebody's session: so only who may do everything brings one along.
    let is_brought = taken.is_none() && caller.permissions.are_all();
    Ok(Known {
        text: Zeroizing::new(token.expose().to_owned()),
        id: if is_brought {
            *token.id()
        } else {
            // By its digest it is known all the same.
            random::opaque_id(platform.now())?
        },
    })
}
