//! The sandboxed child process on hostile and on sound uploads.
//!
//! This test is its own program (no test harness): started with the hidden subcommand it is the child.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use norma_domain::ReasonCode;
use norma_imaging::Limits;
use norma_pipeline::sandbox::{Reach, SUBCOMMAND, confine, probe, run_child};
use norma_pipeline::{PrepareError, Sandbox, decode_prepared_slices, prepare_upload_sandboxed};
use norma_test_support::{PhantomOptions, real_data, robustness_files, write_phantom_series};
use tempfile::TempDir;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == SUBCOMMAND => match misbehaviour(std::env::args_os()) {
            Some(code) => code,
            None => run_child(arguments),
        },
        Some(first) if first == REPLACED => replaced(),
        // `cargo test -- --list` and filters are of no use here.
        _ => run_tests(),
    }
}

/// Started with this, the program puts another file in its own place before it reads an upload.
const REPLACED: &str = "replaced";

fn replaced() -> ExitCode {
    let own = std::env::current_exe().unwrap();
    fs::remove_file(&own).unwrap();
    fs::write(&own, "another version").unwrap();
    let error = prepare(&narrow(), &own).unwrap_err();
    println!("  {}", error.reason());
    if error.is_retryable() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A child asked to read one of these names misbehaves instead.
fn misbehaviour(mut arguments: impl Iterator<Item = std::ffi::OsString>) -> Option<ExitCode> {
    let upload = arguments.find(|argument| argument.to_string_lossy().starts_with("misbehave-"))?;
    match upload.to_str()? {
        "misbehave-hang" => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        "misbehave-environment" => {
            let own = [
                "TMPDIR",
                "MALLOC_ARENA_MAX",
                "MALLOC_MMAP_THRESHOLD_",
                "MALLOC_TRIM_THRESHOLD_",
            ];
            let others = std::env::vars_os()
                .filter(|(name, _)| !own.iter().any(|own| name == own))
                .count();
            Some(ExitCode::from(if others == 0 { 200 } else { 1 }))
        }
        "misbehave-abort" => std::process::abort(),
        "misbehave-taken-over" => Some(taken_over()),
        "misbehave-silence" => Some(ExitCode::SUCCESS),
        "misbehave-exit" => Some(ExitCode::from(101)),
        "misbehave-greed" => {
            rlimit::setrlimit(rlimit::Resource::AS, 256 << 20, 256 << 20).unwrap();
            let greedy: Vec<u8> = std::hint::black_box(vec![1; 1 << 30]);
            Some(ExitCode::from(greedy[greedy.len() - 1]))
        }
        _ => None,
    }
}

/// What a decoder that an upload took over would try, confined as a child is. The exit status says what it reached.
fn taken_over() -> ExitCode {
    let scratch = std::env::temp_dir();
    let secret = std::env::temp_dir().with_file_name("norma-confinement-secret");
    fs::write(&secret, "of another patient").unwrap();
    let own = scratch.join("own");
    let confinement = confine(&Reach {
        read: Vec::new(),
        write: vec![scratch],
    });
    assert!(confinement.is_whole(), "{confinement:?}");
    let reached = [
        std::net::TcpStream::connect("127.0.0.1:1")
            .is_err_and(|error| error.kind() != std::io::ErrorKind::PermissionDenied),
        std::net::UdpSocket::bind("127.0.0.1:0").is_ok(),
        std::os::unix::net::UnixDatagram::unbound().is_ok(),
        Command::new("/bin/true").status().is_ok(),
        fs::read(&secret).is_ok(),
        fs::read_dir("/").is_ok(),
        fs::write(secret.with_extension("written"), "x").is_ok(),
        fs::remove_file(&secret).is_ok(),
        fs::read("/proc/self/environ").is_ok(),
        // What it needs stays: its own files, and threads.
        fs::write(&own, "x").is_err() || fs::read(&own).is_err(),
        std::thread::spawn(|| 1).join().is_err(),
    ];
    let reached = reached.iter().position(|reached| *reached);
    ExitCode::from(reached.map_or(200, |place| u8::try_from(place).unwrap_or(u8::MAX)))
}

fn run_tests() -> ExitCode {
    let tests: [(&str, fn()); 10] = [
        (
            "two_small_files_that_drive_a_decoder_to_gigabytes_are_rejected",
            bombs_are_rejected,
        ),
        (
            "a_real_series_is_prepared_within_the_default_limits",
            a_real_series_is_prepared,
        ),
        (
            "a_real_series_in_too_little_memory_is_rejected",
            too_little_memory_is_a_rejection,
        ),
        ("every_end_of_a_child_is_a_typed_reason", every_end_is_typed),
        (
            "a_child_that_an_upload_took_over_reaches_nothing",
            a_child_that_is_taken_over_reaches_nothing,
        ),
        (
            "a_child_has_nothing_of_its_parents_environment",
            the_environment_is_empty,
        ),
        ("a_folder_of_links_is_read", a_folder_of_links_is_read),
        ("a_child_ends_with_its_parent", a_child_ends_with_its_parent),
        (
            "a_program_that_does_not_exist_is_retryable",
            a_missing_program_is_retryable,
        ),
        (
            "a_program_whose_file_was_replaced_reads_on",
            a_replaced_program_reads_on,
        ),
    ];
    for (name, test) in tests {
        let started = Instant::now();
        test();
        println!("test {name} ... ok ({:.2} s)", started.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}

/// 512 MiB for two threads.
fn narrow() -> Sandbox {
    Sandbox {
        memory_limit_bytes: 512 << 20,
        time_limit: Duration::from_secs(60),
        threads: 2,
        ..Sandbox::default()
    }
}

fn prepare(sandbox: &Sandbox, upload: &Path) -> Result<norma_domain::PreparedSummary, PrepareError> {
    let out = TempDir::new().unwrap();
    prepare_upload_sandboxed(sandbox, upload, out.path(), &Limits::default())
}

fn bombs_are_rejected() {
    let Some(unpacked) = robustness_files() else {
        return;
    };
    let mut found = 0;
    for name in ["UN_sequence.dcm", "SC_rgb_jpeg.dcm"] {
        for path in files_named(unpacked.path(), name) {
            let error = prepare(&narrow(), &path).unwrap_err();
            println!("  {name}: {}", error.reason());
            assert!(!error.is_retryable());
            assert_ne!(error.reason().code, ReasonCode::Internal);
            found += 1;
        }
    }
    assert!(found >= 2, "{found} of the two files");
}

fn files_named(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_named(&path, name));
        } else if path
            .file_name()
            .is_some_and(|file| file.to_string_lossy().ends_with(name))
        {
            found.push(path);
        }
    }
    found
}

fn a_real_series_is_prepared() {
    let Some(data) = real_data() else { return };
    let out = TempDir::new().unwrap();
    let upload = data.join("series/covid-ct-md_normal001.zip");
    let summary =
        prepare_upload_sandboxed(&Sandbox::default(), &upload, out.path(), &Limits::default()).unwrap();
    assert_eq!(summary.study.geometry.shape, [154, 512, 512]);
    let bytes = fs::read(out.path().join(norma_pipeline::SLICES_FILE)).unwrap();
    let slices = decode_prepared_slices(&bytes).unwrap();
    assert_eq!(slices.slices, summary.selected_slices);
    assert_eq!(slices.pixels.dim(), (64, 224, 224));
    let written = fs::read(out.path().join(norma_pipeline::SUMMARY_FILE)).unwrap();
    let written: norma_domain::PreparedSummary = serde_json::from_slice(&written).unwrap();
    assert_eq!(written, summary);
    println!("  prepared in {} ms", summary.duration_ms);
}

fn too_little_memory_is_a_rejection() {
    let Some(data) = real_data() else { return };
    // 133 slices of 512 × 512 are 66 MiB in 16 bits, and they are held twice, decoded and in order: whatever the allocator reserves
    // beside them, that does not fit into 128 MiB. How much suffices depends on it and on which thread is quicker. Each limit stops the
    // reader at another place: listing, decoding, packing, looking for the lungs, measuring.
    for mebibytes in (48..=288).step_by(16) {
        let sandbox = Sandbox {
            memory_limit_bytes: mebibytes << 20,
            ..narrow()
        };
        match prepare(&sandbox, &data.join("series/lidc-idri-0001_mass.zip")) {
            Err(error) => {
                println!("  {mebibytes} MiB: {}", error.reason());
                assert_eq!(error.reason().code, ReasonCode::MemoryLimitExceeded);
                assert!(!error.is_retryable());
            }
            Ok(summary) => {
                assert!(mebibytes > 128, "prepared in {mebibytes} MiB");
                assert_eq!(summary.study.geometry.shape, [133, 512, 512]);
            }
        }
    }
}

fn every_end_is_typed() {
    let impatient = Sandbox {
        time_limit: Duration::from_millis(500),
        ..narrow()
    };
    let started = Instant::now();
    let reason_of = |sandbox: &Sandbox, upload: &str| {
        let error = prepare(sandbox, Path::new(upload)).unwrap_err();
        (error.reason().code, error.is_retryable())
    };
    assert_eq!(
        reason_of(&impatient, "misbehave-hang"),
        (ReasonCode::StageTimeout, false)
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(
        reason_of(&narrow(), "misbehave-abort"),
        (ReasonCode::Internal, false)
    );
    assert_eq!(
        reason_of(&narrow(), "misbehave-exit"),
        (ReasonCode::Internal, false)
    );
    assert_eq!(
        reason_of(&narrow(), "misbehave-silence"),
        (ReasonCode::Internal, true)
    );
    assert_eq!(
        reason_of(&narrow(), "misbehave-greed"),
        (ReasonCode::MemoryLimitExceeded, false)
    );
    // No such upload: the disk's word, so another try is allowed.
    assert!(prepare(&narrow(), Path::new("/nowhere/upload.zip")).is_err());
}

/// A child whose standard input closes is gone soon, also in the middle of its work.
fn a_child_ends_with_its_parent() {
    let Some(data) = real_data() else { return };
    let out = TempDir::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(SUBCOMMAND)
        .args([
            "--task",
            "prepare",
            "--memory-limit-bytes",
            "536870912",
            "--threads",
            "1",
            "--confinement",
            "\"best_effort\"",
            "--limits",
        ])
        .arg(serde_json::to_string(&Limits::default()).unwrap())
        .arg("--upload")
        .arg(data.join("series/lidc-idri-0001_mass.zip"))
        .arg("--out")
        .arg(out.path().join("out"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(150));
    assert!(
        child.try_wait().unwrap().is_none(),
        "the child was finished too soon to tell"
    );
    drop(child.stdin.take());
    let deadline = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "the child lives on");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(!status.success(), "the child finished its work");
}

fn a_child_that_is_taken_over_reaches_nothing() {
    let confinement = probe();
    if !confinement.is_whole() {
        println!("skipped: this kernel lacks a part, {confinement:?}");
        return;
    }
    let error = prepare(&narrow(), Path::new("misbehave-taken-over")).unwrap_err();
    // 200 is the number for nothing.
    assert!(
        error.reason().message.contains("Some(200)"),
        "reached {}",
        error.reason()
    );
    let secret = std::env::temp_dir().join("norma-confinement-secret");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "of another patient");
    fs::remove_file(secret).unwrap();
}

fn the_environment_is_empty() {
    let error = prepare(&narrow(), Path::new("misbehave-environment")).unwrap_err();
    assert!(
        error.reason().message.contains("Some(200)"),
        "{} variables came along",
        error.reason()
    );
}

fn a_folder_of_links_is_read() {
    let folder = TempDir::new().unwrap();
    let real = TempDir::new().unwrap();
    write_phantom_series(&PhantomOptions::small(), real.path()).unwrap();
    for entry in fs::read_dir(real.path()).unwrap() {
        let entry = entry.unwrap();
        std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let summary = prepare(&Sandbox::default(), folder.path()).unwrap();
    assert!(summary.study.geometry.shape[0] > 10);
}

fn a_missing_program_is_retryable() {
    let sandbox = Sandbox {
        program: Some("/nowhere/norma".into()),
        ..narrow()
    };
    let error = prepare(&sandbox, Path::new("upload.zip")).unwrap_err();
    assert!(error.is_retryable());
}

fn a_replaced_program_reads_on() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let ended = Command::new(&program).arg(REPLACED).status().unwrap();
    assert!(ended.success(), "the reader of a replaced program does not start");
}
