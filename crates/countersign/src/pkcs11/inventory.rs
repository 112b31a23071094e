//! Which certificates and keys are in a token, and which belong together?

use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    key::PublicKey,
};
use std::collections::HashSet;

use cryptoki::object::{
    Attribute, AttributeType, CertificateType, KeyType as TokenKeyType, ObjectClass, ObjectHandle,
};

use super::{
    pin::PinSource,
    public_half::PublicHalf,
    signs_by::{self, Mechanisms},
    token::{Desk, Login, Stop, Token},
    trouble::Trouble,
};

/// So many objects of a kind are looked at in one token.
const MAX_OBJECTS: usize = 1000;

/// A certificate in a token is at most so long.
const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// What is in a token. Two are equal when nothing in it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inventory {
    pub(super) certificates: Vec<HeldCertificate>,
    /// Those of them that issued another one.
    issuers: Vec<Certificate>,
    /// Or why they cannot be seen.
    pub(super) keys: Result<Vec<HeldKey>, String>,
    pub(super) mechanisms: Mechanisms,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldCertificate {
    pub(super) id: Vec<u8>,
    pub(super) label: String,
    /// Or why it is refused.
    pub(super) certificate: Result<Certificate, String>,
}

/// Everything about a private key but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldKey {
    pub(super) id: Vec<u8>,
    pub(super) label: String,
    pub(super) public_half: PublicHalf,
    pub(super) always_authenticate: bool,
}

/// What is known of the key of a certificate.
pub(super) enum Pairing<'a> {
    Found(&'a HeldKey),
    /// One has its identifier, and another public half.
    OfAnother,
    None,
}

impl Inventory {
    /// Looks. Without a login the certificates are seen, and the keys are not.
    pub(super) fn of(token: &Token, pin: &PinSource) -> Result<Inventory, Trouble> {
        let looked = token.work(Login::Needed, pin, |desk| {
            Inventory::seen(desk, Ok(keys(desk)?))
        });
        match looked {
            Err(Trouble::Locked(why)) => token.work(Login::NotNeeded, pin, |desk| {
                Inventory::seen(desk, Err(why.clone()))
            }),
            looked => looked,
        }
    }

    fn seen(desk: &Desk<'_>, keys: Result<Vec<HeldKey>, String>) -> Result<Inventory, Stop> {
        let certificates = certificates(desk)?;
        Ok(Inventory {
            issuers: issuers(&certificates),
            certificates,
            keys,
            mechanisms: signs_by::mechanisms(desk)?,
        })
    }

    /// The key of a certificate: that with its identifier, else any with its public half. Where the
    /// public half cannot be read the identifier is believed: each signature is verified.
    pub(super) fn key_of(&self, held: &HeldCertificate, public_key: &PublicKey) -> Pairing<'_> {
        let keys = self.keys.as_deref().unwrap_or_default();
        let same_id = |key: &&HeldKey| !held.id.is_empty() && key.id == held.id;
        let fits = |key: &&HeldKey| key.public_half.is_of(public_key);
        if let Some(key) = keys.iter().find(|key| fits(key) == Some(true)) {
            return Pairing::Found(key);
        }
        let mut of_id = keys.iter().filter(same_id).peekable();
        match of_id.peek() {
            None => Pairing::None,
            Some(_) => of_id
                .find(|key| fits(key).is_none())
                .map_or(Pairing::OfAnother, Pairing::Found),
        }
    }

    /// The chain of a certificate, of what is in the token.
    pub(super) fn chain(&self, leaf: &Certificate) -> CertificateChain {
        CertificateChain::order(leaf.clone(), &self.issuers)
    }

    pub(super) fn issues_another(&self, certificate: &Certificate) -> bool {
        self.issuers.contains(certificate)
    }
}

fn issuers(certificates: &[HeldCertificate]) -> Vec<Certificate> {
    let all = || {
        certificates
            .iter()
            .filter_map(|held| held.certificate.as_ref().ok())
    };
    let names: HashSet<_> = all()
        .filter(|certificate| certificate.issuer() != certificate.subject())
        .map(Certificate::issuer)
        .collect();
    all()
        .filter(|certificate| names.contains(certificate.subject()))
        .cloned()
        .collect()
}

/// The private keys, each with its public half, which for some is in an object of its own.
pub(super) fn keys(desk: &Desk<'_>) -> Result<Vec<HeldKey>, Stop> {
    let public: Vec<(Vec<u8>, PublicHalf)> =
        objects(desk, &[Attribute::Class(ObjectClass::PUBLIC_KEY)])?
            .into_iter()
            .map(|handle| {
                let seen = Seen::of(desk, handle)?;
                Ok((seen.id, seen.public_half))
            })
            .collect::<Result<_, Stop>>()?;
    objects(desk, &private_keys())?
        .into_iter()
        .map(|handle| {
            let mut key = held_key(desk, handle)?;
            let same_id = |(id, _): &&(Vec<u8>, PublicHalf)| !id.is_empty() && *id == key.id;
            if key.public_half == PublicHalf::Unknown
                && let Some((_, half)) = public.iter().find(same_id)
            {
                key.public_half = half.clone();
            }
            Ok(key)
        })
        .collect()
}

/// The handle of a key in this session, if the key is still there.
pub(super) fn handle_of(desk: &Desk<'_>, wanted: &HeldKey) -> Result<Option<ObjectHandle>, Stop> {
    let mut template = private_keys();
    if !wanted.id.is_empty() {
        template.push(Attribute::Id(wanted.id.clone()));
    }
    for handle in objects(desk, &template)? {
        let found = held_key(desk, handle)?;
        let same_half =
            found.public_half == wanted.public_half || found.public_half == PublicHalf::Unknown;
        if found.id == wanted.id && found.label == wanted.label && same_half {
            return Ok(Some(handle));
        }
    }
    Ok(None)
}

fn private_keys() -> Vec<Attribute> {
    vec![Attribute::Class(ObjectClass::PRIVATE_KEY)]
}

fn held_key(desk: &Desk<'_>, handle: ObjectHandle) -> Result<HeldKey, Stop> {
    let Seen {
        id,
        label,
        public_half,
        always_authenticate,
        ..
    } = Seen::of(desk, handle)?;
    Ok(HeldKey {
        id,
        label,
        public_half,
        always_authenticate,
    })
}

fn certificates(desk: &Desk<'_>) -> Result<Vec<HeldCertificate>, Stop> {
    let template = [
        Attribute::Class(ObjectClass::CERTIFICATE),
        Attribute::CertificateType(CertificateType::X_509),
    ];
    let mut seen = objects(desk, &template)?
        .into_iter()
        .map(|handle| Seen::of_certificate(desk, handle))
        .collect::<Result<Vec<_>, _>>()?;
    // Modules list them in any order, which may change.
    seen.sort_by(|a, b| (&a.id, &a.label, &a.der).cmp(&(&b.id, &b.label, &b.der)));
    let held = seen.into_iter().map(|seen| HeldCertificate {
        id: seen.id,
        label: seen.label,
        certificate: Certificate::from_der(&seen.der)
            .map_err(|error| format!("the certificate is refused: {error}")),
    });
    Ok(held.collect())
}

fn objects(desk: &Desk<'_>, template: &[Attribute]) -> Result<Vec<ObjectHandle>, Stop> {
    let found = desk.session.iter_objects(template)?;
    Ok(found.take(MAX_OBJECTS).collect::<Result<_, _>>()?)
}

/// What may be read of an object. A private value is never asked for.
#[derive(Default)]
struct Seen {
    id: Vec<u8>,
    label: String,
    der: Vec<u8>,
    public_half: PublicHalf,
    always_authenticate: bool,
}

impl Seen {
    fn of(desk: &Desk<'_>, handle: ObjectHandle) -> Result<Seen, Stop> {
        Seen::by(
            desk,
            handle,
            &[
                AttributeType::Id,
                AttributeType::Label,
                AttributeType::KeyType,
                AttributeType::AlwaysAuthenticate,
                AttributeType::Modulus,
                AttributeType::PublicExponent,
                AttributeType::EcParams,
                AttributeType::EcPoint,
            ],
        )
    }

    fn of_certificate(desk: &Desk<'_>, handle: ObjectHandle) -> Result<Seen, Stop> {
        let attributes = [
            AttributeType::Id,
            AttributeType::Label,
            AttributeType::Value,
        ];
        Seen::by(desk, handle, &attributes)
    }

    fn by(
        desk: &Desk<'_>,
        handle: ObjectHandle,
        attributes: &[AttributeType],
    ) -> Result<Seen, Stop> {
        let mut seen = Seen::default();
        let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
        let (mut curve, mut point) = (Vec::new(), Vec::new());
        let mut kind = None;
        for attribute in desk.session.get_attributes(handle, attributes)? {
            match attribute {
                Attribute::Id(id) => seen.id = id,
                Attribute::Label(label) => {
                    seen.label = String::from_utf8_lossy(&label).into_owned();
                }
                Attribute::Value(der) if der.len() <= MAX_CERTIFICATE_BYTES => seen.der = der,
                Attribute::AlwaysAuthenticate(always) => seen.always_authenticate = always,
                Attribute::KeyType(of) => kind = Some(of),
                Attribute::Modulus(bytes) => modulus = bytes,
                Attribute::PublicExponent(bytes) => exponent = bytes,
                Attribute::EcParams(bytes) => curve = bytes,
                Attribute::EcPoint(bytes) => point = bytes,
                _ => {}
            }
        }
        seen.public_half = match kind {
            Some(TokenKeyType::RSA) => PublicHalf::rsa(&modulus, &exponent),
            Some(TokenKeyType::EC | TokenKeyType::EC_EDWARDS) => PublicHalf::point(&curve, &point),
            _ => PublicHalf::Unknown,
        };
        Ok(seen)
    }
}
