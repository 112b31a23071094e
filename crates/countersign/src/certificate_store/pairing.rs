//! Which key and which issuers belong to which certificate?

use std::collections::{HashMap, HashSet};

use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    distinguished_name::DistinguishedName,
};

use super::{
    Candidate, KeyState,
    contents::ReadFile,
    file::Exposure,
    folder::{Role, key_paths_beside},
};

/// No more issuers are looked for when so many have the right names.
const MAX_ISSUERS: usize = 64;

/// Pairs what was read. Each certificate is a candidate, but for those that stand in a file as
/// issuers of another one there; so is each file that could not be read and is not the key of a
/// certificate by its name.
pub(super) fn candidates(files: &[ReadFile]) -> Vec<Candidate> {
    let pairing = Pairing::new(files);
    let mut candidates = Vec::new();
    for (at, file) in files.iter().enumerate() {
        if file.role != Role::Member {
            continue;
        }
        for certificate in &file.contents.certificates {
            let (key, warnings) = pairing.key(at, certificate);
            if matches!(key, KeyState::Present(_)) || !issues_another(certificate, file) {
                candidates.push(Candidate {
                    source: file.path.clone(),
                    chain: Some(pairing.chain(file, certificate)),
                    key,
                    warnings,
                });
            }
        }
        if !pairing.named_keys.contains(&at) {
            candidates.extend(
                file.contents
                    .problems
                    .iter()
                    .map(|problem| Candidate::new(file.path.clone(), None, problem.clone())),
            );
        }
    }
    candidates
}

struct Pairing<'a> {
    files: &'a [ReadFile],
    by_subject: HashMap<&'a DistinguishedName, Vec<&'a Certificate>>,
    /// For each file with certificates, the files beside it by name.
    beside: HashMap<usize, Vec<usize>>,
    /// Files without certificates that lie beside a certificate by name.
    named_keys: HashSet<usize>,
    /// The only source of keys, when one was named.
    key_file: Option<usize>,
}

impl<'a> Pairing<'a> {
    fn new(files: &'a [ReadFile]) -> Pairing<'a> {
        let mut by_subject: HashMap<_, Vec<_>> = HashMap::new();
        let by_path: HashMap<_, _> = files
            .iter()
            .enumerate()
            .map(|(at, file)| (file.path.as_path(), at))
            .collect();
        let mut beside = HashMap::new();
        let mut named_keys = HashSet::new();
        for (at, file) in files.iter().enumerate() {
            if file.role != Role::Member || file.contents.certificates.is_empty() {
                continue;
            }
            for certificate in &file.contents.certificates {
                by_subject
                    .entry(certificate.subject())
                    .or_default()
                    .push(certificate);
            }
            let names = key_paths_beside(&file.path);
            let found: Vec<usize> = names
                .iter()
                .filter_map(|path| by_path.get(path.as_path()).copied())
                .filter(|other| files[*other].contents.certificates.is_empty())
                .collect();
            named_keys.extend(&found);
            beside.insert(at, found);
        }
        Pairing {
            files,
            by_subject,
            beside,
            named_keys,
            key_file: files.iter().position(|file| file.role == Role::KeyFile),
        }
    }

    /// The key of a certificate of the file, and what to warn of.
    fn key(&self, at: usize, certificate: &Certificate) -> (KeyState, Vec<String>) {
        let near = match self.key_file {
            Some(key_file) => vec![key_file],
            None => {
                let beside = self.beside.get(&at).into_iter().flatten().copied();
                std::iter::once(at).chain(beside).collect()
            }
        };
        let all = 0..self.files.len();
        let anywhere = all.filter(|_| self.key_file.is_none());
        if let Some(found) = near
            .iter()
            .copied()
            .chain(anywhere)
            .find_map(|file| fitting(&self.files[file], certificate))
        {
            return found;
        }
        let state = self
            .near_failure(at, &near)
            .or_else(|| self.locked_elsewhere())
            .unwrap_or(KeyState::Absent);
        (state, Vec::new())
    }

    /// Why the keys that should be this certificate's are not.
    fn near_failure(&self, at: usize, near: &[usize]) -> Option<KeyState> {
        let mut failure = None;
        for &file in near {
            let read = &self.files[file];
            let own = file == at;
            // What is wrong with the certificates of its own file is not about its key.
            let problems = if own {
                &[][..]
            } else {
                &read.contents.problems
            };
            for state in read.contents.keys.iter().chain(problems) {
                match state {
                    KeyState::Locked(_) | KeyState::Unusable(_) => {
                        return Some(if own {
                            state.clone()
                        } else {
                            named(read, state)
                        });
                    }
                    KeyState::Present(_) if !fits_one_of(state, &self.files[at]) => {
                        failure = Some(KeyState::DoesNotFit);
                    }
                    _ => {}
                }
            }
        }
        failure
    }

    /// A locked key that is no certificate's by its name may be this one's.
    fn locked_elsewhere(&self) -> Option<KeyState> {
        if self.key_file.is_some() {
            return None;
        }
        let nobodys = |(at, file): &(usize, &ReadFile)| {
            file.contents.certificates.is_empty() && !self.named_keys.contains(at)
        };
        self.files
            .iter()
            .enumerate()
            .filter(nobodys)
            .find_map(|(_, file)| {
                let locked = |key: &&KeyState| matches!(key, KeyState::Locked(_));
                file.contents
                    .keys
                    .iter()
                    .find(locked)
                    .map(|key| named(file, key))
            })
    }

    /// The leaf and its issuers: from the same file where it has the name, else from the folder.
    fn chain(&self, file: &ReadFile, leaf: &Certificate) -> CertificateChain {
        let mut bag: Vec<Certificate> = Vec::new();
        let mut wanted = vec![leaf.issuer()];
        let mut seen = HashSet::from([leaf.subject()]);
        while let Some(name) = wanted.pop() {
            if !seen.insert(name) || bag.len() > MAX_ISSUERS {
                continue;
            }
            let certificates = &file.contents.certificates;
            let in_file: Vec<&Certificate> = certificates
                .iter()
                .filter(|certificate| certificate.subject() == name)
                .collect();
            let in_folder = self.by_subject.get(name).map_or(&[][..], Vec::as_slice);
            let found = if in_file.is_empty() {
                in_folder
            } else {
                &in_file
            };
            for issuer in found {
                bag.push(Certificate::clone(issuer));
            }
            if let Some(certificates) = self.by_subject.get(name) {
                wanted.extend(certificates.iter().map(|certificate| certificate.issuer()));
            }
        }
        CertificateChain::order(leaf.clone(), &bag)
    }
}

fn fitting(file: &ReadFile, certificate: &Certificate) -> Option<(KeyState, Vec<String>)> {
    let key = file
        .contents
        .keys
        .iter()
        .find(|key| is_key_of(key, certificate))?;
    let warnings = match file.exposure {
        Exposure::Guarded => Vec::new(),
        Exposure::Everybody(mode) => vec![format!(
            "the private key file may be read by everybody on this machine (mode {mode:04o}): \
             chmod 600 {}",
            file.path.display()
        )],
    };
    Some((key.clone(), warnings))
}

fn is_key_of(key: &KeyState, certificate: &Certificate) -> bool {
    matches!(key, KeyState::Present(key) if key.public_key() == certificate.public_key())
}

fn fits_one_of(key: &KeyState, file: &ReadFile) -> bool {
    file.contents
        .certificates
        .iter()
        .any(|certificate| is_key_of(key, certificate))
}

fn issues_another(certificate: &Certificate, file: &ReadFile) -> bool {
    file.contents
        .certificates
        .iter()
        .any(|other| other != certificate && other.issuer() == certificate.subject())
}

/// The state with the name of the file that it is about.
fn named(file: &ReadFile, state: &KeyState) -> KeyState {
    let name = |reason: &str| format!("{}: {reason}", file.path.display());
    match state {
        KeyState::Locked(reason) => KeyState::Locked(name(reason)),
        KeyState::Unusable(reason) => KeyState::Unusable(name(reason)),
        other => other.clone(),
    }
}
