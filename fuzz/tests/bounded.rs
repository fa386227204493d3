//! Mutations of the seeds for a few seconds, and every finding again. The long run is `make fuzz`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

use std::path::Path;

use norma_fuzz::{archive, in_one_thread, multipart, mutate::mutate, seeds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Executions that take a few seconds.
const ARCHIVES: usize = 3_000;
const FORMS: usize = 10_000;

/// Runs `target` on mutations of `seeds`.
fn run_mutations(seeds: &[Vec<u8>], executions: usize, mut target: impl FnMut(&[u8])) {
    let mut random = StdRng::seed_from_u64(20_261_123);
    for number in 0..executions {
        let mut input = seeds[number % seeds.len()].clone();
        let other = &seeds[random.random_range(0..seeds.len())];
        mutate(&mut input, other, &mut random);
        target(&input);
    }
}

#[test]
fn mutated_archives_are_loaded_or_rejected() {
    // Decoders that panic on damaged codestreams are caught, and would fill the log.
    std::panic::set_hook(Box::new(|_| {}));
    in_one_thread(mutate_archives);
}

fn mutate_archives() {
    let seeds = seeds::archive();
    let whole = seeds
        .iter()
        .filter(|seed| archive::run(seed) == archive::Outcome::Loaded)
        .count();
    let mut loaded = 0;
    run_mutations(&seeds, ARCHIVES, |input| {
        loaded += usize::from(archive::run(input) == archive::Outcome::Loaded);
    });
    println!(
        "{whole} of {} seeds and {loaded} of {ARCHIVES} mutations loaded",
        seeds.len()
    );
    assert!(whole >= 8, "the seeds reach the pixels");
    assert!(loaded > 100, "mutations reach the pixels");
}

#[test]
fn mutated_forms_are_received_or_refused() {
    let seeds = seeds::multipart();
    let mut received = 0;
    run_mutations(&seeds, FORMS, |input| {
        received += usize::from(multipart::run(input) == multipart::Outcome::Received);
    });
    println!("{received} of {FORMS} forms received");
    assert!(received > 100, "mutations reach the file");
}

/// Every input that a fuzzer ever broke something with.
#[test]
fn findings_stay_mended() {
    type Run = fn(&[u8]);
    let targets: [(&str, Run); 2] = [
        ("archive", |input| {
            archive::run(input);
        }),
        ("multipart", |input| {
            multipart::run(input);
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
