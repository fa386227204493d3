use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_dicom_network as network;
use norma_domain::{PullId, ScanId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which studies of which archive: by an accession number, a Patient ID or a Study Instance UID; all that is said has to agree. Values
/// stand for themselves: no `*`, `?` and backslash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceQuery {
    /// A name of the settings `pacs.sources`.
    #[schema(example = "archive")]
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub study_instance_uid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 16)]
    pub accession_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub patient_id: Option<String>,
    /// Who gave the Patient ID: studies whose archive names another are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub issuer_of_patient_id: Option<String>,
}

impl SourceQuery {
    pub(crate) fn keys(&self) -> network::StudyKeys {
        network::StudyKeys {
            study_instance_uid: self.study_instance_uid.clone(),
            accession_number: self.accession_number.clone(),
            patient_id: self.patient_id.clone(),
            issuer_of_patient_id: self.issuer_of_patient_id.clone(),
            ..network::StudyKeys::default()
        }
    }

    pub(crate) fn wish(self) -> rows::PullWish {
        rows::PullWish::Studies {
            study_instance_uid: self.study_instance_uid,
            accession_number: self.accession_number,
            patient_id: self.patient_id,
            issuer_of_patient_id: self.issuer_of_patient_id,
        }
    }
}

/// A study that an archive has, as it says; texts are empty where it says nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArchiveStudy {
    pub study_instance_uid: String,
    pub patient_id: String,
    pub issuer_of_patient_id: String,
    pub patient_name: String,
    /// `YYYYMMDD`.
    pub birth_date: String,
    pub accession_number: String,
    /// `YYYYMMDD`.
    pub study_date: String,
    pub study_time: String,
    pub study_description: String,
    pub modalities: Vec<String>,
    pub series_count: Option<u32>,
    pub instance_count: Option<u32>,
}

impl From<network::FoundStudy> for ArchiveStudy {
    fn from(study: network::FoundStudy) -> Self {
        Self {
            study_instance_uid: study.study_instance_uid.as_str().to_owned(),
            patient_id: study.patient_id,
            issuer_of_patient_id: study.issuer_of_patient_id,
            patient_name: study.patient_name,
            birth_date: study.birth_date,
            accession_number: study.accession_number,
            study_date: study.study_date,
            study_time: study.study_time,
            study_description: study.study_description,
            modalities: study.modalities,
            series_count: study.series_count,
            instance_count: study.instance_count,
        }
    }
}

/// What an archive has.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArchiveStudies {
    pub items: Vec<ArchiveStudy>,
    /// There may be more: ask more narrowly.
    pub is_cut: bool,
    /// Answers that cannot be read, or are not what was asked for.
    pub left_out: u64,
}

impl From<crate::pulls::FoundStudies> for ArchiveStudies {
    fn from(found: crate::pulls::FoundStudies) -> Self {
        Self {
            items: found.items.into_iter().map(Into::into).collect(),
            is_cut: found.is_cut,
            left_out: found.left_out as u64,
        }
    }
}

/// How far a pull has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// It waits for its next attempt.
    Asked,
    /// A gateway is at it.
    Running,
    /// Everything that the archive has of it is here.
    Done,
    /// Refused, or given up: it is pulled no more until a person has it pulled again.
    Failed,
}

impl From<PullState> for rows::PullState {
    fn from(state: PullState) -> Self {
        match state {
            PullState::Asked => Self::Asked,
            PullState::Running => Self::Running,
            PullState::Done => Self::Done,
            PullState::Failed => Self::Failed,
        }
    }
}

impl From<rows::PullState> for PullState {
    fn from(state: rows::PullState) -> Self {
        match state {
            rows::PullState::Asked => Self::Asked,
            rows::PullState::Running => Self::Running,
            rows::PullState::Done => Self::Done,
            rows::PullState::Failed => Self::Failed,
        }
    }
}

/// A wish to have studies of an archive. What it asks by is not told: it may name a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pull {
    pub id: PullId,
    /// A name of the settings `pacs.sources`.
    #[schema(example = "archive")]
    pub source: String,
    /// Where earlier studies of a patient are pulled: the scan that they are earlier than.
    pub priors_of: Option<ScanId>,
    pub state: PullState,
    /// Begun so far; from 0 again where somebody has it pulled again.
    pub attempts: u32,
    /// Since when it is tried.
    pub asked_at: DateTime<Utc>,
    /// Where it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed: `peer_unreachable`, `peer_silent`, `association_rejected`, `tls_failed`, `connection_lost`,
    /// `peer_out_of_resources`, `peer_failed`, `destination_unknown`, `refused_by_peer`, `class_not_accepted`, `no_such_study`,
    /// `unusable_answers`, `too_many_studies`, `too_many_instances`, `instances_missing`, `too_slow`, `stopped`, or the code of a
    /// problem here.
    #[schema(example = "destination_unknown")]
    pub reason_code: Option<String>,
    /// The status of the archive's answer, hexadecimal (PS3.4 annex C).
    #[schema(example = "A801")]
    pub peer_status: Option<String>,
    /// Those that the archive has, as far as it was asked.
    pub studies: Vec<PulledStudy>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Where it is done or failed.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<rows::Pull> for Pull {
    fn from(row: rows::Pull) -> Self {
        Self {
            id: row.id,
            source: row.source,
            priors_of: match row.wish {
                rows::PullWish::Priors { scan_id, .. } => Some(scan_id),
                rows::PullWish::Studies { .. } => None,
            },
            state: row.state.into(),
            attempts: row.attempts,
            asked_at: row.asked_at,
            next_attempt_at: row.next_attempt_at,
            reason_code: row.reason_code,
            peer_status: row.peer_status,
            studies: row.studies.into_iter().map(Into::into).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
        }
    }
}

/// A study of an archive, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PulledStudy {
    pub study_instance_uid: String,
    /// All of it is here.
    pub is_here: bool,
    /// That came in the last attempt.
    pub instances: u32,
    /// That did not, as the archive says.
    pub failed: u32,
    /// Why it is not here: as of the pull.
    pub reason_code: Option<String>,
    /// That the archive has, as it says.
    pub expected: Option<u32>,
}

impl From<rows::PulledStudy> for PulledStudy {
    fn from(row: rows::PulledStudy) -> Self {
        Self {
            study_instance_uid: row.study_instance_uid,
            is_here: row.is_here,
            instances: row.instances,
            failed: row.failed,
            reason_code: row.reason_code,
            expected: row.expected,
        }
    }
}

/// An archive that studies are pulled from, and what there is for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PullSource {
    /// A name of the settings `pacs.sources`.
    #[schema(example = "archive")]
    pub(crate) name: String,
    /// Asked or running.
    pub(crate) waiting: u64,
    pub(crate) failed: u64,
    /// For how long the oldest of those that wait is tried.
    pub(crate) oldest_seconds: Option<u64>,
}

/// The sources, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PullSources {
    pub(crate) items: Vec<PullSource>,
}
