//! The DICOM conformance statement says what the code does. `UPDATE_CONFORMANCE=1` writes its tables.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::PathBuf;

use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
use norma_dicom_network::{
    CT_STORAGE_CLASSES, CommitmentFailure, IMPLEMENTATION_CLASS_UID, STORAGE_COMMITMENT,
};
use norma_imaging::READABLE_TRANSFER_SYNTAXES;

const END: &str = "<!-- end -->";

fn statement() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/DICOM_CONFORMANCE.md")
}

fn transfer_syntaxes() -> String {
    let mut table = String::from("| transfer syntax | UID |\n|---|---|\n");
    for uid in READABLE_TRANSFER_SYNTAXES {
        let known = TransferSyntaxRegistry
            .get(uid)
            .map(dicom_transfer_syntax_registry::TransferSyntax::name);
        writeln!(table, "| {} | {uid} |", known.unwrap()).unwrap();
    }
    table
}

#[test]
fn the_tables_of_the_conformance_statement_are_the_codes() {
    let written = std::fs::read_to_string(statement()).unwrap();
    let start = written
        .find("UPDATE_CONFORMANCE=1: transfer syntaxes -->\n")
        .unwrap();
    let start = start + written[start..].find('\n').unwrap() + 1;
    let end = start + written[start..].find(END).unwrap();
    let expected = [&written[..start], &transfer_syntaxes(), &written[end..]].concat();
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        std::fs::write(statement(), &expected).unwrap();
    } else {
        assert!(
            written == expected,
            "UPDATE_CONFORMANCE=1 cargo test --workspace --test conformance"
        );
    }
}

#[test]
fn the_conformance_statement_names_what_is_taken_and_told() {
    let statement = std::fs::read_to_string(statement()).unwrap();
    let words: Vec<&str> = statement.split([' ', '|', ',', '\n', '`']).collect();
    let classes = CT_STORAGE_CLASSES;
    for uid in READABLE_TRANSFER_SYNTAXES.iter().chain(&classes) {
        assert!(words.contains(uid), "{uid}");
    }
    for uid in [IMPLEMENTATION_CLASS_UID, STORAGE_COMMITMENT] {
        assert!(words.contains(&uid), "{uid}");
    }
    let (_, reasons) = statement.split_once("| failure reason |").unwrap();
    for failure in CommitmentFailure::ALL {
        let row = format!("| {:04X} ", failure.code());
        assert!(reasons.contains(&row), "{row}");
    }
}
