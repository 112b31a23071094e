//! Is the right certificate taken, and is the reason given for each of the others?

use countersign_proto::{key::LocalKey, time::UnixTime};
use rcgen::DnType;

use super::*;
use crate::certificate_store::fixture::{Made, NOW, day, made, valid};

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap()
}

fn by_subject(text: &str) -> CertificateSelector {
    CertificateSelector::by_subject(name(text))
}

fn named(common_name: &str, from: UnixTime, to: UnixTime) -> Made {
    made(&[(DnType::CommonName, common_name)], from, to)
}

fn reasons(selector: &CertificateSelector, candidates: &[Candidate]) -> Vec<String> {
    let verdicts = selector.explain(candidates, NOW);
    verdicts.into_iter().map(|verdict| verdict.reason).collect()
}

fn source(selector: &CertificateSelector, candidates: &[Candidate]) -> String {
    let selection = selector.select(candidates, NOW).unwrap();
    selection.source.display().to_string()
}

// checklist T5
#[test]
fn a_certificate_is_selected_by_its_subject_in_any_case_and_spacing() {
    let candidates = [
        valid("Other").candidate("a"),
        valid("Corellian").candidate("b"),
    ];
    assert_eq!(source(&by_subject("CN=Corellian"), &candidates), "b");
    assert_eq!(source(&by_subject("cn = corellian"), &candidates), "b");
    assert!(by_subject("CN=Corelli").select(&candidates, NOW).is_err());
}

// checklist T5
#[test]
fn a_certificate_is_selected_by_either_thumbprint() {
    let wanted = valid("wanted");
    let candidates = [valid("other").candidate("a"), wanted.candidate("b")];
    for thumbprint in [wanted.certificate().sha1(), wanted.certificate().sha256()] {
        let pasted = Thumbprint::parse(&thumbprint.to_hex().to_lowercase()).unwrap();
        assert_eq!(
            source(&CertificateSelector::by_thumbprint(pasted), &candidates),
            "b"
        );
    }
}

// checklist T5; security.md 49
#[test]
fn the_thumbprint_wins_over_the_subject_and_that_is_said() {
    let wanted = valid("wanted");
    let candidates = [valid("Corellian").candidate("a"), wanted.candidate("b")];
    let mut selector = by_subject("CN=Corellian");
    selector.thumbprint = Some(wanted.certificate().sha1());
    let selection = selector.select(&candidates, NOW).unwrap();
    assert_eq!(selection.source, PathBuf::from("b"));
    assert_eq!(
        selection.notes,
        ["thumbprint given: the subject \"CN=Corellian\" is ignored"]
    );
}

// security.md 49
#[test]
fn of_several_the_newest_is_taken_and_that_is_said() {
    let candidates = [
        named("s", day(-3), day(3)).candidate("older"),
        named("s", day(-1), day(2)).candidate("newest"),
        named("s", day(-2), day(9)).candidate("lasts longest"),
    ];
    let selection = by_subject("CN=s").select(&candidates, NOW).unwrap();
    assert_eq!(selection.source, PathBuf::from("newest"));
    let thumbprint = selection.credential.chain().leaf().sha256();
    assert_eq!(
        selection.notes,
        [format!(
            "3 certificates match: the newest is taken, {thumbprint}"
        )]
    );
    let reasons = reasons(&by_subject("CN=s"), &candidates);
    assert_eq!(reasons[0], "usable, but newest has a newer one");
    assert_eq!(reasons[1], "taken: valid, and its private key fits");
}

#[test]
fn of_two_that_begin_together_the_one_that_ends_later_is_taken_in_any_order() {
    let mut candidates = [
        named("s", day(-1), day(3)).candidate("short"),
        named("s", day(-1), day(4)).candidate("long"),
    ];
    assert_eq!(source(&by_subject("CN=s"), &candidates), "long");
    candidates.reverse();
    assert_eq!(source(&by_subject("CN=s"), &candidates), "long");
}

#[test]
fn of_two_that_begin_and_end_together_the_choice_does_not_depend_on_their_order() {
    let mut candidates = [
        named("s", day(-1), day(3)).candidate("x"),
        named("s", day(-1), day(3)).candidate("y"),
    ];
    let first = source(&by_subject("CN=s"), &candidates);
    candidates.reverse();
    assert_eq!(source(&by_subject("CN=s"), &candidates), first);
}

// security.md 49
#[test]
fn in_strict_mode_several_are_an_error_that_names_them_and_only_them() {
    let (one, two) = (valid("s"), valid("s"));
    let candidates = [
        one.candidate("one.pem"),
        two.candidate("two.pem"),
        valid("other").candidate("other.pem"),
    ];
    let mut selector = by_subject("CN=s");
    selector.strict = true;
    let error = selector.select(&candidates, NOW).unwrap_err();
    let SelectError::Several(verdicts) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(verdicts.len(), 2);
    let text = error.to_string();
    for thumbprint in [one.certificate().sha256(), two.certificate().sha256()] {
        assert!(text.contains(&thumbprint.to_hex()), "{text}");
    }
    assert!(!text.contains("other.pem"));
    assert!(
        selector
            .explain(&candidates, NOW)
            .iter()
            .all(|verdict| !verdict.taken)
    );
}

#[test]
fn the_same_certificate_in_two_files_is_one_also_in_strict_mode() {
    let made = valid("s");
    let candidates = [made.candidate("a.pem"), made.candidate("b.p12")];
    let mut selector = by_subject("CN=s");
    selector.strict = true;
    assert_eq!(source(&selector, &candidates), "a.pem");
    assert_eq!(
        reasons(&selector, &candidates)[1],
        "usable: the same certificate as in a.pem"
    );
}

// security.md 51
#[test]
fn a_certificate_is_taken_from_its_first_to_its_last_second() {
    let candidates = [named("s", day(0), day(1)).candidate("a")];
    let take = |at: u64| by_subject("CN=s").select(&candidates, UnixTime::from_secs(at));
    let (from, to) = (day(0).as_secs(), day(1).as_secs());
    assert!(take(from - 1).is_err());
    assert!(take(from).is_ok());
    assert!(take(to).is_ok());
    assert!(take(to + 1).is_err());
}

#[test]
fn each_reason_is_given() {
    let locked = "the private key is encrypted and no password was given";
    let with_key = |made: &Made, key| {
        let mut candidate = made.candidate("k");
        candidate.key = key;
        candidate
    };
    let made = valid("s");
    let candidates = [
        named("s", day(-9), day(-1)).candidate("expired"),
        named("s", day(1), day(9)).candidate("early"),
        with_key(&made, KeyState::Absent),
        with_key(&made, KeyState::DoesNotFit),
        with_key(&made, KeyState::Locked(locked.to_owned())),
        with_key(&made, valid("another").key()),
        Candidate::new("x".into(), None, KeyState::Unusable("is empty".to_owned())),
        valid("t").candidate("t"),
    ];
    let selector = by_subject("CN=s");
    let reasons = reasons(&selector, &candidates);
    // 1,800,000,000 s is 2027-01-15T08:00:00Z.
    assert_eq!(reasons[0], "expired since 2027-01-14T08:00:00Z");
    assert_eq!(reasons[1], "not valid before 2027-01-16T08:00:00Z");
    assert_eq!(reasons[2], "no private key");
    assert_eq!(reasons[3], "the private key does not fit the certificate");
    assert_eq!(reasons[4], locked);
    assert_eq!(reasons[5], "the private key does not fit the certificate");
    assert_eq!(reasons[6], "is empty");
    assert_eq!(reasons[7], "wrong subject: \"CN=t\"");

    let text = selector.select(&candidates, NOW).unwrap_err().to_string();
    assert!(
        text.starts_with("no certificate can be used: expired (CN=s, "),
        "{text}"
    );
    assert!(text.ends_with("; and 3 more"), "{text}");
}

// security.md 52
#[test]
fn a_certificate_that_may_not_sign_is_not_taken() {
    use crate::certificate_store::{CertificateStore, fixture::testdata};

    for name in [
        "certificate-authority",
        "wrong-eku",
        "wrong-key-usage",
        "key-of-another",
    ] {
        let path = testdata(&format!("refused/{name}.pem"));
        let candidates = CertificateStore::open(&path, None)
            .unwrap()
            .candidates()
            .unwrap();
        assert!(candidates[0].chain.is_some());
        let refused = CertificateSelector::default().select(&candidates, NOW);
        assert!(matches!(refused, Err(SelectError::NoneUsable(_))), "{name}");
    }
}

// security.md B10
#[test]
fn a_part_of_a_name_selects_nothing_and_the_reason_shows_the_whole_name() {
    let long = made(
        &[
            (DnType::OrganizationName, "Acme"),
            (DnType::CommonName, "Corellian"),
        ],
        day(-1),
        day(1),
    );
    let candidates = [long.candidate("a")];
    for part in ["CN=Corellian", "O=Acme,CN=Corellian"] {
        assert!(by_subject(part).select(&candidates, NOW).is_err());
        assert_eq!(
            reasons(&by_subject(part), &candidates),
            [
                "wrong subject: the name is longer or in another order; write the whole of it: \
              \"CN=Corellian,O=Acme\""
            ]
        );
    }
    assert_eq!(source(&by_subject("CN=Corellian,O=Acme"), &candidates), "a");
}

// security.md B10
#[test]
fn a_comma_inside_a_name_is_no_second_part_of_it() {
    let sly = named("Corellian,OU=Admin", day(-1), day(1));
    let candidates = [sly.candidate("a")];
    assert!(
        by_subject("CN=Corellian,OU=Admin")
            .select(&candidates, NOW)
            .is_err()
    );
    assert_eq!(
        source(&by_subject("CN=Corellian\\,OU=Admin"), &candidates),
        "a"
    );
}

#[test]
fn issuer_serial_and_file_each_narrow_the_choice() {
    let (one, two) = (valid("one"), valid("two"));
    let candidates = [
        one.candidate("/store/one.pem"),
        two.candidate("/store/two.pem"),
    ];
    let select = |change: &dyn Fn(&mut CertificateSelector)| {
        let mut selector = CertificateSelector::default();
        change(&mut selector);
        source(&selector, &candidates)
    };
    let serial = two.certificate().serial().to_vec();
    let padded = [&[0, 0][..], &serial].concat();
    assert_eq!(
        select(&|s| s.issuer = Some(name("CN=one"))),
        "/store/one.pem"
    );
    assert_eq!(
        select(&|s| s.serial = Some(serial.clone())),
        "/store/two.pem"
    );
    assert_eq!(
        select(&|s| s.serial = Some(padded.clone())),
        "/store/two.pem"
    );
    for file in ["/store/two.pem", "two.pem", "./two.pem", "store/two.pem"] {
        assert_eq!(select(&|s| s.file = Some(file.into())), "/store/two.pem");
    }
    let selector = CertificateSelector {
        file: Some("o.pem".into()),
        ..CertificateSelector::default()
    };
    assert!(selector.select(&candidates, NOW).is_err());
}

#[test]
fn an_empty_store_has_a_message_of_its_own() {
    let error = CertificateSelector::default().select(&[], NOW).unwrap_err();
    assert_eq!(error, SelectError::Empty);
    assert_eq!(error.to_string(), "there is no certificate in the store");
}

#[test]
fn a_warning_about_the_key_file_is_in_the_notes_and_in_the_reason() {
    let mut candidate = valid("s").candidate("a");
    candidate.warnings = vec!["everybody may read it".to_owned()];
    let candidates = [candidate];
    let selection = by_subject("CN=s").select(&candidates, NOW).unwrap();
    assert_eq!(selection.notes, ["everybody may read it"]);
    assert_eq!(
        reasons(&by_subject("CN=s"), &candidates),
        ["taken: valid, and its private key fits; everybody may read it"]
    );
}

// security.md 53
#[test]
fn a_selection_prints_the_name_and_not_the_key() {
    let made = valid("s");
    let selection = by_subject("CN=s")
        .select(&[made.candidate("a")], NOW)
        .unwrap();
    let text = format!(
        "{selection:?} {:?}",
        LocalKey::from_pem(&made.key_pem).unwrap()
    );
    assert!(text.contains("CN=s"));
    for line in made.key_pem.lines().filter(|line| !line.starts_with('-')) {
        assert!(!text.contains(line));
    }
}
