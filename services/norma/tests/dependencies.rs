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

/// Words after `NAME_IMAGE` in both places that give images their defaults.
fn images(text: &str, before: &str, after: char) -> BTreeMap<String, String> {
    let mut images = BTreeMap::new();
    for piece in text.split(before).skip(1) {
        let Some((name, rest)) = piece.split_once(if after == '}' { ":-" } else { "=" }) else {
            continue;
        };
        if name.ends_with("_IMAGE") && !name.contains(char::is_whitespace) {
            let image = rest.split([after, '\n']).next().unwrap_or_default();
            images.insert(name.to_owned(), image.to_owned());
        }
    }
    images
}

/// With registries that answer as they did when this was written, by a `docker` of this test's own.
#[test]
fn images_are_held_to_the_digests_that_their_registries_give() {
    let read = |path: &str| {
        std::fs::read_to_string(workspace_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let composed = images(&read("compose.yaml"), "${", '}');
    for (name, image) in images(&read("deploy/images/Dockerfile"), "ARG ", '\n') {
        assert_eq!(composed.get(&name), Some(&image), "{name} of the Dockerfile");
    }

    let folder = tempfile::tempdir().expect("a folder");
    let path_of = |name: &str| folder.path().join(name);
    for name in ["scripts", "bin"] {
        std::fs::create_dir(path_of(name)).expect("a folder in it");
    }
    for name in ["scripts/pin-images", "compose.yaml", ".env.example"] {
        std::fs::copy(workspace_root().join(name), path_of(name)).expect("a copy");
    }
    let docker = "#!/bin/sh\n[ \"$1 $2 $3\" = 'buildx imagetools inspect' ] || exit 1\n\
                  printf 'sha256:%s\\n' \"$(printf %s \"$4\" | sha256sum | cut -d' ' -f1)\"\n";
    std::fs::write(path_of("bin/docker"), docker).expect("a docker");
    let is_runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path_of("bin/docker"), is_runnable).expect("a docker that runs");
    let path = format!(
        "{}:{}",
        path_of("bin").display(),
        std::env::var("PATH").expect("PATH is set")
    );
    let run = |arguments: &[&str]| {
        std::process::Command::new(path_of("scripts/pin-images"))
            .args(arguments)
            .env("PATH", &path)
            .output()
            .expect("the script runs")
    };
    let unpinned = run(&["--check"]);
    assert!(!unpinned.status.success());
    assert!(String::from_utf8_lossy(&unpinned.stderr).contains("POSTGRES_IMAGE=postgres:17"));
    assert!(run(&[]).status.success());
    // Again: what is pinned is asked for by its version.
    assert!(run(&[]).status.success());
    assert!(run(&["--check"]).status.success());
    let settings = std::fs::read_to_string(path_of(".env")).expect("what it wrote");
    for (name, image) in composed.iter().filter(|(_, image)| !image.starts_with("norma:")) {
        let lines: Vec<&str> = settings
            .lines()
            .filter(|line| line.starts_with(&format!("{name}=")))
            .collect();
        let [line] = lines[..] else {
            panic!("{name} stands there {} times", lines.len());
        };
        assert!(line.starts_with(&format!("{name}={image}@sha256:")), "{line}");
    }
    std::fs::write(path_of("bin/docker"), "#!/bin/sh\necho unauthorized\n").expect("another docker");
    assert!(!run(&[]).status.success(), "what is no digest is not written");
    let after = std::fs::read_to_string(path_of(".env")).expect("what it left");
    assert_eq!(after, settings);
}
