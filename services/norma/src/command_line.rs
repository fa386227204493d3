//! What can be typed.

mod accuracy;
mod deliveries;
mod pacs;
mod phantom;
mod proposals;
mod routing;
mod shadow;

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use norma_domain::{KeyId, Role};

pub(crate) use self::accuracy::{Calibrate, CalibrationFormat, DriftOptions, Evaluate, Labels};
pub(crate) use self::deliveries::{Deliveries, DeliveryState, ListDeliveries, SendAgain};
pub(crate) use self::pacs::{
    Pacs, PacsArrivals, PacsConnections, PacsFind, PacsPeer, PacsPull, PacsPulls, PacsReceive, PacsSend,
    PacsStudies,
};
pub(crate) use self::phantom::{Encoding, Phantom, PhantomKind};
pub(crate) use self::proposals::{
    DecideProposal, ListProposals, ProposalState, Proposals, ShowProposal, ShownAs,
};
pub(crate) use self::routing::{CheckRouting, Routing};
pub(crate) use self::shadow::{CompareShadow, Shadow};

/// Norma reads a chest CT and says norm, pathology or undetermined. Research use only: no medical device.
#[derive(Debug, Parser)]
#[command(name = "norma", version)]
pub(crate) struct CommandLine {
    /// Settings that override the built-in ones (YAML; see config/base.yaml).
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process: gateway, page and workers over SQLite and a folder.
    Serve(Serve),
    /// The HTTP API and the page.
    Gateway,
    /// The worker that turns uploads into prepared studies.
    Preprocess,
    /// The worker of the anomaly stage.
    Anomaly,
    /// The worker of the classifier stage.
    Classifier,
    /// The worker of the typing stage.
    Typing,
    /// The worker that merges reports, reads dead letters and watches deadlines.
    Report,
    /// Read studies here and now, without a server.
    Predict(Predict),
    /// Write studies without what identifies their patients (DICOM PS3.15 annex E, basic profile).
    Deidentify(Deidentify),
    /// Say how long each step of reading a study takes on this machine. Reads without a sandbox: own files only.
    Measure(Measure),
    /// Say how many studies an hour this machine reads: phantom studies through an instance of its own.
    Bench(Bench),
    /// Turn studies or plain image slices into the tensors that the models see, for training.
    Prepare(Prepare),
    /// From a site's studies, labelled or not: the highest threshold whose sensitivity is bounded there.
    Calibrate(Calibrate),
    /// How accurate the answers are on a site's labelled studies: a report as JSON and as a page.
    Evaluate(Evaluate),
    /// What readers said of answers, as a CSV table of labelled studies on standard output: what `norma evaluate` and `norma calibrate`
    /// read. Names studies by their scans' ids alone.
    Labels(Labels),
    /// Whether what comes in is still distributed as it was, for each scanner: scores, measures, failed quality checks, what is
    /// released. Ends with exit code 2 where something drifted.
    Drift(DriftOptions),
    /// Thresholds that the site's own studies propose: to be accepted, declined and taken back.
    #[command(subcommand)]
    Proposals(Proposals),
    /// A second bundle that answers beside the one in use without being shown.
    #[command(subcommand)]
    Shadow(Shadow),
    /// The models.
    #[command(subcommand)]
    Models(Models),
    /// API keys, for programs.
    #[command(subcommand)]
    Keys(Keys),
    /// People's accounts.
    #[command(subcommand)]
    Users(Users),
    /// The audit trail.
    #[command(subcommand)]
    Audit(Audit),
    /// The object storage and the database that belong together.
    #[command(subcommand)]
    Storage(Storage),
    /// Bring the database's schema up to date, grant the roles of the settings what they need, and end: with the address of who owns
    /// the tables, where the other processes sign in as roles that do not.
    Migrate,
    /// Ask a DICOM node, send to it, or be one that receives: whether a connection works.
    #[command(subcommand)]
    Pacs(Pacs),
    /// Results on their way to a PACS.
    #[command(subcommand)]
    Deliveries(Deliveries),
    /// The rules for studies that a PACS sends (routing.rules).
    #[command(subcommand)]
    Routing(Routing),
    /// Send a phantom study through the running system and check the report.
    Selftest(Target),
    /// Look around: an instance of its own, fitted to generated norm phantoms, with a norm, three kinds of pathology and an
    /// undetermined study.
    Demo(Demo),
    /// Write a phantom chest CT as a zip of a DICOM series.
    Phantom(Phantom),
    /// The sandboxed child of the preprocess stage.
    #[command(hide = true)]
    PrepareUpload(PrepareUpload),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Folder of the database and the objects [default: .norma].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The reports, as one JSON document.
    Json,
    /// The rows of the mass run.
    Csv,
    /// The rows of the mass run as a workbook (needs --out).
    Xlsx,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// Archives, DICOM or NIfTI files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,
    /// Folder for the answer and the maps as PNG; without it the answer goes to standard output.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Folder for the answer to each study as DICOM objects for a PACS: a structured report, segmentations, the anomaly map, key objects and key slices.
    #[arg(long, value_name = "DIR")]
    pub(crate) dicom_out: Option<PathBuf>,
    /// Language of the words in the pictures of --dicom-out.
    #[arg(long, value_enum, default_value_t = PictureLanguage::En)]
    pub(crate) language: PictureLanguage,
    /// Operating point of the bundle [default: the setting analysis.operating_point, else the bundle's own].
    #[arg(long, value_name = "NAME")]
    pub(crate) operating_point: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PictureLanguage {
    En,
    Ru,
}

#[derive(Debug, Args)]
pub(crate) struct Deidentify {
    /// An archive, a DICOM or NIfTI file, or a folder of them.
    #[arg(value_name = "PATH")]
    pub(crate) upload: PathBuf,
    /// The zip to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A file with the secret that pseudonyms are made with: with the same one, later studies of a patient stay linked
    /// to earlier ones [default: the setting deidentification.key, or a secret for this run alone].
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// A person has looked at every picture: none shows text that names the patient. Without this, captured screens,
    /// ultrasound and what else may carry text are left out.
    #[arg(long)]
    pub(crate) pixels_checked: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Measure {
    /// Archives, DICOM or NIfTI files, or folders, of one study each.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How often each study is read.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) repeat: usize,
    /// Read and decode only: what a series in another transfer syntax costs.
    #[arg(long)]
    pub(crate) decode_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Prepare {
    /// Studies (archives, files, folders); with --slices: the index.csv of plain image slices.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read plain image slices named by the column `file` of an index.
    #[arg(long)]
    pub(crate) slices: bool,
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Studies at each point.
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(crate) studies: usize,
    /// Studies in flight: a point for each number.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 2, 4])]
    pub(crate) in_flight: Vec<usize>,
    /// Slices of a study, whose chest stays as high: a point for each number too.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [120])]
    pub(crate) slices: Vec<usize>,
    /// Encodings of the files: a point for each of them too.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Encoding::Explicit])]
    pub(crate) transfer_syntax: Vec<Encoding>,
    /// Studies that are prepared side by side [default: the setting workers.concurrency.preprocess].
    #[arg(long, value_name = "N")]
    pub(crate) preprocess_workers: Option<u16>,
    /// First compare what CUDA and the CPU say of one study.
    #[arg(long)]
    pub(crate) cuda_agreement: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// Check the bundle: hashes, tensor shapes, a run of each model.
    Check,
    /// Build a memory of norm patches from a site's own norm studies.
    FitNorm(FitNorm),
    /// Check a model folder and take it beside the bundle's models.
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct FitNorm {
    /// Norm studies: archives, DICOM or NIfTI files, or folders of them.
    #[arg(required_unless_present = "agreed", value_name = "STUDY")]
    pub(crate) studies: Vec<PathBuf>,
    /// The studies that readers agreed in the page to be norm, from the installation's database and objects; beside those that are named.
    #[arg(long)]
    pub(crate) agreed: bool,
    #[command(flatten)]
    pub(crate) installation: Installation,
    /// The new model's folder, e.g. models/our-norm; it must not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A folder with manifest.yaml and the files that it names.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Where the database is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Installation {
    /// The folder that `norma serve --data` was given [default: the setting database.url].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key; its secret goes to standard output, once.
    Create(CreateKey),
    /// List the keys, without their secrets.
    List(Installation),
    /// Confirm a key that an administrator made on the page or by the interface, where the settings ask for a second one
    /// (identity.confirmed_key_roles). Keys that the command line made are confirmed on the page.
    Confirm(OneKey),
    /// Revoke a key, at once and for good.
    Revoke(OneKey),
}

#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// What the key is for.
    pub(crate) name: String,
    /// clinician, integrator, operator or administrator; may be given more than once.
    #[arg(long = "role", value_name = "ROLE", default_value = "integrator")]
    pub(crate) roles: Vec<Role>,
    /// Whose studies the key sees as integrator: keys of one scope share them [default: one of its own].
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// [default: identity.key_lifetime_days of the settings]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) expires_in_days: Option<u32>,
    /// An address or network (CIDR) that the key is used from; may be given more than once [default: from anywhere].
    #[arg(long = "allow-address", value_name = "NETWORK")]
    pub(crate) allowed_addresses: Vec<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct OneKey {
    /// Its identifier, as `norma keys list` shows it.
    pub(crate) id: KeyId,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Make an account and a link that signs it in once.
    Create(CreateUser),
    /// List the accounts.
    List(Installation),
    /// Make a link that signs an account in once: for a forgotten password.
    SignInLink(SignInLink),
    /// Take away the second factor of an account whose device and recovery codes are lost; its sessions end.
    ResetSecondFactor(OneLogin),
}

#[derive(Debug, Args)]
pub(crate) struct OneLogin {
    pub(crate) login: String,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    pub(crate) login: String,
    /// [default: the login]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// clinician, integrator, operator or administrator; may be given more than once.
    #[arg(long = "role", value_name = "ROLE", default_value = "clinician")]
    pub(crate) roles: Vec<Role>,
    /// Where browsers reach the gateway [default: the settings' address].
    #[arg(long)]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct SignInLink {
    pub(crate) login: String,
    /// Where browsers reach the gateway [default: the settings' address].
    #[arg(long)]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Storage {
    /// List the objects that no row of the database knows, and those that were set aside.
    Orphans(StorageOf),
    /// Say that this database and this object storage belong together, and give every original without a row one.
    Adopt(StorageOf),
    /// Print a line with a new key for encryption.keys_file.
    NewKey {
        /// A name for it, such as the year.
        id: String,
    },
    /// Encrypt what was stored before encryption.keys_file was set, and again what is encrypted with another key than its first.
    /// Ends with exit code 2 where something could not be.
    Encrypt(StorageOf),
}

#[derive(Debug, Args)]
pub(crate) struct StorageOf {
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check the chain of hashes, the signed heads and the triggers that forbid changes: finds altered, missing and
    /// inserted events. Ends with exit code 2 where it does.
    Verify(VerifyAudit),
    /// Write the trail to standard output as DICOM audit messages (PS3.15 A.5).
    Export(ExportAudit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// One JSON document a line.
    Json,
    /// One XML document.
    Xml,
}

#[derive(Debug, Args)]
pub(crate) struct ExportAudit {
    #[arg(long, value_enum, default_value_t = AuditFormat::Xml)]
    pub(crate) format: AuditFormat,
    /// At this time or later (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Before this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAudit {
    /// A place that an earlier verification printed (NUMBER:HASH): finds a trail that was rewritten as a whole.
    #[arg(long, value_name = "NUMBER:HASH")]
    pub(crate) noted: Option<String>,
    /// A file with signed heads; may be given more than once [default: the setting audit.heads.path].
    #[arg(long, value_name = "FILE")]
    pub(crate) heads: Vec<PathBuf>,
    /// The public key of those who signed them, as the gateway logs it at its start [default: of the setting
    /// audit.heads.key].
    #[arg(long, value_name = "HEX")]
    pub(crate) head_key: Option<String>,
    /// The folder with the segments that older events were written to [default: the setting audit.archive.folder].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) archive: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The gateway to talk to.
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "NORMA_URL")]
    pub(crate) url: String,
    /// API key; without one, a short-lived key is made in the database.
    #[arg(long, env = "NORMA_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Folder of the demonstration's database, objects and models; may be deleted afterwards [default: .norma/demo].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,
    /// End once every study is answered; with exit code 2 where an answer is not the right one.
    #[arg(long)]
    pub(crate) once: bool,
    /// Load the studies into this running system instead, as its own bundle reads them.
    #[arg(long, conflicts_with_all = ["listen", "once"])]
    pub(crate) url: Option<String>,
    /// API key for --url; without one, a short-lived key is made in the database.
    #[arg(long, env = "NORMA_API_KEY", hide_env_values = true, requires = "url")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PrepareUpload {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}
