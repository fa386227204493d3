//! What several model stages have in common, run once before them. Whatever fails here fails nothing: a stage that finds no
//! outputs runs its graph itself, and says what is wrong with it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use norma_domain::{AnalysisId, Stage};
use norma_inference::SharedPass;
use norma_object_storage::{ObjectKey, Objects};
use norma_pipeline::{SLICES_FILE, decode_prepared_slices, encode_known_outputs, read_shared};
use norma_service::run_blocking;

/// Runs the graphs on the prepared slices in `folder` and stores for each stage what it reads of them. Gives how long the
/// graphs took.
pub(crate) async fn store_known_outputs(
    objects: &Objects,
    pass: Arc<SharedPass>,
    analysis_id: AnalysisId,
    folder: &Path,
) -> Duration {
    if pass.is_empty() {
        return Duration::ZERO;
    }
    let file = folder.join(SLICES_FILE);
    let reading = run_blocking(move || read(&pass, &file)).await;
    let stored = async {
        let (outputs, duration) = reading.context("the thread panicked")??;
        for (stage, bytes) in outputs {
            let key = ObjectKey::KnownOutputs(analysis_id, stage);
            objects.put(key, bytes.into()).await?;
        }
        anyhow::Ok(duration)
    };
    stored.await.unwrap_or_else(|error| {
        tracing::warn!(
            error = format!("{error:#}"),
            "what the stages have in common was not read; each reads for itself"
        );
        Duration::ZERO
    })
}

type StoredOutputs = Vec<(Stage, Vec<u8>)>;

fn read(pass: &SharedPass, file: &Path) -> anyhow::Result<(StoredOutputs, Duration)> {
    let bytes = std::fs::read(file).context("failed to read the prepared slices")?;
    let slices = decode_prepared_slices(&bytes)?;
    let started = Instant::now();
    let shared = read_shared(pass, &slices).map_err(|error| anyhow::anyhow!("{}", error.reason))?;
    let duration = started.elapsed();
    let outputs = shared
        .iter()
        .map(|(stage, known)| Ok((stage, encode_known_outputs(known, &bytes)?)))
        .collect::<anyhow::Result<_>>()?;
    Ok((outputs, duration))
}
