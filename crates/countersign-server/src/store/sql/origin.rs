//! Does that still stand by which a token is granted?

use super::{Columns, Sql, registry, values};
use crate::{
    registry::is_built_in_role,
    store::{
        ROTATED, StoreError, TokenRow,
        token::{origin_deleted, origin_revoked},
    },
};

/// Refuses a token that would be granted by what was revoked or deleted meanwhile. Whoever asks holds
/// `Lock::Granting` or `Lock::Ending`, so that it stays as it is.
pub(super) async fn require(connection: &mut impl Sql, row: &TokenRow) -> Result<(), StoreError> {
    require_roles(connection, row).await?;
    match through(connection, row).await? {
        Some(None) => {}
        Some(Some(_)) => return Err(origin_revoked("token").into()),
        // Not by a granted token, which would rest on this itself.
        None => {
            require_session(connection, row).await?;
            require_registered(connection, row).await?;
        }
    }
    require_certificate(connection, row).await
}

/// The same of a token that takes the place of another, which lives: what that was granted with may
/// have been replaced since.
pub(super) async fn require_of_line(
    connection: &mut impl Sql,
    row: &TokenRow,
) -> Result<(), StoreError> {
    require_roles(connection, row).await?;
    let reason = through(connection, row).await?.flatten();
    if reason.is_some_and(|reason| reason != ROTATED) {
        return Err(origin_revoked("token").into());
    }
    require_certificate(connection, row).await
}

/// The granted token that this one is granted with: `None` where there is none, else the reason
/// for which it was revoked, if it was.
async fn through(
    connection: &mut impl Sql,
    row: &TokenRow,
) -> Result<Option<Option<String>>, StoreError> {
    let Some(through) = &row.created_through else {
        return Ok(None);
    };
    let origin = connection
        .row(
            "SELECT CASE WHEN revoked_at IS NULL THEN NULL ELSE coalesce(revocation_reason, '') END \
             FROM granted_token WHERE id = $1",
            values![through.as_str()],
        )
        .await?;
    origin.map(|origin| origin.text_or_none(0)).transpose()
}

async fn require_roles(connection: &mut impl Sql, row: &TokenRow) -> Result<(), StoreError> {
    // Those that are built in cannot be deleted, and have no row.
    let made = row.roles.iter().filter(|role| !is_built_in_role(role));
    for role in made {
        let found = connection
            .row("SELECT 1 FROM role WHERE name = $1", values![role.as_str()])
            .await?;
        found.ok_or_else(|| origin_deleted("role"))?;
    }
    Ok(())
}

async fn require_session(connection: &mut impl Sql, row: &TokenRow) -> Result<(), StoreError> {
    let Some(through) = &row.created_through else {
        return Ok(());
    };
    let ended = connection
        .row(
            "SELECT 1 FROM session WHERE id = $1 AND state = 'ended'",
            values![through.as_str()],
        )
        .await?;
    match ended {
        Some(_) => Err(origin_revoked("session").into()),
        None => Ok(()),
    }
}

async fn require_registered(connection: &mut impl Sql, row: &TokenRow) -> Result<(), StoreError> {
    if let Some(client_id) = &row.application {
        let application = connection
            .row(
                "SELECT 1 FROM application WHERE client_id = $1",
                values![client_id.as_str()],
            )
            .await?;
        application.ok_or_else(|| origin_deleted("application"))?;
    }
    if let Some(certificate) = &row.certificate {
        let mapping = connection
            .row(
                "SELECT 1 FROM mapping WHERE principal = $1 AND certificate = $2",
                values![row.created_by.as_str(), certificate.as_str()],
            )
            .await?;
        mapping.ok_or_else(|| origin_deleted("mapping"))?;
    }
    Ok(())
}

async fn require_certificate(connection: &mut impl Sql, row: &TokenRow) -> Result<(), StoreError> {
    match &row.certificate {
        Some(certificate) if registry::is_revoked(connection, certificate).await? => {
            Err(origin_revoked("certificate").into())
        }
        _ => Ok(()),
    }
}
