use std::fs;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use norma_deidentification::{Key, PixelCheck, Summary};
use norma_dicom_instances::InstanceIndex;
use norma_dicom_results::SourceStudy;
use norma_domain::{PreparedSummary, ReasonCode};
use norma_imaging::Limits;

use super::arguments::{Arguments, Task};
use super::child::{Answer, EXIT_NOT_CONFINED, EXIT_NOT_STARTED, KEY_VARIABLE};
use super::last_words::{last_words, tell_of_refused_memory};
use super::{SUBCOMMAND, Sandbox};
use crate::prepare_error::PrepareError;
use crate::split::SplitUpload;

/// Bytes of an answer that are believed; a summary of thousands of slices has one megabyte.
const MOST_ANSWER_BYTES: u64 = 64 << 20;
/// This very program, also where its file was replaced by another version's, whose reader may want other arguments.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// How glibc's allocator keeps memory in the child (docs/adr/1820). Each of its arenas reserves 64 MiB of address space. A child reads one study
/// and ends: masks of a volume, each freed before the next is made, need not go back to the kernel in between.
const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_MMAP_THRESHOLD_", "134217728"),
    ("MALLOC_TRIM_THRESHOLD_", "268435456"),
];

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// Prepares an upload like [`prepare_upload`](crate::prepare_upload), in a child process under the sandbox's
/// limits. Blocks until the child ended.
///
/// # Errors
/// Those of the preparation; `memory_limit_exceeded` where the child ran into its memory limit,
/// `stage_timeout` where it was killed for time, `internal` where it crashed.
pub fn prepare_upload_sandboxed(
    sandbox: &Sandbox,
    upload: &Path,
    out: &Path,
    limits: &Limits,
) -> Result<PreparedSummary, PrepareError> {
    match run(sandbox, Task::Prepare, upload, out, limits, None)? {
        Answer::Prepared(summary) => Ok(*summary),
        _ => Err(unreadable_answer()),
    }
}

/// Lists the studies of an upload like [`split_upload`](crate::split_upload) and, with a folder `out`, writes each
/// alone into it; in a child process like [`prepare_upload_sandboxed`].
///
/// # Errors
/// As [`prepare_upload_sandboxed`].
pub fn split_upload_sandboxed(
    sandbox: &Sandbox,
    upload: &Path,
    out: Option<&Path>,
    limits: &Limits,
) -> Result<SplitUpload, PrepareError> {
    let (task, out) = match out {
        Some(out) => (Task::Split, out),
        None => (Task::List, Path::new("")),
    };
    match run(sandbox, task, upload, out, limits, None)? {
        Answer::Split(split) => Ok(split),
        _ => Err(unreadable_answer()),
    }
}

/// Tells whose the studies of an upload are and where their images lie, like
/// [`read_source_studies`](norma_dicom_results::read_source_studies); in a child process like
/// [`prepare_upload_sandboxed`].
///
/// # Errors
/// As [`prepare_upload_sandboxed`].
pub fn describe_upload_sandboxed(
    sandbox: &Sandbox,
    upload: &Path,
    limits: &Limits,
) -> Result<Vec<SourceStudy>, PrepareError> {
    match run(sandbox, Task::Describe, upload, Path::new(""), limits, None)? {
        Answer::Described(studies) => Ok(studies),
        _ => Err(unreadable_answer()),
    }
}

/// Writes the studies of an upload to a new zip at `out`, without what identifies their patients, like
/// [`deidentify_upload`](norma_deidentification::deidentify_upload); in a child process like
/// [`prepare_upload_sandboxed`].
///
/// # Errors
/// As [`prepare_upload_sandboxed`], and where no image of the upload may be kept.
pub fn deidentify_upload_sandboxed(
    sandbox: &Sandbox,
    upload: &Path,
    out: &Path,
    key: &Key,
    pixels: PixelCheck,
    limits: &Limits,
) -> Result<Summary, PrepareError> {
    let task = match pixels {
        PixelCheck::ByKind => Task::Deidentify,
        PixelCheck::ByPerson => Task::DeidentifyChecked,
    };
    match run(sandbox, task, upload, out, limits, Some(key))? {
        Answer::Deidentified(summary) => Ok(summary),
        _ => Err(unreadable_answer()),
    }
}

/// Indexes the instances of an upload and writes their container to `out`, like
/// [`index_upload`](norma_dicom_instances::index_upload); in a child process like [`prepare_upload_sandboxed`].
///
/// # Errors
/// As [`prepare_upload_sandboxed`].
pub fn index_upload_sandboxed(
    sandbox: &Sandbox,
    upload: &Path,
    out: &Path,
    limits: &Limits,
) -> Result<InstanceIndex, PrepareError> {
    match run(sandbox, Task::Index, upload, out, limits, None)? {
        Answer::Indexed(index) => Ok(*index),
        _ => Err(unreadable_answer()),
    }
}

/// Writes the frames of the instance in a file to `out`, like
/// [`decode_frames`](norma_dicom_instances::decode_frames); in a child process like [`prepare_upload_sandboxed`]. Gives their
/// bytes.
///
/// # Errors
/// As [`prepare_upload_sandboxed`].
pub fn decode_frames_sandboxed(
    sandbox: &Sandbox,
    file: &Path,
    out: &Path,
    limits: &Limits,
) -> Result<u64, PrepareError> {
    match run(sandbox, Task::Frames, file, out, limits, None)? {
        Answer::Frames(bytes) => Ok(bytes),
        _ => Err(unreadable_answer()),
    }
}

fn not_started(error: &dyn std::fmt::Display) -> PrepareError {
    PrepareError::retryable(
        ReasonCode::Internal,
        format!("failed to start the reader: {error}"),
    )
}

fn unreadable_answer() -> PrepareError {
    PrepareError::retryable(ReasonCode::Internal, "the reader's answer cannot be read")
}

/// Runs the child until it ended; an answer that the task failed is its error.
fn run(
    sandbox: &Sandbox,
    task: Task,
    upload: &Path,
    out: &Path,
    limits: &Limits,
    key: Option<&Key>,
) -> Result<Answer, PrepareError> {
    let arguments = Arguments {
        task,
        upload: upload.to_owned(),
        out: out.to_owned(),
        memory_limit_bytes: sandbox.memory_limit_bytes,
        threads: sandbox.threads,
        confinement: sandbox.confinement,
        limits: limits.clone(),
    };
    let program = sandbox.program.as_deref().unwrap_or(Path::new(THIS_PROGRAM));
    // The child can reach what is there before it starts, and makes nothing beside it.
    let output = make_output(task, out).map_err(|error| not_started(&error))?;
    let answer = run_in(sandbox, program, &arguments, key);
    if answer.is_err() {
        output.take_back(out);
    }
    answer
}

fn run_in(
    sandbox: &Sandbox,
    program: &Path,
    arguments: &Arguments,
    key: Option<&Key>,
) -> Result<Answer, PrepareError> {
    let scratch = tempfile::tempdir().map_err(|error| not_started(&error))?;
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .args(arguments.to_list().map_err(|error| not_started(&error))?)
        // Secrets of the worker are in its environment.
        .env_clear()
        .env("TMPDIR", scratch.path())
        .envs(ALLOCATOR)
        .envs(key.map(|key| (KEY_VARIABLE, key.to_hexadecimal())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(&error))?;
    let ended = wait(&mut child, sandbox.time_limit);
    // A child that is still there, for whatever reason, is not left behind.
    let _ = child.kill();
    let _ = child.wait();
    match ended {
        Ok(ended) => ended.result(sandbox.memory_limit_bytes),
        Err(WaitError::Time) => Err(PrepareError::rejected(
            ReasonCode::StageTimeout,
            format!("reading took longer than {} s", sandbox.time_limit.as_secs()),
        )),
        Err(WaitError::Io(error)) => Err(not_started(&error)),
    }
}

/// What was made for the child to write to.
enum Output {
    Folder,
    /// A file that was not there before.
    NewFile,
    File,
}

fn make_output(task: Task, out: &Path) -> io::Result<Output> {
    match task {
        Task::List | Task::Describe => Ok(Output::Folder),
        Task::Prepare | Task::Split => fs::create_dir_all(out).map(|()| Output::Folder),
        Task::Deidentify | Task::DeidentifyChecked | Task::Index | Task::Frames => {
            match fs::File::create_new(out) {
                Ok(_) => Ok(Output::NewFile),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Output::File),
                Err(error) => Err(error),
            }
        }
    }
}

impl Output {
    /// A file that nothing whole was written to is not left behind.
    fn take_back(self, out: &Path) {
        if matches!(self, Self::NewFile) {
            let _ = fs::remove_file(out);
        }
    }
}

struct Ended {
    status: ExitStatus,
    answer: Vec<u8>,
    last_words: String,
}

enum WaitError {
    Time,
    Io(io::Error),
}

/// Waits for the end of the child's output and of the child.
fn wait(child: &mut Child, limit: Duration) -> Result<Ended, WaitError> {
    let deadline = Instant::now() + limit;
    let (sender, receiver) = mpsc::channel();
    let mut output = child.stdout.take().expect("standard output is piped");
    thread::spawn(move || {
        let mut answer = Vec::new();
        let read = output.by_ref().take(MOST_ANSWER_BYTES).read_to_end(&mut answer);
        let _ = sender.send(read.map(|_| answer));
    });
    let mut errors = child.stderr.take().expect("standard error is piped");
    let words = thread::spawn(move || last_words(&mut errors));

    let left = deadline.saturating_duration_since(Instant::now());
    let answer = match receiver.recv_timeout(left) {
        Ok(answer) => answer.map_err(WaitError::Io)?,
        Err(_) => return Err(WaitError::Time),
    };
    loop {
        if let Some(status) = child.try_wait().map_err(WaitError::Io)? {
            let last_words = words.join().unwrap_or_default();
            return Ok(Ended {
                status,
                answer,
                last_words,
            });
        }
        if Instant::now() >= deadline {
            return Err(WaitError::Time);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

impl Ended {
    fn result(&self, memory_limit_bytes: u64) -> Result<Answer, PrepareError> {
        if self.status.success() {
            return match serde_json::from_slice(&self.answer) {
                Ok(Answer::Failed(error)) => Err(error),
                Ok(answer) => Ok(answer),
                Err(_) => Err(unreadable_answer()),
            };
        }
        Err(death(self.status, &self.last_words, memory_limit_bytes))
    }
}

/// What the death of a child says about the upload.
fn death(status: ExitStatus, last_words: &str, memory_limit_bytes: u64) -> PrepareError {
    let refused_memory = tell_of_refused_memory(last_words);
    match status.signal() {
        Some(SIGABRT) if refused_memory => PrepareError::memory_refused(memory_limit_bytes),
        // Not by this process: the kernel kills for memory, an operator for their own reasons.
        Some(SIGKILL) => PrepareError::retryable(
            ReasonCode::MemoryLimitExceeded,
            "the reader was killed from outside, as happens where memory runs out",
        ),
        Some(signal) => PrepareError::rejected(
            ReasonCode::Internal,
            format!("the reader crashed with signal {signal}; the upload was not read"),
        ),
        None if status.code() == Some(i32::from(EXIT_NOT_STARTED)) => {
            PrepareError::retryable(ReasonCode::Internal, "the reader did not start")
        }
        None if status.code() == Some(i32::from(EXIT_NOT_CONFINED)) => PrepareError::retryable(
            ReasonCode::Internal,
            "the kernel cannot confine the reader, which sandbox.confinement requires",
        ),
        // A panic where none is caught.
        None if refused_memory => PrepareError::memory_refused(memory_limit_bytes),
        None => PrepareError::rejected(
            ReasonCode::Internal,
            format!("the reader ended with status {:?} and no answer", status.code()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_death_has_its_reason() {
        let by_signal = ExitStatus::from_raw;
        let by_code = |code: i32| ExitStatus::from_raw(code << 8);
        let code_of = |status, words| {
            let error = death(status, words, 512 << 20);
            (error.reason().code, error.is_retryable())
        };
        assert_eq!(
            code_of(by_signal(SIGABRT), "memory allocation of 3000000000 bytes failed"),
            (ReasonCode::MemoryLimitExceeded, false)
        );
        assert_eq!(
            code_of(
                by_signal(SIGABRT),
                "terminate called after throwing an instance of 'std::bad_alloc'"
            ),
            (ReasonCode::MemoryLimitExceeded, false)
        );
        assert_eq!(
            code_of(by_signal(SIGABRT), "stack overflow"),
            (ReasonCode::Internal, false)
        );
        assert_eq!(code_of(by_signal(11), ""), (ReasonCode::Internal, false));
        assert_eq!(
            code_of(by_signal(SIGKILL), ""),
            (ReasonCode::MemoryLimitExceeded, true)
        );
        assert_eq!(code_of(by_code(101), ""), (ReasonCode::Internal, false));
        assert_eq!(
            code_of(
                by_code(101),
                "panicked: Os { code: 12, message: \"Cannot allocate memory\" }"
            ),
            (ReasonCode::MemoryLimitExceeded, false)
        );
        assert_eq!(
            code_of(by_code(i32::from(EXIT_NOT_STARTED)), ""),
            (ReasonCode::Internal, true)
        );
        assert_eq!(
            code_of(by_code(i32::from(EXIT_NOT_CONFINED)), ""),
            (ReasonCode::Internal, true)
        );
    }
}
