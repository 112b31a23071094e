//! What does a signature in a hardware token cost here, against the same module asked directly?
//!
//! On SoftHSM, which is a token in software: what is added here is then seen best.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use countersign::{
    Pkcs11Uri,
    certificate_store::{CertificateStore, Password},
    proto::key::{Algorithm, SigningKey},
};
use countersign_bench::{Bench, Figure, Goal, median, time};
use cryptoki::{
    context::Pkcs11,
    mechanism::{
        Mechanism, MechanismType,
        rsa::{PkcsMgfType, PkcsPssParams},
    },
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::{AuthPin, Ulong},
};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const SETTINGS: &str = "SOFTHSM2_CONF";
const PIN: &str = "sekrit-pin-4711";
const ROUNDS: usize = 15;

/// As long as what is signed for a token of the platform.
const MESSAGE: [u8; 600] = [0x5a; 600];

fn main() {
    let bench = Bench::from_args();
    if !bench.wants("pkcs11.sign") {
        return;
    }
    // SoftHSM reads its settings from the environment of its process: this one is started again with it.
    if std::env::var_os(SETTINGS).is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        tokens(folder.path());
        let again = std::env::current_exe().expect("a benchmark has a file");
        let ended = command(folder.path(), &again)
            .args(std::env::args_os().skip(1))
            .status()
            .expect("it runs again");
        assert!(ended.success(), "it did not end well");
        return;
    }
    for (name, id, algorithm, count) in [
        ("pkcs11.sign.PS256-2048", 1, Algorithm::PS256, 100),
        ("pkcs11.sign.ES256", 2, Algorithm::ES256, 300),
    ] {
        measure(&bench, name, id, algorithm, count);
    }
}

fn measure(bench: &Bench, name: &str, id: u8, algorithm: Algorithm, count: usize) {
    let ours = ours(id);
    let (session, handle) = directly(id);
    let hash = digest(&SHA256, &MESSAGE);
    let (mut costs, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (_, here) = time(|| {
            for _ in 0..count {
                black_box(ours.sign(algorithm, &MESSAGE).expect("a signature"));
            }
        });
        let (_, there) = time(|| {
            for _ in 0..count {
                let mechanism = mechanism(algorithm);
                let signed = session.sign(&mechanism, handle, hash.as_ref());
                black_box(signed.expect("a signature"));
            }
        });
        costs.push(here.as_secs_f64() * 1e6 / count as f64);
        ratios.push(
            here.as_secs_f64()
                / there
                    .as_secs_f64()
                    .max(Duration::from_nanos(1).as_secs_f64()),
        );
    }
    let (cost, ratio) = (median(&mut costs), median(&mut ratios));
    bench.tell(&Figure {
        name,
        value: cost,
        unit: "us",
        peer: "",
        goal: Goal::None,
    });
    bench.tell(&Figure {
        name: &format!("{name}.ratio"),
        value: ratio,
        unit: "ratio",
        peer: "cryptoki on the same module",
        goal: Goal::AtMost(1.5),
    });
}

/// The key as a client has it.
fn ours(id: u8) -> Arc<dyn SigningKey> {
    let uri = format!("pkcs11:token=bench;id=%0{id}?module-path={MODULE}");
    let uri: Pkcs11Uri = uri.parse().expect("a URI");
    let pin = Some(Password::new(PIN.to_owned()));
    let store = CertificateStore::in_token(&uri, pin).expect("a store");
    store.signing_key().expect("a key in the token")
}

/// The same key by the module alone, which runs already.
fn directly(id: u8) -> (Session, ObjectHandle) {
    let module = Pkcs11::new(MODULE).expect("SoftHSM");
    let slots = module.get_slots_with_initialized_token().expect("slots");
    let session = module.open_ro_session(slots[0]).expect("a session");
    // Logged in already, which is the process's.
    let _ = session.login(UserType::User, Some(&AuthPin::from(PIN.to_owned())));
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Id(vec![id]),
    ];
    let found = session.find_objects(&template).expect("objects");
    (session, found[0])
}

fn mechanism(algorithm: Algorithm) -> Mechanism<'static> {
    match algorithm {
        Algorithm::PS256 => Mechanism::RsaPkcsPss(PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: PkcsMgfType::MGF1_SHA256,
            s_len: Ulong::new(32),
        }),
        _ => Mechanism::Ecdsa,
    }
}

/// A token with two keys, made by the tools of SoftHSM and OpenSC.
fn tokens(folder: &Path) {
    let tokens = folder.join("tokens");
    std::fs::create_dir(&tokens).expect("a folder");
    let settings = format!("directories.tokendir = {}\n", tokens.display());
    std::fs::write(folder.join("softhsm2.conf"), settings).expect("a file");
    let run = |program: &str, arguments: &[&str]| {
        let output = command(folder, &PathBuf::from(program))
            .args(arguments)
            .output();
        let output = output.expect("run scripts/test --setup: it installs SoftHSM and OpenSC");
        assert!(output.status.success(), "{program}: {output:?}");
    };
    run(
        "softhsm2-util",
        &[
            "--init-token",
            "--free",
            "--label",
            "bench",
            "--so-pin",
            "sekrit-officer",
            "--pin",
            PIN,
        ],
    );
    for (id, kind) in [("01", "rsa:2048"), ("02", "EC:prime256v1")] {
        let whose = [
            "--module",
            MODULE,
            "--token-label",
            "bench",
            "--login",
            "--pin",
            PIN,
        ];
        let what = [
            "--keypairgen",
            "--key-type",
            kind,
            "--label",
            kind,
            "--id",
            id,
        ];
        run("pkcs11-tool", &[&whose[..], &what].concat());
    }
}

fn command(folder: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env(SETTINGS, folder.join("softhsm2.conf"));
    command
}
