//! Which certificates and keys are in a hardware token, and how do they sign (PKCS#11)?

mod uri;
pub use uri::{ObjectType, Pkcs11Uri, Pkcs11UriError};

mod module;

mod token;

mod trouble;

mod pin;

mod inventory;

mod public_half;

mod signs_by;

mod key;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_proto::key::{PublicKey, SigningKey};

use self::{
    inventory::{HeldCertificate, HeldKey, Inventory, Pairing},
    key::TokenKey,
    module::{Access, Module},
    pin::PinSource,
    token::{Token, TokenName},
};
use crate::certificate_store::{Candidate, KeyState, Password, StoreError};

/// Certificates and keys in the tokens that a URI names. Nothing is opened before it is asked.
#[derive(Clone, Debug)]
pub(crate) struct TokenStore {
    uri: Pkcs11Uri,
    /// The URI without its query, as a place that is shown.
    place: PathBuf,
    default_module: Option<PathBuf>,
    pin: PinSource,
}

/// What is in each token; equal when nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents(Vec<(TokenName, Inventory)>);

impl TokenStore {
    pub(crate) fn new(
        uri: &Pkcs11Uri,
        password: Option<Password>,
    ) -> Result<TokenStore, StoreError> {
        let place = PathBuf::from(uri.to_string());
        let refused = |problem: &str| Err(StoreError::Token(place.clone(), problem.to_owned()));
        if let Some(ObjectType::Data | ObjectType::SecretKey) = uri.object_type {
            return refused("it names neither a certificate nor a private key");
        }
        let names_token = [
            &uri.token,
            &uri.serial,
            &uri.manufacturer,
            &uri.model,
            &uri.slot_description,
        ];
        if uri.slot_id.is_some() && names_token.iter().all(|name| name.is_none()) {
            return refused(
                "slot-id alone names no token, since it changes when a token is put in again; \
                 give token=LABEL or serial=NUMBER",
            );
        }
        let pin = match (password, &uri.pin_source) {
            (Some(password), _) => PinSource::Given(password),
            (None, Some(source)) => match PinSource::of_uri(source) {
                Ok(source) => source,
                Err(problem) => return refused(problem),
            },
            (None, None) => PinSource::Nothing,
        };
        Ok(TokenStore {
            uri: uri.clone(),
            place,
            default_module: None,
            pin,
        })
    }

    pub(crate) fn set_default_module(&mut self, module: &Path) {
        self.default_module = Some(module.to_owned());
    }

    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    pub(crate) fn contents(&self) -> Result<Contents, StoreError> {
        let tokens = self.tokens()?;
        let pin = self.pin_for(&tokens);
        let looked = tokens.iter().map(|token| {
            let inventory = Inventory::of(token, &pin)
                .map_err(|trouble| self.problem(&format!("token {token}: {trouble}")))?;
            Ok((token.name().clone(), inventory))
        });
        looked.collect::<Result<_, _>>().map(Contents)
    }

    pub(crate) fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        let tokens = self.tokens()?;
        let pin = self.pin_for(&tokens);
        let mut candidates = Vec::new();
        for token in &tokens {
            let inventory = Inventory::of(token, &pin)
                .map_err(|trouble| self.problem(&format!("token {token}: {trouble}")))?;
            self.add_candidates(token, &inventory, &pin, &mut candidates);
        }
        Ok(candidates)
    }

    /// The first private key that is meant, as one that signs: for what has no certificate yet.
    pub(crate) fn signing_key(&self) -> Result<Arc<dyn SigningKey>, KeyState> {
        let unusable = |error: StoreError| KeyState::Unusable(error.to_string());
        let tokens = self.tokens().map_err(unusable)?;
        let pin = self.pin_for(&tokens);
        let mut state = KeyState::Absent;
        for token in &tokens {
            let inventory = Inventory::of(token, &pin)
                .map_err(|trouble| KeyState::Unusable(format!("token {token}: {trouble}")))?;
            match &inventory.keys {
                Err(why) => state = KeyState::Locked(format!("token {token}: {why}")),
                Ok(keys) => {
                    let mut meant = keys.iter().filter(|key| self.means(&key.label, &key.id));
                    if let Some(held) = meant.next() {
                        if meant.next().is_some() {
                            let why = "several private keys are meant; give object=LABEL or id=";
                            return Err(KeyState::Unusable(format!("token {token}: {why}")));
                        }
                        return self.without_certificate(token, &inventory, held, &pin);
                    }
                }
            }
        }
        Err(state)
    }

    fn without_certificate(
        &self,
        token: &Arc<Token>,
        inventory: &Inventory,
        held: &HeldKey,
        pin: &PinSource,
    ) -> Result<Arc<dyn SigningKey>, KeyState> {
        let unusable =
            |why: &str| KeyState::Unusable(format!("token {token}: the private key: {why}"));
        let spki = held
            .public_half
            .spki()
            .ok_or_else(|| unusable("its public half cannot be read"))?;
        let public_key =
            PublicKey::from_spki(&spki).map_err(|error| unusable(&error.to_string()))?;
        let key = TokenKey::new(
            Arc::clone(token),
            pin.clone(),
            held.clone(),
            public_key,
            inventory.mechanisms.clone(),
        );
        Ok(Arc::new(key))
    }

    fn add_candidates(
        &self,
        token: &Arc<Token>,
        inventory: &Inventory,
        pin: &PinSource,
        candidates: &mut Vec<Candidate>,
    ) {
        let meant = inventory.certificates.iter();
        for held in meant.filter(|held| self.means(&held.label, &held.id)) {
            let source = source(token, held);
            let leaf = match &held.certificate {
                Ok(leaf) => leaf,
                Err(why) => {
                    let state = KeyState::Unusable(why.clone());
                    candidates.push(Candidate::new(source, None, state));
                    continue;
                }
            };
            let key = self.key_state(token, inventory, held, leaf.public_key(), pin);
            if matches!(key, KeyState::Absent) && inventory.issues_another(leaf) {
                continue;
            }
            let mut candidate = Candidate::new(source, Some(inventory.chain(leaf)), key);
            candidate.warnings.extend(pin.warning());
            candidates.push(candidate);
        }
    }

    fn key_state(
        &self,
        token: &Arc<Token>,
        inventory: &Inventory,
        held: &HeldCertificate,
        public_key: &PublicKey,
        pin: &PinSource,
    ) -> KeyState {
        if let Err(why) = &inventory.keys {
            return KeyState::Locked(format!("token {token}: {why}"));
        }
        match inventory.key_of(held, public_key) {
            Pairing::None => KeyState::Absent,
            Pairing::OfAnother => KeyState::DoesNotFit,
            Pairing::Found(key) => {
                let key = TokenKey::new(
                    Arc::clone(token),
                    pin.clone(),
                    key.clone(),
                    public_key.clone(),
                    inventory.mechanisms.clone(),
                );
                match key.algorithms().is_empty() {
                    true => KeyState::Unusable(format!(
                        "token {token}: it has no mechanism that signs by this kind of key"
                    )),
                    false => KeyState::Present(Arc::new(key)),
                }
            }
        }
    }

    fn means(&self, label: &str, id: &[u8]) -> bool {
        self.uri
            .object
            .as_deref()
            .is_none_or(|wanted| wanted == label)
            && self.uri.id.as_deref().is_none_or(|wanted| wanted == id)
    }

    fn pin_for(&self, tokens: &[Arc<Token>]) -> PinSource {
        match (tokens.len(), &self.pin) {
            (0 | 1, pin) | (_, pin @ PinSource::Nothing) => pin.clone(),
            _ => PinSource::OfOneOfSeveral,
        }
    }

    /// The tokens that are meant; at least one.
    fn tokens(&self) -> Result<Vec<Arc<Token>>, StoreError> {
        let module = Module::of(&self.uri, self.default_module.as_deref())
            .map_err(|why| self.problem(&why))?;
        let (found, generation) = self.matching(&module)?;
        if !found.is_empty() {
            return Ok(found);
        }
        module
            .restart(generation)
            .map_err(|why| self.problem(&why))?;
        let (found, _) = self.matching(&module)?;
        match found.is_empty() {
            false => Ok(found),
            true => Err(self.problem(&format!(
                "there is no such token; is it put in? the module is {}",
                module.path().display()
            ))),
        }
    }

    fn matching(&self, module: &Arc<Module>) -> Result<(Vec<Arc<Token>>, u64), StoreError> {
        let access = module.access().map_err(|why| self.problem(&why))?;
        let found = if self.means_library(&access) {
            self.names_of_tokens(&access)
        } else {
            Vec::new()
        };
        let generation = access.generation();
        let found = found.into_iter().map(|name| module.token(name)).collect();
        Ok((found, generation))
    }

    fn names_of_tokens(&self, access: &Access<'_>) -> Vec<TokenName> {
        let is = |wanted: &Option<String>, told: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == told)
        };
        let uri = &self.uri;
        let slots = access.context.get_slots_with_token().unwrap_or_default();
        let mut names: Vec<TokenName> = slots
            .into_iter()
            .filter(|slot| uri.slot_id.is_none_or(|wanted| wanted == slot.id()))
            .filter(|slot| {
                let unasked = uri.slot_description.is_none() && uri.slot_manufacturer.is_none();
                unasked
                    || access.context.get_slot_info(*slot).is_ok_and(|info| {
                        is(&uri.slot_description, info.slot_description())
                            && is(&uri.slot_manufacturer, info.manufacturer_id())
                    })
            })
            .filter_map(|slot| access.context.get_token_info(slot).ok())
            .filter(|info| info.token_initialized() || uri.token.is_some())
            .map(|info| TokenName::of(&info))
            .filter(|name| {
                is(&uri.token, &name.label)
                    && is(&uri.serial, &name.serial)
                    && is(&uri.manufacturer, &name.manufacturer)
                    && is(&uri.model, &name.model)
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn means_library(&self, access: &Access<'_>) -> bool {
        let uri = &self.uri;
        if uri.library_manufacturer.is_none()
            && uri.library_description.is_none()
            && uri.library_version.is_none()
        {
            return true;
        }
        let is = |wanted: &Option<String>, told: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == told)
        };
        access.context.get_library_info().is_ok_and(|info| {
            let version = info.library_version();
            is(&uri.library_manufacturer, info.manufacturer_id())
                && is(&uri.library_description, info.library_description())
                && uri
                    .library_version
                    .is_none_or(|wanted| wanted == (version.major(), version.minor()))
        })
    }

    fn problem(&self, problem: &str) -> StoreError {
        StoreError::Token(self.place.clone(), problem.to_owned())
    }
}

/// Where a certificate was found: enough to name it again.
fn source(token: &Token, held: &HeldCertificate) -> PathBuf {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let uri = Pkcs11Uri {
        token: named(&token.name().label),
        serial: token
            .name()
            .label
            .is_empty()
            .then(|| token.name().serial.clone()),
        object: named(&held.label),
        id: (!held.id.is_empty()).then(|| held.id.clone()),
        ..Pkcs11Uri::default()
    };
    PathBuf::from(uri.to_string())
}
