//! An event of the trail as DICOM's audit message (PS3.15 section A.5.2).

use chrono::SecondsFormat;
use norma_database::{AuditEvent, AuditOutcome};
use serde::{Serialize, Serializer};

use crate::codes::{Code, event_kind};

/// One audit message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AuditMessage {
    pub event_identification: EventIdentification,
    pub active_participant: Vec<ActiveParticipant>,
    pub audit_source_identification: AuditSource,
    pub participant_object_identification: Vec<ParticipantObject>,
}

/// What happened, when, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventIdentification {
    /// C, R, U, D or E.
    #[serde(rename = "EventActionCode")]
    pub action: &'static str,
    #[serde(rename = "EventDateTime")]
    pub at: String,
    /// 0 success, 4 minor failure (refused), 8 serious failure.
    #[serde(rename = "EventOutcomeIndicator", serialize_with = "as_text")]
    pub outcome: u8,
    #[serde(rename = "EventID")]
    pub id: Code,
    #[serde(rename = "EventTypeCode", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Code>,
    #[serde(rename = "EventOutcomeDescription")]
    pub outcome_description: String,
}

/// Who acted, and from where.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveParticipant {
    #[serde(rename = "UserID")]
    pub user_id: String,
    #[serde(rename = "UserName", skip_serializing_if = "String::is_empty")]
    pub user_name: String,
    #[serde(rename = "UserIsRequestor")]
    pub is_requestor: bool,
    /// An IP address (type code 2).
    #[serde(rename = "NetworkAccessPointID", skip_serializing_if = "String::is_empty")]
    pub address: String,
    #[serde(rename = "RoleIDCode")]
    pub role: Code,
}

/// Which system tells this.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditSource {
    #[serde(rename = "AuditSourceID")]
    pub id: &'static str,
}

/// What was acted upon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParticipantObject {
    #[serde(rename = "ParticipantObjectID")]
    pub id: String,
    /// 1 person, 2 system object.
    #[serde(rename = "ParticipantObjectTypeCode", serialize_with = "as_text")]
    pub kind: u8,
    /// 1 patient, 3 report, 11 security user entity, 13 security resource.
    #[serde(rename = "ParticipantObjectTypeCodeRole", serialize_with = "as_text")]
    pub role: u8,
    #[serde(rename = "ParticipantObjectIDTypeCode")]
    pub id_kind: Code,
    #[serde(rename = "ParticipantObjectDetail", skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ObjectDetail>,
}

/// More about an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectDetail {
    pub r#type: &'static str,
    /// Base64 in XML, as the schema wants; plain here and in JSON.
    pub value: String,
}

fn as_text<S: Serializer>(number: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

const SOURCE_ROLE: Code = Code {
    code: "110153",
    system: "DCM",
    text: "Source Role ID",
};
const APPLICATION: Code = Code {
    code: "110150",
    system: "DCM",
    text: "Application",
};
const PATIENT_NUMBER: Code = Code {
    code: "2",
    system: "RFC-3881",
    text: "Patient Number",
};
const USER_IDENTIFIER: Code = Code {
    code: "11",
    system: "RFC-3881",
    text: "User Identifier",
};
const URI: Code = Code {
    code: "12",
    system: "RFC-3881",
    text: "URI",
};

/// The audit message of an event.
pub fn audit_message(event: &AuditEvent) -> AuditMessage {
    let what = &event.event;
    let kind = event_kind(&what.action);
    let actor = &what.actor;
    let is_system = actor.kind == "system";
    let mut objects = Vec::new();
    if let Some(patient_id) = what.patient_id {
        objects.push(object(patient_id.to_string(), 1, 1, PATIENT_NUMBER));
    }
    if let Some(scan_id) = what.scan_id {
        objects.push(object(format!("/api/scans/{scan_id}"), 2, 3, URI));
    }
    if let Some(thing) = &what.object {
        match thing.kind.as_str() {
            // Named above.
            "patient" | "scan" => {}
            "user" => objects.push(object(thing.id.clone(), 1, 11, USER_IDENTIFIER)),
            "key" => objects.push(object(format!("/api/keys/{}", thing.id), 2, 13, URI)),
            kind => objects.push(object(format!("{kind}/{}", thing.id), 2, 3, URI)),
        }
    }
    objects.push(trail_entry(event));
    AuditMessage {
        event_identification: EventIdentification {
            action: kind.action,
            at: what.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            outcome: match what.outcome {
                AuditOutcome::Begun | AuditOutcome::Success => 0,
                AuditOutcome::Refused => 4,
                AuditOutcome::Failed => 8,
            },
            id: kind.id,
            kind: kind.kind,
            outcome_description: what.outcome.as_str().to_owned(),
        },
        active_participant: vec![ActiveParticipant {
            user_id: actor.id.map_or_else(|| actor.kind.clone(), |id| id.to_string()),
            user_name: actor.name.clone(),
            is_requestor: !is_system,
            address: what.source_address.clone(),
            role: if is_system { APPLICATION } else { SOURCE_ROLE },
        }],
        audit_source_identification: AuditSource { id: "norma" },
        participant_object_identification: objects,
    }
}

fn object(id: String, kind: u8, role: u8, id_kind: Code) -> ParticipantObject {
    ParticipantObject {
        id,
        kind,
        role,
        id_kind,
        details: Vec::new(),
    }
}

/// The event's place in Norma's own trail.
fn trail_entry(event: &AuditEvent) -> ParticipantObject {
    let detail = |r#type, value: &str| ObjectDetail {
        r#type,
        value: value.to_owned(),
    };
    let mut entry = object(format!("/api/audit/{}", event.sequence), 2, 13, URI);
    entry.details = vec![detail("action", &event.event.action), detail("hash", &event.hash)];
    if !event.event.detail.is_empty() {
        entry.details.push(detail("detail", &event.event.detail));
    }
    if let Some(status) = event.event.status {
        entry.details.push(detail("status", &status.to_string()));
    }
    entry
}
