//! What a refusal looks like to the client.

use norma_domain::{IdentityAttribute, MassRunRow, PatientId, Reason, ScanId, Summary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analysis_document::schema::Analysis;

/// RFC 9457 problem details. `code` is stable; the members after it are there where they say something.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:norma:problem:{code}`.
    #[schema(example = "urn:norma:problem:scan_not_found")]
    pub r#type: String,
    /// A short name of the kind of problem.
    #[schema(example = "No such scan")]
    pub title: String,
    /// The HTTP status, once more.
    #[schema(example = 404)]
    pub status: u16,
    /// Stable: clients may branch on it.
    #[schema(example = "scan_not_found")]
    pub code: String,
    /// A sentence for a person about this occurrence.
    #[schema(example = "no scan has this identifier")]
    pub detail: String,
    /// The parameter or form field that is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What would be accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
    /// Study Instance UIDs of an upload that holds several studies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub studies: Option<Vec<String>>,
    /// In what the study, or the other record, contradicts the chosen patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Vec<IdentityAttribute>>,
    /// The record that the patient's record was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<PatientId>,
    /// The scan that holds the same study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<ScanId>,
    /// The limit that an upload exceeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The dependency that does not answer: `database`, `objects`, `queue`, `models`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency: Option<String>,
    /// The analysis that still runs or that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Box<Analysis>>,
    /// Why the analysis failed, or why the upload was not de-identified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The failed study's row: status `Failure`, neither probability nor pathology.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<MassRunRow>>,
    /// The reference service's summary of those rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}
