//! Reading studies here and now: split what was given into studies, prepare each in the sandbox, run the stages,
//! merge. The same functions that the workers call.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use chrono::{DateTime, Utc};
use norma_dicom_results::SourceStudy;
use norma_domain::{
    AnalysisId, MassRunRow, OperatingPoint, PreparedSummary, Reason, ReasonCode, Report, ScanId, Stage,
    StageFailure, StageOutcome, UnverifiedThreshold,
};
use norma_inference::{Bundle, StageModels};
use norma_pipeline::{
    MergeInput, SLICES_FILE, Sandbox, StageMap, decode_prepared_slices, describe_upload_sandboxed,
    failure_row, merge_report, prepare_upload_sandboxed, read_shared, run_stage, split_upload_sandboxed,
};
use norma_service::Settings;
use norma_volume::PreparedSlices;
use tempfile::TempDir;

use super::settings::{operating_point as operating_point_of, start_runtime};

/// Prepares studies in the sandbox, as the preprocess worker does.
pub(crate) struct Preparer {
    sandbox: Sandbox,
    limits: norma_imaging::Limits,
}

/// A study at some path, prepared, or why it is none.
pub(crate) struct PreparedStudy {
    /// For a person; may hold names.
    pub(crate) path: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) prepared: Result<(PreparedSummary, PreparedSlices), Reason>,
    /// None where it could not be prepared.
    pub(crate) files: Option<StudyFiles>,
}

/// The files of a prepared study.
pub(crate) struct StudyFiles {
    /// The study alone in an archive; there as long as the list that the study is from.
    pub(crate) archive: PathBuf,
    /// What its preparation wrote; deleted with this.
    pub(crate) folder: TempDir,
}

impl Preparer {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            sandbox: settings.sandbox(),
            limits: settings.limits.clone(),
        }
    }

    /// The studies at a path, each prepared when its turn comes.
    pub(crate) fn studies(&self, path: &Path) -> anyhow::Result<Studies<'_>> {
        let scratch = tempfile::tempdir().context("failed to make a scratch folder")?;
        let candidates = self.candidates(path, scratch.path());
        Ok(Studies {
            preparer: self,
            candidates: candidates.into_iter(),
            _scratch: scratch,
        })
    }

    /// The studies at a path, each written alone into `scratch`, and what could not be read there.
    fn candidates(&self, path: &Path, scratch: &Path) -> Vec<Candidate> {
        let place = |location: &str| {
            if location.is_empty() {
                path.display().to_string()
            } else {
                path.join(location).display().to_string()
            }
        };
        let split = match split_upload_sandboxed(&self.sandbox, path, Some(scratch), &self.limits) {
            Ok(split) => split,
            Err(error) => {
                return vec![Candidate {
                    path: place(""),
                    archive: Err(error.reason().clone()),
                }];
            }
        };
        let studies = split.studies.into_iter().map(|study| Candidate {
            path: place(&study.location),
            archive: study
                .archive
                .ok_or_else(|| Reason::new(ReasonCode::Internal, "the study was not written out")),
        });
        let rejected = split.rejected.into_iter().map(|rejected| Candidate {
            path: place(&rejected.location),
            archive: Err(rejected.reason),
        });
        studies.chain(rejected).collect()
    }

    /// Whose the studies of an archive are and where their images lie.
    pub(crate) fn describe(&self, archive: &Path) -> Result<Vec<SourceStudy>, Reason> {
        describe_upload_sandboxed(&self.sandbox, archive, &self.limits)
            .map_err(|error| error.reason().clone())
    }

    /// Prepares the study in an archive; its files are left in `folder`.
    fn prepare(
        &self,
        archive: &Path,
        folder: &Path,
    ) -> anyhow::Result<Result<(PreparedSummary, PreparedSlices), Reason>> {
        let summary = match prepare_upload_sandboxed(&self.sandbox, archive, folder, &self.limits) {
            Ok(summary) => summary,
            Err(error) => return Ok(Err(error.reason().clone())),
        };
        let bytes = fs::read(folder.join(SLICES_FILE)).context("failed to read the prepared slices")?;
        let slices = decode_prepared_slices(&bytes).context("failed to decode the prepared slices")?;
        Ok(Ok((summary, slices)))
    }
}

/// A study alone in an archive, or why there is none at that place.
struct Candidate {
    path: String,
    archive: Result<PathBuf, Reason>,
}

/// The studies at one path.
pub(crate) struct Studies<'a> {
    preparer: &'a Preparer,
    candidates: std::vec::IntoIter<Candidate>,
    _scratch: TempDir,
}

impl Iterator for Studies<'_> {
    type Item = anyhow::Result<PreparedStudy>;

    fn next(&mut self) -> Option<Self::Item> {
        let Candidate { path, archive } = self.candidates.next()?;
        let started_at = Utc::now();
        let archive = match archive {
            Ok(archive) => archive,
            Err(reason) => {
                return Some(Ok(PreparedStudy {
                    path,
                    started_at,
                    prepared: Err(reason),
                    files: None,
                }));
            }
        };
        Some(self.prepare(path, started_at, archive))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.candidates.size_hint()
    }
}

impl ExactSizeIterator for Studies<'_> {}

impl Studies<'_> {
    fn prepare(
        &self,
        path: String,
        started_at: DateTime<Utc>,
        archive: PathBuf,
    ) -> anyhow::Result<PreparedStudy> {
        let folder = tempfile::tempdir().context("failed to make a scratch folder")?;
        let prepared = self.preparer.prepare(&archive, folder.path())?;
        Ok(PreparedStudy {
            path,
            started_at,
            files: prepared.is_ok().then_some(StudyFiles { archive, folder }),
            prepared,
        })
    }
}

/// The bundle, opened.
pub(crate) struct Reader {
    bundle: Bundle,
    models: StageModels,
    operating_point: OperatingPoint,
    unverified_threshold: UnverifiedThreshold,
}

/// What came of one study.
pub(crate) struct StudyAnswer {
    pub(crate) row: MassRunRow,
    /// None where the study could not be prepared.
    pub(crate) report: Option<Report>,
    pub(crate) maps: Vec<(Stage, StageMap)>,
}

impl Reader {
    pub(crate) fn open(settings: &Settings, operating_point: Option<&str>) -> anyhow::Result<Self> {
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        let runtime = start_runtime(settings)?;
        let models =
            StageModels::open(&bundle, &runtime, &Stage::MODELS).context("failed to open the models")?;
        let operating_point = operating_point_of(settings, &bundle, operating_point)?;
        Ok(Self {
            bundle,
            models,
            operating_point,
            unverified_threshold: settings.models.unverified_threshold,
        })
    }

    /// Reads one study with all models.
    pub(crate) fn read(&self, study: PreparedStudy) -> StudyAnswer {
        let PreparedStudy {
            path,
            started_at,
            prepared,
            files: _,
        } = study;
        let (mut prepared, slices) = match prepared {
            Ok(prepared) => prepared,
            Err(reason) => {
                let seconds = (Utc::now() - started_at).as_seconds_f64();
                return StudyAnswer {
                    row: failure_row(&path, seconds, &[reason]),
                    report: None,
                    maps: Vec::new(),
                };
            }
        };
        let mut outcomes = Vec::new();
        let mut maps = Vec::new();
        let reading = Instant::now();
        // Where that fails, each stage reads for itself and says what is wrong.
        let shared = read_shared(self.models.shared(), &slices).unwrap_or_default();
        prepared.add_duration(reading.elapsed());
        for stage in Stage::MODELS {
            match run_stage(&self.models, stage, &slices, shared.of(stage)) {
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
            unverified_threshold: self.unverified_threshold,
            requested_at: started_at,
            started_at: Some(started_at),
            finished_at: Utc::now(),
            path_to_study: path.clone(),
        });
        let row = report.rows.first().cloned().unwrap_or_else(|| {
            failure_row(
                &path,
                0.0,
                &[Reason::new(ReasonCode::Internal, "the report has no row")],
            )
        });
        StudyAnswer {
            row,
            report: Some(report),
            maps,
        }
    }
}
