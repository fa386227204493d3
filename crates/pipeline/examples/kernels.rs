//! The steps that take a study's processor time, one a run, on a phantom: `bench/instructions` counts the instructions
//! of what is inside [`counted`].
//!
//! `kernels STEP`; without a step, their names. Everything runs on the one thread that calls it.
#![allow(clippy::print_stdout, reason = "the example's answer")]

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;

use norma_imaging::{Limits, LoadedSeries, list_studies, load_chest_series};
use norma_pipeline::{check_quality, encode_prepared_slices, take_measures, write_volume};
use norma_test_support::{Nodule, PhantomOptions, TransferSyntax, phantom_zip};
use norma_volume::{DEFAULT_SLICE_COUNT, prepare_slices, segment_lungs};

const STEPS: [&str; 8] = [
    "decode raw",
    "decode RLE",
    "decode deflated",
    "lungs",
    "quality",
    "prepare",
    "measures",
    "store",
];

type Answer<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Answer<()> {
    let Some(step) = std::env::args().nth(1) else {
        println!("{}", STEPS.join("\n"));
        return Ok(());
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()?;
    let folder = tempfile::tempdir()?;
    let upload = folder.path().join("phantom.zip");
    let syntax = match step.as_str() {
        "decode RLE" => TransferSyntax::RleLossless,
        "decode deflated" => TransferSyntax::DeflatedExplicitLittleEndian,
        _ => TransferSyntax::ExplicitLittleEndian,
    };
    let options = PhantomOptions {
        nodule: Some(Nodule::default()),
        transfer_syntax: syntax,
        ..PhantomOptions::small()
    };
    phantom_zip(&options, &upload)?;
    if step.starts_with("decode") {
        counted(|| read(&upload))?;
        return Ok(());
    }
    of_series(&step, &read(&upload)?)
}

/// What callgrind counts (`--toggle-collect` in `bench/instructions` names it).
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

fn read(upload: &Path) -> Answer<LoadedSeries> {
    let limits = Limits::default();
    let studies = list_studies(upload, &limits)?;
    Ok(load_chest_series(studies.first().ok_or("no study")?, &limits)?)
}

fn of_series(step: &str, series: &LoadedSeries) -> Answer<()> {
    let volume = &series.volume;
    if step == "lungs" {
        counted(|| segment_lungs(volume));
        return Ok(());
    }
    let lungs = segment_lungs(volume);
    match step {
        "quality" => {
            counted(|| check_quality(series, &lungs));
        }
        "prepare" => {
            counted(|| prepare_slices(volume, &lungs, DEFAULT_SLICE_COUNT)).ok_or("no lungs")?;
        }
        "measures" => {
            counted(|| take_measures(series, &lungs));
        }
        "store" => {
            let prepared = prepare_slices(volume, &lungs, DEFAULT_SLICE_COUNT).ok_or("no lungs")?;
            counted(|| -> Answer<()> {
                write_volume(volume, &mut Cursor::new(Vec::new()))?;
                encode_prepared_slices(&prepared)?;
                Ok(())
            })?;
        }
        _ => return Err("no such step; run without one for their names".into()),
    }
    Ok(())
}
