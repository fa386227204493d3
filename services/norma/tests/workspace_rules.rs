//! The invariants of docs/ARCHITECTURE.md, checked on the dependency graph and the source tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Direct normal and build dependencies of every workspace member, by package name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata describes the workspace");
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let names = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect();
            (package.name.to_string(), names)
        })
        .collect()
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const SERVICES: [&str; 7] = [
    "norma-gateway",
    "norma-preprocess",
    "norma-anomaly",
    "norma-classifier",
    "norma-typing",
    "norma-report",
    "norma-shadow",
];

#[test]
fn every_folder_of_the_design_is_a_member() {
    let members = dependencies();
    for name in [
        "norma",
        "norma-access",
        "norma-accuracy",
        "norma-audit",
        "norma-domain",
        "norma-encryption",
        "norma-volume",
        "norma-imaging",
        "norma-inference",
        "norma-phantom",
        "norma-pipeline",
        "norma-quantification",
        "norma-messages",
        "norma-queue",
        "norma-database",
        "norma-deidentification",
        "norma-dicom-elements",
        "norma-dicom-instances",
        "norma-dicom-network",
        "norma-dicom-results",
        "norma-dicom-spool",
        "norma-result-messages",
        "norma-fuzz",
        "norma-object-storage",
        "norma-service",
        "norma-site",
        "norma-test-support",
        "norma-tls",
    ]
    .into_iter()
    .chain(SERVICES)
    {
        assert!(members.contains_key(name), "{name} is no member of the workspace");
    }
}

#[test]
fn services_never_depend_on_services_norma_aside() {
    for (package, names) in dependencies() {
        // The fuzzers call what they fuzz.
        if ["norma", "norma-fuzz"].contains(&package.as_str()) {
            continue;
        }
        for service in SERVICES.into_iter().chain(["norma"]) {
            assert!(
                !names.contains(service),
                "{package} depends on the service {service}"
            );
        }
    }
}

#[test]
fn inner_crates_do_not_know_outer_ones() {
    let inner_to_outer: [(&str, &[&str]); 7] = [
        ("norma-domain", &["norma-"]),
        ("norma-dicom-elements", &["norma-"]),
        ("norma-tls", &["norma-"]),
        (
            "norma-volume",
            &[
                "norma-imaging",
                "norma-inference",
                "norma-pipeline",
                "norma-messages",
                "norma-queue",
                "norma-database",
                "norma-object-storage",
                "norma-service",
            ],
        ),
        (
            "norma-imaging",
            &[
                "norma-inference",
                "norma-pipeline",
                "norma-queue",
                "norma-database",
                "norma-object-storage",
                "norma-service",
            ],
        ),
        (
            "norma-inference",
            &[
                "norma-imaging",
                "norma-pipeline",
                "norma-queue",
                "norma-database",
                "norma-object-storage",
                "norma-service",
            ],
        ),
        (
            "norma-pipeline",
            &[
                "norma-messages",
                "norma-queue",
                "norma-database",
                "norma-object-storage",
                "norma-service",
            ],
        ),
    ];
    let dependencies = dependencies();
    for (package, forbidden) in inner_to_outer {
        for name in &dependencies[package] {
            assert!(
                !forbidden.iter().any(|prefix| name.starts_with(prefix)),
                "{package} must not depend on {name}"
            );
        }
    }
}

#[test]
fn domain_and_volume_know_no_infrastructure() {
    let dependencies = dependencies();
    for package in ["norma-domain", "norma-volume"] {
        for name in &dependencies[package] {
            for forbidden in ["tokio", "diesel", "lapin", "actix", "ort", "object_store"] {
                assert!(
                    name != forbidden && !name.starts_with(&format!("{forbidden}-")),
                    "{package} must not depend on {name}"
                );
            }
        }
    }
}

#[test]
fn what_tests_stand_on_is_in_no_product() {
    for (package, names) in dependencies() {
        // The fuzzers are tests.
        assert!(
            !names.contains("norma-test-support") || package == "norma-fuzz",
            "{package} depends on norma-test-support outside of its tests"
        );
    }
}

#[test]
fn a_port_s_library_is_named_by_its_crate_alone() {
    let owners = [
        ("ort", "norma-inference"),
        ("lapin", "norma-queue"),
        ("diesel", "norma-database"),
        ("diesel_migrations", "norma-database"),
        ("object_store", "norma-object-storage"),
    ];
    for (package, names) in dependencies() {
        for (library, owner) in owners {
            assert!(
                !names.contains(library) || package == owner,
                "{package} names {library}; only {owner} may"
            );
        }
    }
}

/// Rust files below `folder`, build output aside.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !["target", "node_modules", ".git"].contains(&name) {
            rust_files(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_file_has_one_subject_and_at_most_500_lines() {
    let mut files = Vec::new();
    for folder in ["crates", "services", "fuzz"] {
        rust_files(&workspace_root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "found only {} files", files.len());
    for file in files {
        let lines = std::fs::read_to_string(&file)
            .expect("the file can be read")
            .lines()
            .count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}

#[test]
fn every_crate_has_a_readme_that_is_its_documentation() {
    for folder in ["crates", "services"] {
        for entry in std::fs::read_dir(workspace_root().join(folder)).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            let readme = std::fs::read_to_string(path.join("README.md"))
                .unwrap_or_else(|_| panic!("{} has no README.md", path.display()));
            assert!(readme.len() > 100, "{} says nothing", path.display());
            let root = ["src/lib.rs", "src/main.rs"]
                .iter()
                .find_map(|file| std::fs::read_to_string(path.join(file)).ok());
            let root = root.unwrap_or_else(|| panic!("{} has neither lib.rs nor main.rs", path.display()));
            assert!(
                root.contains("include_str!(\"../README.md\")"),
                "{} leaves its README out",
                path.display()
            );
        }
    }
}

/// Everything that is written in Rust.
fn sources() -> String {
    let mut files = Vec::new();
    for folder in ["crates", "services"] {
        rust_files(&workspace_root().join(folder), &mut files);
    }
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("a source file can be read"))
        .collect()
}

/// Documents whose tables name the tests that show what they say, and how many names there are at the least.
const DOCUMENTS_OF_TESTS: [(&str, usize); 3] = [
    ("docs/FAULTS.md", 40),
    ("SECURITY.md", 40),
    ("docs/SECURITY_CONTROLS.md", 60),
];
/// A test's name is a sentence; shorter names in a table are those of codes and settings.
const LEAST_WORDS: usize = 4;

/// A test that was renamed would show nothing any more.
#[test]
fn tests_that_a_document_names_exist() {
    let sources = sources();
    for (document, least) in DOCUMENTS_OF_TESTS {
        let text =
            std::fs::read_to_string(workspace_root().join(document)).expect("the document can be read");
        let mut named = 0;
        for row in text.lines().filter(|line| line.starts_with('|')) {
            // Every second piece stands in backticks.
            for name in row.split('`').skip(1).step_by(2) {
                let last = name.rsplit("::").next().unwrap_or_default();
                let is_name = last
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
                if !is_name || last.split('_').count() < LEAST_WORDS {
                    continue;
                }
                named += 1;
                assert!(
                    sources.contains(&format!("fn {last}(")),
                    "{document}: {name} is no test"
                );
            }
        }
        assert!(named >= least, "{document} names only {named} tests");
    }
}
