//! What can be typed about DICOM nodes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use norma_dicom_network::{AeTitle, AllowedPeer};
use norma_domain::PullId;

use super::Installation;

#[derive(Debug, Subcommand)]
pub(crate) enum Pacs {
    /// Ask a node whether it is there (C-ECHO).
    Echo(PacsPeer),
    /// Send DICOM files to a node (C-STORE). Ends with exit code 2 where it does not take all.
    Send(PacsSend),
    /// Ask an archive of the settings (pacs.sources) which studies it has (C-FIND).
    Find(PacsFind),
    /// Have a running gateway pull studies from an archive of the settings (pacs.sources).
    Pull(PacsPull),
    /// List what is pulled, the newest first.
    Pulls(PacsPulls),
    /// List the systems of the settings, how each answered last, and who has sent studies.
    Connections(PacsConnections),
    /// List the studies that come by C-STORE and are not complete yet, with what each waits for.
    Arrivals(PacsArrivals),
    /// Receive DICOM files into a folder (C-ECHO, C-STORE) until it is stopped.
    Receive(PacsReceive),
}

#[derive(Debug, Args)]
pub(crate) struct PacsPeer {
    /// Where the node listens.
    #[arg(value_name = "HOST:PORT")]
    pub(crate) address: String,
    /// Its AE title.
    #[arg(long, value_name = "TITLE", default_value = "ANY-SCP")]
    pub(crate) called: AeTitle,
    /// The AE title to call with: the node has to know it.
    #[arg(long, value_name = "TITLE", default_value = "NORMA")]
    pub(crate) calling: AeTitle,
    /// Over TLS.
    #[arg(long)]
    pub(crate) tls: bool,
    /// PEM file of the authority of its certificate [default: those that this system trusts].
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) tls_ca: Option<PathBuf>,
    /// What its certificate is for [default: HOST].
    #[arg(long, value_name = "NAME", requires = "tls")]
    pub(crate) tls_name: Option<String>,
    /// PEM file of the certificate that it is shown.
    #[arg(long, value_name = "FILE", requires_all = ["tls", "tls_key"])]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// PEM file of the key of that.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// How long a connection and each answer may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) timeout_seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PacsSend {
    #[command(flatten)]
    pub(crate) peer: PacsPeer,
    /// DICOM files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PacsReceive {
    /// Folder for the files, named by their SOP Instance UIDs.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:11112")]
    pub(crate) listen: SocketAddr,
    /// The AE title that peers call.
    #[arg(long, value_name = "TITLE", default_value = "NORMA")]
    pub(crate) ae_title: AeTitle,
    /// PEM file of the certificate that is shown; with it, associations are taken over TLS alone.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// PEM file of the key of that.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// PEM file of the authorities that have to have signed the certificates of peers [default: peers show none].
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Who may call: TITLE, or TITLE@address; * stands for any title; may be given more than once [default: whoever calls
    /// from this machine].
    #[arg(long = "peer", value_name = "TITLE@ADDRESS")]
    pub(crate) peers: Vec<AllowedPeer>,
    /// Associations at once; more are rejected.
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) associations: usize,
    /// Take only images of CT.
    #[arg(long)]
    pub(crate) ct_only: bool,
    /// Largest data set in bytes; a larger one is refused (A700).
    #[arg(long, value_name = "BYTES", default_value_t = 2_147_483_648)]
    pub(crate) instance_limit: u64,
    /// Bytes that stay free on the disk of the folder: what comes beyond is refused (A700).
    #[arg(long, value_name = "BYTES", default_value_t = 2_147_483_648)]
    pub(crate) free_floor: u64,
}

/// Which studies: by one of these at least; all that is said has to agree, as it stands.
#[derive(Debug, Args)]
pub(crate) struct PacsStudies {
    /// A name of the setting pacs.sources.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: String,
    #[arg(long, value_name = "NUMBER", required_unless_present_any = ["patient", "study"])]
    pub(crate) accession: Option<String>,
    /// Patient ID.
    #[arg(long, value_name = "ID")]
    pub(crate) patient: Option<String>,
    /// Who gave the Patient ID.
    #[arg(long, value_name = "ISSUER", requires = "patient")]
    pub(crate) issuer: Option<String>,
    /// Study Instance UID.
    #[arg(long, value_name = "UID")]
    pub(crate) study: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PacsFind {
    #[command(flatten)]
    pub(crate) studies: PacsStudies,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PacsPull {
    #[command(flatten)]
    pub(crate) studies: PacsStudies,
    /// Wait until everything is here. Ends with exit code 2 where it fails.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct PacsPulls {
    /// Those that failed alone.
    #[arg(long)]
    pub(crate) failed: bool,
    /// Pull these again, as they are shown here, instead.
    #[arg(long, value_name = "ID", conflicts_with = "failed")]
    pub(crate) again: Vec<PullId>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct PacsConnections {
    /// Ask each that speaks DICOM whether it is there (C-ECHO). Ends with exit code 2 where one is not.
    #[arg(long)]
    pub(crate) echo: bool,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct PacsArrivals {
    #[command(flatten)]
    pub(crate) installation: Installation,
}
