//! Rows of the database as documents of the interface.

use chrono::{DateTime, Utc};
use norma_database as rows;

use crate::administration::keys::schema::Key;
use crate::administration::users::schema::{SignInKind, User};
use crate::audit::schema::{AuditActorDocument, AuditItem};
use crate::feedback::schema::{Feedback, FeedbackUser};
use crate::patients::schema::Patient;
use crate::scans::schema::Scan;
use crate::studies::schema::{StudyPatient, StudyRow, TopFinding};

impl From<rows::Patient> for Patient {
    fn from(row: rows::Patient) -> Self {
        Self {
            id: row.id,
            first_name: row.first_name,
            last_name: row.last_name,
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<rows::Scan> for Scan {
    fn from(row: rows::Scan) -> Self {
        Self {
            id: row.id,
            patient_id: row.patient_id,
            description: row.description,
            file_name: row.file_name,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            study_uid: row.study_uid.map(String::from),
            series_uid: row.series_uid.map(String::from),
            study_date: row.study_date,
            slice_count: row.slice_count,
            latest_analysis_id: row.latest_analysis_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl From<rows::Feedback> for Feedback {
    fn from(row: rows::Feedback) -> Self {
        Self {
            id: row.id,
            analysis_id: row.analysis_id,
            agree: row.agree,
            label: row.label,
            comment: row.comment,
            user: row.user.map(|user| FeedbackUser {
                id: user.id,
                name: user.name,
            }),
            created_at: row.created_at,
        }
    }
}

impl From<rows::StudyRow> for StudyRow {
    fn from(row: rows::StudyRow) -> Self {
        let scan = row.scan;
        let analysis = row.analysis.as_ref();
        let answer = row.answer.as_ref();
        let time_of = |time: fn(&rows::Analysis) -> Option<DateTime<Utc>>| analysis.and_then(time);
        Self {
            scan_id: scan.id,
            analysis_id: analysis.map(|analysis| analysis.id),
            status: analysis.map(|analysis| analysis.status),
            verdict: answer.map(|answer| answer.verdict),
            probability_of_pathology: answer.and_then(|answer| answer.probability),
            threshold: answer.map(|answer| answer.threshold.value()),
            operating_point: analysis.map(|analysis| analysis.operating_point.0.clone()),
            top_finding: answer
                .and_then(|answer| answer.top_finding.clone())
                .map(|finding| TopFinding {
                    label: finding.label,
                    name_en: finding.name_en,
                    name_ru: finding.name_ru,
                    probability: finding.probability,
                }),
            failure: analysis.and_then(|analysis| analysis.failure.clone()),
            quality_flags: analysis.map_or_else(Vec::new, |analysis| analysis.quality_flags.clone()),
            requested_at: time_of(|analysis| Some(analysis.requested_at)),
            finished_at: time_of(|analysis| analysis.finished_at),
            patient: row.patient.map(|patient| StudyPatient {
                id: patient.id,
                first_name: patient.first_name,
                last_name: patient.last_name,
            }),
            study_date: scan.study_date,
            study_uid: scan.study_uid.map(String::from),
            slices: scan.slice_count,
            description: scan.description,
            file_name: scan.file_name,
            size_bytes: scan.size_bytes,
            uploaded_at: scan.created_at,
        }
    }
}

impl From<rows::User> for User {
    fn from(row: rows::User) -> Self {
        let has_password = row.password_hash.is_some();
        Self {
            id: row.id,
            login: row.login,
            display_name: row.display_name,
            roles: row.roles,
            disabled: row.disabled,
            has_password,
            sign_in: match row.openid {
                Some(_) => SignInKind::OpenId,
                None if has_password => SignInKind::Password,
                None => SignInKind::None,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_sign_in_at: row.last_sign_in_at,
        }
    }
}

impl From<rows::ApiKey> for Key {
    fn from(row: rows::ApiKey) -> Self {
        Self {
            id: row.id,
            name: row.name,
            scope: row.scope,
            roles: row.roles,
            prefix: row.prefix,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

impl From<rows::AuditEvent> for AuditItem {
    fn from(row: rows::AuditEvent) -> Self {
        let event = row.event;
        let (object_kind, object_id) = event.object.map(|object| (object.kind, object.id)).unzip();
        Self {
            sequence: row.sequence,
            at: event.at,
            action: event.action,
            outcome: event.outcome.as_str().to_owned(),
            actor: AuditActorDocument {
                kind: event.actor.kind,
                id: event.actor.id,
                name: event.actor.name,
            },
            source_address: event.source_address,
            object_kind,
            object_id,
            patient_id: event.patient_id,
            scan_id: event.scan_id,
            status: event.status,
            detail: event.detail,
            hash: row.hash,
        }
    }
}
