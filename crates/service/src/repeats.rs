//! Analyses whose stages were read with different bundles are repeated, once each, when the workers agree.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::{AwaitedRepeat, NewAnalysis};
use norma_domain::{AnalysisId, BundleReference};
use norma_messages::Message;

use crate::presence::agreed_bundle;
use crate::{Context, announce, repeat};

const INTERVAL: Duration = Duration::from_secs(3);
/// Repeats requested in one go.
const AT_ONCE: u32 = 100;

/// Looks for analyses that await their repeat, until shutdown. Any number may run: the database lets one of them
/// request it.
pub async fn run_repeats(context: Context) {
    repeat(INTERVAL, &context.shutdown, || async {
        if let Err(error) = repeat_mixed(&context).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "failed to repeat analyses of mixed bundles"
            );
        }
    })
    .await;
}

/// Requests every awaited repeat if all workers agree; gives how many.
async fn repeat_mixed(context: &Context) -> anyhow::Result<usize> {
    let awaited = context.database.awaited_repeats(AT_ONCE).await?;
    if awaited.is_empty() {
        return Ok(0);
    }
    let Some(bundle) = agreed_bundle(context).await? else {
        return Ok(0);
    };
    let mut requested = 0;
    for repeat in awaited {
        let analysis_id = repeat.analysis_id;
        let new = new_analysis(context, repeat, &bundle);
        if let Some(analysis) = context.database.repeat_analysis(analysis_id, new).await? {
            tracing::info!(
                %analysis_id,
                repeat = %analysis.id,
                bundle = bundle.version,
                "repeated: its stages were read with different bundles"
            );
            metrics::counter!("norma_analyses_repeated_total").increment(1);
            requested += 1;
        }
    }
    context.wake_outbox();
    Ok(requested)
}

fn new_analysis(context: &Context, repeat: AwaitedRepeat, bundle: &BundleReference) -> NewAnalysis {
    let id = AnalysisId::generate();
    NewAnalysis {
        id,
        scan_id: repeat.scan_id,
        operating_point: repeat.operating_point,
        operating_point_named: repeat.operating_point_named,
        bundle_version: format!("{} {}", bundle.name, bundle.version),
        threshold_proposal_id: repeat.threshold_proposal_id,
        deadline_at: Utc::now() + TimeDelta::hours(context.settings.analysis.wait_limit_hours.into()),
        priority: repeat.priority,
        requested_by: repeat.requested_by,
        // It was let in when it was asked for.
        most_urgent: None,
        message: announce(Message::AnalyzeRequested {
            analysis_id: id,
            scan_id: repeat.scan_id,
        }),
    }
}
