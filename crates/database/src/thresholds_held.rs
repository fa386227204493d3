//! Which thresholds an analysis is held to: those of the last request for it. They act where its report is made, so one that runs can
//! be held to others without reading anything anew.

use diesel::prelude::*;
use norma_domain::{OperatingPointName, ThresholdProposalId};

use crate::analyses::Analysis;
use crate::connection::AnyConnection;
use crate::schema::analyses;
use crate::sql_types::RowId;
use crate::{DatabaseError, NewAnalysis, time};

/// The question that a report answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTo {
    pub operating_point: OperatingPointName,
    pub threshold_proposal_id: Option<ThresholdProposalId>,
}

impl From<&Analysis> for HeldTo {
    fn from(analysis: &Analysis) -> Self {
        Self {
            operating_point: analysis.operating_point.clone(),
            threshold_proposal_id: analysis.threshold_proposal_id,
        }
    }
}

/// Holds an analysis that runs to the thresholds of a new request for it, where other ones were accepted or taken back meanwhile and
/// the same is asked: the same operating point, or both times the default, which may have another name by now. The scan is locked.
pub(crate) fn hold_to_newer(
    connection: &mut AnyConnection,
    running: &mut Analysis,
    new: &NewAnalysis,
) -> Result<(), DatabaseError> {
    let has_other_thresholds = running.threshold_proposal_id != new.threshold_proposal_id;
    let asks_the_same = running.operating_point == new.operating_point
        || !(running.operating_point_named || new.operating_point_named);
    if !has_other_thresholds || !asks_the_same {
        return Ok(());
    }
    let now = time::now();
    diesel::update(analyses::table.find(RowId::from(running.id)))
        .set((
            analyses::operating_point.eq(&new.operating_point.0),
            analyses::bundle_version.eq(&new.bundle_version),
            analyses::threshold_proposal_id.eq(new.threshold_proposal_id.map(RowId::from)),
            analyses::updated_at.eq(time::to_row(now)),
        ))
        .execute(connection)?;
    running.operating_point = new.operating_point.clone();
    running.bundle_version.clone_from(&new.bundle_version);
    running.threshold_proposal_id = new.threshold_proposal_id;
    running.updated_at = now;
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
