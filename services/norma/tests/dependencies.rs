//! What the locks hold: licences, sources, bans; of npm also checksums and install scripts. `deny.toml` is the rule for
//! both this test and `cargo deny`, which asks for advisories besides; `web/dependency-rules.json` is that of npm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};
use serde::Deserialize;

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    package: String,
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(workspace_root().join("deny.toml")).expect("deny.toml can be read");
    toml::from_str(&text).expect("deny.toml has the expected form")
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        // Not offline: crates of other platforms are locked, but no build of this one fetches them.
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .expect(
            "cargo metadata reads every locked crate; without a network run `cargo fetch --locked` before",
        )
}

/// Whether an expression can be satisfied with the allowed licences alone. Old ones write `MIT/Apache-2.0`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let Ok(expression) = spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX) else {
        return false;
    };
    expression.evaluate(|requirement| allowed.contains(&requirement.to_string()))
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let rules = rules().licenses;
    let metadata = metadata();
    assert!(metadata.packages.len() > 300, "the lock was read");
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some())
    {
        let mut allowed = rules.allow.clone();
        for exception in &rules.exceptions {
            if exception.package == package.name.as_str() {
                allowed.extend(exception.allow.iter().cloned());
            }
        }
        let licence = package.license.as_deref().unwrap_or_default();
        assert!(
            is_allowed(licence, &allowed),
            "{} {}: {licence:?}",
            package.name,
            package.version
        );
    }
    assert!(is_allowed("GPL-3.0-only OR MIT", &rules.allow));
    assert!(!is_allowed("GPL-3.0-only AND MIT", &rules.allow));
    assert!(!is_allowed("", &rules.allow));
}

#[test]
fn every_crate_comes_from_the_registry_and_none_is_banned() {
    let banned: BTreeSet<String> = rules().bans.deny.into_iter().map(|ban| ban.package).collect();
    assert!(!banned.is_empty());
    for package in metadata().packages {
        assert!(
            !banned.contains(package.name.as_str()),
            "{} is banned by deny.toml",
            package.name
        );
        if let Some(source) = &package.source {
            assert!(source.is_crates_io(), "{} comes from {source}", package.name);
        }
    }
    let lock = std::fs::read_to_string(workspace_root().join("Cargo.lock")).expect("Cargo.lock can be read");
    let lock: toml::Table = toml::from_str(&lock).expect("Cargo.lock is TOML");
    let packages = lock["package"].as_array().expect("the lock lists packages");
    for package in packages.iter().filter(|package| package.get("source").is_some()) {
        let checksum = package
            .get("checksum")
            .and_then(toml::Value::as_str)
            .unwrap_or_default();
        assert_eq!(checksum.len(), 64, "{:?} has no checksum", package.get("name"));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NpmRules {
    licenses: BTreeSet<String>,
    licenses_read_by_hand: BTreeMap<String, String>,
    install_scripts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NpmLock {
    lockfile_version: u32,
    packages: BTreeMap<String, NpmPackage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NpmPackage {
    license: Option<String>,
    integrity: Option<String>,
    /// Left out by the setting `omit-lockfile-registry-resolved`: then the registry's.
    resolved: Option<String>,
    #[serde(default)]
    has_install_script: bool,
}

fn read_json<T: serde::de::DeserializeOwned>(path: &str) -> T {
    let text = std::fs::read(workspace_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_package_of_the_page_is_checked_allowed_and_silent() {
    let rules: NpmRules = read_json("web/dependency-rules.json");
    let lock: NpmLock = read_json("web/package-lock.json");
    assert_eq!(lock.lockfile_version, 3);
    assert!(lock.packages.len() > 100, "the lock was read");
    for (path, package) in lock.packages.iter().filter(|(path, _)| !path.is_empty()) {
        let is_checked = package
            .integrity
            .as_deref()
            .is_some_and(|integrity| integrity.starts_with("sha512-"));
        assert!(is_checked, "{path} has no SHA-512");
        let is_of_a_registry = package
            .resolved
            .as_deref()
            .is_none_or(|resolved| resolved.starts_with("https://") && resolved.ends_with(".tgz"));
        assert!(is_of_a_registry, "{path} comes from {:?}", package.resolved);
        let is_allowed = match &package.license {
            Some(licence) => rules.licenses.contains(licence),
            None => rules.licenses_read_by_hand.contains_key(path),
        };
        assert!(is_allowed, "{path}: {:?}", package.license);
        assert!(
            !package.has_install_script || rules.install_scripts.contains_key(path),
            "{path} runs a script when it is installed"
        );
    }
    for path in rules
        .install_scripts
        .keys()
        .chain(rules.licenses_read_by_hand.keys())
    {
        assert!(
            lock.packages.contains_key(path),
            "{path} is not there any more: take its exception out"
        );
    }
}
