//! The code values of DICOM PS3.16 (context groups 400 and 401) for Norma's actions.

use serde::Serialize;

/// A coded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Code {
    #[serde(rename = "csd-code")]
    pub code: &'static str,
    #[serde(rename = "codeSystemName")]
    pub system: &'static str,
    #[serde(rename = "originalText")]
    pub text: &'static str,
}

/// What kind of event an action is, the type within it, and the action code (RFC 3881 section 5.1.2: create, read,
/// update, delete, execute).
pub(crate) struct EventKind {
    pub(crate) id: Code,
    pub(crate) kind: Option<Code>,
    pub(crate) action: &'static str,
}

const fn dcm(code: &'static str, text: &'static str) -> Code {
    Code {
        code,
        system: "DCM",
        text,
    }
}

const APPLICATION_ACTIVITY: Code = dcm("110100", "Application Activity");
const AUDIT_LOG_USED: Code = dcm("110101", "Audit Log Used");
const INSTANCES_ACCESSED: Code = dcm("110103", "DICOM Instances Accessed");
const STUDY_DELETED: Code = dcm("110105", "DICOM Study Deleted");
const EXPORT: Code = dcm("110106", "Export");
const IMPORT: Code = dcm("110107", "Import");
const PATIENT_RECORD: Code = dcm("110110", "Patient Record");
const PROCEDURE_RECORD: Code = dcm("110111", "Procedure Record");
const QUERY: Code = dcm("110112", "Query");
const SECURITY_ALERT: Code = dcm("110113", "Security Alert");
const USER_AUTHENTICATION: Code = dcm("110114", "User Authentication");
const APPLICATION_START: Code = dcm("110120", "Application Start");
const LOGIN: Code = dcm("110122", "Login");
const LOGOUT: Code = dcm("110123", "Logout");
const ROLES_CHANGED: Code = dcm("110136", "Security Roles Changed");
const USER_ATTRIBUTES_CHANGED: Code = dcm("110137", "User security Attributes Changed");

/// The kind of an action of Norma (`patient.read`).
pub(crate) fn event_kind(action: &str) -> EventKind {
    let (group, verb) = action.split_once('.').unwrap_or((action, ""));
    let of = |id, kind, action| EventKind { id, kind, action };
    match (group, verb) {
        ("gateway", "start") => of(APPLICATION_ACTIVITY, Some(APPLICATION_START), "E"),
        ("audit", _) => of(AUDIT_LOG_USED, None, "R"),
        ("sign_in", _) => of(USER_AUTHENTICATION, Some(LOGIN), "E"),
        ("sign_out", _) => of(USER_AUTHENTICATION, Some(LOGOUT), "E"),
        ("user" | "key", verb) => {
            let kind = if verb == "update" {
                ROLES_CHANGED
            } else {
                USER_ATTRIBUTES_CHANGED
            };
            of(SECURITY_ALERT, Some(kind), action_code(verb))
        }
        ("patient", "export") => of(EXPORT, None, "R"),
        ("patient", "erase") => of(PATIENT_RECORD, None, "D"),
        ("patient", "erasure") => of(PATIENT_RECORD, None, "R"),
        (_, "search") => of(QUERY, None, "E"),
        ("patient", verb) => of(PATIENT_RECORD, None, action_code(verb)),
        ("scan", "upload") => of(IMPORT, None, "C"),
        ("scan", "download") => of(EXPORT, None, "R"),
        ("scan", "delete") => of(STUDY_DELETED, None, "D"),
        ("scan" | "pixels" | "study", verb) => of(INSTANCES_ACCESSED, None, action_code(verb)),
        ("analysis" | "report" | "feedback" | "prediction", verb) => {
            of(PROCEDURE_RECORD, None, action_code(verb))
        }
        (_, verb) => of(APPLICATION_ACTIVITY, None, action_code(verb)),
    }
}

fn action_code(verb: &str) -> &'static str {
    match verb {
        "create" | "upload" | "request" | "give" => "C",
        "read" | "download" | "follow" | "inspect" => "R",
        "update"
        | "password"
        | "merge"
        | "move"
        | "withdraw"
        | "second_factor_set"
        | "second_factor_remove"
        | "second_factor_reset"
        | "recovery_codes" => "U",
        "delete" | "revoke" => "D",
        _ => "E",
    }
}
