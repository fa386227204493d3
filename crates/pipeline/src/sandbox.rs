//! Preparation in a child process with a memory and a time limit: an upload that drives a decoder to
//! gigabytes, to a crash or into a loop ends as a typed reason, and the worker lives on. One that takes a decoder over is
//! held by the kernel to the upload and the output: see [`confine`].
//!
//! The child is the norma binary's hidden subcommand `prepare-upload`, which does nothing but call
//! [`run_child`] with the arguments that follow, before any runtime, thread or log is started.

mod arguments;
mod child;
mod confinement;
mod last_words;
mod parent;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use child::run_child;
pub use confinement::{Confinement, Reach, confine, probe};
pub use parent::{
    decode_frames_sandboxed, deidentify_upload_sandboxed, describe_upload_sandboxed, index_upload_sandboxed,
    prepare_upload_sandboxed, split_upload_sandboxed,
};

/// Name of the hidden subcommand.
pub const SUBCOMMAND: &str = "prepare-upload";

/// The limits of the child process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// The norma binary; None takes the program that runs.
    pub program: Option<PathBuf>,
    /// Address space of the child (`RLIMIT_AS`): code, stacks of its threads and all memory.
    pub memory_limit_bytes: u64,
    /// Wall-clock time after which the child is killed.
    pub time_limit: Duration,
    /// Threads that decode and prepare; 0 takes one per core, eight at most. Each takes address space.
    pub threads: usize,
    pub confinement: ConfinementPolicy,
}

/// Whether a child reads an upload where the kernel cannot confine it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfinementPolicy {
    /// Confined as far as the kernel can.
    #[default]
    BestEffort,
    /// Reads nothing where the kernel cannot hold it to its files and its system calls.
    Require,
}

impl Default for Sandbox {
    /// 6 GiB, which holds the largest volume that the default limits allow, and ten minutes.
    fn default() -> Self {
        Self {
            program: None,
            memory_limit_bytes: 6 << 30,
            time_limit: Duration::from_secs(600),
            threads: 0,
            confinement: ConfinementPolicy::BestEffort,
        }
    }
}
