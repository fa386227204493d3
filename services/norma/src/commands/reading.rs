//! Reading studies here and now: split what was given into studies, prepare each in the sandbox, run the stages,
//! merge. The same functions that the workers call.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::Utc;
use norma_domain::{
    AnalysisId, MassRunRow, OperatingPoint, OperatingPointName, Reason, ReasonCode, Report, ScanId, Stage,
    StageFailure, StageOutcome,
};
use norma_inference::{Bundle, Runtime, StageModels};
use norma_pipeline::{
    MergeInput, SLICES_FILE, Sandbox, StageMap, decode_prepared_slices, failure_row, merge_report,
    prepare_upload_sandboxed, run_stage, split_upload_sandboxed,
};
use norma_service::{Settings, runtime_options};

/// The bundle, opened, and the limits that hold for what it reads.
pub(crate) struct Reader {
    bundle: Bundle,
    models: StageModels,
    operating_point: OperatingPoint,
    sandbox: Sandbox,
    limits: norma_imaging::Limits,
}

/// What came of one study.
pub(crate) struct StudyAnswer {
    pub(crate) row: MassRunRow,
    /// None where the study could not be prepared.
    pub(crate) report: Option<Report>,
    pub(crate) maps: Vec<(Stage, StageMap)>,
}

/// A study to read, or why there is none at that place.
pub(crate) enum Candidate {
    Study { path: String, archive: PathBuf },
    Rejected { path: String, reason: Reason },
}

impl Reader {
    pub(crate) fn open(settings: &Settings, operating_point: Option<&str>) -> anyhow::Result<Self> {
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        let runtime =
            Runtime::start(&runtime_options(&settings.models, 1)).context("failed to start ONNX Runtime")?;
        let models =
            StageModels::open(&bundle, &runtime, &Stage::MODELS).context("failed to open the models")?;
        let operating_point = match operating_point {
            None => bundle.default_operating_point(),
            Some(name) => bundle
                .operating_point(&OperatingPointName(name.to_owned()))
                .with_context(|| {
                    let known: Vec<_> = bundle
                        .operating_points()
                        .iter()
                        .map(|point| point.name.to_string())
                        .collect();
                    format!(
                        "the bundle has no operating point {name:?}; it has {}",
                        known.join(", ")
                    )
                })?,
        };
        Ok(Self {
            bundle,
            models,
            operating_point,
            sandbox: settings.sandbox(),
            limits: settings.imaging_limits(),
        })
    }

    /// The studies at a path, each written alone into `scratch`.
    pub(crate) fn candidates(&self, path: &Path, scratch: &Path) -> Vec<Candidate> {
        candidates(&self.sandbox, &self.limits, path, scratch)
    }

    /// Prepares and reads one study.
    pub(crate) fn read(&self, path: &str, archive: &Path, scratch: &Path) -> anyhow::Result<StudyAnswer> {
        let requested_at = Utc::now();
        let prepared = match prepare_upload_sandboxed(&self.sandbox, archive, scratch, &self.limits) {
            Ok(prepared) => prepared,
            Err(error) => {
                let seconds = (Utc::now() - requested_at).as_seconds_f64();
                let row = failure_row(path, seconds, std::slice::from_ref(error.reason()));
                return Ok(StudyAnswer {
                    row,
                    report: None,
                    maps: Vec::new(),
                });
            }
        };
        let bytes = fs::read(scratch.join(SLICES_FILE)).context("failed to read the prepared slices")?;
        let slices = decode_prepared_slices(&bytes).context("failed to decode the prepared slices")?;
        let mut outcomes = Vec::new();
        let mut maps = Vec::new();
        for stage in Stage::MODELS {
            match run_stage(&self.models, stage, &slices) {
                Ok((result, map)) => {
                    outcomes.push(StageOutcome::Completed(result));
                    maps.extend(map.map(|map| (stage, map)));
                }
                Err(error) => {
                    outcomes.push(StageOutcome::Failed(StageFailure {
                        stage,
                        reason: error.reason,
                    }));
                }
            }
        }
        let report = merge_report(MergeInput {
            analysis_id: AnalysisId::generate(),
            scan_id: ScanId::generate(),
            prepared,
            outcomes,
            bundle: &self.bundle,
            operating_point: self.operating_point.clone(),
            requested_at,
            started_at: Some(requested_at),
            finished_at: Utc::now(),
            path_to_study: path.to_owned(),
        });
        let row = report.rows.first().cloned().unwrap_or_else(|| {
            failure_row(
                path,
                0.0,
                &[Reason::new(ReasonCode::Internal, "the report has no row")],
            )
        });
        Ok(StudyAnswer {
            row,
            report: Some(report),
            maps,
        })
    }
}

/// The studies at a path, each written alone into `scratch`, and what could not be read there.
pub(crate) fn candidates(
    sandbox: &Sandbox,
    limits: &norma_imaging::Limits,
    path: &Path,
    scratch: &Path,
) -> Vec<Candidate> {
    let place = |location: &str| {
        if location.is_empty() {
            path.display().to_string()
        } else {
            path.join(location).display().to_string()
        }
    };
    match split_upload_sandboxed(sandbox, path, Some(scratch), limits) {
        Ok(split) => {
            let rejected = split.rejected.into_iter().map(|rejected| Candidate::Rejected {
                path: place(&rejected.location),
                reason: rejected.reason,
            });
            let studies = split.studies.into_iter().map(|study| {
                let path = place(&study.location);
                match study.archive {
                    Some(archive) => Candidate::Study { path, archive },
                    None => Candidate::Rejected {
                        path,
                        reason: Reason::new(ReasonCode::Internal, "the study was not written out"),
                    },
                }
            });
            studies.chain(rejected).collect()
        }
        Err(error) => vec![Candidate::Rejected {
            path: place(""),
            reason: error.reason().clone(),
        }],
    }
}
