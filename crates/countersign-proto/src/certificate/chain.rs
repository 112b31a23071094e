//! Which certificates lead from a leaf to its issuers?

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::Certificate;

/// Certificates of a chain, the leaf among them.
const MAX_CHAIN: usize = 8;

/// A leaf certificate and its issuers, leaf first (RFC 7515 §4.1.6 `x5c` order). Cheap to clone.
///
/// At most 8 certificates. Nothing is verified here.
#[derive(Clone, Debug)]
pub struct CertificateChain {
    leaf: Certificate,
    issuers: Arc<[Certificate]>,
}

impl CertificateChain {
    /// A leaf alone, or with its issuers in order. Issuers after the seventh are left out.
    pub fn new(leaf: Certificate, mut issuers: Vec<Certificate>) -> CertificateChain {
        issuers.truncate(MAX_CHAIN - 1);
        CertificateChain {
            leaf,
            issuers: issuers.into(),
        }
    }

    /// Sorts a bag of certificates into the chain of `leaf` by issuer name; the rest is left out.
    ///
    /// Where two issuers have the name, the one whose key identifier is named, then the one that
    /// expires last, is taken.
    pub fn order(leaf: Certificate, bag: &[Certificate]) -> CertificateChain {
        let mut issuers: Vec<Certificate> = Vec::new();
        while issuers.len() < MAX_CHAIN - 1 {
            let last = issuers.last().unwrap_or(&leaf);
            if last.is_self_issued() {
                break;
            }
            let next = bag
                .iter()
                .filter(|&candidate| {
                    candidate.subject() == last.issuer()
                        && *candidate != leaf
                        && !issuers.contains(candidate)
                })
                .max_by_key(|candidate| (last.names_the_key_of(candidate), candidate.not_after()));
            match next {
                Some(issuer) => issuers.push(issuer.clone()),
                None => break,
            }
        }
        CertificateChain::new(leaf, issuers)
    }

    /// The leaf.
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The issuers, nearest first.
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// `x5c`: standard base64 of each DER, leaf first (RFC 7515 §4.1.6).
    pub fn x5c(&self) -> Vec<String> {
        std::iter::once(&self.leaf)
            .chain(self.issuers.iter())
            .map(|certificate| STANDARD.encode(certificate.der()))
            .collect()
    }
}

impl Certificate {
    fn names_the_key_of(&self, issuer: &Certificate) -> bool {
        let wanted = &self.0.extensions.authority_key_identifier;
        wanted.is_some() && *wanted == issuer.0.extensions.subject_key_identifier
    }
}
