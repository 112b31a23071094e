//! Has a certificate to be renewed?
//!
//! For scripts: needed is 0, not needed is 20, and whatever else is that nobody could tell. So a failure
//! never looks like an answer.

use std::{collections::BTreeMap, path::Path, time::Duration};

use countersign::{
    CertificateSelector, Clock, SystemClock,
    admin::PageRequest,
    certificate_store::{Candidate, CertificateStore, KeyState},
    proto::{
        certificate::{Certificate, CertificateChain, renew_from},
        management::RegisteredCertificate,
        thumbprint::Thumbprint,
        time::UnixTime,
    },
};
use serde_json::{Value, json};

use crate::{
    args::{CertRenewNeeded, Environment, Global},
    certificate_choice::{Choice, store_password, unusable},
    failure::{Exit, Failure},
    output::{Block, Output, Shown},
    profile::Profiles,
    session::{Caller, block_on},
    times::duration,
};

pub(crate) fn run(
    args: &CertRenewNeeded,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let within = args.within.as_deref();
    let within = within.map(|text| duration("--within", text)).transpose()?;
    let found = match args.registered {
        true => registered(args, global, environment, output)?,
        false => on_this_machine(args, global, environment)?,
    };
    let now = SystemClock.now();
    let judged: Vec<Judged> = newest_of_each(found.certificates, now)
        .into_iter()
        .map(|ends| judge(ends, within, now))
        .collect();
    if judged.iter().any(|one| one.verdict == Verdict::Needed) {
        for problem in &found.problems {
            output.warn(problem);
        }
        return output.show_beside_code(&shown(&judged));
    }
    if let Some(problem) = found.problems.first() {
        return Err(cannot_tell(problem.clone()));
    }
    if let Some(one) = judged.iter().find(|one| one.verdict == Verdict::NotYet) {
        return Err(Failure::other(format!(
            "{}: not valid before {}",
            one.ends.source, one.ends.not_before
        ))
        .hint("is the clock of this machine right? countersign doctor SERVER compares it"));
    }
    if judged.is_empty() {
        return Err(cannot_tell(format!(
            "there is no certificate in {}",
            found.place
        )));
    }
    output.show_beside_code(&shown(&judged))?;
    Err(Failure::answer(Exit::NotNeeded))
}

fn cannot_tell(problem: String) -> Failure {
    Failure::other(problem).hint("so it is not known whether a certificate has to be renewed")
}

/// A certificate, as far as its end is concerned.
struct Ends {
    source: String,
    /// What another one that replaces it has in common with it.
    name: String,
    subject: String,
    sha256: String,
    not_before: UnixTime,
    not_after: UnixTime,
}

struct Found {
    place: String,
    certificates: Vec<Ends>,
    /// What could not be read, though it may be a certificate.
    problems: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Needed,
    NotNeeded,
    /// By the clock of this machine it does not begin before later.
    NotYet,
}

struct Judged {
    ends: Ends,
    due: UnixTime,
    verdict: Verdict,
}

fn judge(ends: Ends, within: Option<Duration>, now: UnixTime) -> Judged {
    let due = match within {
        Some(within) => ends.not_after.minus(within),
        None => renew_from(ends.not_before, ends.not_after),
    };
    let verdict = match (now >= due, now < ends.not_before) {
        (true, _) => Verdict::Needed,
        (false, true) => Verdict::NotYet,
        (false, false) => Verdict::NotNeeded,
    };
    Judged { ends, due, verdict }
}

/// Of those of one name the one that ends last: it has replaced the others. One that has not begun has
/// replaced nothing yet.
fn newest_of_each(all: Vec<Ends>, now: UnixTime) -> Vec<Ends> {
    let mut newest: BTreeMap<String, Ends> = BTreeMap::new();
    for ends in all {
        let rank = |ends: &Ends| (ends.not_before <= now, ends.not_after);
        match newest.get(&ends.name) {
            Some(other) if rank(other) >= rank(&ends) => {}
            _ => drop(newest.insert(ends.name.clone(), ends)),
        }
    }
    newest.into_values().collect()
}

fn on_this_machine(
    args: &CertRenewNeeded,
    global: &Global,
    environment: &Environment,
) -> Result<Found, Failure> {
    let Choice { store, selector } = match args.selector.as_deref() {
        Some(folder) if Path::new(folder).is_dir() => {
            let password = store_password(&args.store, environment)?;
            Choice {
                store: CertificateStore::open(Path::new(folder), password).map_err(unusable)?,
                selector: CertificateSelector::default(),
            }
        }
        Some(word) => Choice::of_word(word, &args.store, environment)?,
        None => {
            let profiles = Profiles::read(environment)?;
            let (name, profile) = profiles.find(global.profile.as_deref())?;
            if profile.browser {
                return Err(Failure::usage(format!(
                    "the profile {name} is a person's and signs with no certificate"
                ))
                .hint("name a certificate: a subject, a thumbprint, a file or a folder"));
            }
            Choice::of_profile(profile, environment)?
        }
    };
    let candidates = store.candidates().map_err(unusable)?;
    let mut meant: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| is_meant(&selector, candidate))
        .collect();
    // Issuers lie beside what signs, without their keys.
    if meant.iter().any(|one| !is_without_key(one)) {
        meant.retain(|candidate| !is_without_key(candidate));
    }
    let problems = meant
        .iter()
        .filter(|candidate| candidate.chain.is_none())
        .map(|candidate| {
            let why = match &candidate.key {
                KeyState::Locked(why) | KeyState::Unusable(why) => why.as_str(),
                _ => "is not a certificate",
            };
            format!("{}: {why}", candidate.source.display())
        })
        .collect();
    let certificates = meant.iter().filter_map(|candidate| {
        let leaf = candidate.chain.as_ref().map(CertificateChain::leaf)?;
        Some(of_leaf(leaf, candidate.source.display().to_string()))
    });
    Ok(Found {
        place: store.path().display().to_string(),
        certificates: certificates.collect(),
        problems,
    })
}

fn of_leaf(leaf: &Certificate, source: String) -> Ends {
    Ends {
        source,
        name: leaf.subject().to_string(),
        subject: leaf.subject().to_string(),
        sha256: leaf.sha256().to_hex().to_ascii_lowercase(),
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
    }
}

fn is_without_key(candidate: &Candidate) -> bool {
    candidate.chain.is_some() && matches!(candidate.key, KeyState::Absent)
}

/// Whether it is looked for, valid or not. What cannot be read may be what is looked for.
fn is_meant(selector: &CertificateSelector, candidate: &Candidate) -> bool {
    let Some(leaf) = candidate.chain.as_ref().map(CertificateChain::leaf) else {
        return true;
    };
    if let Some(thumbprint) = &selector.thumbprint {
        return leaf.has_thumbprint(thumbprint);
    }
    is(selector.subject.as_ref(), leaf.subject())
        && is(selector.issuer.as_ref(), leaf.issuer())
        && is(selector.serial.as_deref(), leaf.serial())
}

fn is<T: PartialEq + ?Sized>(wanted: Option<&T>, found: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

fn registered(
    args: &CertRenewNeeded,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<Found, Failure> {
    let caller = Caller::of(global, environment, output)?;
    let all = block_on(async {
        let admin = caller.management().await?;
        let mut all: Vec<RegisteredCertificate> = Vec::new();
        let mut page = PageRequest::default();
        loop {
            let one = admin.certificates(&page).await?;
            all.extend(one.items);
            page.after = one.next;
            if page.after.is_none() {
                return Ok::<_, Failure>(all);
            }
        }
    })?;
    let wanted = args.selector.as_deref();
    let meant = all.into_iter().filter(|record| {
        args.app_id
            .as_ref()
            .is_none_or(|id| *id == record.client_id)
            && wanted.is_none_or(|word| is_word_for(word, record))
    });
    let (revoked, living): (Vec<_>, Vec<_>) = meant.partition(|record| record.revoked_at.is_some());
    // What is revoked has no end to come; when nothing else is meant, that is no answer.
    let problems = match (revoked.first(), living.is_empty()) {
        (Some(record), true) => vec![format!("the certificate {} is revoked", record.sha256)],
        _ => Vec::new(),
    };
    Ok(Found {
        place: "what the platform knows".to_owned(),
        certificates: living.into_iter().map(of_record).collect(),
        problems,
    })
}

fn is_word_for(word: &str, record: &RegisteredCertificate) -> bool {
    match Thumbprint::parse(word) {
        Ok(thumbprint) => {
            let hex = thumbprint.to_hex();
            hex.eq_ignore_ascii_case(&record.sha256) || hex.eq_ignore_ascii_case(&record.sha1)
        }
        Err(_) => record.subject == word,
    }
}

fn of_record(record: RegisteredCertificate) -> Ends {
    Ends {
        source: record.client_id.clone(),
        name: format!("{} {:?} {}", record.client_id, record.usage, record.subject),
        subject: record.subject,
        sha256: record.sha256,
        not_before: record.not_before,
        not_after: record.not_after,
    }
}

fn shown(judged: &[Judged]) -> Shown {
    let needed = |one: &Judged| one.verdict == Verdict::Needed;
    let items: Vec<Value> = judged
        .iter()
        .map(|one| {
            json!({
                "needed": needed(one),
                "subject": one.ends.subject,
                "thumbprint_sha256": one.ends.sha256,
                "not_after": one.ends.not_after.to_string(),
                "renew_from": one.due.to_string(),
                "source": one.ends.source,
            })
        })
        .collect();
    let rows = judged.iter().map(|one| {
        let renew = if needed(one) { "needed" } else { "not needed" };
        let (end, due) = (one.ends.not_after, one.due);
        let (subject, source) = (one.ends.subject.clone(), one.ends.source.clone());
        vec![
            renew.to_owned(),
            subject,
            end.to_string(),
            due.to_string(),
            source,
        ]
    });
    Shown {
        text: vec![Block::Table(
            vec!["RENEWAL", "SUBJECT", "NOT AFTER", "DUE FROM", "WHERE"],
            rows.collect(),
        )],
        json: json!({ "needed": judged.iter().any(needed), "items": items }),
    }
}
