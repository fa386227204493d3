//! The values of a series, read as its header says or, where that cannot be, as they must have been stored.

use ndarray::Axis;

use crate::acquisition_breaks::acquisition_breaks;
use crate::damaged_slices::{slices_from_elsewhere, slices_kept, slices_without_picture};
use crate::decode::{DecodedSeries, ValueReading, decode_series};
use crate::error::ImagingError;
use crate::limits::Limits;
use crate::picture_order::{KnownSteps, OrderDoubt};
use crate::scan_levels::has_levels_of_a_scan;
use crate::slice_order::{PlacedSlice, gaps};
use crate::study::Instance;
use crate::value_check::{
    alternates, clear_filling, count_holes, count_implausible, count_jumps, count_soft_tissue,
};
use crate::value_scale::contradicts_one_scale;
use crate::volume_geometry::SliceGrid;

/// Fewer edges of bone and air than this are artefacts of metal.
const LEAST_HOLES: usize = 200;
/// Part of the voxels of a body that is soft tissue: a reading that leaves none is no better than the header's.
const LEAST_SOFT_TISSUE_SHARE: f64 = 0.01;

/// A series with its values as they must be.
pub(crate) struct ReadValues {
    pub(crate) decoded: DecodedSeries,
    /// Slices in which values were read otherwise than the header says.
    pub(crate) corrected_slices: usize,
    /// Slices that were left out because they show nothing of what was scanned in their place.
    pub(crate) damaged_slices: usize,
    /// Whether no slice contradicts that the values are those of a scan.
    pub(crate) is_plausible: bool,
    /// Whether the slices belong to two pictures by turns.
    pub(crate) alternates: bool,
    /// What else speaks against their order.
    pub(crate) order_doubt: Option<OrderDoubt>,
}

/// Decodes `slices` and holds them against what a scan looks like. Where the header's word on sign or bits makes
/// values that no scan has, and the other reading does not, the other reading is taken and counted. `spacing_mm` is the usual
/// distance of neighbours.
pub(crate) fn read_values(
    instances: &[Instance],
    slices: &[PlacedSlice],
    grid: &SliceGrid,
    spacing_mm: f64,
    limits: &Limits,
) -> Result<ReadValues, ImagingError> {
    let read = |reading: ValueReading| -> Result<Judged, ImagingError> {
        let mut decoded = decode_series(instances, slices, grid, reading, limits)?;
        let damaged = leave_out(&slices_without_picture(&decoded.hounsfield), &mut decoded);
        let as_stored = count_implausible(&decoded.hounsfield);
        let filled = clear_filling(&mut decoded.hounsfield);
        Ok(Judged {
            as_stored,
            implausible: if filled > 0 {
                count_implausible(&decoded.hounsfield)
            } else {
                as_stored
            },
            holes: count_holes(&decoded.hounsfield),
            filled,
            damaged,
            is_corrected: reading != ValueReading::default(),
            decoded,
        })
    };
    let mut best = read(ValueReading::default())?;
    if best.as_stored > 0 || best.holes >= LEAST_HOLES {
        let flipped = read(ValueReading {
            flips_sign: true,
            ..ValueReading::default()
        })?;
        // What goes below the end of the scale is air all over, which contradicts nothing.
        let is_better = flipped.holds_tissue() && (best.as_stored > 0 || flipped.holes * 10 < best.holes);
        if flipped.as_stored == 0 && is_better {
            best = flipped;
        }
    }
    if best.as_stored > 0 || best.decoded.uses_other_bits {
        // Values in the other order of bytes are noise, of which no two neighbours are alike.
        let swapped = read(ValueReading {
            swaps_bytes: true,
            ..ValueReading::default()
        })?;
        let jumps = |judged: &Judged| count_jumps(&judged.decoded.hounsfield);
        let is_plausible = swapped.as_stored == 0 && !swapped.decoded.uses_other_bits;
        if is_plausible && swapped.holds_tissue() && jumps(&swapped) * 4 < jumps(&best) {
            best = swapped;
        }
    }
    if best.decoded.uses_other_bits {
        let whole = read(ValueReading {
            takes_all_bits: true,
            ..ValueReading::default()
        })?;
        // What is read from too few bits jumps wherever it goes over their end; what an overlay writes above them
        // jumps where it is read.
        let jumps = |judged: &Judged| count_jumps(&judged.decoded.hounsfield);
        // And too few bits turn soft tissue, which every patient has, into something else.
        let soft_tissue = |judged: &Judged| count_soft_tissue(&judged.decoded.hounsfield);
        let is_better = jumps(&whole) * 2 < jumps(&best) || soft_tissue(&whole) > 2 * soft_tissue(&best);
        if whole.implausible <= best.implausible && is_better {
            best = whole;
        }
    }
    let corrected_slices = if best.is_corrected {
        best.decoded.slices.len()
    } else {
        best.filled
    };
    let is_plausible = best.implausible == 0
        && has_levels_of_a_scan(&best.decoded.hounsfield)
        && !contradicts_one_scale(&best.decoded.hounsfield);
    let mut decoded = best.decoded;
    // Asked before and after: what is left out between them breaks the turns, or mends them. Values that no scan has are named
    // as such, whatever they do by turns.
    let can_alternate = best.implausible == 0;
    let alternated = can_alternate && alternates(&decoded.hounsfield, spacing_mm);
    let elsewhere = slices_from_elsewhere(&decoded.hounsfield)?;
    leave_out(&elsewhere.left_out, &mut decoded);
    let pairs = decoded.slices.windows(2);
    let steps_mm = pairs.map(|pair| pair[1].along_mm - pair[0].along_mm);
    let known = KnownSteps {
        gaps: &gaps(steps_mm, spacing_mm),
        breaks: &acquisition_breaks(instances, &decoded.slices),
    };
    let order_doubt = elsewhere.order_doubt(&decoded.hounsfield, known);
    Ok(ReadValues {
        order_doubt,
        alternates: alternated
            || (can_alternate
                && !elsewhere.left_out.is_empty()
                && alternates(&decoded.hounsfield, spacing_mm)),
        corrected_slices,
        damaged_slices: best.damaged + elsewhere.count(),
        is_plausible,
        decoded,
    })
}

/// Leaves out slices, and gives their number.
fn leave_out(left_out: &[usize], decoded: &mut DecodedSeries) -> usize {
    if left_out.is_empty() {
        return 0;
    }
    let kept = slices_kept(decoded.slices.len(), left_out);
    decoded.hounsfield = decoded.hounsfield.select(Axis(0), &kept);
    decoded.slices = kept.into_iter().map(|slice| decoded.slices[slice]).collect();
    left_out.len()
}

struct Judged {
    decoded: DecodedSeries,
    /// Slices that no scan has, before and after a filling was cleared.
    as_stored: usize,
    implausible: usize,
    holes: usize,
    filled: usize,
    /// Slices without a picture, which were left out.
    damaged: usize,
    is_corrected: bool,
}

impl Judged {
    fn holds_tissue(&self) -> bool {
        let soft_tissue = count_soft_tissue(&self.decoded.hounsfield) as f64;
        soft_tissue >= LEAST_SOFT_TISSUE_SHARE * self.decoded.hounsfield.len() as f64
    }
}
