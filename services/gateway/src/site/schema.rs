use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{ScannerProfile, ThresholdProposalId};
use norma_site::{DriftReport, FitMethod, NothingProposed, Proposal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was seen when it was looked for drift.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct DriftLook {
    /// Null where nobody has looked yet.
    pub looked_at: Option<DateTime<Utc>>,
    pub report: Option<DriftReport>,
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Nobody has decided.
    Open,
    /// It acts, or acted until a later one was accepted.
    Accepted,
    Declined,
    /// Accepted and taken back.
    Withdrawn,
}

impl From<ProposalState> for rows::ProposalState {
    fn from(state: ProposalState) -> Self {
        match state {
            ProposalState::Open => Self::Open,
            ProposalState::Accepted => Self::Accepted,
            ProposalState::Declined => Self::Declined,
            ProposalState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<rows::ProposalState> for ProposalState {
    fn from(state: rows::ProposalState) -> Self {
        match state {
            rows::ProposalState::Open => Self::Open,
            rows::ProposalState::Accepted => Self::Accepted,
            rows::ProposalState::Declined => Self::Declined,
            rows::ProposalState::Withdrawn => Self::Withdrawn,
        }
    }
}

/// The threshold that is proposed for a scanner, beside the one in use when it was made.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProposedThreshold {
    pub scanner: ScannerProfile,
    pub threshold: f64,
    pub threshold_in_use: f64,
    /// Of the newest answers those that would change verdict.
    pub changes: u64,
}

/// Thresholds that the site's own studies propose.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ThresholdProposal {
    pub id: ThresholdProposalId,
    pub state: ProposalState,
    /// Analyses that are requested now are held to these thresholds.
    pub acts: bool,
    /// Null of one that this version does not know.
    pub method: Option<FitMethod>,
    /// Of the bundle with these thresholds.
    pub bundle_version: String,
    /// Null where the report cannot be read, as of another version's. Such a proposal can be declined and taken back, and not accepted.
    pub thresholds: Option<Vec<ProposedThreshold>>,
    pub created_at: DateTime<Utc>,
    /// A login, the name of a key, or `command line`.
    pub created_by: String,
    /// When it was accepted or declined, by whom and why.
    pub decided_at: Option<DateTime<Utc>>,
    /// Null of an open one, and of one that was taken back before this was kept.
    pub decided_by: Option<String>,
    pub comment: Option<String>,
    /// When an accepted one was taken back, by whom and why.
    pub withdrawn_at: Option<DateTime<Utc>>,
    pub withdrawn_by: Option<String>,
    pub withdrawn_reason: Option<String>,
}

impl ThresholdProposal {
    pub(super) fn of(
        row: &rows::ThresholdProposal,
        report: Option<&Proposal>,
        acting: Option<ThresholdProposalId>,
    ) -> Self {
        let withdrawal = row.withdrawal.as_ref();
        Self {
            id: row.id,
            state: row.state.into(),
            acts: acting == Some(row.id),
            method: method_of(row),
            bundle_version: row.bundle_version.clone(),
            thresholds: report.map(proposed_thresholds),
            created_at: row.created_at,
            created_by: row.created_by.clone(),
            decided_at: row.decided_at,
            decided_by: row.decided_by.clone(),
            comment: row.comment.clone(),
            withdrawn_at: withdrawal.map(|withdrawal| withdrawal.at),
            withdrawn_by: withdrawal.and_then(|withdrawal| withdrawal.by.clone()),
            withdrawn_reason: withdrawal.and_then(|withdrawal| withdrawal.reason.clone()),
        }
    }
}

fn proposed_thresholds(report: &Proposal) -> Vec<ProposedThreshold> {
    let profiles = report.profiles.iter();
    let thresholds = profiles.filter_map(|profile| {
        Some(ProposedThreshold {
            scanner: profile.scanner.clone(),
            threshold: profile.threshold?,
            threshold_in_use: profile.threshold_in_use,
            changes: profile.changes.len() as u64,
        })
    });
    thresholds.collect()
}

fn method_of(row: &rows::ThresholdProposal) -> Option<FitMethod> {
    [FitMethod::Unlabelled, FitMethod::Labelled]
        .into_iter()
        .find(|method| method.as_str() == row.method)
}

/// None where it cannot be read: one proposal ends no list of them.
pub(super) fn report_of(row: &rows::ThresholdProposal) -> Option<Proposal> {
    Proposal::deserialize(&row.report).ok()
}

/// A proposal with its report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ThresholdProposalDetails {
    pub proposal: ThresholdProposal,
    /// Null where it cannot be read.
    pub report: Option<Proposal>,
}

/// What the studies said.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MadeProposal {
    /// Null where nothing is proposed.
    pub proposal: Option<ThresholdProposal>,
    /// Why nothing is; the report tells it of each scanner.
    pub nothing_proposed: Option<NothingProposed>,
    pub report: Proposal,
}

/// What thresholds are asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ProposalInput {
    pub method: FitMethod,
    /// The sensitivity that is asked for, above 0 and below 1: 0.95 where nothing is said.
    #[serde(default)]
    #[schema(example = 0.95)]
    pub sensitivity: Option<f64>,
    /// How sure it is that the sensitivity is no lower: 0.95 where nothing is said.
    #[serde(default)]
    #[schema(example = 0.95)]
    pub confidence: Option<f64>,
}

/// A word on a decision.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct DecisionInput {
    /// Why, for those who look later.
    #[serde(default)]
    #[schema(max_length = 10000)]
    pub comment: Option<String>,
}
