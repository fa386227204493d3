use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{AnalysisId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::text::{TEXT_CHARACTERS, checked_text};
use crate::problem::ApiError;

/// What a reader says of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Feedback {
    pub id: Uuid,
    pub analysis_id: AnalysisId,
    /// Whether the reader agrees with the verdict.
    pub agree: bool,
    /// What the reader holds to be right: `norm`, `pathology`, or the key of a finding.
    pub label: Option<String>,
    pub comment: Option<String>,
    /// Who said so; null with authentication off.
    pub user: Option<FeedbackUser>,
    pub created_at: DateTime<Utc>,
}

/// Who gave feedback, by the name of that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedbackUser {
    /// The account, or the key.
    pub id: Option<Uuid>,
    pub name: String,
}

/// A reader's word on an answer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct FeedbackInput {
    pub agree: bool,
    #[serde(default)]
    #[schema(max_length = 100)]
    pub label: Option<String>,
    #[serde(default)]
    #[schema(max_length = 10000)]
    pub comment: Option<String>,
}

impl FeedbackInput {
    /// Refuses texts that are too long; blank ones are left out.
    pub(crate) fn checked(self) -> Result<Self, ApiError> {
        Ok(Self {
            agree: self.agree,
            label: checked_text("label", self.label, 100)?,
            comment: checked_text("comment", self.comment, TEXT_CHARACTERS)?,
        })
    }

    /// Refuses a word that contradicts itself: nobody agrees with a pathology that is norm, or disagrees with one that
    /// is pathology.
    pub(crate) fn fits(&self, verdict: Verdict) -> Result<(), ApiError> {
        let named = match self.label.as_deref() {
            Some("norm") => Verdict::Norm,
            Some("pathology") => Verdict::Pathology,
            _ => return Ok(()),
        };
        if self.agree == (named == verdict) {
            Ok(())
        } else {
            Err(ApiError::InvalidField {
                field: "label",
                detail: format!("the verdict is {verdict}, which this label and `agree` contradict"),
            })
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
