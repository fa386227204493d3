//! The DICOM conformance statement says what the code does. `UPDATE_CONFORMANCE=1` writes its tables.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::PathBuf;

use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
use norma_dicom_network::{
    CT_STORAGE_CLASSES, CommitmentFailure, IMPLEMENTATION_CLASS_UID, MAX_PDU_LENGTH,
    PERFORMED_PROCEDURE_STEP, QUERY_RETRIEVE_CLASSES, STORAGE_COMMITMENT, ScpLimits, ScpTimeouts, Status,
    StepFailure, StorageClasses, StoreFailure,
};
use norma_dicom_results::may_be_made_here;
use norma_gateway::{AfterStatus, dicomweb_requests};
use norma_imaging::READABLE_TRANSFER_SYNTAXES;
use norma_service::Settings;

const END: &str = "<!-- end -->";

fn document(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name)
}

fn statement() -> PathBuf {
    document("DICOM_CONFORMANCE.md")
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
const CLASSES: [(&str, &str); 11] = [
    (VERIFICATION, "Verification"),
    (STORAGE_COMMITMENT, "Storage Commitment Push Model"),
    (PERFORMED_PROCEDURE_STEP, "Modality Performed Procedure Step"),
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
        } else if class == PERFORMED_PROCEDURE_STEP {
            ("no", "yes, for callers of `pacs.expected` with `mpps`")
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
    let [of_address, in_all] = ScpLimits::waiting_connections(pacs.associations);
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
        (
            "connections that ask for no association",
            format!("{of_address} of one address, {in_all} in all: the oldest is closed for a newer one"),
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

/// In each row the classes of one information model: to find, to move and to get.
fn query_and_retrieve() -> String {
    let mut table =
        String::from("| query/retrieve SOP classes | user (SCU) | provider (SCP) |\n|---|---|---|\n");
    let models = [
        ("Study Root", "yes, of archives of `pacs.sources`"),
        ("Patient Root", "yes, of those that have no Study Root"),
    ];
    for ((model, user), [find, moving, get]) in models.into_iter().zip(QUERY_RETRIEVE_CLASSES) {
        writeln!(
            table,
            "| {model} Query/Retrieve: FIND {find}, MOVE {moving}, GET {get} | {user} | no |"
        )
        .unwrap();
    }
    table
}

/// What an instance is answered with, by why it is not kept.
fn statuses_of_store() -> String {
    let mut table = String::from("| status of C-STORE | when |\n|---|---|\n");
    let mut row = |status: Status, what: &str, when: &str| {
        writeln!(table, "| {:04X} {what} | {when} |", status.0).unwrap();
    };
    row(
        Status::SUCCESS,
        "success",
        "the instance and its name are on the disk",
    );
    for failure in StoreFailure::ALL {
        let (what, when) = match failure {
            StoreFailure::OutOfResources => (
                "out of resources",
                "too little room on the disk, or larger than `limits.file_bytes`",
            ),
            StoreFailure::DoesNotMatch => (
                "data set does not match",
                "its SOP Instance UID or SOP class is another than that of the request",
            ),
            StoreFailure::CannotUnderstand => (
                "cannot understand",
                "no SOP Instance UID, in the request or in the data set, or no Study Instance UID that can be found",
            ),
            StoreFailure::Duplicate => (
                "duplicate SOP instance",
                "an instance with this SOP Instance UID is here, and its data set is another; what is here stays",
            ),
            StoreFailure::Failed => ("processing failure", "something failed here"),
        };
        row(Status::from(failure), what, when);
    }
    let of_protocol = [
        (
            Status::SOP_CLASS_NOT_SUPPORTED,
            "SOP class not supported",
            "another class than that of the presentation context",
        ),
        (
            Status::UNRECOGNIZED_OPERATION,
            "unrecognized operation",
            "another operation",
        ),
        (
            Status::MISTYPED_ARGUMENT,
            "mistyped argument",
            "a request without a data set",
        ),
    ];
    for (status, what, when) in of_protocol {
        row(status, what, when);
    }
    table
}

fn answers_to_action() -> String {
    let mut table = String::from("| answer to N-ACTION | when |\n|---|---|\n");
    for (statuses, what, when) in [
        (vec![Status::SUCCESS], "success", "the request is kept"),
        (
            vec![Status::PROCESSING_FAILURE],
            "processing failure",
            "it could not be",
        ),
        (
            vec![Status::NO_SUCH_SOP_INSTANCE, Status::NO_SUCH_SOP_CLASS],
            "no such instance, no such class",
            "not the well-known instance, not the class",
        ),
        (
            vec![Status::INVALID_ARGUMENT],
            "invalid argument value",
            "no transaction UID, no instance, or a data set that is not well-formed",
        ),
        (
            vec![Status::NO_SUCH_ACTION],
            "no such action",
            "another action type than 1",
        ),
        (
            vec![Status::UNRECOGNIZED_OPERATION],
            "unrecognized operation",
            "the peer is not among those of `pacs.storage_commitment`",
        ),
        (
            vec![Status::RESOURCE_LIMITATION],
            "resource limitation",
            "more than 16 MiB, or 1000 transactions of this peer wait to be told",
        ),
    ] {
        let codes: Vec<String> = statuses
            .iter()
            .map(|status| format!("{:04X}", status.0))
            .collect();
        writeln!(table, "| {} {what} | {when} |", codes.join(", ")).unwrap();
    }
    table
}

fn answers_to_steps() -> String {
    let mut table = String::from(
        "| answer to N-CREATE and N-SET | when |\n|---|---|\n| 0000 success | what it says is kept |\n",
    );
    for failure in StepFailure::ALL {
        let (what, when) = match failure {
            StepFailure::Duplicate => (
                "duplicate SOP instance",
                "N-CREATE: a step of this SOP Instance UID is here",
            ),
            StepFailure::NoSuchStep => ("no such SOP instance", "N-SET: there is none"),
            StepFailure::HasEnded => (
                "processing failure",
                "N-SET: it was completed or discontinued before",
            ),
            StepFailure::Unnamed => (
                "invalid SOP instance",
                "no SOP Instance UID, or none that is a UID",
            ),
            StepFailure::MissingAttribute => (
                "missing attribute",
                "N-CREATE: no (0040,0252), or no Study Instance UID in (0040,0270)",
            ),
            StepFailure::InvalidState => (
                "invalid attribute value",
                "(0040,0252) is none of IN PROGRESS, COMPLETED, DISCONTINUED; N-CREATE: it is not IN PROGRESS",
            ),
            StepFailure::Malformed => ("invalid argument value", "the data set is not well-formed"),
            StepFailure::TooMuch => (
                "resource limitation",
                "more than 16 MiB, or 10,000 steps of this peer in seven days",
            ),
            StepFailure::Failed => ("processing failure", "it could not be kept"),
        };
        let error = failure.error_id();
        let error = error
            .map(|id| format!(", (0000,0903) {id:04X}"))
            .unwrap_or_default();
        writeln!(
            table,
            "| {:04X} {what}{error} | {when} |",
            Status::from(failure).0
        )
        .unwrap();
    }
    let (class, operation) = (Status::NO_SUCH_SOP_CLASS.0, Status::UNRECOGNIZED_OPERATION.0);
    writeln!(table, "| {class:04X} no such SOP class | another class |").unwrap();
    writeln!(
        table,
        "| {operation:04X} unrecognized operation | nobody asked for the word of this peer |"
    )
    .unwrap();
    table
}

/// Every status there can be, by what follows on it; what nothing is said of apart comes last.
fn answers(after: impl Fn(u16) -> AfterStatus, done: &str) -> String {
    let mut runs: Vec<(AfterStatus, u16, u16)> = Vec::new();
    for status in 0..=u16::MAX {
        match runs.last_mut() {
            Some((of, _, last)) if *of == after(status) => *last = status,
            _ => runs.push((after(status), status, status)),
        }
    }
    let listed = |wanted: AfterStatus| {
        let of = runs.iter().filter(|(of, _, _)| *of == wanted);
        let ranges: Vec<String> = of
            .map(|(_, first, last)| {
                if first == last {
                    format!("{first:04X}")
                } else {
                    format!("{first:04X}–{last:04X}")
                }
            })
            .collect();
        ranges.join(", ")
    };
    assert_eq!(after(0xA700), AfterStatus::TriedAgain, "out of resources passes");
    format!(
        "| answer of the peer | what follows |\n|---|---|\n| {} | {done} |\n| {} | left to a person |\n| every other status, A700–A7FF \
         among them | tried again |\n",
        listed(AfterStatus::Done),
        listed(AfterStatus::LeftAlone),
    )
}

fn requests() -> String {
    let mut table = String::from("| request | audit trail |\n|---|---|\n");
    for (method, path, action) in dicomweb_requests() {
        writeln!(table, "| `{method} {path}` | `{action}` |").unwrap();
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
    let of_statement = [
        ("transfer syntaxes", transfer_syntaxes()),
        ("SOP classes", sop_classes()),
        ("limits", limits()),
        ("query and retrieve", query_and_retrieve()),
        ("status of C-STORE", statuses_of_store()),
        ("answer to N-ACTION", answers_to_action()),
        ("answer to N-CREATE and N-SET", answers_to_steps()),
        (
            "answers to what is sent",
            answers(AfterStatus::of_delivery, "it has the object"),
        ),
        (
            "answers to what is pulled",
            answers(AfterStatus::of_retrieval, "it is looked at what is here"),
        ),
    ];
    let of_dicomweb = [("requests", requests())];
    for (path, tables) in [
        (statement(), of_statement.as_slice()),
        (document("DICOMWEB.md"), of_dicomweb.as_slice()),
    ] {
        let written = std::fs::read_to_string(&path).unwrap();
        let expected = tables.iter().fold(written.clone(), |statement, (name, table)| {
            with_table(&statement, name, table)
        });
        if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
            std::fs::write(&path, &expected).unwrap();
        } else {
            assert!(
                written == expected,
                "UPDATE_CONFORMANCE=1 cargo test --workspace --test conformance"
            );
        }
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
