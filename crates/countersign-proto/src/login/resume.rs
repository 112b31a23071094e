//! How does a terminal go on with a login on a new connection?

use serde::Serialize;
use url::Url;

use super::{
    HelloError,
    proof::{self, Bound, malformed},
};
use crate::{
    key::{PublicKey, SigningError, SigningKey},
    time::UnixTime,
};

const ACT: &str = "resume";

/// Asks for what was missed. On the wire it is a JWS by the proof key of the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// `nonce` of the new connection's `welcome`.
    pub nonce: String,
    /// `htu`: the login endpoint as the metadata has it.
    pub htu: Url,
    /// `sid` of the login.
    pub sid: String,
    /// `last_seq`: the highest `seq` that arrived; 0 for none.
    pub last_seq: u64,
}

/// A resume whose signature, nonce and address hold. Only [`Resume::verify`] makes one.
///
/// The caller compares the thumbprint with that of the login's `hello`.
#[derive(Clone, Debug)]
pub struct VerifiedResume {
    resume: Resume,
    key: PublicKey,
    thumbprint: String,
}

impl Resume {
    /// Mints the JWS. The key signs by ES256. As [`Hello::mint`](super::Hello::mint).
    ///
    /// # Errors
    ///
    /// The key did not sign.
    pub fn mint(
        &self,
        key: &dyn SigningKey,
        now: UnixTime,
        jti: &str,
    ) -> Result<String, SigningError> {
        let bound = Bound {
            act: ACT,
            nonce: &self.nonce,
            htu: &self.htu,
        };
        let claims = Minted {
            sid: &self.sid,
            last_seq: self.last_seq,
        };
        proof::mint(&bound, &claims, key, now, jti)
    }

    /// Verifies a resume on the connection whose `welcome` had this nonce. Claims that are not
    /// known here are passed over.
    ///
    /// # Errors
    ///
    /// [`HelloError`] names the first thing that does not hold.
    pub fn verify(
        jws: &str,
        nonce: &str,
        htu: &Url,
        now: UnixTime,
    ) -> Result<VerifiedResume, HelloError> {
        let bound = Bound {
            act: ACT,
            nonce,
            htu,
        };
        let proved = proof::verify(jws, &bound, now)?;
        let sid = proved.claims.string("sid")?;
        if sid.is_empty() || sid.len() > 128 {
            return Err(malformed("sid"));
        }
        let last_seq = proved
            .claims
            .members()
            .get("last_seq")
            .and_then(serde_json::Value::as_u64)
            .ok_or(malformed("last_seq"))?;
        Ok(VerifiedResume {
            resume: Resume {
                nonce: nonce.to_owned(),
                htu: htu.clone(),
                sid: sid.to_owned(),
                last_seq,
            },
            key: proved.key,
            thumbprint: proved.thumbprint,
        })
    }
}

impl VerifiedResume {
    /// What is asked for.
    pub fn resume(&self) -> &Resume {
        &self.resume
    }

    /// The key that was proved.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Its RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

#[derive(Serialize)]
struct Minted<'a> {
    sid: &'a str,
    last_seq: u64,
}
