//! Mutations of the seeds for a few seconds, and every finding again. The long run is `make fuzz`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use norma_fuzz::{archive, in_one_thread, multipart, mutate::mutate, network, network_seeds, seeds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Executions that take a few seconds, or as many as `NORMA_FUZZ_RUNS` says.
fn executions(usual: usize) -> usize {
    number_of("NORMA_FUZZ_RUNS").unwrap_or(usual)
}

fn number_of<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs `target` on mutations of `seeds`; gives the files that hold what it panicked on.
fn run_mutations(seeds: &[Vec<u8>], executions: usize, mut target: impl FnMut(&[u8])) -> Vec<PathBuf> {
    let mut random = StdRng::seed_from_u64(number_of("NORMA_FUZZ_SEED").unwrap_or(20_261_123));
    let mut findings = Vec::new();
    for number in 0..executions {
        if number % 50_000 == 49_999 {
            println!("{} executions, {} findings", number + 1, findings.len());
        }
        let mut input = seeds[number % seeds.len()].clone();
        let other = &seeds[random.random_range(0..seeds.len())];
        mutate(&mut input, other, &mut random);
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("finding-{number}"));
            std::fs::write(&file, &input).unwrap();
            println!("a finding: {}", file.display());
            findings.push(file);
        }
    }
    findings
}

#[test]
fn mutated_archives_are_loaded_or_rejected() {
    // Decoders that panic on damaged codestreams are caught, and would fill the log.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let ended = catch_unwind(|| in_one_thread(mutate_archives));
    std::panic::set_hook(usual);
    assert!(ended.is_ok(), "see above for what was found");
}

fn mutate_archives() {
    let executions = executions(3_000);
    let seeds = seeds::archive();
    let whole = seeds
        .iter()
        .filter(|seed| archive::run(seed) == archive::Outcome::Loaded)
        .count();
    let mut loaded = 0;
    let findings = run_mutations(&seeds, executions, |input| {
        loaded += usize::from(archive::run(input) == archive::Outcome::Loaded);
    });
    println!(
        "{whole} of {} seeds and {loaded} of {executions} mutations loaded",
        seeds.len()
    );
    assert!(whole >= 8, "the seeds reach the pixels");
    assert!(loaded > executions / 50, "mutations reach the pixels");
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn mutated_forms_are_received_or_refused() {
    let executions = executions(10_000);
    let seeds = seeds::multipart();
    let mut received = 0;
    let findings = run_mutations(&seeds, executions, |input| {
        received += usize::from(multipart::run(input) == multipart::Outcome::Received);
    });
    println!("{received} of {executions} forms received");
    assert!(received > 100, "mutations reach the file");
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn mutated_messages_of_a_peer_are_answered_or_end_its_association() {
    let executions = executions(5_000);
    let seeds = network_seeds::network();
    let whole: Vec<_> = seeds.iter().map(|seed| network::run(seed)).collect();
    assert!(whole.iter().filter(|outcome| outcome.stored > 0).count() >= 3);
    assert!(whole.iter().any(|outcome| outcome.requested > 0));
    assert!(whole.iter().any(|outcome| outcome.told > 0));
    let (mut accepted, mut stored, mut requested) = (0, 0, 0);
    let findings = run_mutations(&seeds, executions, |input| {
        let outcome = network::run(input);
        accepted += usize::from(outcome.is_accepted);
        stored += outcome.stored;
        requested += outcome.requested;
    });
    println!(
        "{accepted} of {executions} associations accepted, {stored} instances stored, {requested} requests taken"
    );
    assert!(stored > executions / 50, "mutations reach the data sets");
    assert!(requested > executions / 500, "mutations reach storage commitment");
    assert!(findings.is_empty(), "{findings:?}");
}

/// Every input that a fuzzer ever broke something with.
#[test]
fn findings_stay_mended() {
    type Run = fn(&[u8]);
    let targets: [(&str, Run); 3] = [
        ("archive", |input| {
            archive::run(input);
        }),
        ("multipart", |input| {
            multipart::run(input);
        }),
        ("network", |input| {
            network::run(input);
        }),
    ];
    for (folder, run) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("regressions")
            .join(folder);
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let input = std::fs::read(entry.unwrap().path()).unwrap();
            in_one_thread(|| run(&input));
        }
    }
}
