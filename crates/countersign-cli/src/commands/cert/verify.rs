//! Is a certificate good for a purpose, and if not, why?
//!
//! RFC 5280 §6 by the library that judges the certificates of TLS. Nothing is fetched: authorities and
//! lists of revoked certificates are files.

use std::path::Path;

use countersign::{
    Clock, SystemClock,
    certificate_store::{CertificateStore, KeyState},
    proto::{
        certificate::{Certificate, CertificateChain, Validity},
        time::UnixTime,
    },
};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject as _};
use serde_json::json;
use webpki::{
    ALL_VERIFICATION_ALGS, BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error,
    ExpirationPolicy, KeyUsage, RevocationOptionsBuilder, anchor_from_trusted_cert,
};

use super::list;
use crate::{
    args::{CertPurpose, CertVerify, Environment},
    certificate_choice::{store_password, unusable},
    commands::admin::view,
    failure::{Exit, Failure},
    output::Output,
};

pub(crate) fn run(
    args: &CertVerify,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let chain = chain(args, environment)?;
    let leaf = chain.leaf();
    let mut anchors = Vec::new();
    for file in &args.trust {
        anchors.extend(certificates(file)?);
    }
    let lists = args
        .crl
        .iter()
        .map(|file| list_of_revoked(file))
        .collect::<Result<Vec<_>, _>>()?;
    let now = SystemClock.now();
    let path = judge(&chain, &anchors, &lists, args, now)
        .map_err(|failure| failure.about(&leaf.subject().to_string()))?;
    output.show(&view::record(
        &json!({
            "subject": leaf.subject().to_string(),
            "thumbprint": leaf.sha1().to_hex(),
            "not_after": leaf.not_after().to_string(),
            "verified": true,
            "purpose": name(args.purpose),
            "issued_by": path,
            "revocation": match lists.len() {
                0 => "not checked: no list was given".to_owned(),
                1 => "not revoked by the list".to_owned(),
                several => format!("not revoked by {several} lists"),
            },
        }),
        &list::ORDER,
    ))
}

/// The subjects of those that vouch for it, its issuer first and the authority last.
fn judge(
    chain: &CertificateChain,
    anchors: &[Certificate],
    lists: &[CertRevocationList<'_>],
    args: &CertVerify,
    now: UnixTime,
) -> Result<Vec<String>, Failure> {
    let leaf = chain.leaf();
    in_its_time("it", leaf, now)?;
    if args.purpose == CertPurpose::ClientAuth {
        // What whoever signs assertions by it asks for besides: a usage for signatures.
        let policy = leaf.leaf_policy();
        policy.map_err(|reason| Failure::other(reason.to_string()))?;
    }
    let der = anchors
        .iter()
        .map(|anchor| CertificateDer::from(anchor.der()));
    let der: Vec<_> = der.collect();
    let trusted = der.iter().map(anchor_from_trusted_cert);
    let trusted: Vec<_> = trusted
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::other(format!("--trust: {}", reason(&error))))?;
    let between = chain.issuers().iter();
    let between: Vec<_> = between
        .map(|issuer| CertificateDer::from(issuer.der()))
        .collect();
    let leaf_der = CertificateDer::from(leaf.der());
    let entity = EndEntityCert::try_from(&leaf_der).map_err(|error| refused(&error))?;
    let lists: Vec<_> = lists.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
        options
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build()
    });
    let usage = usage(args);
    let since_1970 = std::time::Duration::from_secs(now.as_secs());
    let path = entity
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &trusted,
            &between,
            rustls_pki_types::UnixTime::since_unix_epoch(since_1970),
            usage,
            revocation,
            None,
        )
        .map_err(|error| refused(&error))?;
    let subject = |der: &[u8]| Some(Certificate::from_der(der).ok()?.subject().to_string());
    let mut names: Vec<String> = path
        .intermediate_certificates()
        .filter_map(|issuer| subject(issuer.der().as_ref()))
        .collect();
    let anchor = path.anchor();
    let authority = anchors.iter().zip(&trusted).find(|(_, trusted)| {
        trusted.subject == anchor.subject
            && trusted.subject_public_key_info == anchor.subject_public_key_info
    });
    if let Some((authority, _)) = authority {
        let name = authority.subject().to_string();
        // The library takes an authority for good however old it is.
        in_its_time(&format!("its authority {name}"), authority, now)?;
        names.push(name);
    }
    Ok(names)
}

fn in_its_time(what: &str, certificate: &Certificate, now: UnixTime) -> Result<(), Failure> {
    match certificate.validity(now) {
        Validity::Valid => Ok(()),
        Validity::NotYet { .. } => Err(Failure::other(format!(
            "{what} is not valid before {}",
            certificate.not_before()
        ))),
        Validity::Expired { .. } => Err(Failure::new(
            Exit::Expired,
            format!("{what} expired at {}", certificate.not_after()),
        )),
    }
}

fn usage(args: &CertVerify) -> KeyUsage {
    // 1.3.6.1.5.5.7.3.n
    let oid: &'static [u8] = match args.purpose {
        CertPurpose::ServerAuth => &[0x2b, 6, 1, 5, 5, 7, 3, 1],
        CertPurpose::ClientAuth => &[0x2b, 6, 1, 5, 5, 7, 3, 2],
        CertPurpose::CodeSigning => &[0x2b, 6, 1, 5, 5, 7, 3, 3],
        CertPurpose::EmailProtection => &[0x2b, 6, 1, 5, 5, 7, 3, 4],
        CertPurpose::TimeStamping => &[0x2b, 6, 1, 5, 5, 7, 3, 8],
    };
    match args.strict_purpose {
        true => KeyUsage::required(oid),
        false => KeyUsage::required_if_present(oid),
    }
}

const fn name(purpose: CertPurpose) -> &'static str {
    match purpose {
        CertPurpose::ServerAuth => "serverAuth",
        CertPurpose::ClientAuth => "clientAuth",
        CertPurpose::CodeSigning => "codeSigning",
        CertPurpose::EmailProtection => "emailProtection",
        CertPurpose::TimeStamping => "timeStamping",
    }
}

fn refused(error: &Error) -> Failure {
    let failure = match error {
        // The leaf was in its time.
        Error::CertExpired { .. } => Failure::new(Exit::Expired, "an issuer of it has expired"),
        other => Failure::other(reason(other)),
    };
    match error {
        Error::UnknownIssuer => failure.hint(
            "the certificates between it and an authority belong into its file, the authority into --trust",
        ),
        Error::UnknownRevocationStatus => {
            failure.hint("give a list of every issuer: --crl FILE, and again")
        }
        _ => failure,
    }
}

fn reason(error: &Error) -> String {
    let said = match error {
        Error::UnknownIssuer => "no authority that is trusted has issued it",
        Error::CertNotValidYet { .. } => "an issuer of it is not valid yet",
        Error::CertRevoked => "it was revoked by its issuer, or an issuer of it was",
        Error::UnknownRevocationStatus => "no list says whether it was revoked",
        Error::CrlExpired { .. } => "the list of what its issuer has revoked is out of date",
        Error::IssuerNotCrlSigner => "its issuer may not sign lists of what it has revoked",
        Error::InvalidCrlSignatureForPublicKey => "the list is not signed by its issuer",
        Error::RequiredEkuNotFoundContext(_) => "it, or an issuer of it, is not for this purpose",
        Error::CaUsedAsEndEntity => "it is an authority, and stands for nobody itself",
        Error::EndEntityUsedAsCa => "an issuer of it is no authority",
        Error::InvalidSignatureForPublicKey => "it is not signed by the key of its issuer",
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "it, or an issuer of it, is signed by an algorithm that is not accepted"
        }
        Error::NameConstraintViolation => "an issuer of it may not issue for such a name",
        Error::PathLenConstraintViolated => "an issuer of it may not have issuers below it",
        other => return format!("it is refused: {other}"),
    };
    said.to_owned()
}

fn chain(args: &CertVerify, environment: &Environment) -> Result<CertificateChain, Failure> {
    let password = store_password(&args.store, environment)?;
    let store = CertificateStore::open(&args.file, password).map_err(unusable)?;
    let name = args.file.display();
    let candidate = store.candidates().map_err(unusable)?.into_iter().next();
    let candidate =
        candidate.ok_or_else(|| Failure::other(format!("{name} holds no certificate")))?;
    match (candidate.chain, candidate.key) {
        (Some(chain), _) => Ok(chain),
        (None, KeyState::Unusable(why) | KeyState::Locked(why)) => {
            Err(Failure::other(format!("{name}: {why}")))
        }
        (None, _) => Err(Failure::other(format!("{name} holds no certificate"))),
    }
}

/// The certificates of authorities, in PEM or in DER.
fn certificates(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let content = content(file)?;
    let read = match std::str::from_utf8(&content) {
        Ok(text) => Certificate::all_from_pem(text),
        Err(_) => Certificate::from_der(&content).map(|certificate| vec![certificate]),
    };
    let said = |why: String| Failure::other(format!("{}: {why}", file.display()));
    match read {
        Ok(all) if all.is_empty() => Err(said("it holds no certificate".to_owned())),
        Ok(all) => Ok(all),
        Err(why) => Err(said(why.to_string())),
    }
}

fn list_of_revoked(file: &Path) -> Result<CertRevocationList<'static>, Failure> {
    let content = content(file)?;
    let der = match content.starts_with(b"0") {
        true => CertificateRevocationListDer::from(content),
        false => CertificateRevocationListDer::from_pem_slice(&content).map_err(|_| {
            Failure::other(format!(
                "{}: it holds no list of revoked certificates",
                file.display()
            ))
        })?,
    };
    BorrowedCertRevocationList::from_der(der.as_ref())
        .and_then(|list| list.to_owned())
        .map(CertRevocationList::from)
        .map_err(|error| {
            Failure::other(format!(
                "{}: the list of revoked certificates is not read: {error}",
                file.display()
            ))
        })
}

fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file)
        .map_err(|error| Failure::other(format!("cannot read {}: {error}", file.display())))
}
