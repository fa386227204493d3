//! `/api/threshold-proposals`: thresholds that the site's own studies propose.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, get, post};
use norma_accuracy::Level;
use norma_database::{self as rows, Decided};
use norma_domain::ThresholdProposalId;
use norma_site::{Answers, Asked, KeepError, Proposal, check_set_point, keep_proposal};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::bundle::RunningBundle;
use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::http::paging::{Page, Paging};
use crate::http::text::{TEXT_CHARACTERS, checked_text};
use crate::identity::{Access, Notes};
use crate::problem::answers::{BadRequest, Conflict, Failures, NotFound, UnsupportedMediaType};
use crate::problem::{ApiError, ProposalProblem};
use crate::site::schema::{
    DecisionInput, MadeProposal, ProposalInput, ProposalState, ThresholdProposal, ThresholdProposalDetails,
    report_of,
};

/// Answers that a proposal is made from, the newest first: reading more takes longer than a request may. The command line takes more.
const NEWEST: u32 = 1000;
/// No more of the studies are pathology, is assumed without labels (docs/adr/1404).
const MAXIMAL_PREVALENCE: f64 = 0.6;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProposalFilter {
    #[param(inline)]
    state: Option<ProposalState>,
}

/// Lists proposed thresholds, the newest first.
#[utoipa::path(
    tag = "site",
    operation_id = "listThresholdProposals",
    params(ProposalFilter, Paging),
    responses((status = 200, description = "A part of the list", body = Page<ThresholdProposal>), BadRequest, Failures)
)]
#[get("/api/threshold-proposals")]
pub(crate) async fn list_threshold_proposals(
    gateway: Data<Gateway>,
    bundle: Data<RunningBundle>,
    filter: Query<ProposalFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<ThresholdProposal>>, ApiError> {
    let state = filter.state.map(Into::into);
    let listing = gateway
        .database
        .list_threshold_proposals(state, paging.part())
        .await?;
    let acting = acting(&gateway, installed_sha256(&bundle)?).await?;
    let items = listing
        .items
        .iter()
        .map(|row| ThresholdProposal::of(row, report_of(row).as_ref(), acting))
        .collect();
    let total = listing.total;
    Ok(Json(paging.page_of(rows::Listing { items, total })))
}

/// Fits thresholds on the newest answers, with what readers said of them or without, and keeps them as a proposal where a scanner has a
/// threshold with the bound that is asked for and is not held to it already. Nothing acts before it is accepted.
#[utoipa::path(
    tag = "site",
    operation_id = "makeThresholdProposal",
    request_body = ProposalInput,
    responses(
        (status = 200, description = "Nothing can be proposed; the report says why", body = MadeProposal),
        (status = 201, description = "Kept", body = MadeProposal),
        BadRequest, Conflict, UnsupportedMediaType, Failures
    )
)]
#[post("/api/threshold-proposals")]
pub(crate) async fn make_threshold_proposal(
    gateway: Data<Gateway>,
    bundle: Data<RunningBundle>,
    access: Access,
    notes: Notes,
    input: JsonObject<ProposalInput>,
) -> Result<HttpResponse, ApiError> {
    let database = &gateway.database;
    let asked = Asked {
        method: input.method,
        target: level("sensitivity", input.sensitivity)?,
        confidence: level("confidence", input.confidence)?,
        maximal_prevalence: level("maximal_prevalence", Some(MAXIMAL_PREVALENCE))?,
        newest: NEWEST,
    };
    let set_point = bundle.set_point();
    let acting = bundle.in_use().await?.bundle;
    let in_use = bundle.operating_point(&acting, None)?;
    let answers = Answers::open(database.clone(), &acting).await?;
    let report = Proposal::of_site(&answers, &acting, in_use, None, asked).await?;
    let by = access.caller.actor().name;
    let kept = keep_proposal(database, &acting, &report, set_point, by).await;
    let row = match kept {
        Ok(row) => row,
        Err(KeepError::NothingProposed(why)) => {
            return Ok(HttpResponse::Ok().json(MadeProposal {
                proposal: None,
                nothing_proposed: Some(why),
                report,
            }));
        }
        Err(KeepError::OperatingPointSet(_)) => return Err(ProposalProblem::OperatingPointSet.into()),
        Err(KeepError::Outdated) => return Err(ProposalProblem::Outdated.into()),
        Err(KeepError::Database(error)) => return Err(error.into()),
        Err(error @ KeepError::NotWritten(_)) => return Err(ApiError::internal(error)),
    };
    notes.object(row.id);
    Ok(HttpResponse::Created().json(MadeProposal {
        proposal: Some(ThresholdProposal::of(&row, Some(&report), None)),
        nothing_proposed: None,
        report,
    }))
}

/// A proposal with its report: the bound of each scanner's threshold, and which studies would change verdict.
#[utoipa::path(
    tag = "site",
    operation_id = "getThresholdProposal",
    params(("proposal_id" = ThresholdProposalId, Path)),
    responses((status = 200, description = "The proposal", body = ThresholdProposalDetails), BadRequest, NotFound, Failures)
)]
#[get("/api/threshold-proposals/{proposal_id}")]
pub(crate) async fn get_threshold_proposal(
    gateway: Data<Gateway>,
    bundle: Data<RunningBundle>,
    proposal_id: Path<ThresholdProposalId>,
) -> Result<Json<ThresholdProposalDetails>, ApiError> {
    let row = gateway.database.threshold_proposal(*proposal_id).await?;
    let row = row.ok_or(ProposalProblem::NotFound)?;
    let acting = acting(&gateway, installed_sha256(&bundle)?).await?;
    let report = report_of(&row);
    Ok(Json(ThresholdProposalDetails {
        proposal: ThresholdProposal::of(&row, report.as_ref(), acting),
        report,
    }))
}

/// Lets a proposal act: a new version of the bundle, which every analysis that is requested from now on is held to, at whichever gateway.
/// One that was requested before is held to what acted then. What acted before can be brought back by taking it back.
#[utoipa::path(
    tag = "site",
    operation_id = "acceptThresholdProposal",
    params(("proposal_id" = ThresholdProposalId, Path)),
    request_body = DecisionInput,
    responses(
        (status = 200, description = "Accepted", body = ThresholdProposal),
        BadRequest, NotFound, Conflict, UnsupportedMediaType, Failures
    )
)]
#[post("/api/threshold-proposals/{proposal_id}/accept")]
pub(crate) async fn accept_threshold_proposal(
    gateway: Data<Gateway>,
    bundle: Data<RunningBundle>,
    access: Access,
    proposal_id: Path<ThresholdProposalId>,
    input: JsonObject<DecisionInput>,
) -> Result<Json<ThresholdProposal>, ApiError> {
    check_set_point(bundle.set_point()).map_err(|_| ProposalProblem::OperatingPointSet)?;
    let installed = installed_sha256(&bundle)?;
    if let Some(proposal) = gateway.database.threshold_proposal(*proposal_id).await? {
        if proposal.installed_sha256 != installed {
            return Err(ProposalProblem::OtherBundle.into());
        }
        // Nobody could have looked at what it does.
        if report_of(&proposal).is_none() {
            return Err(ProposalProblem::Unreadable.into());
        }
    }
    decide(&gateway, &bundle, &access, *proposal_id, input, Decision::Accept).await
}

/// Declines a proposal.
#[utoipa::path(
    tag = "site",
    operation_id = "declineThresholdProposal",
    params(("proposal_id" = ThresholdProposalId, Path)),
    request_body = DecisionInput,
    responses(
        (status = 200, description = "Declined", body = ThresholdProposal),
        BadRequest, NotFound, Conflict, UnsupportedMediaType, Failures
    )
)]
#[post("/api/threshold-proposals/{proposal_id}/decline")]
pub(crate) async fn decline_threshold_proposal(
    gateway: Data<Gateway>,
    bundle: Data<RunningBundle>,
    access: Access,
    proposal_id: Path<ThresholdProposalId>,
    input: JsonObject<DecisionInput>,
) -> Result<Json<ThresholdProposal>, ApiError> {
    decide(&gateway, &bundle, &access, *proposal_id, input, Decision::Decline).await
}

/// Takes the proposal back that acts: what acted before it acts again, for every analysis that is requested from now on. Who accepted it
/// stays beside who took it back.
#[utoipa::path(
    tag = "site",
    operation_id = "withdrawThresholdProposal",
    params(("proposal_id" = ThresholdProposalId, Path)),
    request_body = DecisionInput,
    responses(
        (status = 200, description = "Taken back", body = ThresholdProposal),
        BadRequest, NotFound, Conflict, UnsupportedMediaType, Failures
    )
)]
#[post("/api/threshold-proposals/{proposal_id}/withdraw")]
pub(crate) async fn withdraw_threshold_proposal(
    gateway: Data<Gateway>,
    bundle: Data<RunningBundle>,
    access: Access,
    proposal_id: Path<ThresholdProposalId>,
    input: JsonObject<DecisionInput>,
) -> Result<Json<ThresholdProposal>, ApiError> {
    decide(
        &gateway,
        &bundle,
        &access,
        *proposal_id,
        input,
        Decision::Withdraw,
    )
    .await
}

fn level(field: &'static str, value: Option<f64>) -> Result<Level, ApiError> {
    value.map_or(Ok(Level::NINETY_FIVE), |value| {
        Level::new(value).map_err(|_| ApiError::InvalidField {
            field,
            detail: "above 0 and below 1".to_owned(),
        })
    })
}

#[derive(Clone, Copy)]
enum Decision {
    Accept,
    Decline,
    Withdraw,
}

/// The proposal after it was decided on.
async fn decide(
    gateway: &Gateway,
    bundle: &RunningBundle,
    access: &Access,
    id: ThresholdProposalId,
    input: JsonObject<DecisionInput>,
    decision: Decision,
) -> Result<Json<ThresholdProposal>, ApiError> {
    // Before the decision, which stands once it is made.
    let installed = installed_sha256(bundle)?;
    let by = access.caller.actor().name;
    let comment = checked_text("comment", input.into_inner().comment, TEXT_CHARACTERS)?;
    let database = &gateway.database;
    let decided = match decision {
        Decision::Accept => database.decide_threshold_proposal(id, true, by, comment).await?,
        Decision::Decline => database.decide_threshold_proposal(id, false, by, comment).await?,
        Decision::Withdraw => database.withdraw_threshold_proposal(id, by, comment).await?,
    };
    let row = match decided {
        Some(Decided::Done(row)) => row,
        Some(Decided::NotOpen) => return Err(ProposalProblem::Decided.into()),
        Some(Decided::Outdated) => return Err(ProposalProblem::Outdated.into()),
        None => return Err(ProposalProblem::NotFound.into()),
    };
    let acting = acting(gateway, installed).await?;
    Ok(Json(ThresholdProposal::of(
        &row,
        report_of(&row).as_ref(),
        acting,
    )))
}

/// Of the bundle as it is installed, whichever thresholds act.
fn installed_sha256(bundle: &RunningBundle) -> Result<String, ApiError> {
    Ok(bundle.installed()?.installed().sha256.clone())
}

/// The proposal whose thresholds act.
async fn acting(
    gateway: &Gateway,
    installed_sha256: String,
) -> Result<Option<ThresholdProposalId>, ApiError> {
    Ok(gateway.database.acting_proposal_id(installed_sha256).await?)
}
