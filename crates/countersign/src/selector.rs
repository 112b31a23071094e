//! Which certificate is meant, and why not the others?

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_proto::{
    certificate::{Certificate, CertificateChain, Validity},
    distinguished_name::DistinguishedName,
    key::SigningKey,
    thumbprint::Thumbprint,
    time::UnixTime,
};

use crate::{
    certificate_store::{Candidate, KeyState, StoreError},
    credential::Credential,
};

/// What a certificate must be like. Everything that is given must be so, but for one rule: a
/// thumbprint wins over a subject, and that is said.
///
/// Names are compared whole, as parsed names (RFC 5280 §7.1): `CN=Corellian` means the certificate
/// whose subject is exactly that, and not one of `CN=Corellian,O=Acme`. A shorter name that matched
/// longer ones would let whoever adds a certificate to the store decide which one is taken. Where
/// nothing is equal but the parts that were given are in a candidate's name, the reason shows the
/// whole name to write.
///
/// A certificate is taken only if it is valid now, its private key is there and fits, and it may
/// sign. Of several such the newest is taken: the latest begin of validity, then the latest end,
/// then the greater SHA-256 thumbprint. In strict mode several are an error. The same certificate
/// in two files is one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateSelector {
    /// The whole subject. Ignored when there is a thumbprint.
    pub subject: Option<DistinguishedName>,
    /// SHA-1 or SHA-256 of the certificate.
    pub thumbprint: Option<Thumbprint>,
    /// The whole name of the issuer.
    pub issuer: Option<DistinguishedName>,
    /// The serial number, big-endian, without leading zeros.
    pub serial: Option<Vec<u8>>,
    /// Only from this file: its path, or for a relative path the last parts of it.
    pub file: Option<PathBuf>,
    /// Several matches are an error.
    pub strict: bool,
}

/// What was taken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Selection {
    /// The certificate with its issuers and its key.
    pub credential: Credential,
    /// The file it came from.
    pub source: PathBuf,
    /// Lines to tell the person: that the subject was ignored, that several matched, that the key
    /// file may be read by everybody.
    pub notes: Vec<String>,
}

/// Why none was taken. Names the candidates, those that match the selector first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectError {
    /// There are no certificates at all in the store.
    Empty,
    /// There are some, and none is usable; the verdict of each.
    NoneUsable(Vec<Verdict>),
    /// Strict mode: the verdicts of those that match and are usable.
    Several(Vec<Verdict>),
    /// The store cannot be read.
    Store(StoreError),
}

/// What was found about one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The file.
    pub source: PathBuf,
    /// The subject (RFC 4514); empty when the file could not be read as a certificate.
    pub subject: String,
    /// SHA-256 of the certificate.
    pub thumbprint: Option<Thumbprint>,
    /// The last moment of its validity.
    pub not_after: Option<UnixTime>,
    /// This is the one.
    pub taken: bool,
    /// Why it was or was not taken.
    pub reason: String,
}

impl CertificateSelector {
    /// The certificate whose whole subject this is.
    pub fn by_subject(subject: DistinguishedName) -> CertificateSelector {
        CertificateSelector {
            subject: Some(subject),
            ..CertificateSelector::default()
        }
    }

    /// The certificate with this thumbprint.
    pub fn by_thumbprint(thumbprint: Thumbprint) -> CertificateSelector {
        CertificateSelector {
            thumbprint: Some(thumbprint),
            ..CertificateSelector::default()
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// When there are no candidates, none is usable, or, in strict mode, several are.
    pub fn select(
        &self,
        candidates: &[Candidate],
        now: UnixTime,
    ) -> Result<Selection, SelectError> {
        if candidates.is_empty() {
            return Err(SelectError::Empty);
        }
        let judged = self.judge_all(candidates, now);
        let usable: Vec<&Judged<'_>> = judged.iter().filter(|judged| judged.usable()).collect();
        let distinct = distinct_certificates(&usable);
        if self.strict && distinct > 1 {
            let named = usable.iter().map(|judged| judged.verdict(None)).collect();
            return Err(SelectError::Several(named));
        }
        let Some((taken, credential)) = newest(&usable) else {
            let mut judged: Vec<&Judged<'_>> = judged.iter().collect();
            judged.sort_by_key(|judged| judged.outcome.rank());
            let verdicts = judged.iter().map(|judged| judged.verdict(None)).collect();
            return Err(SelectError::NoneUsable(verdicts));
        };
        let mut notes = Vec::new();
        if let (Some(_), Some(subject)) = (&self.thumbprint, &self.subject) {
            notes.push(format!(
                "thumbprint given: the subject \"{subject}\" is ignored"
            ));
        }
        if distinct > 1 {
            notes.push(format!(
                "{distinct} certificates match: the newest is taken, {}",
                credential.chain().leaf().sha256()
            ));
        }
        notes.extend(taken.candidate.warnings.iter().cloned());
        Ok(Selection {
            credential,
            source: taken.candidate.source.clone(),
            notes,
        })
    }

    /// Says for every candidate, in their order, why it is or is not taken.
    pub fn explain(&self, candidates: &[Candidate], now: UnixTime) -> Vec<Verdict> {
        let judged = self.judge_all(candidates, now);
        let usable: Vec<&Judged<'_>> = judged.iter().filter(|judged| judged.usable()).collect();
        let several = self.strict && distinct_certificates(&usable) > 1;
        let choice = match newest(&usable) {
            Some(_) if several => Choice::Several,
            Some((taken, _)) => Choice::Taken(taken.candidate),
            None => Choice::Nothing,
        };
        judged
            .iter()
            .map(|judged| judged.verdict(Some(&choice)))
            .collect()
    }

    fn judge_all<'a>(&self, candidates: &'a [Candidate], now: UnixTime) -> Vec<Judged<'a>> {
        candidates
            .iter()
            .map(|candidate| Judged {
                candidate,
                outcome: self.judge(candidate, now),
            })
            .collect()
    }

    fn judge(&self, candidate: &Candidate, now: UnixTime) -> Outcome {
        if let Some(file) = &self.file
            && !is_file(&candidate.source, file)
        {
            return Outcome::Other("not in the file that was named".to_owned());
        }
        let Some(chain) = &candidate.chain else {
            return Outcome::Unreadable(key_problem(&candidate.key));
        };
        if let Err(difference) = self.matches(chain.leaf()) {
            return Outcome::Other(difference);
        }
        match usable(chain, &candidate.key, now) {
            Ok(credential) => Outcome::Usable(credential),
            Err(reason) => Outcome::Unusable(reason),
        }
    }

    fn matches(&self, leaf: &Certificate) -> Result<(), String> {
        if let Some(thumbprint) = &self.thumbprint {
            if !leaf.has_thumbprint(thumbprint) {
                return Err("other thumbprint".to_owned());
            }
        } else if let Some(subject) = &self.subject {
            same_name("subject", subject, leaf.subject())?;
        }
        if let Some(issuer) = &self.issuer {
            same_name("issuer", issuer, leaf.issuer())?;
        }
        if let Some(serial) = &self.serial
            && without_leading_zeros(serial) != without_leading_zeros(leaf.serial())
        {
            return Err(format!("other serial number: {}", hex(leaf.serial())));
        }
        Ok(())
    }
}

/// A credential of the candidate, if it may be used now.
fn usable(chain: &CertificateChain, key: &KeyState, now: UnixTime) -> Result<Credential, String> {
    match chain.leaf().validity(now) {
        Validity::Valid => {}
        Validity::NotYet { from } => return Err(format!("not valid before {from}")),
        Validity::Expired { since } => return Err(format!("expired since {since}")),
    }
    let KeyState::Present(key) = key else {
        return Err(key_problem(key));
    };
    Credential::new(chain.clone(), Arc::<dyn SigningKey>::clone(key))
        .map_err(|error| error.to_string())
}

fn key_problem(key: &KeyState) -> String {
    match key {
        KeyState::Present(_) => "not a certificate".to_owned(),
        KeyState::Absent => "no private key".to_owned(),
        KeyState::DoesNotFit => "the private key does not fit the certificate".to_owned(),
        KeyState::Locked(reason) | KeyState::Unusable(reason) => reason.clone(),
    }
}

fn same_name(
    what: &str,
    wanted: &DistinguishedName,
    found: &DistinguishedName,
) -> Result<(), String> {
    if wanted == found {
        Ok(())
    } else if wanted.is_contained_in(found) {
        Err(format!(
            "wrong {what}: the name is longer or in another order; write the whole of it: \"{found}\""
        ))
    } else {
        Err(format!("wrong {what}: \"{found}\""))
    }
}

/// A relative path names the last parts of a source.
fn is_file(source: &Path, wanted: &Path) -> bool {
    let wanted = wanted.strip_prefix(".").unwrap_or(wanted);
    source == wanted || (wanted.is_relative() && source.ends_with(wanted))
}

fn without_leading_zeros(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    &serial[zeros..]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

struct Judged<'a> {
    candidate: &'a Candidate,
    outcome: Outcome,
}

enum Outcome {
    /// Matches and may be used.
    Usable(Credential),
    /// Matches and may not be used.
    Unusable(String),
    /// Could not be read, so nobody knows whether it matches.
    Unreadable(String),
    /// Another one is meant.
    Other(String),
}

impl Outcome {
    fn rank(&self) -> u8 {
        match self {
            Outcome::Usable(_) => 0,
            Outcome::Unusable(_) => 1,
            Outcome::Unreadable(_) => 2,
            Outcome::Other(_) => 3,
        }
    }
}

enum Choice<'a> {
    Nothing,
    Several,
    Taken(&'a Candidate),
}

impl Judged<'_> {
    fn usable(&self) -> bool {
        matches!(self.outcome, Outcome::Usable(_))
    }

    fn verdict(&self, choice: Option<&Choice<'_>>) -> Verdict {
        let leaf = self.candidate.chain.as_ref().map(CertificateChain::leaf);
        let taken = match choice {
            Some(Choice::Taken(taken)) => std::ptr::eq(*taken, self.candidate),
            _ => false,
        };
        Verdict {
            source: self.candidate.source.clone(),
            subject: leaf.map_or_else(String::new, |leaf| leaf.subject().to_string()),
            thumbprint: leaf.map(Certificate::sha256),
            not_after: leaf.map(Certificate::not_after),
            taken,
            reason: self.reason(choice, taken),
        }
    }

    fn reason(&self, choice: Option<&Choice<'_>>, taken: bool) -> String {
        let mut reason = match &self.outcome {
            Outcome::Unusable(reason) | Outcome::Unreadable(reason) | Outcome::Other(reason) => {
                reason.clone()
            }
            Outcome::Usable(_) if taken => "taken: valid, and its private key fits".to_owned(),
            Outcome::Usable(credential) => match choice {
                Some(Choice::Taken(other)) if same_leaf(other, credential) => format!(
                    "usable: the same certificate as in {}",
                    other.source.display()
                ),
                Some(Choice::Taken(other)) => {
                    format!("usable, but {} has a newer one", other.source.display())
                }
                _ => "usable, but not the only one: name its thumbprint".to_owned(),
            },
        };
        for warning in &self.candidate.warnings {
            reason.push_str("; ");
            reason.push_str(warning);
        }
        reason
    }
}

fn same_leaf(candidate: &Candidate, credential: &Credential) -> bool {
    candidate
        .chain
        .as_ref()
        .is_some_and(|chain| chain.leaf() == credential.chain().leaf())
}

/// The newest of the usable; of the same certificate in two files, the first.
fn newest<'a, 'b>(usable: &[&'b Judged<'a>]) -> Option<(&'b Judged<'a>, Credential)> {
    let mut newest: Option<(&Judged<'_>, &Credential)> = None;
    for &judged in usable {
        let Outcome::Usable(credential) = &judged.outcome else {
            continue;
        };
        if newest.is_none_or(|(_, best)| age(credential) > age(best)) {
            newest = Some((judged, credential));
        }
    }
    newest.map(|(judged, credential)| (judged, credential.clone()))
}

fn age(credential: &Credential) -> (UnixTime, UnixTime, Thumbprint) {
    let leaf = credential.chain().leaf();
    (leaf.not_before(), leaf.not_after(), leaf.sha256())
}

fn distinct_certificates(usable: &[&Judged<'_>]) -> usize {
    let thumbprints: std::collections::HashSet<Thumbprint> = usable
        .iter()
        .filter_map(|judged| judged.candidate.chain.as_ref())
        .map(|chain| chain.leaf().sha256())
        .collect();
    thumbprints.len()
}

/// So many candidates are named in a message of one line.
const NAMED: usize = 5;

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (opening, verdicts) = match self {
            SelectError::Empty => return f.write_str("there is no certificate in the store"),
            SelectError::Store(error) => return error.fmt(f),
            SelectError::NoneUsable(verdicts) => ("no certificate can be used", verdicts),
            SelectError::Several(verdicts) => (
                "several certificates match, and strict mode takes none",
                verdicts,
            ),
        };
        f.write_str(opening)?;
        for (at, verdict) in verdicts.iter().take(NAMED).enumerate() {
            f.write_str(if at == 0 { ": " } else { "; " })?;
            write!(f, "{verdict}")?;
        }
        match verdicts.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for SelectError {}

impl From<StoreError> for SelectError {
    fn from(error: StoreError) -> SelectError {
        SelectError::Store(error)
    }
}

/// File, name, thumbprint and reason in one line.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source.display())?;
        match (self.subject.as_str(), &self.thumbprint) {
            ("", None) => {}
            (subject, None) => write!(f, " ({subject})")?,
            (subject, Some(thumbprint)) => write!(f, " ({subject}, {thumbprint})")?,
        }
        write!(f, ": {}", self.reason)
    }
}

#[cfg(test)]
mod tests;
