//! Is a certificate believed up to an authority, and is each other refused for its reason?

use serde_json::json;

use super::{openssl, testdata};
use crate::world::Home;

const AUTHORITY: &str = "CN=Fixture Authority,O=Countersign Fixtures";

/// An authority of openssl: its folder, its list of what it has revoked, certificates that it issued.
struct Authority {
    home: Home,
}

impl Authority {
    fn new() -> Authority {
        let home = Home::new();
        let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
        write("index.txt", "");
        write("crlnumber", "01\n");
        write(
            "ca.cnf",
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\n\
             default_crl_days=30\n[req]\ndistinguished_name=none\nprompt=no\n[none]\n",
        );
        let authority = Authority { home };
        authority.make("root", "", "CA:TRUE", "keyCertSign,cRLSign");
        authority
    }

    /// A key and a certificate; `by` names its issuer, or nobody.
    fn make(&self, name: &str, by: &str, constraints: &str, usage: &str) {
        self.make_by_digest("sha256", name, by, constraints, usage);
    }

    fn make_by_digest(&self, digest: &str, name: &str, by: &str, constraints: &str, usage: &str) {
        let issuer = match by {
            "" => String::new(),
            by => format!("-CA {by}.pem -CAkey {by}.key"),
        };
        openssl(
            &self.home,
            &format!(
                "req -config ca.cnf -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -{digest} -nodes -days 30 {issuer} \
                 -subj /CN={name} -addext basicConstraints=critical,{constraints} \
                 -addext keyUsage=critical,{usage} -keyout {name}.key -out {name}.pem"
            ),
        );
    }

    fn leaf(&self, name: &str, by: &str) {
        self.make(name, by, "CA:FALSE", "digitalSignature");
    }

    /// A list of what the issuer has revoked up to now.
    fn list(&self, by: &str, out: &str, more: &str) {
        let line =
            format!("ca -config ca.cnf -gencrl -keyfile {by}.key -cert {by}.pem -out {out} {more}");
        openssl(&self.home, &line);
    }

    fn revoke(&self, name: &str, by: &str) {
        let line = format!("ca -config ca.cnf -revoke {name}.pem -keyfile {by}.key -cert {by}.pem");
        openssl(&self.home, &line);
    }

    /// Several files in one.
    fn together(&self, names: &[&str], out: &str) {
        let read =
            |name: &&str| std::fs::read_to_string(self.home.path().join(format!("{name}.pem")));
        let text: String = names.iter().map(|name| read(name).unwrap()).collect();
        std::fs::write(self.home.path().join(out), text).unwrap();
    }

    fn refuses(&self, line: &str, code: i32, reason: &str) {
        let ran = self.home.run(&format!("cert verify {line}"));
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(ran.stderr.contains(reason), "{line}: {ran:?}");
        assert_eq!(ran.stdout, "", "{line}");
    }
}

// checklist K29
#[test]
fn a_certificate_is_verified_up_to_an_authority_that_is_trusted() {
    let home = Home::new();
    let trust = testdata("authority/authority.pem");
    std::fs::write(home.path().join("password"), "fixture-password\n").unwrap();
    for kind in ["p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072"] {
        for file in [
            format!("{kind}.pem"),
            format!("{kind}.chain.pem"),
            format!("{kind}.chain.p12"),
        ] {
            let file = testdata(&format!("signed/{file}"));
            let line = format!(
                "cert verify {file} --trust {trust} --password-file password --output json"
            );
            let said = home.run(&line).json();
            assert_eq!(said["verified"], true, "{file}");
            assert_eq!(
                said["subject"],
                format!("CN=signed {kind},O=Countersign Fixtures")
            );
            assert_eq!(said["issued_by"], json!([AUTHORITY]));
            assert_eq!(said["purpose"], "clientAuth");
            assert_eq!(said["revocation"], "not checked: no list was given");
        }
    }
    let own = testdata("clients/p256/p256.pem");
    home.run(&format!("cert verify {own} --trust {own}")).ok();

    let authority = Authority::new();
    authority.make("middle", "root", "CA:TRUE", "keyCertSign,cRLSign");
    authority.leaf("leaf", "middle");
    authority.together(&["leaf", "middle"], "chain.pem");
    let line = "cert verify chain.pem --trust root.pem --output json";
    let said = authority.home.run(line).json();
    assert_eq!(said["issued_by"], json!(["CN=middle", "CN=root"]));
    authority.refuses(
        "leaf.pem --trust root.pem",
        1,
        "no authority that is trusted has issued it",
    );
}

#[test]
fn a_certificate_that_is_not_good_is_refused_for_its_reason() {
    let home = Authority::new();
    let refuses = |file: &str, trust: &str, more: &str, code, reason| {
        let (file, trust) = (testdata(file), testdata(trust));
        home.refuses(&format!("{file} --trust {trust} {more}"), code, reason);
    };
    let stranger = "no authority that is trusted has issued it";
    refuses("signed/p256.pem", "clients/p384/p384.pem", "", 1, stranger);
    refuses(
        "clients/p256/p256.pem",
        "authority/authority.pem",
        "",
        1,
        stranger,
    );
    let own = |name: &str, more: &str, code, reason| {
        let file = format!("refused/{name}.pem");
        refuses(&file, &file, more, code, reason);
    };
    own("expired", "", 11, "it expired at 2021-01-01T00:00:00Z");
    own("not-yet-valid", "", 1, "it is not valid before");
    own("wrong-eku", "", 1, "does not have clientAuth");
    own(
        "wrong-eku",
        "--purpose server-auth",
        1,
        "not for this purpose",
    );
    own("wrong-key-usage", "", 1, "does not have digitalSignature");
    own(
        "certificate-authority",
        "--purpose server-auth",
        1,
        "it is an authority",
    );
    own("rsa1024", "", 1, "1024 bits");
    own("not-pem", "", 1, "no certificate");
    let code_signing = testdata("refused/wrong-eku.pem");
    let line = format!(
        "cert verify {code_signing} --trust {code_signing} --purpose code-signing --strict-purpose"
    );
    home.home.run(&line).ok();

    home.leaf("leaf", "root");
    let unnamed = "leaf.pem --trust root.pem --purpose server-auth";
    home.home.run(&format!("cert verify {unnamed}")).ok();
    home.refuses(
        &format!("{unnamed} --strict-purpose"),
        1,
        "not for this purpose",
    );
    home.leaf("child", "leaf");
    home.together(&["child", "leaf"], "below.pem");
    home.refuses(
        "below.pem --trust root.pem",
        1,
        "an issuer of it is no authority",
    );
    // Another authority under the same name.
    let other = Authority::new();
    other.leaf("leaf", "root");
    let forged = other.home.path().join("leaf.pem").display().to_string();
    home.refuses(
        &format!("{forged} --trust root.pem"),
        1,
        "it is not signed by the key of its issuer",
    );
    home.make_by_digest("sha1", "weak", "root", "CA:FALSE", "digitalSignature");
    home.refuses(
        "weak.pem --trust root.pem",
        1,
        "signed by an algorithm that is not accepted",
    );
    home.refuses("leaf.pem", 2, "--trust <FILE>");
    home.refuses("leaf.pem --trust missing.pem", 1, "cannot read missing.pem");
    home.refuses("leaf.pem --trust leaf.key", 1, "no CERTIFICATE block");
    home.refuses("leaf.pem --trust root.pem --purpose tea", 2, "tea");
}

/// With rcgen, because the openssl of today's systems makes no certificate that is over.
#[test]
fn a_certificate_of_an_authority_that_is_over_is_refused() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
    let home = Home::new();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name
        .push(rcgen::DnType::CommonName, "leaf");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let leaf_key = KeyPair::generate().unwrap();
    for (end, code) in [(2090, 0), (2021, 11)] {
        root.not_after = rcgen::date_time_ymd(end, 1, 1);
        write("root.pem", &root.self_signed(&key).unwrap().pem());
        let issuer = Issuer::from_params(&root, &key);
        write(
            "leaf.pem",
            &leaf.signed_by(&leaf_key, &issuer).unwrap().pem(),
        );
        let ran = home.run("cert verify leaf.pem --trust root.pem");
        assert_eq!(ran.code, code, "{ran:?}");
        assert_eq!(
            ran.stderr
                .contains("its authority CN=rcgen self signed cert expired at 2021-01-01"),
            code == 11,
            "{ran:?}"
        );
    }
}

#[test]
fn a_certificate_that_its_issuer_revoked_is_refused_by_its_list() {
    let authority = Authority::new();
    authority.leaf("good", "root");
    authority.leaf("bad", "root");
    authority.list("root", "before.crl", "");
    authority.revoke("bad", "root");
    authority.list("root", "after.crl", "");
    openssl(
        &authority.home,
        "crl -in after.crl -outform DER -out after.der",
    );
    authority.list(
        "root",
        "old.crl",
        "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z",
    );

    for (name, list) in [
        ("good", "after.crl"),
        ("good", "after.der"),
        ("bad", "before.crl"),
    ] {
        let line = format!("cert verify {name}.pem --trust root.pem --crl {list} --output json");
        let said = authority.home.run(&line).json();
        assert_eq!(
            said["revocation"], "not revoked by the list",
            "{name} {list}"
        );
    }
    for list in ["after.crl", "after.der"] {
        let line = format!("bad.pem --trust root.pem --crl {list}");
        authority.refuses(&line, 1, "it was revoked by its issuer");
    }
    authority.refuses("good.pem --trust root.pem --crl old.crl", 1, "out of date");

    let other = Authority::new();
    other.make("other", "", "CA:TRUE", "keyCertSign,cRLSign");
    other.list("other", "other.crl", "");
    other.list("root", "forged.crl", "");
    let list = |name: &str| other.home.path().join(name).display().to_string();
    let line = format!("good.pem --trust root.pem --crl {}", list("other.crl"));
    authority.refuses(&line, 1, "no list says whether it was revoked");
    let line = format!("good.pem --trust root.pem --crl {}", list("forged.crl"));
    authority.refuses(&line, 1, "the list is not signed by its issuer");
    authority.refuses(
        "good.pem --trust root.pem --crl good.pem",
        1,
        "holds no list of revoked certificates",
    );
    authority.refuses(
        "good.pem --trust root.pem --crl missing",
        1,
        "cannot read missing",
    );
}
