//! When do claims hold whose signature was verified before?

use super::{TYP, TokenClaims, TokenError, TokenKind};
use crate::{
    assertion::LEEWAY,
    jws::{Claims, UnverifiedJws},
    key::{Algorithm, PublicKey},
    time::UnixTime,
};

/// Claims whose signature was verified. That stays so; whether they hold is asked anew at each
/// moment, and they are given away only as far as they do.
#[derive(Clone, Debug)]
pub struct SignedClaims {
    claims: TokenClaims,
    kid: String,
}

impl SignedClaims {
    /// Verifies the signature of a token, and reads what it says (RFC 9068 §4). `key_of` finds the
    /// issuer's key by `kid`.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names the first thing that does not hold.
    pub fn verify(
        text: &str,
        key_of: impl FnOnce(&str) -> Option<(PublicKey, Algorithm)>,
    ) -> Result<SignedClaims, TokenError> {
        let jws = UnverifiedJws::parse(text).map_err(TokenError::Jws)?;
        if jws.header().typ.as_deref() != Some(TYP) {
            return Err(TokenError::Type);
        }
        let kid = jws.header().kid.clone().ok_or(TokenError::UnknownKey)?;
        let (key, algorithm) = key_of(&kid).ok_or(TokenError::UnknownKey)?;
        let claims = jws
            .verify(&key, &[algorithm])
            .map_err(TokenError::Jws)?
            .into_claims();
        Ok(SignedClaims {
            claims: TokenClaims::read(&claims)?,
            kid,
        })
    }

    /// What an app token says that was granted, and whose signature `jwt` verified by a secret under
    /// the name `kid`. For no other token does a secret vouch.
    pub(crate) fn of_granted_app(
        typ: Option<&str>,
        claims: &Claims,
        kid: String,
    ) -> Result<SignedClaims, TokenError> {
        if typ != Some(TYP) {
            return Err(TokenError::Type);
        }
        let claims = TokenClaims::read(claims)?;
        claims.check_granted_jwt()?;
        Ok(SignedClaims { claims, kid })
    }

    /// For which service they are: to know what to ask for. Whether they hold is another question.
    pub fn audience(&self) -> &str {
        &self.claims.audience
    }

    /// The claims, if they are of `issuer` for `audience` and hold at this moment. There is no leeway
    /// at `exp`, and 10 s at `nbf` and `iat`.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names the first thing that does not hold.
    pub fn held(
        &self,
        issuer: &str,
        audience: &str,
        now: UnixTime,
    ) -> Result<&TokenClaims, TokenError> {
        let claims = &self.claims;
        if claims.issuer != issuer {
            return Err(TokenError::Issuer);
        }
        if claims.audience != audience {
            return Err(TokenError::Audience);
        }
        if claims.expires_at.is_some_and(|end| now >= end) {
            return Err(TokenError::Expired);
        }
        let ahead = now.plus(LEEWAY);
        if claims.not_before > ahead || claims.issued_at > ahead {
            return Err(TokenError::NotYetValid);
        }
        Ok(claims)
    }

    /// The same, and nothing more is asked of them.
    pub(super) fn into_held(
        self,
        issuer: &str,
        audience: &str,
        now: UnixTime,
    ) -> Result<TokenClaims, TokenError> {
        self.held(issuer, audience, now)?;
        Ok(self.claims)
    }

    /// Which key signed them.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// How the token was got.
    pub fn kind(&self) -> TokenKind {
        self.claims.kind
    }

    /// The name of the token.
    pub fn jti(&self) -> &str {
        &self.claims.jti
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::{API, ISSUER, Identity, JTI, NOW},
        key::SigningKey as _,
    };

    // security.md 16, 59, 75
    #[test]
    fn claims_whose_signature_was_verified_once_hold_only_in_their_time_and_place() {
        let identity = Identity::named("p256");
        let claims = TokenClaims::new(
            ISSUER.to_owned(),
            "robot".to_owned(),
            API.to_owned(),
            crate::token::GRANTED_CLIENT_ID.to_owned(),
            TokenKind::App,
            NOW,
            UnixTime::from_secs(1_700_000_900),
            JTI.to_owned(),
        );
        let input = claims.signing_input(Algorithm::ES256, "issuer-key");
        let signature = identity
            .key
            .sign(Algorithm::ES256, input.as_bytes())
            .unwrap();
        let key_of = |_: &str| Some((identity.public_key().clone(), Algorithm::ES256));
        let signed = SignedClaims::verify(&input.finish(&signature), key_of).unwrap();
        assert_eq!(signed.kid(), "issuer-key");
        assert_eq!((signed.kind(), signed.jti()), (TokenKind::App, JTI));

        assert_eq!(signed.held(ISSUER, API, NOW), Ok(&claims));
        let at = |seconds| signed.held(ISSUER, API, UnixTime::from_secs(seconds));
        assert_eq!(at(1_700_000_899), Ok(&claims));
        assert_eq!(at(1_700_000_900), Err(TokenError::Expired));
        let early = NOW.minus(std::time::Duration::from_secs(11));
        assert_eq!(
            signed.held(ISSUER, API, early),
            Err(TokenError::NotYetValid)
        );
        assert_eq!(signed.held(API, API, NOW), Err(TokenError::Issuer));
        assert_eq!(signed.held(ISSUER, ISSUER, NOW), Err(TokenError::Audience));
    }
}
