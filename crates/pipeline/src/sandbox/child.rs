use std::any::Any;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use norma_deidentification::{Key, PixelCheck, Summary, deidentify_upload};
use norma_dicom_instances::{InstanceIndex, decode_frames, index_upload};
use norma_dicom_results::{SourceStudy, read_source_studies};
use norma_domain::{PreparedSummary, ReasonCode};
use norma_imaging::Limits;
use rlimit::Resource;
use serde::{Deserialize, Serialize};

use super::ConfinementPolicy;
use super::arguments::{Arguments, Task};
use super::confinement::{Reach, confine};
use super::last_words::tell_of_refused_memory;
use crate::prepare::prepare_upload;
use crate::prepare_error::PrepareError;
use crate::split::{SplitUpload, split_upload};

/// Exit status of a child that was called wrongly or could not limit itself; nothing was read then.
pub(super) const EXIT_NOT_STARTED: u8 = 70;
/// Exit status of a child that the kernel could not confine although that is required; nothing was read then.
pub(super) const EXIT_NOT_CONFINED: u8 = 71;
/// Carries the key of a de-identification: arguments are seen by every user of the machine.
pub(super) const KEY_VARIABLE: &str = "NORMA_DEIDENTIFICATION_KEY";
/// No file that a child writes is longer.
const MOST_FILE_BYTES: u64 = 64 << 30;
/// A folder's files are opened one by one, an archive once for each thread.
const MOST_OPEN_FILES: u64 = 1024;
/// More threads gain little and take address space each.
const MOST_THREADS: usize = 8;
/// Address space that a thread takes at most at its start: its stack, and glibc's heap of 64 MiB, for which it asks for
/// twice as much and gives half back.
const THREAD_BYTES: u64 = 132 << 20;

/// What the child writes to its standard output, as one JSON document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Prepared(Box<PreparedSummary>),
    Split(SplitUpload),
    Described(Vec<SourceStudy>),
    Deidentified(Summary),
    Indexed(Box<InstanceIndex>),
    Frames(u64),
    Failed(PrepareError),
}

/// The body of the hidden subcommand: limits itself, prepares the upload and writes the answer to standard
/// output. Ends when standard input closes, so that it does not outlive the worker that started it.
///
/// To be called first thing in `main`: the limits hold for what is started afterwards.
pub fn run_child(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let not_started = |message: String| {
        // The parent reads this; there is nobody else to tell.
        let _ = writeln!(io::stderr(), "{message}");
        ExitCode::from(EXIT_NOT_STARTED)
    };
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(message) => return not_started(message),
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if let Err(error) = limit_self(&arguments) {
        return not_started(format!("failed to limit the process: {error}"));
    }
    // Before there is a second thread, which would stay free.
    let confinement = confine(&reach(&arguments));
    if arguments.confinement == ConfinementPolicy::Require && !confinement.is_whole() {
        return ExitCode::from(EXIT_NOT_CONFINED);
    }
    let threads = most_threads(&arguments, cores);
    let answer = match start_threads(threads) {
        Ok(()) => catch_unwind(AssertUnwindSafe(|| answer(&arguments)))
            .unwrap_or_else(|panic| Answer::Failed(reason_of_panic(&*panic, arguments.memory_limit_bytes))),
        // The system says "try again" for a thread that finds no memory as for one too many.
        Err(_) if arguments.memory_limit_bytes < (threads as u64 + 1) * THREAD_BYTES => {
            Answer::Failed(PrepareError::memory_refused(arguments.memory_limit_bytes))
        }
        Err(error) => return not_started(format!("failed to start threads: {error}")),
    };
    let written = serde_json::to_vec(&answer)
        .map_err(io::Error::other)
        .and_then(|json| io::stdout().write_all(&json))
        .and_then(|()| io::stdout().flush());
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What a panic says about the upload: some libraries panic where memory is refused.
fn reason_of_panic(panic: &(dyn Any + Send), memory_limit_bytes: u64) -> PrepareError {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default();
    if tell_of_refused_memory(words) {
        return PrepareError::memory_refused(memory_limit_bytes);
    }
    PrepareError::rejected(
        ReasonCode::Internal,
        "the reader stopped on an error of its own; the upload was not read",
    )
}

fn answer(arguments: &Arguments) -> Answer {
    let Arguments {
        upload, out, limits, ..
    } = arguments;
    let answer = match arguments.task {
        Task::Prepare => {
            prepare_upload(upload, out, limits).map(|summary| Answer::Prepared(Box::new(summary)))
        }
        Task::List => split_upload(upload, None, limits).map(Answer::Split),
        Task::Split => split_upload(upload, Some(out), limits).map(Answer::Split),
        Task::Describe => read_source_studies(upload, limits)
            .map(Answer::Described)
            .map_err(PrepareError::from),
        Task::Deidentify => deidentify(upload, out, PixelCheck::ByKind, limits).map(Answer::Deidentified),
        Task::DeidentifyChecked => {
            deidentify(upload, out, PixelCheck::ByPerson, limits).map(Answer::Deidentified)
        }
        Task::Index => index_upload(upload, out, limits)
            .map(|index| Answer::Indexed(Box::new(index)))
            .map_err(PrepareError::from),
        Task::Frames => decode_frames(upload, out, limits)
            .map(Answer::Frames)
            .map_err(PrepareError::from),
    };
    answer.unwrap_or_else(Answer::Failed)
}

fn deidentify(
    upload: &Path,
    out: &Path,
    pixels: PixelCheck,
    limits: &Limits,
) -> Result<Summary, PrepareError> {
    let key = std::env::var(KEY_VARIABLE)
        .ok()
        .and_then(|key| hex::decode(key).ok())
        .and_then(|key| Key::new(&key).ok())
        .ok_or_else(|| {
            PrepareError::retryable(
                ReasonCode::Internal,
                "the reader was given no key to de-identify with",
            )
        })?;
    Ok(deidentify_upload(upload, out, &key, pixels, limits)?)
}

/// The upload, the output, and the folder of temporary files that the parent made for this child alone.
fn reach(arguments: &Arguments) -> Reach {
    let writes = !matches!(arguments.task, Task::List | Task::Describe);
    let out = writes.then(|| arguments.out.clone());
    Reach::reading(&arguments.upload).writing(out.into_iter().chain([std::env::temp_dir()]))
}

fn limit_self(arguments: &Arguments) -> io::Result<()> {
    let limit = arguments.memory_limit_bytes;
    rlimit::setrlimit(Resource::AS, limit, limit)?;
    rlimit::setrlimit(Resource::FSIZE, MOST_FILE_BYTES, MOST_FILE_BYTES)?;
    let (_, allowed) = rlimit::getrlimit(Resource::NOFILE)?;
    let files = MOST_OPEN_FILES.min(allowed);
    rlimit::setrlimit(Resource::NOFILE, files, files)?;
    // A core dump would hold the patient's images.
    rlimit::setrlimit(Resource::CORE, 0, 0)
}

fn most_threads(arguments: &Arguments, cores: usize) -> usize {
    let threads = if arguments.threads == 0 {
        cores
    } else {
        arguments.threads
    };
    threads.min(MOST_THREADS)
}

fn start_threads(threads: usize) -> io::Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(io::Error::other)?;
    thread::Builder::new().spawn(end_with_the_parent)?;
    Ok(())
}

fn end_with_the_parent() {
    let mut byte = [0_u8];
    loop {
        match io::stdin().read(&mut byte) {
            Ok(0) => std::process::exit(i32::from(EXIT_NOT_STARTED)),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
            Ok(_) | Err(_) => {}
        }
    }
}
