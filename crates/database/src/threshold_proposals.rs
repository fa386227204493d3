//! Thresholds that a site's own studies propose: kept with their reports, decided once by an operator, and taken back.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::helper_types::IntoBoxed;
use diesel::prelude::*;
use norma_domain::ThresholdProposalId;
use serde_json::Value;

use crate::connection::{AnyConnection, MultiBackend};
use crate::schema::threshold_proposals;
use crate::sql_types::RowId;
use crate::text::refuse_nul;
use crate::{Database, DatabaseError, Listing, Page, time};

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProposalState {
    /// Nobody has decided.
    Open,
    /// It acts, or acted until a later one was accepted.
    Accepted,
    Declined,
    /// Accepted and taken back: what acted before acts again.
    Withdrawn,
}

impl ProposalState {
    pub const ALL: [Self; 4] = [Self::Open, Self::Accepted, Self::Declined, Self::Withdrawn];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The states of proposals whose thresholds studies were held to.
const ACTED: [ProposalState; 2] = [ProposalState::Accepted, ProposalState::Withdrawn];

/// A proposal to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewThresholdProposal {
    /// `unlabelled` or `labelled`.
    pub method: String,
    /// Of the bundle as it is installed.
    pub installed_sha256: String,
    /// The accepted proposal that acts now.
    pub based_on: Option<ThresholdProposalId>,
    /// Of the bundle with the proposed thresholds.
    pub bundle_version: String,
    pub bundle_sha256: String,
    pub bundle_file: String,
    pub report: Value,
    /// Login of a person, name of a key or a process.
    pub created_by: String,
}

/// A proposal as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdProposal {
    pub id: ThresholdProposalId,
    pub state: ProposalState,
    pub method: String,
    pub installed_sha256: String,
    pub based_on: Option<ThresholdProposalId>,
    pub bundle_version: String,
    pub bundle_sha256: String,
    pub bundle_file: String,
    pub report: Value,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    /// When it was accepted or declined: some unless it is open.
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<String>,
    pub comment: Option<String>,
    pub withdrawal: Option<Withdrawal>,
}

/// Who took an accepted proposal back, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    pub at: DateTime<Utc>,
    pub by: Option<String>,
    pub reason: Option<String>,
}

/// The file of a bundle with accepted thresholds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedBundleFile {
    pub proposal_id: ThresholdProposalId,
    /// Of the bundle as it is installed: it is for no other.
    pub installed_sha256: String,
    pub text: String,
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    Done(Box<ThresholdProposal>),
    /// It was decided before, or (taking back) does not act.
    NotOpen,
    /// Other thresholds act by now than those that it was measured against.
    Outdated,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = threshold_proposals, treat_none_as_default_value = false)]
struct ProposalRow {
    id: RowId,
    state: String,
    method: String,
    installed_sha256: String,
    based_on: Option<RowId>,
    bundle_version: String,
    bundle_sha256: String,
    bundle_file: String,
    report: Value,
    created_at: NaiveDateTime,
    created_by: String,
    decided_at: Option<NaiveDateTime>,
    decided_by: Option<String>,
    comment: Option<String>,
    withdrawn_at: Option<NaiveDateTime>,
    withdrawn_by: Option<String>,
    withdrawn_reason: Option<String>,
}

impl TryFrom<ProposalRow> for ThresholdProposal {
    type Error = DatabaseError;

    fn try_from(row: ProposalRow) -> Result<Self, DatabaseError> {
        let state = ProposalState::ALL
            .into_iter()
            .find(|state| state.as_str() == row.state)
            .ok_or(DatabaseError::CorruptRow {
                table: "threshold_proposals",
                column: "state",
            })?;
        Ok(Self {
            id: row.id.into(),
            state,
            method: row.method,
            installed_sha256: row.installed_sha256,
            based_on: row.based_on.map(ThresholdProposalId::from),
            bundle_version: row.bundle_version,
            bundle_sha256: row.bundle_sha256,
            bundle_file: row.bundle_file,
            report: row.report,
            created_at: time::from_row(row.created_at),
            created_by: row.created_by,
            decided_at: row.decided_at.map(time::from_row),
            decided_by: row.decided_by,
            comment: row.comment,
            withdrawal: row.withdrawn_at.map(|at| Withdrawal {
                at: time::from_row(at),
                by: row.withdrawn_by,
                reason: row.withdrawn_reason,
            }),
        })
    }
}

impl Database {
    pub async fn add_threshold_proposal(
        &self,
        new: NewThresholdProposal,
    ) -> Result<ThresholdProposal, DatabaseError> {
        self.change(move |connection| {
            let row = ProposalRow {
                id: ThresholdProposalId::generate().into(),
                state: ProposalState::Open.as_str().to_owned(),
                method: new.method,
                installed_sha256: new.installed_sha256,
                based_on: new.based_on.map(RowId::from),
                bundle_version: new.bundle_version,
                bundle_sha256: new.bundle_sha256,
                bundle_file: new.bundle_file,
                report: new.report,
                created_at: time::to_row(time::now()),
                created_by: new.created_by,
                decided_at: None,
                decided_by: None,
                comment: None,
                withdrawn_at: None,
                withdrawn_by: None,
                withdrawn_reason: None,
            };
            diesel::insert_into(threshold_proposals::table)
                .values(&row)
                .execute(connection)?;
            row.try_into()
        })
        .await
    }

    pub async fn threshold_proposal(
        &self,
        id: ThresholdProposalId,
    ) -> Result<Option<ThresholdProposal>, DatabaseError> {
        self.run(move |connection| find(connection, id)).await
    }

    /// Proposals, the newest first.
    pub async fn list_threshold_proposals(
        &self,
        state: Option<ProposalState>,
        page: Page,
    ) -> Result<Listing<ThresholdProposal>, DatabaseError> {
        self.run(move |connection| {
            let mut wanted = threshold_proposals::table.into_boxed::<MultiBackend>();
            let mut counted = threshold_proposals::table.count().into_boxed::<MultiBackend>();
            if let Some(state) = state {
                wanted = wanted.filter(threshold_proposals::state.eq(state.as_str()));
                counted = counted.filter(threshold_proposals::state.eq(state.as_str()));
            }
            let rows: Vec<ProposalRow> = wanted
                .order(threshold_proposals::id.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .select(ProposalRow::as_select())
                .load(connection)?;
            let items: Result<Vec<_>, _> = rows.into_iter().map(ThresholdProposal::try_from).collect();
            Ok(Listing::new(items?, counted.get_result(connection)?))
        })
        .await
    }

    /// The accepted proposal that acts on the bundle that is installed: the last one that was accepted and not taken back.
    pub async fn acting_threshold_proposal(
        &self,
        installed_sha256: String,
    ) -> Result<Option<ThresholdProposal>, DatabaseError> {
        self.run(move |connection| {
            acting(connection, &installed_sha256)?
                .map(TryInto::try_into)
                .transpose()
        })
        .await
    }

    /// The same proposal's id alone.
    pub async fn acting_proposal_id(
        &self,
        installed_sha256: String,
    ) -> Result<Option<ThresholdProposalId>, DatabaseError> {
        self.run(move |connection| {
            let id: Option<RowId> = last_accepted(&installed_sha256)
                .select(threshold_proposals::id)
                .first(connection)
                .optional()?;
            Ok(id.map(ThresholdProposalId::from))
        })
        .await
    }

    /// The file of a proposal that was accepted once; it acts no more where it was taken back or replaced.
    pub async fn accepted_bundle_file(
        &self,
        id: ThresholdProposalId,
    ) -> Result<Option<AcceptedBundleFile>, DatabaseError> {
        self.run(move |connection| {
            let file = threshold_proposals::table
                .find(RowId::from(id))
                .filter(threshold_proposals::state.eq_any(ACTED.map(ProposalState::as_str)))
                .select(FILE)
                .first(connection)
                .optional()?;
            Ok(file.map(accepted_bundle_file))
        })
        .await
    }

    /// Bundles with thresholds that were accepted once, and the installed bundle that each has its models from, by their hashes.
    pub async fn bundles_with_accepted_thresholds(&self) -> Result<BTreeMap<String, String>, DatabaseError> {
        self.run(|connection| {
            let bundles: Vec<(String, String)> = threshold_proposals::table
                .filter(threshold_proposals::state.eq_any(ACTED.map(ProposalState::as_str)))
                .select((
                    threshold_proposals::bundle_sha256,
                    threshold_proposals::installed_sha256,
                ))
                .load(connection)?;
            Ok(bundles.into_iter().collect())
        })
        .await
    }

    /// Accepts or declines an open proposal. None where there is no such proposal.
    pub async fn decide_threshold_proposal(
        &self,
        id: ThresholdProposalId,
        accept: bool,
        by: String,
        comment: Option<String>,
    ) -> Result<Option<Decided>, DatabaseError> {
        refuse_nul("comment", comment.as_deref().unwrap_or_default())?;
        let decided = self.change(move |connection| {
            let Some(proposal) = find(connection, id)? else {
                return Ok(None);
            };
            if proposal.state != ProposalState::Open {
                return Ok(Some(Decided::NotOpen));
            }
            let acting = locked_acting(connection, &proposal.installed_sha256)?;
            let acting = acting.map(|row| ThresholdProposalId::from(row.id));
            if accept && acting != proposal.based_on {
                return Ok(Some(Decided::Outdated));
            }
            let state = match accept {
                true => ProposalState::Accepted,
                false => ProposalState::Declined,
            };
            let now = time::shared_now(connection)?;
            let wanted = threshold_proposals::table
                .find(RowId::from(id))
                .filter(threshold_proposals::state.eq(ProposalState::Open.as_str()));
            let changed = diesel::update(wanted)
                .set((
                    threshold_proposals::state.eq(state.as_str()),
                    threshold_proposals::decided_at.eq(Some(now)),
                    threshold_proposals::decided_by.eq(Some(by)),
                    threshold_proposals::comment.eq(comment),
                ))
                .execute(connection)?;
            ended(connection, id, changed)
        });
        match decided.await {
            // Another was accepted in the same moment.
            Err(DatabaseError::UniqueViolation { .. }) => Ok(Some(Decided::Outdated)),
            decided => decided,
        }
    }

    /// Takes the proposal back that acts: what acted before it acts again. Who accepted it stays beside who took it back. None where there is no such proposal.
    pub async fn withdraw_threshold_proposal(
        &self,
        id: ThresholdProposalId,
        by: String,
        reason: Option<String>,
    ) -> Result<Option<Decided>, DatabaseError> {
        refuse_nul("comment", reason.as_deref().unwrap_or_default())?;
        self.change(move |connection| {
            let Some(proposal) = find(connection, id)? else {
                return Ok(None);
            };
            let acting = locked_acting(connection, &proposal.installed_sha256)?;
            if acting.is_none_or(|row| ThresholdProposalId::from(row.id) != id) {
                return Ok(Some(Decided::NotOpen));
            }
            let now = time::shared_now(connection)?;
            let wanted = threshold_proposals::table
                .find(RowId::from(id))
                .filter(threshold_proposals::state.eq(ProposalState::Accepted.as_str()));
            let changed = diesel::update(wanted)
                .set((
                    threshold_proposals::state.eq(ProposalState::Withdrawn.as_str()),
                    threshold_proposals::withdrawn_at.eq(Some(now)),
                    threshold_proposals::withdrawn_by.eq(Some(by)),
                    threshold_proposals::withdrawn_reason.eq(reason),
                ))
                .execute(connection)?;
            ended(connection, id, changed)
        })
        .await
    }
}

/// The proposal after its state was changed, unless another process was faster.
fn ended(
    connection: &mut AnyConnection,
    id: ThresholdProposalId,
    changed: usize,
) -> Result<Option<Decided>, DatabaseError> {
    if changed == 0 {
        return Ok(Some(Decided::NotOpen));
    }
    Ok(find(connection, id)?.map(|proposal| Decided::Done(Box::new(proposal))))
}

const FILE: (
    threshold_proposals::id,
    threshold_proposals::installed_sha256,
    threshold_proposals::bundle_file,
) = (
    threshold_proposals::id,
    threshold_proposals::installed_sha256,
    threshold_proposals::bundle_file,
);

fn accepted_bundle_file((id, installed_sha256, text): (RowId, String, String)) -> AcceptedBundleFile {
    AcceptedBundleFile {
        proposal_id: id.into(),
        installed_sha256,
        text,
    }
}

fn find(
    connection: &mut AnyConnection,
    id: ThresholdProposalId,
) -> Result<Option<ThresholdProposal>, DatabaseError> {
    let row: Option<ProposalRow> = threshold_proposals::table
        .find(RowId::from(id))
        .select(ProposalRow::as_select())
        .first(connection)
        .optional()?;
    row.map(ThresholdProposal::try_from).transpose()
}

/// The accepted proposals of a bundle that is installed, the last that was accepted first.
fn last_accepted<'a>(installed_sha256: &'a str) -> IntoBoxed<'a, threshold_proposals::table, MultiBackend> {
    threshold_proposals::table
        .filter(threshold_proposals::state.eq(ProposalState::Accepted.as_str()))
        .filter(threshold_proposals::installed_sha256.eq(installed_sha256))
        .order((
            threshold_proposals::decided_at.desc(),
            threshold_proposals::id.desc(),
        ))
        .into_boxed()
}

fn acting(
    connection: &mut AnyConnection,
    installed_sha256: &str,
) -> Result<Option<ProposalRow>, DatabaseError> {
    Ok(last_accepted(installed_sha256)
        .select(ProposalRow::as_select())
        .first(connection)
        .optional()?)
}

/// The same for who decides: nobody takes it back meanwhile.
fn locked_acting(
    connection: &mut AnyConnection,
    installed_sha256: &str,
) -> Result<Option<ProposalRow>, DatabaseError> {
    let Some(row) = acting(connection, installed_sha256)? else {
        return Ok(None);
    };
    if let AnyConnection::Postgres(inner) = connection {
        let row = threshold_proposals::table.find(row.id);
        row.select(threshold_proposals::id)
            .for_update()
            .first::<RowId>(inner)?;
    }
    // As it is now that nobody else decides about it.
    acting(connection, installed_sha256)
}
