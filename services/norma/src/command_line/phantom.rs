//! The command that draws a phantom study.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhantomKind {
    Norm,
    /// A spiculated nodule in the right upper lobe.
    Nodule,
    /// Fluid around the right lung.
    Effusion,
    /// A consolidation in the left lower lobe.
    Consolidation,
    /// A norm chest whose apices were not scanned.
    Incomplete,
}

#[derive(Debug, Args)]
pub(crate) struct Phantom {
    #[arg(value_enum, default_value_t = PhantomKind::Norm)]
    pub(crate) kind: PhantomKind,
    /// Slices of the chest, which stays as high [default: of 2.5 mm].
    #[arg(long, value_name = "N")]
    pub(crate) slices: Option<NonZeroUsize>,
    /// The encoding of the files.
    #[arg(long, value_enum, default_value_t = Encoding::Explicit)]
    pub(crate) transfer_syntax: Encoding,
    /// The zip to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// The phantom's transfer syntaxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    Explicit,
    Implicit,
    Deflated,
    Rle,
}
