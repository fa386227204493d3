//! What is right for a variant, and whether it came out.

use norma_domain::ReasonCode;
use norma_imaging::{ImagingError, Limits, LoadedSeries, list_studies, load_chest_series};

use super::images::{BODY, MARK, PHASE, PLACE, PLACES, SIDE, SIDE_AT, STEP_MM};
use super::support::archives::{Upload, numbered, zip_of};

/// Where the slices of a phase lie above where they lie in the first.
type Shift = [f64; 4];
pub(crate) const IN_PLACE: Shift = [0.0; 4];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Right {
    /// Every place of one phase, each where it was scanned.
    Whole,
    /// As above, of phases that lie so much higher.
    WholeShifted(Shift),
    /// Fewer places of one phase, each where it was scanned, and said so.
    Flagged,
    /// Every other place of one phase, each where it was scanned, and said so.
    EveryOther,
    Refused(ReasonCode),
    /// One phase whole, or refused by that name.
    WholeOr(ReasonCode, Shift),
}

pub(crate) struct Variant {
    name: String,
    upload: Vec<u8>,
    right: Right,
}

impl Variant {
    pub(crate) fn of_files(name: &str, files: Vec<Vec<u8>>, right: Right) -> Self {
        Self::of_upload(name, zip_of(&numbered(files)), right)
    }

    pub(crate) fn of_upload(name: &str, upload: Vec<u8>, right: Right) -> Self {
        Self {
            name: name.into(),
            upload,
            right,
        }
    }
}

/// Loads every variant, and fails with all that went wrong.
pub(crate) fn check(variants: &[Variant]) {
    let wrong: Vec<String> = variants
        .iter()
        .filter_map(|variant| {
            let problem = judge(variant.right, load(&variant.upload)).err()?;
            Some(format!("{}: {problem}", variant.name))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} variants:\n{}",
        wrong.len(),
        variants.len(),
        wrong.join("\n")
    );
}

fn load(bytes: &[u8]) -> Result<LoadedSeries, ImagingError> {
    let upload = Upload::file(bytes);
    let studies = list_studies(&upload.path, &Limits::default())?;
    assert_eq!(studies.len(), 1, "studies in the upload");
    load_chest_series(&studies[0], &Limits::default())
}

fn judge(right: Right, result: Result<LoadedSeries, ImagingError>) -> Result<(), String> {
    match (right, result) {
        (Right::Refused(code) | Right::WholeOr(code, _), Err(error)) => {
            let got = error.reason().code;
            (got == code)
                .then_some(())
                .ok_or_else(|| format!("refused by {got:?}: {error}"))
        }
        (Right::Refused(code), Ok(series)) => {
            let places = marks(&series);
            Err(format!("read instead of {code:?}: {places:?}"))
        }
        (_, Err(error)) => Err(format!("refused by {:?}: {error}", error.reason().code)),
        (Right::Whole, Ok(series)) => whole(&series, IN_PLACE, PLACES),
        (Right::EveryOther, Ok(series)) => {
            if series.acquisition.unread_between == 0 {
                return Err("slices between those read are gone and nothing says so".into());
            }
            whole(&series, IN_PLACE, PLACES / 2)
        }
        (Right::WholeShifted(shift) | Right::WholeOr(_, shift), Ok(series)) => whole(&series, shift, PLACES),
        (Right::Flagged, Ok(series)) => {
            let acquisition = &series.acquisition;
            let lost = [
                acquisition.missing_slices,
                acquisition.undecodable_slices,
                acquisition.damaged_slices,
            ];
            if lost == [0; 3] {
                return Err("slices are gone and nothing says so".into());
            }
            let told = marks(&series);
            references_fit(&series)?;
            in_place(&told, IN_PLACE)
        }
    }
}

/// Height, phase and place of each slice by the marks in its picture.
fn marks(series: &LoadedSeries) -> Vec<(f64, f64, f64)> {
    let volume = &series.volume.hounsfield;
    let (_, rows, columns) = volume.dim();
    let (row, column) = (rows / 2, columns / 2);
    let mean =
        |slice: usize, rows: std::ops::RangeInclusive<usize>, columns: std::ops::RangeInclusive<usize>| {
            let window = volume.slice(ndarray::s![slice, rows, columns]);
            window.iter().map(|value| f64::from(*value)).sum::<f64>() / window.len() as f64
        };
    (0..volume.dim().0)
        .map(|slice| {
            let height = series.volume.geometry.position_mm([slice as f64, 0.0, 0.0])[2];
            let body = mean(slice, row + 8..=row + 12, column - 2..=column + 2);
            let mark = mean(slice, row..=row, column..=column);
            (
                height,
                (body - f64::from(BODY)) / f64::from(PHASE),
                (mark - f64::from(MARK)) / f64::from(PLACE),
            )
        })
        .collect()
}

/// The phase of all slices, which ascend.
fn one_phase(told: &[(f64, f64, f64)]) -> Result<usize, String> {
    let phase = told.first().map_or(-1.0, |(_, phase, _)| phase.round());
    if !(0.0..4.0).contains(&phase) || told.iter().any(|(_, other, _)| (other - phase).abs() > 0.1) {
        return Err(format!("phases are mixed: {told:?}"));
    }
    if told.windows(2).any(|pair| pair[1].2 - pair[0].2 < 0.5) {
        return Err(format!("slices do not ascend: {told:?}"));
    }
    Ok(phase as usize)
}

/// Whether every slice lies where it was scanned.
fn in_place(told: &[(f64, f64, f64)], shift: Shift) -> Result<(), String> {
    let phase = one_phase(told)?;
    let is_in_place =
        |(height, _, place): &(f64, f64, f64)| (place * STEP_MM + shift[phase] - height).abs() < 0.3;
    if told.iter().all(is_in_place) {
        Ok(())
    } else {
        Err(format!("slices are not in their places: {told:?}"))
    }
}

/// Whether each slice names an image of its own place, not further off than a neighbour may be.
fn references_fit(series: &LoadedSeries) -> Result<(), String> {
    let places: Vec<(f64, Option<f64>)> = series
        .slices
        .iter()
        .enumerate()
        .map(|(slice, reference)| {
            assert_eq!(reference.slice, slice);
            let height = series.volume.geometry.position_mm([slice as f64, 0.0, 0.0])[2];
            (height, reference.table_position_mm)
        })
        .collect();
    let fits = |(height, table): &(f64, Option<f64>)| table.is_some_and(|table| (table - height).abs() < 0.3);
    if places.iter().all(fits) {
        Ok(())
    } else {
        Err(format!("slices name images of other places: {places:?}"))
    }
}

fn whole(series: &LoadedSeries, shift: Shift, count: usize) -> Result<(), String> {
    let told = marks(series);
    if told.len() != count {
        return Err(format!("{} slices: {told:?}", told.len()));
    }
    in_place(&told, shift)?;
    references_fit(series)?;
    let (_, rows, columns) = series.volume.hounsfield.dim();
    let at = [rows, columns]
        .map(|count| count / 2)
        .iter()
        .zip(SIDE_AT)
        .map(|(middle, offset)| middle.saturating_add_signed(offset))
        .collect::<Vec<_>>();
    let side = series.volume.hounsfield[[told.len() / 2, at[0], at[1]]];
    if (i32::from(side) - SIDE).abs() > 5 {
        return Err(format!("the mark in front on the left is not there: {side}"));
    }
    Ok(())
}
