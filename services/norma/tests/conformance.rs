//! The DICOM conformance statement says what the code does. `UPDATE_CONFORMANCE=1` writes its tables.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::PathBuf;

use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
use norma_dicom_network::{
    CT_STORAGE_CLASSES, CommitmentFailure, IMPLEMENTATION_CLASS_UID, MAX_PDU_LENGTH, STORAGE_COMMITMENT,
    ScpTimeouts, StorageClasses,
};
use norma_dicom_results::may_be_made_here;
use norma_imaging::READABLE_TRANSFER_SYNTAXES;
use norma_service::Settings;

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

const VERIFICATION: &str = "1.2.840.10008.1.1";
/// As a derived UID looks.
const DERIVED: &str = "2.25.24197857200150890073892579874101880713";

/// Every SOP class that is spoken of, by PS3.6 annex A.
const CLASSES: [(&str, &str); 10] = [
    (VERIFICATION, "Verification"),
    (STORAGE_COMMITMENT, "Storage Commitment Push Model"),
    ("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.2.1", "Enhanced CT Image Storage"),
    (
        "1.2.840.10008.5.1.4.1.1.2.2",
        "Legacy Converted Enhanced CT Image Storage",
    ),
    ("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR Storage"),
    ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
    ("1.2.840.10008.5.1.4.1.1.30", "Parametric Map Storage"),
    (
        "1.2.840.10008.5.1.4.1.1.88.59",
        "Key Object Selection Document Storage",
    ),
];

/// What is said of a class follows from what the code does with it.
fn sop_classes() -> String {
    let mut table = String::from("| SOP class | user (SCU) | provider (SCP) |\n|---|---|---|\n");
    for (class, name) in CLASSES {
        let (user, provider) = if class == VERIFICATION {
            ("yes (`norma pacs echo`)", "yes")
        } else if class == STORAGE_COMMITMENT {
            (
                "yes, of destinations with `commitment`",
                "yes, for peers of `pacs.storage_commitment`",
            )
        } else if StorageClasses::Ct.contains(class) {
            ("yes (`norma pacs send`)", "yes, analysed")
        } else if may_be_made_here(class, DERIVED) {
            assert!(StorageClasses::All.contains(class), "{class}");
            ("yes (results, `norma pacs send`)", "yes, kept with its study")
        } else {
            panic!("{class} is neither analysed nor made here")
        };
        writeln!(table, "| {name} {class} | {user} | {provider} |").unwrap();
    }
    assert!(
        CT_STORAGE_CLASSES
            .iter()
            .all(|class| table.contains(&format!(" {class} ")))
    );
    table.push_str(
        "| every other storage class of the standard (below 1.2.840.10008.5.1.4.1.1, and those of radiotherapy that stand \
         elsewhere), private ones | yes | yes, kept with its study |\n",
    );
    table
}

/// What the settings say where nobody says otherwise, and what the code holds to.
fn limits() -> String {
    let settings = Settings::base();
    let pacs = &settings.pacs;
    let times = ScpTimeouts::default();
    let seconds = |time: std::time::Duration| time.as_secs();
    let mut table = String::from("| | |\n|---|---|\n");
    for (what, value) in [
        ("own title", format!("{} (`pacs.ae_title`)", pacs.ae_title)),
        (
            "port",
            format!("{}:{} (`pacs.address`, `pacs.port`)", pacs.address, pacs.port),
        ),
        (
            "associations accepted at once",
            format!("{} (`pacs.associations`)", pacs.associations),
        ),
        ("longest P-DATA-TF announced", format!("{MAX_PDU_LENGTH} bytes")),
        (
            "from the connection to the request, and for the handshake of TLS before it",
            format!("{} s", seconds(times.request)),
        ),
        (
            "for each PDU, and between messages",
            format!("{} s", seconds(times.idle)),
        ),
        (
            "a study is complete after",
            format!("{} s (`pacs.quiet_seconds`)", pacs.quiet_seconds),
        ),
        (
            "results and reports are given up after",
            format!("{} h (`pacs.give_up_hours`)", pacs.give_up_hours),
        ),
        (
            "longest data set",
            format!("{} bytes (`limits.file_bytes`)", settings.limits.file_bytes),
        ),
    ] {
        writeln!(table, "| {what} | {value} |").unwrap();
    }
    table
}

/// The statement with a table written anew.
fn with_table(statement: &str, name: &str, table: &str) -> String {
    let start = statement
        .find(&format!("UPDATE_CONFORMANCE=1: {name} -->\n"))
        .unwrap();
    let start = start + statement[start..].find('\n').unwrap() + 1;
    let end = start + statement[start..].find(END).unwrap();
    [&statement[..start], table, &statement[end..]].concat()
}

#[test]
fn the_tables_of_the_conformance_statement_are_the_codes() {
    let written = std::fs::read_to_string(statement()).unwrap();
    let tables = [
        ("transfer syntaxes", transfer_syntaxes()),
        ("SOP classes", sop_classes()),
        ("limits", limits()),
    ];
    let expected = tables.iter().fold(written.clone(), |statement, (name, table)| {
        with_table(&statement, name, table)
    });
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
