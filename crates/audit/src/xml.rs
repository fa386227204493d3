//! An audit message in the XML of DICOM PS3.15 section A.5.1.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Writer;
use quick_xml::events::BytesText;

use crate::codes::Code;
use crate::message::{AuditMessage, ParticipantObject};

type Sheet = Writer<Vec<u8>>;

/// One `<AuditMessage>` without a declaration.
///
/// # Errors
/// Never in practice: it is written to memory.
pub fn to_xml(message: &AuditMessage) -> io::Result<String> {
    let mut sheet = Writer::new(Vec::new());
    sheet
        .create_element("AuditMessage")
        .write_inner_content(|sheet| content(sheet, message))?;
    String::from_utf8(sheet.into_inner()).map_err(io::Error::other)
}

fn content(sheet: &mut Sheet, message: &AuditMessage) -> io::Result<()> {
    let event = &message.event_identification;
    sheet
        .create_element("EventIdentification")
        .with_attribute(("EventActionCode", event.action))
        .with_attribute(("EventDateTime", event.at.as_str()))
        .with_attribute(("EventOutcomeIndicator", event.outcome.to_string().as_str()))
        .write_inner_content(|sheet| {
            code(sheet, "EventID", &event.id)?;
            if let Some(kind) = &event.kind {
                code(sheet, "EventTypeCode", kind)?;
            }
            sheet
                .create_element("EventOutcomeDescription")
                .write_text_content(BytesText::new(&event.outcome_description))?;
            Ok(())
        })?;
    for participant in &message.active_participant {
        let mut element = sheet
            .create_element("ActiveParticipant")
            .with_attribute(("UserID", participant.user_id.as_str()));
        if !participant.user_name.is_empty() {
            element = element.with_attribute(("UserName", participant.user_name.as_str()));
        }
        element = element.with_attribute((
            "UserIsRequestor",
            if participant.is_requestor { "true" } else { "false" },
        ));
        if !participant.address.is_empty() {
            element = element
                .with_attribute(("NetworkAccessPointID", participant.address.as_str()))
                .with_attribute(("NetworkAccessPointTypeCode", "2"));
        }
        element.write_inner_content(|sheet| code(sheet, "RoleIDCode", &participant.role))?;
    }
    sheet
        .create_element("AuditSourceIdentification")
        .with_attribute(("AuditSourceID", message.audit_source_identification.id))
        .write_empty()?;
    for object in &message.participant_object_identification {
        participant_object(sheet, object)?;
    }
    Ok(())
}

fn participant_object(sheet: &mut Sheet, object: &ParticipantObject) -> io::Result<()> {
    sheet
        .create_element("ParticipantObjectIdentification")
        .with_attribute(("ParticipantObjectID", object.id.as_str()))
        .with_attribute(("ParticipantObjectTypeCode", object.kind.to_string().as_str()))
        .with_attribute(("ParticipantObjectTypeCodeRole", object.role.to_string().as_str()))
        .write_inner_content(|sheet| {
            code(sheet, "ParticipantObjectIDTypeCode", &object.id_kind)?;
            for detail in &object.details {
                sheet
                    .create_element("ParticipantObjectDetail")
                    .with_attribute(("type", detail.r#type))
                    .with_attribute(("value", STANDARD.encode(&detail.value).as_str()))
                    .write_empty()?;
            }
            Ok(())
        })?;
    Ok(())
}

fn code(sheet: &mut Sheet, name: &str, code: &Code) -> io::Result<()> {
    sheet
        .create_element(name)
        .with_attribute(("csd-code", code.code))
        .with_attribute(("codeSystemName", code.system))
        .with_attribute(("originalText", code.text))
        .write_empty()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use norma_database::{AuditEvent, AuditOutcome, NewAuditEvent};
    use norma_domain::{PatientId, ScanId};

    use super::*;
    use crate::audit_message;

    #[test]
    fn a_refused_report_is_written_as_dicom_wants_it() {
        let mut event = NewAuditEvent::of_system("anna<&\">", "report.read");
        event.actor.kind = "user".to_owned();
        event.at = DateTime::from_timestamp(1_700_000_000, 5_000).unwrap();
        event.outcome = AuditOutcome::Refused;
        event.source_address = "192.0.2.7".to_owned();
        event.patient_id = Some(PatientId::from_uuid(Default::default()));
        event.scan_id = Some(ScanId::from_uuid(Default::default()));
        event.status = Some(403);
        event.detail = "forbidden".to_owned();
        let xml = to_xml(&audit_message(&AuditEvent {
            sequence: 7,
            event,
            previous_hash: String::new(),
            hash: "abc".to_owned(),
        }))
        .unwrap();
        let expected = concat!(
            "<AuditMessage>",
            r#"<EventIdentification EventActionCode="R" EventDateTime="2023-11-14T22:13:20.000005Z" EventOutcomeIndicator="4">"#,
            r#"<EventID csd-code="110111" codeSystemName="DCM" originalText="Procedure Record"/>"#,
            "<EventOutcomeDescription>refused</EventOutcomeDescription></EventIdentification>",
            r#"<ActiveParticipant UserID="user" UserName="anna&lt;&amp;&quot;&gt;" UserIsRequestor="true" NetworkAccessPointID="192.0.2.7" NetworkAccessPointTypeCode="2">"#,
            r#"<RoleIDCode csd-code="110153" codeSystemName="DCM" originalText="Source Role ID"/></ActiveParticipant>"#,
            r#"<AuditSourceIdentification AuditSourceID="norma"/>"#,
            r#"<ParticipantObjectIdentification ParticipantObjectID="00000000-0000-0000-0000-000000000000" ParticipantObjectTypeCode="1" ParticipantObjectTypeCodeRole="1">"#,
            r#"<ParticipantObjectIDTypeCode csd-code="2" codeSystemName="RFC-3881" originalText="Patient Number"/></ParticipantObjectIdentification>"#,
            r#"<ParticipantObjectIdentification ParticipantObjectID="/api/scans/00000000-0000-0000-0000-000000000000" ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="3">"#,
            r#"<ParticipantObjectIDTypeCode csd-code="12" codeSystemName="RFC-3881" originalText="URI"/></ParticipantObjectIdentification>"#,
            r#"<ParticipantObjectIdentification ParticipantObjectID="/api/audit/7" ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="13">"#,
            r#"<ParticipantObjectIDTypeCode csd-code="12" codeSystemName="RFC-3881" originalText="URI"/>"#,
            r#"<ParticipantObjectDetail type="action" value="cmVwb3J0LnJlYWQ="/>"#,
            r#"<ParticipantObjectDetail type="hash" value="YWJj"/>"#,
            r#"<ParticipantObjectDetail type="detail" value="Zm9yYmlkZGVu"/>"#,
            r#"<ParticipantObjectDetail type="status" value="NDAz"/>"#,
            "</ParticipantObjectIdentification></AuditMessage>",
        );
        assert_eq!(xml, expected);
    }
}
