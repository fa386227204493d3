//! What a site learns of the answers: `norma calibrate`, `norma evaluate`, `norma labels`, `norma drift`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Installation;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CalibrationFormat {
    /// Sentences.
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// Labelled studies, as CSV with a head: `label` (norm or pathology) beside `score` (the probability of pathology as
    /// it was answered, not rounded) or `study` (a scan's id, or a Study Instance UID, looked up in the database). `patient`
    /// tells studies of one patient apart from others' [default: what readers said of answers in the page].
    #[arg(value_name = "CSV")]
    pub(crate) table: Option<PathBuf>,
    /// Without labels: from the newest answers in the database, for each scanner by itself. Assumes that of pathologies no larger
    /// share scores low than of norms; labels promise more and assume less.
    #[arg(long, conflicts_with_all = ["table", "prevalences"])]
    pub(crate) unlabelled: bool,
    /// With --unlabelled: no more of the studies are pathology. What is told of released norms rests on it, the sensitivity
    /// does not.
    #[arg(long, value_name = "SHARE", default_value_t = 0.6, requires = "unlabelled")]
    pub(crate) maximal_prevalence: f64,
    /// Answers that are looked at, the newest first: those that a fit without labels rests on, and those that would change verdict.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(crate) newest: u32,
    /// The sensitivity that is asked for.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub(crate) sensitivity: f64,
    /// How sure it is that the sensitivity is no lower.
    #[arg(long, value_name = "SHARE", default_value_t = 0.95)]
    pub(crate) confidence: f64,
    /// Shares of pathology for which predictive values are told; may be given more than once.
    #[arg(long = "prevalence", value_name = "SHARE", default_values_t = [0.05, 0.1, 0.3])]
    pub(crate) prevalences: Vec<f64>,
    #[arg(long, value_enum, default_value_t = CalibrationFormat::Text)]
    pub(crate) format: CalibrationFormat,
    /// Keep the thresholds as a proposal, which an operator accepts or declines in the page or with `norma proposals`.
    #[arg(long, conflicts_with = "write_bundle")]
    pub(crate) propose: bool,
    /// Write a bundle with the scanners' thresholds in its default operating point, beside the bundle in use; it must not exist. Name it
    /// in the setting models.bundle to accept it, and the former one to go back.
    #[arg(long, value_name = "FILE")]
    pub(crate) write_bundle: Option<PathBuf>,
    /// Name of the operating point in it [default: site].
    #[arg(long, value_name = "NAME", requires = "write_bundle")]
    pub(crate) operating_point: Option<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Labelled studies, as CSV with a head: as of `norma calibrate`, and beside them `scanner`, `sex`, `age` and
    /// `pathology_type`, by which accuracy is told apart [default: what readers said of answers in the page].
    #[arg(value_name = "CSV")]
    pub(crate) table: Option<PathBuf>,
    /// Folder for evaluation.json and evaluation.html.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Where browsers reach the page, for links to studies that were missed [default: the settings' address].
    #[arg(long)]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct Labels {
    /// Only studies against whose verdict a reader speaks: to be reviewed, no sample for figures.
    #[arg(long)]
    pub(crate) contradicted: bool,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct DriftOptions {
    /// Studies before the last ones, to compare them with.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub(crate) reference: usize,
    /// The last studies.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) last: usize,
    /// Answers of all scanners that are looked at, the newest first.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub(crate) newest: u32,
    #[arg(long, value_enum, default_value_t = CalibrationFormat::Text)]
    pub(crate) format: CalibrationFormat,
    #[command(flatten)]
    pub(crate) installation: Installation,
}
