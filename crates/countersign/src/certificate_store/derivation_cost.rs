//! What would it cost to derive the keys of this file, and is that too much?
//!
//! A file of two kilobytes can ask for hours of work. Everything that is visible before the first
//! derivation is added up here, and refused before any of it is done.

use std::fmt;

use pkcs8::{
    der::{Decode, Reader, SliceReader, Tag, Tagged, asn1::AnyRef},
    pkcs5::pbes2::{self, Kdf},
};

/// One derivation may have at most so many iterations.
pub(super) const MAX_ITERATIONS: u64 = 1_000_000;

/// All derivations of one file together.
const MAX_ITERATIONS_IN_ALL: u64 = 4_000_000;

/// scrypt may use at most so much memory (128 · N · r).
const MAX_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;

/// scrypt may pass over at most so much memory (128 · N · r · p).
const MAX_SCRYPT_WORK: u64 = 1024 * 1024 * 1024;

/// Deeper than any PKCS#12 file that a tool writes.
const MAX_DEPTH: usize = 24;

/// Why a file is not opened although the password may be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// As many iterations as asked for.
    Iterations(u64),
    /// All together.
    IterationsInAll,
    Scrypt,
    /// RFC 8018 §A.2 wants at least one.
    NoIterations,
    Depth,
    /// Not DER.
    Malformed,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Excess::Iterations(count) => write!(
                f,
                "asks for {count} iterations of its password; at most {MAX_ITERATIONS} are done"
            ),
            Excess::IterationsInAll => write!(
                f,
                "asks for more than {MAX_ITERATIONS_IN_ALL} iterations of its password in all"
            ),
            Excess::Scrypt => write!(
                f,
                "asks for more memory or work of scrypt than is given ({} MiB)",
                MAX_SCRYPT_BYTES / (1024 * 1024)
            ),
            Excess::NoIterations => f.write_str("asks for no iteration of its password at all"),
            Excess::Depth => f.write_str("is nested too deeply"),
            Excess::Malformed => f.write_str("is not DER"),
        }
    }
}

/// Judges PBES2 parameters (RFC 8018 §A.4).
pub(super) fn judge_pbes2(parameters: &pbes2::Parameters) -> Result<(), Excess> {
    pbes2_iterations(parameters).map(|_| ())
}

/// Judges a whole PKCS#12 file (RFC 7292 §4): its MAC, and each encryption that is visible from
/// outside. What is hidden inside an encryption has the limits of one derivation only.
pub(super) fn judge_pkcs12(der: &[u8]) -> Result<(), Excess> {
    let mut budget = Budget(0);
    let pfx = AnyRef::from_der(der).map_err(|_| Excess::Malformed)?;
    let mut parts = elements(pfx.value())?.into_iter().skip(1);
    let safes = parts.next().ok_or(Excess::Malformed)?;
    if let Some(mac) = parts.next() {
        // MacData: the digest, the salt, and the count, which is 1 when it is not there.
        if let Some(count) = elements(mac.value())?.get(2) {
            budget.spend(integer(*count)?)?;
        }
    }
    budget.walk(safes.value(), 0)
}

/// Iterations asked for so far.
struct Budget(u64);

impl Budget {
    fn spend(&mut self, iterations: u64) -> Result<(), Excess> {
        within_one(iterations)?;
        self.0 = self.0.saturating_add(iterations);
        if self.0 > MAX_ITERATIONS_IN_ALL {
            return Err(Excess::IterationsInAll);
        }
        Ok(())
    }

    fn walk(&mut self, der: &[u8], depth: usize) -> Result<(), Excess> {
        if depth > MAX_DEPTH {
            return Err(Excess::Depth);
        }
        let elements = elements(der)?;
        if let [first, second, ..] = elements.as_slice() {
            self.spend_if_algorithm(*first, *second)?;
        }
        for element in elements {
            match element.tag() {
                Tag::Sequence | Tag::Set => self.walk(element.value(), depth + 1)?,
                Tag::ContextSpecific {
                    constructed: true, ..
                } => self.walk(element.value(), depth + 1)?,
                // Safes are DER within octet strings; other octet strings are not DER.
                Tag::OctetString if element.value().first() == Some(&0x30) => {
                    match self.walk(element.value(), depth + 1) {
                        Ok(()) | Err(Excess::Malformed) => {}
                        Err(excess) => return Err(excess),
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An `AlgorithmIdentifier` of a password-based encryption.
    fn spend_if_algorithm(&mut self, oid: AnyRef<'_>, with: AnyRef<'_>) -> Result<(), Excess> {
        if oid.tag() != Tag::ObjectIdentifier || with.tag() != Tag::Sequence {
            return Ok(());
        }
        if oid.value() == pbes2::PBES2_OID.as_bytes() {
            // What cannot be parsed here is not opened there either.
            match pbes2::Parameters::try_from(with) {
                Ok(parameters) => self.spend(pbes2_iterations(&parameters)?),
                Err(_) => Ok(()),
            }
        } else if oid.value().starts_with(PKCS12_PBE) {
            let parameters = elements(with.value())?;
            match parameters.get(1) {
                // The key and the initial vector are derived each by itself.
                Some(count) => {
                    let count = integer(*count)?;
                    within_one(count)?;
                    self.spend(count)?;
                    self.spend(count)
                }
                None => Ok(()),
            }
        } else {
            Ok(())
        }
    }
}

/// 1.2.840.113549.1.12.1, the arc of the encryptions of RFC 7292 appendix C.
const PKCS12_PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

fn pbes2_iterations(parameters: &pbes2::Parameters) -> Result<u64, Excess> {
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => {
            let iterations = u64::from(pbkdf2.iteration_count);
            within_one(iterations).map(|()| iterations)
        }
        Kdf::Scrypt(scrypt) => {
            let memory = scrypt
                .cost_parameter
                .saturating_mul(128)
                .saturating_mul(u64::from(scrypt.block_size));
            let work = memory.saturating_mul(u64::from(scrypt.parallelization));
            if memory > MAX_SCRYPT_BYTES || work > MAX_SCRYPT_WORK {
                Err(Excess::Scrypt)
            } else {
                // About as long as so many iterations of PBKDF2; never more than one may have.
                Ok((work / 2048).max(1))
            }
        }
        _ => Err(Excess::Malformed),
    }
}

fn within_one(iterations: u64) -> Result<(), Excess> {
    match iterations {
        0 => Err(Excess::NoIterations),
        1..=MAX_ITERATIONS => Ok(()),
        _ => Err(Excess::Iterations(iterations)),
    }
}

fn elements(der: &[u8]) -> Result<Vec<AnyRef<'_>>, Excess> {
    let mut reader = SliceReader::new(der).map_err(|_| Excess::Malformed)?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(AnyRef::decode(&mut reader).map_err(|_| Excess::Malformed)?);
    }
    Ok(elements)
}

/// A count; one that is negative or beyond 64 bits is no count.
fn integer(value: AnyRef<'_>) -> Result<u64, Excess> {
    value.decode_as::<u64>().map_err(|_| Excess::Malformed)
}
