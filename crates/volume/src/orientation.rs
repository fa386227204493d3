//! Whether the anatomy agrees with the sides, and the size, that the header states.

use ndarray::{Array2, Array3, Axis, s};

use crate::coarse::CoarseVolume;
use crate::spine_period::spine_period_mm;
use crate::{LungSegmentation, Volume};

/// Bone, also after the mean over a block.
const BONE_HU: i16 = 170;
/// Gas of the airways in the mean over a block.
const AIRWAY_HU: i16 = -880;
/// Slices with less lung than this share of the largest count for no height.
const LEAST_AREA_SHARE: f64 = 0.03;
/// A gap between the lungs smaller than this says nothing.
const LEAST_GAP_ML: f64 = 20.0;
/// A smaller lung that is less of both is none.
const LEAST_SMALLER_LUNG_SHARE: f64 = 0.15;
/// Bone of the spine and the breast bone together, in mm of depth along the midline.
const LEAST_BONE_MM: f64 = 4.0;

/// What the anatomy says about each axis of a volume whose axes are the patient's (slices to the head, rows to the
/// back, columns to the left). Each evidence is positive where the anatomy agrees with the header, negative where it
/// contradicts, and None where there is nothing to see.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OrientationEvidence {
    /// The mediastinum beside the spine (descending aorta) and the heart lie left of the spine, the right dome is the
    /// higher one.
    pub left_right: Option<f64>,
    /// The trachea runs in the upper part between the lungs, the heart widens the lower.
    pub foot_head: Option<f64>,
    /// The spine lies behind, the thin breast bone in front.
    pub front_back: Option<f64>,
    /// Extent of the lungs in millimetres `[height, depth, width]`.
    pub extent_mm: Option<[f64; 3]>,
    /// How far one vertebra lies from the next along the slices, in millimetres.
    pub vertebrae_apart_mm: Option<f64>,
}

/// Measures the anatomy against the header. Nothing is said of one lung alone, whose place tells no middle.
pub fn measure_orientation(volume: &Volume, lungs: &LungSegmentation) -> OrientationEvidence {
    if lungs.right_ml.min(lungs.left_ml) < LEAST_SMALLER_LUNG_SHARE * lungs.total_ml() {
        return OrientationEvidence::default();
    }
    let coarse = CoarseVolume::of(volume);
    let mask = coarse.sample(&lungs.mask);
    let Some(frame) = Frame::of(&coarse, &mask) else {
        return OrientationEvidence::default();
    };
    OrientationEvidence {
        left_right: frame.left_right(),
        foot_head: frame.foot_head(),
        front_back: frame.front_back(),
        extent_mm: Some(frame.extent_mm()),
        vertebrae_apart_mm: spine_period_mm(&coarse, &mask, frame.slices(0.0, 1.0)),
    }
}

/// The lungs' box on the coarse grid.
struct Frame<'a> {
    coarse: &'a CoarseVolume,
    mask: &'a Array3<u8>,
    /// First slice and number of slices.
    base: usize,
    height: usize,
    /// Middle and extent along rows and columns, the outer hundredths left out.
    middle: [f64; 2],
    extent: [f64; 2],
    /// Column of the spine.
    spine: f64,
}

impl<'a> Frame<'a> {
    fn of(coarse: &'a CoarseVolume, mask: &'a Array3<u8>) -> Option<Self> {
        let areas: Vec<usize> = mask
            .axis_iter(Axis(0))
            .map(|plane| plane.iter().filter(|&&value| value != 0).count())
            .collect();
        let largest = areas.iter().copied().max().filter(|&area| area > 0)?;
        let counts = |&area: &usize| area as f64 > LEAST_AREA_SHARE * largest as f64;
        let (base, last) = (areas.iter().position(counts)?, areas.iter().rposition(counts)?);
        let (rows, columns) = (mask.dim().1, mask.dim().2);
        let mut by_row = vec![0usize; rows];
        let mut by_column = vec![0usize; columns];
        for ((_, y, x), _) in mask.indexed_iter().filter(|(_, value)| **value != 0) {
            by_row[y] += 1;
            by_column[x] += 1;
        }
        let ((top, bottom), (low, high)) = (inner_range(&by_row)?, inner_range(&by_column)?);
        let mut frame = Self {
            coarse,
            mask,
            base,
            height: last - base + 1,
            middle: [(top + bottom) as f64 / 2.0, (low + high) as f64 / 2.0],
            extent: [(bottom - top + 1) as f64, (high - low + 1) as f64],
            spine: (low + high) as f64 / 2.0,
        };
        if frame.height < 8 || frame.extent[0] < 8.0 || frame.extent[1] < 8.0 {
            return None;
        }
        frame.spine = frame.spine_column();
        Some(frame)
    }

    fn extent_mm(&self) -> [f64; 3] {
        let spacing = self.coarse.spacing_mm;
        [
            self.height as f64 * spacing[0],
            self.extent[0] * spacing[1],
            self.extent[1] * spacing[2],
        ]
    }

    fn slices(&self, from: f64, to: f64) -> std::ops::Range<usize> {
        let at = |share: f64| self.base + (share * self.height as f64) as usize;
        at(from)..at(to).min(self.mask.dim().0)
    }

    /// Rows by their distance from the middle, as shares of the lungs' depth.
    fn rows(&self, from: f64, to: f64) -> std::ops::Range<usize> {
        range(self.middle[0], self.extent[0], from, to, self.mask.dim().1)
    }

    /// Columns about a column, as shares of the lungs' width.
    fn columns(&self, about: f64, half: f64) -> std::ops::Range<usize> {
        range(about, self.extent[1], -half, half, self.mask.dim().2)
    }

    /// Bone voxels in a range.
    fn bone(
        &self,
        slices: std::ops::Range<usize>,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
    ) -> Vec<[usize; 2]> {
        let first = [rows.start, columns.start];
        self.coarse
            .hounsfield
            .slice(s![slices, rows, columns])
            .indexed_iter()
            .filter(|(_, value)| **value > BONE_HU)
            .map(|((_, y, x), _)| [first[0] + y, first[1] + x])
            .collect()
    }

    /// The middle of the bone in the middle, in front and behind: vertebrae and breast bone lie in one plane.
    fn spine_column(&self) -> f64 {
        let columns = || self.columns(self.middle[1], 0.2);
        let slices = || self.slices(0.3, 0.8);
        let mut bone = self.bone(slices(), self.rows(-0.9, -0.45), columns());
        bone.extend(self.bone(slices(), self.rows(0.15, 0.9), columns()));
        if bone.len() < 20 {
            return self.middle[1];
        }
        bone.iter().map(|[_, x]| *x as f64).sum::<f64>() / bone.len() as f64
    }

    /// (behind − in front) / both, of the bone about the midline.
    fn front_back(&self) -> Option<f64> {
        let slices = || self.slices(0.3, 0.8);
        let columns = || self.columns(self.spine, 0.13);
        let behind = self.bone(slices(), self.rows(0.35, 0.9), columns()).len() as f64;
        let in_front = self.bone(slices(), self.rows(-0.9, -0.35), columns()).len() as f64;
        let lines = (slices().len() * columns().len()).max(1) as f64;
        let depth_mm = (behind + in_front) / lines * self.coarse.spacing_mm[1];
        (depth_mm >= LEAST_BONE_MM).then(|| (behind - in_front) / (behind + in_front))
    }

    /// What lies between the lungs left and right of the spine, in voxels.
    fn gap(&self, slices: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> [f64; 2] {
        let mut sides = [0.0; 2];
        for z in slices {
            for y in rows.clone() {
                let row = self.mask.slice(s![z, y, ..]);
                // Labels follow the header: 1 right, on the low side.
                let Some(right_end) = row.iter().rposition(|&value| value == crate::RIGHT_LUNG) else {
                    continue;
                };
                let Some(left_start) = row.iter().position(|&value| value == crate::LEFT_LUNG) else {
                    continue;
                };
                let (from, to) = (right_end as f64, left_start as f64);
                if to > from {
                    sides[0] += (to - self.spine.max(from)).max(0.0);
                    sides[1] += (self.spine.min(to) - from).max(0.0);
                }
            }
        }
        sides
    }

    fn gap_to_left(&self, slices: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Option<f64> {
        let [left, right] = self.gap(slices, rows);
        ((left + right) * self.coarse.voxel_ml() >= LEAST_GAP_ML).then(|| (left - right) / (left + right))
    }

    fn left_right(&self) -> Option<f64> {
        let aorta = self.gap_to_left(self.slices(0.3, 0.6), self.rows(0.1, 0.4))?;
        let heart = self.gap_to_left(self.slices(0.2, 0.5), self.rows(-0.5, 0.1))?;
        let dome = self.right_dome_above_left_mm().unwrap_or(0.0);
        Some(aorta + 0.7 * heart + (dome / 60.0).clamp(-0.4, 0.4))
    }

    /// How much higher the right dome stands than the left, in the back half, where no heart lies on it.
    fn right_dome_above_left_mm(&self) -> Option<f64> {
        let rim = (12.0 / self.coarse.spacing_mm[1]).round().max(1.0) as usize;
        let height = |side: u8| {
            let (slices, rows, columns) = self.mask.dim();
            // The lowest slice of the side's lung in each column.
            let mut bottoms = Array2::from_elem((rows, columns), slices);
            for (z, plane) in self.mask.axis_iter(Axis(0)).enumerate() {
                bottoms.zip_mut_with(&plane, |bottom, &value| {
                    if value == side && *bottom == slices {
                        *bottom = z;
                    }
                });
            }
            let mut inner: Vec<usize> = Vec::new();
            for y in (self.middle[0] as usize).max(rim)..rows.saturating_sub(rim) {
                for x in rim..columns.saturating_sub(rim) {
                    let around = [(y, x), (y - rim, x), (y + rim, x), (y, x - rim), (y, x + rim)];
                    if around.iter().all(|&place| bottoms[place] < slices) {
                        inner.push(bottoms[[y, x]]);
                    }
                }
            }
            inner.sort_unstable();
            inner.get(inner.len() * 85 / 100).map(|&z| z as f64)
        };
        let (right, left) = (height(crate::RIGHT_LUNG)?, height(crate::LEFT_LUNG)?);
        Some((right - left) * self.coarse.spacing_mm[0])
    }

    fn foot_head(&self) -> Option<f64> {
        let airway = |slices: std::ops::Range<usize>| {
            let planes = slices.len().max(1) as f64;
            let with_gas = slices
                .filter(|&z| {
                    let place = s![z, self.rows(-0.35, 0.45), self.columns(self.spine, 0.12)];
                    let lung = self.mask.slice(place);
                    let gas = self.coarse.hounsfield.slice(place);
                    gas.iter()
                        .zip(lung)
                        .any(|(&value, &lung)| lung == 0 && value < AIRWAY_HU)
                })
                .count();
            with_gas as f64 / planes
        };
        let trachea = airway(self.slices(0.75, 1.0)) - airway(self.slices(0.0, 0.25));
        let between = |slices| self.gap(slices, self.rows(-0.5, 0.5)).iter().sum::<f64>();
        let (low, high) = (between(self.slices(0.15, 0.4)), between(self.slices(0.6, 0.85)));
        if low.min(high) * self.coarse.voxel_ml() < LEAST_GAP_ML {
            return None;
        }
        Some(trachea + 0.5 * (low / high).ln().clamp(-1.0, 1.0))
    }
}

/// First and last index but for the outer hundredths of all counts.
fn inner_range(counts: &[usize]) -> Option<(usize, usize)> {
    let total: usize = counts.iter().sum();
    let at = |share: usize| {
        let mut sum = 0;
        counts.iter().position(|count| {
            sum += count;
            sum * 100 > total * share
        })
    };
    Some((at(1)?, at(99)?))
}

fn range(about: f64, extent: f64, from: f64, to: f64, length: usize) -> std::ops::Range<usize> {
    let at = |share: f64| (about + share * extent).clamp(0.0, length as f64) as usize;
    at(from)..at(to)
}
