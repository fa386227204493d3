//! `POST /api/analyses`: many analyses at once.

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use norma_domain::{AnalysisId, Priority, ScanId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analyses::asked::Asked;
use crate::analyses::request::{Turn, request_analysis};
use crate::bundle::RunningBundle;
use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::identity::{Access, Notes};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, Unprocessable, UnsupportedMediaType};
use crate::routing::Router;

/// Scans of one request at most.
const MOST: usize = 1000;

/// Which scans are to be analysed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyzeMany {
    /// These scans.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub scan_ids: Vec<ScanId>,
    /// Instead of `scan_ids`: those whose latest analysis failed, the oldest first, at most 1000.
    #[serde(default)]
    pub failed: bool,
    /// With `failed`: only scans after this one, the `last` of the answer before.
    pub after: Option<ScanId>,
    /// Name of an operating point of the bundle; its default where absent.
    pub operating_point: Option<String>,
    /// `urgent` goes before everything routine, for those who may ask for it; `routine` where absent.
    pub priority: Option<Priority>,
}

/// What became of a request for many analyses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalyzedMany {
    /// In the order of the request.
    pub items: Vec<AnalyzedOne>,
    /// Analyses that were requested or run already.
    pub requested: usize,
    /// The last scan that was looked at, where there may be more that failed.
    pub last: Option<ScanId>,
}

/// What became of one scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalyzedOne {
    pub scan_id: ScanId,
    pub analysis_id: Option<AnalysisId>,
    /// Why there is no analysis: the `code` that the scan alone would be refused with.
    pub code: Option<String>,
}

/// Requests analyses of many scans, or of those whose latest analysis failed.
///
/// Each scan has an answer of its own; a scan that is refused does not keep the others from being analysed.
#[utoipa::path(
    tag = "analyses",
    operation_id = "analyzeMany",
    request_body = AnalyzeMany,
    responses(
        (status = 202, description = "What became of each scan", body = AnalyzedMany),
        BadRequest, UnsupportedMediaType, Unprocessable, Failures
    )
)]
#[post("/api/analyses")]
pub(crate) async fn analyze_many(
    gateway: Data<Gateway>,
    (bundle, router): (Data<RunningBundle>, Data<Router>),
    visit: (Access, Notes),
    wanted: JsonObject<AnalyzeMany>,
) -> Result<HttpResponse, ApiError> {
    let (access, notes) = visit;
    let wanted = wanted.into_inner();
    // What the caller may not ask for is told before the bundle is asked.
    Turn::of(&gateway, &access, wanted.priority)?;
    let question = bundle.question(wanted.operating_point).await?;
    let asked = Asked::of(&gateway, &access, question, wanted.priority)?;
    if wanted.failed != wanted.scan_ids.is_empty() || wanted.scan_ids.len() > MOST {
        return Err(ApiError::InvalidField {
            field: "scan_ids",
            detail: format!("1 to {MOST} scans, or `failed` instead"),
        });
    }
    let scan_ids = if wanted.failed {
        let failed = gateway.database.failed_scans(None, wanted.after, MOST as u32);
        failed.await?
    } else {
        wanted.scan_ids
    };
    let last = scan_ids
        .last()
        .copied()
        .filter(|_| wanted.failed && scan_ids.len() == MOST);
    let mut items = Vec::with_capacity(scan_ids.len());
    for scan_id in scan_ids {
        let requested = async {
            // Who asks for these wants them, also where a rule has such studies kept alone.
            let asked = asked.of_study(&bundle, &router, scan_id).await?;
            request_analysis(&gateway, scan_id, &asked.question, asked.turn).await
        };
        items.push(match requested.await {
            Ok(analysis) => AnalyzedOne {
                scan_id,
                analysis_id: Some(analysis.id),
                code: None,
            },
            Err(refusal) => AnalyzedOne {
                scan_id,
                analysis_id: None,
                code: Some(refusal.code().to_owned()),
            },
        });
    }
    let requested = items.iter().filter(|item| item.analysis_id.is_some()).count();
    notes.detail(format!("{requested} of {} scans", items.len()));
    Ok(HttpResponse::Accepted().json(AnalyzedMany {
        items,
        requested,
        last,
    }))
}
