//! Which thresholds an analysis is held to: those of the last request for it. They act where its report is made, so one that runs can
//! be held to others without reading anything anew.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use norma_domain::{OperatingPointName, ThresholdProposalId};

use crate::DatabaseError;
use crate::connection::AnyConnection;
use crate::schema::analyses;
use crate::sql_types::RowId;

/// The question that a report answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTo {
    pub operating_point: OperatingPointName,
    pub threshold_proposal_id: Option<ThresholdProposalId>,
}

/// Holds an analysis that runs to other thresholds, by the version of their bundle. Its scan is locked.
pub(crate) fn hold_to(
    connection: &mut AnyConnection,
    id: RowId,
    held_to: &HeldTo,
    bundle_version: &str,
    now: NaiveDateTime,
) -> Result<(), DatabaseError> {
    diesel::update(analyses::table.find(id))
        .set((
            analyses::operating_point.eq(&held_to.operating_point.0),
            analyses::bundle_version.eq(bundle_version),
            analyses::threshold_proposal_id.eq(held_to.threshold_proposal_id.map(RowId::from)),
            analyses::updated_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Whether an analysis is held to other thresholds by now than a report of it was made with. Its scan is locked.
pub(crate) fn is_held_to_others(
    connection: &mut AnyConnection,
    id: RowId,
    held_to: &HeldTo,
) -> Result<bool, DatabaseError> {
    let held: Option<(String, Option<RowId>)> = analyses::table
        .find(id)
        .select((analyses::operating_point, analyses::threshold_proposal_id))
        .first(connection)
        .optional()?;
    Ok(held.is_some_and(|(operating_point, proposal)| {
        operating_point != held_to.operating_point.0
            || proposal.map(ThresholdProposalId::from) != held_to.threshold_proposal_id
    }))
}
