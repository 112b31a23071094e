//! Does the tree keep the rules of the house?

mod tree;

use std::{collections::BTreeSet, fs};

use self::tree::{
    assert_none, code, code_before_tests, dependencies, is_in, is_test_module, lines_of_code,
    product_files, root, rust_files, text,
};

/// Files that are longer than 500 lines before their tests, with the reason.
const LONG_FILES: &[(&str, &str)] = &[(
    "config/keys/table.rs",
    "one table, in the order of the documents",
)];

/// The numbered items of docs/security.md that this version stands for: parts A to G, of H what is
/// the platform's, I, K and L.
fn promised_security_items() -> impl Iterator<Item = u32> {
    let proved = [103, 105, 106, 107];
    (1..=85)
        .chain(87..=88)
        .chain(90..=101)
        .chain(proved)
        .chain(130..=137)
        .chain(140..=145)
}

#[test]
fn every_source_file_opens_with_its_question() {
    let wrong = product_files().into_iter().filter(|file| {
        let content = text(file);
        let opening: String = content
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .take(2)
            .collect();
        let is_crate_root = ["lib.rs", "main.rs"]
            .iter()
            .any(|root| file.ends_with(root));
        !content.starts_with("//! ") || (!is_crate_root && !opening.contains('?'))
    });
    assert_none(
        wrong,
        "must open with the question that the file answers, as `//! …?`",
    );
}

#[test]
fn no_file_is_long_without_a_reason() {
    let wrong = rust_files(&root()).into_iter().filter(|file| {
        let lines = code_before_tests(file).lines().count();
        lines > 500 && !LONG_FILES.iter().any(|(name, _)| file.ends_with(name))
    });
    assert_none(
        wrong,
        "has more than 500 lines before its tests: split it by question",
    );
}

#[test]
fn no_file_is_a_drawer_for_odds_and_ends() {
    let drawers = [
        "utils.rs",
        "util.rs",
        "common.rs",
        "helpers.rs",
        "types.rs",
        "prelude.rs",
        "misc.rs",
    ];
    let wrong = rust_files(&root())
        .into_iter()
        .filter(|file| drawers.iter().any(|drawer| file.ends_with(drawer)));
    assert_none(
        wrong,
        "is a drawer: name the file by the question it answers",
    );
}

#[test]
fn nothing_is_unfinished_or_ignored() {
    let marks = ["todo!(", "unimplemented!(", "FIXME", "TODO", "#[ignore"];
    let wrong = rust_files(&root())
        .into_iter()
        .filter(|file| !file.ends_with("tidy.rs"))
        .filter(|file| code(file).any(|line| marks.iter().any(|mark| line.contains(mark))));
    assert_none(wrong, "holds an unfinished mark or an ignored test");
}

#[test]
fn nobody_waits_for_a_time_to_pass() {
    // On a paused clock of Tokio a wait passes at once; the sleeping of a thread never does.
    let wrong = rust_files(&root())
        .into_iter()
        .filter(|file| !file.ends_with("tidy.rs"))
        .filter(|file| code(file).any(|line| line.contains("thread::sleep(")));
    assert_none(wrong, "sleeps: wait for the thing itself");
}

/// The two crypto libraries of the protocol: by the file that may name it, the names of its crates.
const CRYPTO: [(&str, &[&str]); 2] = [
    ("aws_lc", &["aws_lc_rs"]),
    (
        "pure_rust",
        &["getrandom", "p256::", "rsa::", "sha1::", "sha2::", "Hmac"],
    ),
];

#[test]
fn one_file_of_the_protocol_names_the_crypto_library() {
    for (module, crates) in CRYPTO {
        let names_it = |line: &String| {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let mut words = words.filter(|word| !word.is_empty());
            words.any(|word| crates.iter().any(|name| word.starts_with(name)))
        };
        let wrong = rust_files(&root().join("crates/countersign-proto/src"))
            .into_iter()
            .filter(|file| !(is_in(file, "crypto") && is_in(file, module)))
            .filter(|file| !is_test_module(file))
            .filter(|file| lines_of_code(&code_before_tests(file)).any(|line| names_it(&line)));
        assert_none(
            wrong,
            &format!("names the crypto library: that is the business of crypto/{module}.rs"),
        );
    }
}

/// The second library is there for whoever asks for it, and for nobody else.
#[test]
fn the_protocol_has_one_crypto_library_unless_another_is_asked_for() {
    let manifest = text(&root().join("crates/countersign-proto/Cargo.toml"));
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let feature = |name: &str| -> BTreeSet<String> {
        let parts = manifest["features"][name].as_array().expect("a feature");
        let parts = parts.iter().map(|part| part.as_str().expect("a text"));
        parts.map(|part| part.replace("dep:", "")).collect()
    };
    assert_eq!(feature("default"), ["aws-lc".to_owned()].into());
    assert_eq!(feature("aws-lc"), ["aws-lc-rs".to_owned()].into());
    let second = feature("pure-rust");
    for name in second.iter().chain(&feature("aws-lc")) {
        let optional = manifest["dependencies"][name].get("optional");
        assert_eq!(
            optional.and_then(toml::Value::as_bool),
            Some(true),
            "{name}"
        );
    }
    for other in [
        "countersign",
        "countersign-server",
        "countersign-cli",
        "countersign-testkit",
    ] {
        let asked = text(&root().join(format!("crates/{other}/Cargo.toml")));
        assert!(!asked.contains("pure-rust"), "{other} asks for pure-rust");
    }
}

/// Invariant 11: who may hold a secret that signs tokens, and who may ask it.
#[test]
fn only_the_module_jwt_knows_a_symmetric_key_and_only_granted_app_tokens_ask_it() {
    let only = |folder: &str, named: &'static str, by: &'static [&str]| {
        let wrong = rust_files(&root().join(folder))
            .into_iter()
            .filter(|file| !by.iter().any(|module| is_in(file, module)) && !is_test_module(file))
            .filter(move |file| code(file).any(|line| line.contains(named)));
        assert_none(wrong, &format!("names {named}: only {by:?} may"));
    };
    let proto = "crates/countersign-proto/src";
    only(proto, "hmac::", &["crypto", "jwt"]);
    only(proto, "SymmetricKey", &["jwt"]);
    only(proto, "LocalSigningKeys", &["jwt"]);
    only("crates/countersign-guard/src", "SymmetricKey", &[]);
    let server = "crates/countersign-server/src";
    only(server, "SymmetricKey", &["local_signing"]);
    only(server, "jwt::", &["local_signing", "platform", "issuer"]);
    only(
        server,
        "local_signing_keys()",
        &["platform", "liveness", "granting"],
    );
}

/// What compiles C, or brings C to be compiled.
#[test]
fn the_protocol_is_built_without_a_c_compiler_when_that_is_asked_for() {
    let packages = |features: &[&str]| -> BTreeSet<String> {
        let mut tree = std::process::Command::new(env!("CARGO"));
        tree.args(["tree", "--offline", "--locked", "--prefix", "none"])
            .args(["--edges", "normal,build", "--format", "{p}"])
            .args(["--package", "countersign-proto"])
            .args(features)
            .current_dir(root());
        let said = tree.output().expect("cargo tree");
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(said.status.success(), "{said:?}");
        let names = text.lines().filter_map(|line| line.split(' ').next());
        names.map(str::to_owned).collect()
    };
    let c = ["aws-lc-rs", "aws-lc-sys", "cc", "cmake", "bindgen", "ring"];
    let found = |packages: &BTreeSet<String>| {
        c.into_iter()
            .filter(|name| packages.contains(*name))
            .count()
    };
    assert!(found(&packages(&[])) >= 2, "aws-lc is the default");
    let without = packages(&["--no-default-features", "--features", "pure-rust"]);
    assert_eq!(found(&without), 0, "{without:?}");
    assert!(without.contains("rsa") && without.contains("p256"));
}

#[test]
fn the_protocol_depends_on_no_runtime_and_no_file() {
    let permitted: BTreeSet<&str> = [
        "aws-lc-rs",
        "base64",
        "getrandom",
        "hmac",
        "http",
        "p256",
        "pem",
        "rsa",
        "serde",
        "serde_json",
        "sha1",
        "sha2",
        "url",
        "x509-parser",
        "zeroize",
    ]
    .into();
    let found = dependencies("crates/countersign-proto/Cargo.toml");
    let extra: Vec<_> = found
        .iter()
        .filter(|name| !permitted.contains(name.as_str()))
        .collect();
    assert!(
        extra.is_empty(),
        "countersign-proto may not depend on {extra:?}"
    );
}

#[test]
fn sdk_guard_and_server_never_see_each_other() {
    let ends = ["countersign", "countersign-guard", "countersign-server"];
    for end in ends {
        let manifest = format!("crates/{end}/Cargo.toml");
        let found = dependencies(&manifest);
        let others = ends.into_iter().filter(|other| *other != end);
        let seen: Vec<_> = others.filter(|other| found.contains(*other)).collect();
        assert!(seen.is_empty(), "{end} depends on {seen:?}");
    }
}

#[test]
fn only_the_service_knows_both_policy_and_store() {
    let wrong = rust_files(&root().join("crates/countersign-server/src"))
        .into_iter()
        .filter(|file| {
            let code = code_before_tests(file);
            let knows = |module: &str| {
                let paths = [
                    format!("crate::{module}"),
                    format!("    {module}::"),
                    format!("{{{module}::"),
                    format!("super::{module}"),
                ];
                paths.iter().any(|path| code.contains(path.as_str()))
            };
            !is_in(file, "service")
                && !is_test_module(file)
                && !file.ends_with("lib.rs")
                && knows("policy")
                && knows("store")
        });
    assert_none(
        wrong,
        "knows both policy and store: that is the business of service",
    );
}

#[test]
fn policy_is_pure() {
    let wrong = rust_files(&root().join("crates/countersign-server/src"))
        .into_iter()
        .filter(|file| is_in(file, "policy"))
        .filter(|file| {
            ["async fn", "Clock", ".await"]
                .iter()
                .any(|mark| code_before_tests(file).contains(mark))
        });
    assert_none(wrong, "waits or reads a clock: policy is a pure function");
}

#[test]
fn every_promised_security_item_has_a_test_that_carries_its_number() {
    let mut found = BTreeSet::new();
    for file in rust_files(&root()) {
        for line in text(&file).lines() {
            let Some((_, after)) = line.split_once("security.md ") else {
                continue;
            };
            let numbers = after
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|digits| digits.parse::<u32>().ok());
            found.extend(numbers);
        }
    }
    let missing: Vec<u32> = promised_security_items()
        .filter(|item| !found.contains(item))
        .collect();
    assert!(
        missing.is_empty(),
        "no test carries these items of docs/security.md: {missing:?}"
    );
}

#[test]
fn every_module_has_its_place_in_the_architecture_page() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for name in [
        "countersign-proto",
        "countersign",
        "countersign-guard",
        "countersign-server",
        "countersign-cli",
        "countersign-testkit",
    ] {
        let source = root().join("crates").join(name).join("src");
        for entry in fs::read_dir(&source).expect("a crate has a src folder") {
            let path = entry.expect("an entry").path();
            let module = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            if ["lib", "main"].contains(&module.as_str()) {
                continue;
            }
            assert!(
                page.contains(&format!("`{module}`")),
                "ARCHITECTURE.md does not name `{module}` of {name}"
            );
        }
    }
}

#[test]
fn the_example_of_the_readme_is_the_one_that_is_compiled() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let shown = readme.split("```rust\n").nth(1).expect("a Rust example");
    let shown = shown.split("```").next().expect("its end");
    let documentation = fs::read_to_string(root().join("crates/countersign/src/lib.rs"))
        .expect("the SDK's documentation");
    let compiled = documentation.split("//! ```no_run\n").nth(1);
    let compiled = compiled.expect("an example").split("//! ```").next();
    let compiled = compiled
        .expect("its end")
        .lines()
        .map(|line| line.trim_start_matches("//!").trim_start_matches(' '))
        .filter(|line| !line.starts_with("# "));
    assert!(
        shown.lines().eq(compiled),
        "README.md shows another example"
    );
}

#[test]
fn the_guard_of_the_readme_is_the_one_that_is_compiled() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let shown = readme.split("```rust\n").nth(2).expect("a second example");
    let shown = shown.split("```").next().expect("its end");
    let documentation = fs::read_to_string(root().join("crates/countersign-guard/src/lib.rs"))
        .expect("the guard's documentation");
    let compiled: BTreeSet<&str> = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .collect();
    for line in shown.lines().map(str::trim) {
        assert!(
            compiled.contains(line),
            "README.md shows {line:?}, and the documentation of the guard does not"
        );
    }
}
