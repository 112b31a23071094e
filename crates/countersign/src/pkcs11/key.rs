//! How does a key sign that never leaves its token?

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_proto::key::{Algorithm, PublicKey, SigningError, SigningKey};
use cryptoki::object::ObjectHandle;

use super::{
    inventory::{HeldKey, handle_of},
    pin::PinSource,
    signs_by::{Manner, Mechanisms, Plan},
    token::{Desk, Login, Stop, Token},
    trouble::Trouble,
};

/// A private key in a token. Only public attributes of it are ever read.
///
/// Each signature is verified before it is handed out: a certificate may stand beside a key that is not
/// its own, and a faulty device must not send what gives its key away.
pub(super) struct TokenKey {
    token: Arc<Token>,
    pin: PinSource,
    held: HeldKey,
    public_key: PublicKey,
    algorithms: Vec<Algorithm>,
    mechanisms: Mechanisms,
    /// Its handle, and in which epoch of the token's sessions it was found.
    found: Mutex<Option<(u64, ObjectHandle)>>,
}

impl TokenKey {
    pub(super) fn new(
        token: Arc<Token>,
        pin: PinSource,
        held: HeldKey,
        public_key: PublicKey,
        mechanisms: Mechanisms,
    ) -> TokenKey {
        let algorithms = mechanisms.algorithms(&public_key, manner_of(&held));
        TokenKey {
            token,
            pin,
            held,
            public_key,
            algorithms,
            mechanisms,
            found: Mutex::default(),
        }
    }

    fn sign_at(&self, desk: &Desk<'_>, plan: &Plan) -> Result<Vec<u8>, Stop> {
        let handle = self.handle(desk)?;
        let session = desk.session;
        if !self.held.always_authenticate {
            return Ok(session.sign(&plan.mechanism, handle, &plan.input)?);
        }
        session.sign_init(&plan.mechanism, handle)?;
        desk.authenticate(&self.pin)?;
        session.sign_update(&plan.input)?;
        Ok(session.sign_final()?)
    }

    fn handle(&self, desk: &Desk<'_>) -> Result<ObjectHandle, Stop> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((epoch, handle)) = *found
            && epoch == desk.epoch
        {
            return Ok(handle);
        }
        let handle = handle_of(desk, &self.held)?
            .ok_or_else(|| Trouble::Busy("the private key is not in it any more".to_owned()))?;
        *found = Some((desk.epoch, handle));
        Ok(handle)
    }
}

impl SigningKey for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let plan = self
            .mechanisms
            .plan(algorithm, manner_of(&self.held), message)
            .filter(|_| self.algorithms.contains(&algorithm))
            .ok_or(SigningError::Algorithm(algorithm))?;
        let name = self.token.to_string();
        let signature = self
            .token
            .work(Login::Needed, &self.pin, |desk| self.sign_at(desk, &plan))
            .map_err(|trouble| trouble.into_signing_error(&name))?;
        match self.public_key.verify(algorithm, message, &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(SigningError::Refused(format!(
                "token {name}: what it signed does not verify by the certificate; is the key another one's?"
            ))),
        }
    }

    fn may_block(&self) -> bool {
        true
    }
}

fn manner_of(held: &HeldKey) -> Manner {
    match held.always_authenticate {
        true => Manner::InParts,
        false => Manner::AtOnce,
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("token", &self.token)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}
