//! What of a study should be in the chosen volume and is not: slices of the same series on another grid, and a series
//! of which every few slices stand by themselves.

use std::collections::BTreeSet;

use norma_domain::SeriesInstanceUid;

use crate::error::ImagingError;
use crate::series_joining::LEAST_PIECES;
use crate::slice_order::{PlacedSlice, Vector, dot, measure_spacing};
use crate::study_joining::is_crumb;

/// Nearer than this part of a step is the same place.
const SAME_PLACE_SHARE: f64 = 0.1;
/// A slice within so many steps of the stack's end goes on with it.
const NEXT_STEPS: f64 = 1.5;
/// Up to this part of a series may be lost to it and the rest be read.
const LARGEST_LOST_SHARE: f64 = 0.25;
/// Fragments that together reach so many times further than one of them are a series in pieces.
const LEAST_REACH: f64 = 3.0;

/// A candidate with its slices in order.
pub(crate) struct LaidSeries<'study> {
    /// Volumes of one grid have the same.
    pub(crate) group_number: usize,
    pub(crate) series: Option<&'study SeriesInstanceUid>,
    /// Whether the series was put together from several Series Instance UIDs.
    pub(crate) is_scattered: bool,
    pub(crate) kernel: Option<&'study str>,
    pub(crate) slices: &'study [PlacedSlice],
}

/// Counts the slices of the chosen series that lie within its stack or go on with it, and are in no image of the volume
/// because their matrix, pixel spacing or orientation is another.
///
/// # Errors
/// Where they are more than a quarter of the series: what is left is no volume of it.
pub(crate) fn slices_on_other_grids(
    all: &[LaidSeries<'_>],
    chosen: usize,
    normal: Vector,
) -> Result<usize, ImagingError> {
    let of = &all[chosen];
    let mut others = heights(
        all.iter()
            .filter(|other| is_on_another_grid(other, of) && other.kernel == of.kernel),
        normal,
    );
    let (Some(first), Some(last)) = (of.slices.first(), of.slices.last()) else {
        return Ok(0);
    };
    if others.is_empty() {
        return Ok(0);
    }
    others.sort_by(f64::total_cmp);
    let usual = |places: &[f64]| {
        let mut steps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_by(f64::total_cmp);
        steps.get(steps.len() / 2).copied()
    };
    let step = measure_spacing(of.slices)
        .median_mm
        .or_else(|| usual(&others))
        .unwrap_or(0.0);
    let is_free = |place: f64| is_free(place, of.slices, step);
    let (mut low, mut high) = (first.along_mm, last.along_mm);
    let reach = NEXT_STEPS * step;
    let mut lost = 0;
    for place in others.iter().copied().filter(|place| *place >= low) {
        if place <= high + reach {
            lost += usize::from(is_free(place));
            high = high.max(place);
        }
    }
    for place in others
        .iter()
        .rev()
        .copied()
        .filter(|place| *place < first.along_mm)
    {
        if place >= low - reach {
            lost += usize::from(is_free(place));
            low = place;
        }
    }
    let whole = of.slices.len() + lost;
    if lost as f64 > LARGEST_LOST_SHARE * whole as f64 {
        return Err(ImagingError::InconsistentSeries(
            format!(
                "{lost} of its {whole} slices have another matrix, pixel spacing or orientation than the rest, so \
                 they make no volume together"
            )
            .into(),
        ));
    }
    Ok(lost)
}

/// Counts the slices of the chosen series that lie between those of its volume and are in none of its places: those of
/// another kernel or of another phase, which the volume may not hold.
pub(crate) fn unread_between(all: &[LaidSeries<'_>], chosen: usize, normal: Vector) -> usize {
    let of = &all[chosen];
    let (Some(first), Some(last)) = (of.slices.first(), of.slices.last()) else {
        return 0;
    };
    let step = measure_spacing(of.slices).median_mm.unwrap_or(0.0);
    let others = all
        .iter()
        .enumerate()
        .filter(|(index, other)| {
            let is_counted = is_on_another_grid(other, of) && other.kernel == of.kernel;
            *index != chosen && is_of_series(other, of) && !is_counted
        })
        .map(|(_, other)| other);
    heights(others, normal)
        .into_iter()
        .filter(|place| (first.along_mm..=last.along_mm).contains(place) && is_free(*place, of.slices, step))
        .count()
}

/// Whether both are of one series, as its UID says or, where every few slices have one of their own, may be.
fn is_of_series(other: &LaidSeries<'_>, of: &LaidSeries<'_>) -> bool {
    let is_named = other.series.is_some() && other.series == of.series;
    is_named || (other.is_scattered && of.is_scattered)
}

fn is_on_another_grid(other: &LaidSeries<'_>, of: &LaidSeries<'_>) -> bool {
    other.group_number != of.group_number && other.series.is_some() && other.series == of.series
}

/// Where the slices of `series` lie along `normal`, which is turned to the head.
fn heights<'series, 'study: 'series>(
    series: impl Iterator<Item = &'series LaidSeries<'study>>,
    normal: Vector,
) -> Vec<f64> {
    let up = if normal[2] < 0.0 {
        normal.map(|part| -part)
    } else {
        normal
    };
    series
        .flat_map(|other| other.slices)
        .map(|slice| dot(slice.position, up))
        .collect()
}

/// Whether none of `slices`, `step` millimetres apart, lies there.
fn is_free(place: f64, slices: &[PlacedSlice], step: f64) -> bool {
    slices
        .iter()
        .all(|slice| (slice.along_mm - place).abs() > SAME_PLACE_SHARE * step)
}

/// Refuses a study whose series is in pieces, of which the chosen one is a few slices.
pub(crate) fn check_fragments(all: &[LaidSeries<'_>], chosen: usize) -> Result<(), ImagingError> {
    let of = &all[chosen];
    if !is_crumb(of.slices.len()) {
        return Ok(());
    }
    let fragments: Vec<&LaidSeries<'_>> = all.iter().filter(|other| is_crumb(other.slices.len())).collect();
    let reach = |slices: &mut dyn Iterator<Item = &PlacedSlice>| {
        let places: Vec<f64> = slices.map(|slice| slice.along_mm).collect();
        let highest = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = places.iter().copied().fold(f64::INFINITY, f64::min);
        highest - lowest
    };
    let together = reach(&mut fragments.iter().flat_map(|fragment| fragment.slices));
    let alone = fragments
        .iter()
        .map(|fragment| reach(&mut fragment.slices.iter()))
        .fold(0.0, f64::max);
    if fragments.len() < LEAST_PIECES || together <= 0.0 || together < LEAST_REACH * alone {
        return Ok(());
    }
    let uids: BTreeSet<_> = fragments.iter().filter_map(|fragment| fragment.series).collect();
    if uids.len() >= LEAST_PIECES {
        return Err(ImagingError::ScatteredSeries {
            uids: uids.len(),
            why: "its images have too little in common to tell which make one volume".into(),
        });
    }
    Err(ImagingError::InconsistentSeries(
        "every few of its slices have another matrix, pixel spacing, orientation or kernel, so they make no volume \
         together"
            .into(),
    ))
}
