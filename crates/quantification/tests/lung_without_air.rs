//! Lung without air that touches what is as dense as itself: a consolidation on the dome of the diaphragm, at the chest wall, and
//! fluid behind collapsed lung.

use norma_domain::{MeasureCode, MeasureState, NotMeasurable, Quantification};
use norma_phantom::{PhantomOptions, phantom_volume};
use norma_quantification::quantify;
use norma_volume::{LEFT_LUNG, RIGHT_LUNG, Volume, segment_lungs};

const CONSOLIDATION_HU: i16 = 35;
const COLLAPSED_HU: i16 = 45;
const FLUID_HU: i16 = 8;
/// Denser than after a deep breath by so much.
const SHALLOW_HU: i16 = 110;

fn norm() -> Volume {
    phantom_volume(&PhantomOptions {
        size: 400,
        ..PhantomOptions::default()
    })
}

fn measured(volume: &Volume) -> Quantification {
    let (mut quantification, found) = quantify(volume, &segment_lungs(volume), None);
    quantification.findings = found.into_iter().map(|found| found.finding).collect();
    quantification
}

fn by_side(of: &Quantification, code: MeasureCode) -> [f64; 2] {
    of.measure(code)
        .and_then(|measure| measure.by_side)
        .unwrap_or_else(|| panic!("{code:?} by side"))
}

/// The lung of one side.
struct Lung {
    /// Voxels, `[z, y, x]`.
    voxels: Vec<[usize; 3]>,
    low: [usize; 3],
    high: [usize; 3],
    spacing_mm: [f64; 3],
}

impl Lung {
    fn of(volume: &Volume, label: u8) -> Self {
        let mask = segment_lungs(volume).mask;
        let voxels: Vec<[usize; 3]> = mask
            .indexed_iter()
            .filter(|&(at, of)| *of == label && volume.hounsfield[at] < -500)
            .map(|((z, y, x), _)| [z, y, x])
            .collect();
        let end = |pick: fn(usize, usize) -> usize| {
            [0, 1, 2].map(|axis| voxels.iter().map(|at| at[axis]).reduce(pick).expect("a lung"))
        };
        Self {
            low: end(usize::min),
            high: end(usize::max),
            voxels,
            spacing_mm: volume.geometry.spacing_mm.zyx(),
        }
    }

    /// The lowest voxel of a column on the dome, beside the heart. Columns ascend to the patient's left.
    fn base(&self, label: u8) -> [usize; 3] {
        let lateral = if label == RIGHT_LUNG { 4 } else { 6 };
        let x = self.low[2] + (self.high[2] - self.low[2]) * lateral / 10;
        let y = usize::midpoint(self.low[1], self.high[1]);
        let column = self.voxels.iter().filter(|at| at[1] == y && at[2] == x);
        *column.min_by_key(|at| at[0]).expect("lung on the dome")
    }

    /// Millimetres along each axis.
    fn apart_mm(&self, from: [usize; 3], to: [usize; 3]) -> [f64; 3] {
        [0, 1, 2].map(|axis| (to[axis] as f64 - from[axis] as f64) * self.spacing_mm[axis])
    }

    fn ml(&self, voxels: usize) -> f64 {
        voxels as f64 * self.spacing_mm.iter().product::<f64>() / 1000.0
    }

    /// Millimetres of lung behind each voxel in its row, by voxel: how far it lies from the back wall.
    fn behind_mm(&self, at: [usize; 3], last: &ndarray::Array2<usize>) -> f64 {
        (last[[at[0], at[2]]] as f64 - at[1] as f64) * self.spacing_mm[1]
    }

    /// The last row of lung by slice and column.
    fn last_rows(&self, volume: &Volume) -> ndarray::Array2<usize> {
        let [slices, _, columns] = volume.geometry.shape;
        let mut last = ndarray::Array2::<usize>::zeros((slices, columns));
        for &[z, y, x] in &self.voxels {
            last[[z, x]] = last[[z, x]].max(y);
        }
        last
    }
}

/// Lays a density over the voxels of a lung that are chosen; gives their millilitres.
fn lay(volume: &mut Volume, lung: &Lung, hounsfield: i16, chosen: impl Fn([usize; 3]) -> bool) -> f64 {
    let voxels: Vec<_> = lung.voxels.iter().copied().filter(|at| chosen(*at)).collect();
    for &at in &voxels {
        volume.hounsfield[at] = hounsfield;
    }
    lung.ml(voxels.len())
}

fn assert_about(measured_ml: f64, drawn_ml: f64, [low, high]: [f64; 2]) {
    assert!(
        (low..high).contains(&(measured_ml / drawn_ml)),
        "{measured_ml} of {drawn_ml} ml"
    );
}

#[test]
fn with_a_consolidation_on_a_dome_no_opacity_is_measured_to_be_norm() {
    let norm = norm();
    for label in [RIGHT_LUNG, LEFT_LUNG] {
        let mut sick = norm.clone();
        let lung = Lung::of(&norm, label);
        let base = lung.base(label);
        let drawn_ml = lay(&mut sick, &lung, CONSOLIDATION_HU, |at| {
            lung.apart_mm(base, at)
                .iter()
                .map(|mm| mm * mm)
                .sum::<f64>()
                .sqrt()
                < 30.0
        });
        let found = measured(&sick);
        let opacity = found
            .measure(MeasureCode::LargestOpacity)
            .expect("it is always listed");
        let is_left_open =
            opacity.state == MeasureState::NotMeasurable && opacity.why == Some(NotMeasurable::Obscured);
        assert!(
            is_left_open || opacity.state == MeasureState::Outside,
            "{drawn_ml} ml: {opacity:?}"
        );
    }
}

#[test]
fn a_consolidation_along_the_wall_is_an_opacity_and_fluid_behind_collapsed_lung_is_fluid() {
    let norm = norm();
    let mut sick = norm.clone();
    let left = Lung::of(&norm, LEFT_LUNG);
    let last = left.last_rows(&norm);
    let low = left.low[0] + (left.high[0] - left.low[0]) / 3;
    let high = left.low[0] + (left.high[0] - left.low[0]) * 3 / 5;
    let consolidated_ml = lay(&mut sick, &left, CONSOLIDATION_HU, |at| {
        (low..high).contains(&at[0]) && left.behind_mm(at, &last) < 30.0
    });
    let right = Lung::of(&norm, RIGHT_LUNG);
    let last = right.last_rows(&norm);
    let middle = usize::midpoint(right.low[0], right.high[0]);
    let fluid_ml = lay(&mut sick, &right, FLUID_HU, |at| {
        at[0] < middle && right.behind_mm(at, &last) < 14.0
    });
    lay(&mut sick, &right, COLLAPSED_HU, |at| {
        at[0] < middle && (14.0..34.0).contains(&right.behind_mm(at, &last))
    });
    let found = measured(&sick);
    let opacity = by_side(&found, MeasureCode::LargestOpacity);
    // Only what lies well above the lung's edge counts, so that a part of it is measured.
    assert!(
        opacity[1] > 25.0 && opacity[1] < 1.3 * consolidated_ml,
        "{} of {consolidated_ml} ml",
        opacity[1]
    );
    // Of the collapsed lung what is averaged with fluid counts as fluid.
    let fluid = by_side(&found, MeasureCode::PleuralFluid);
    assert_about(fluid[0], fluid_ml, [0.6, 2.0]);
    assert_eq!(
        fluid[1], 0.0,
        "a consolidation is no fluid: {fluid:?} of {consolidated_ml} ml"
    );
}

#[test]
fn a_norm_chest_holds_none_of_it() {
    let found = measured(&norm());
    let opacity = found
        .measure(MeasureCode::LargestOpacity)
        .expect("it is always listed");
    assert_eq!(opacity.state, MeasureState::Within, "{opacity:?}");
    assert_eq!(by_side(&found, MeasureCode::PleuralFluid), [0.0, 0.0]);
}

#[test]
fn a_fatty_liver_is_no_fluid_and_a_shallow_breath_no_opacity() {
    let mut norm = norm();
    let [_, rows, columns] = norm.geometry.shape;
    let lung = Lung::of(&norm, RIGHT_LUNG);
    let mut lowest = ndarray::Array2::<usize>::zeros((rows, columns));
    for &[z, y, x] in &lung.voxels {
        if lowest[[y, x]] == 0 {
            lowest[[y, x]] = z;
        }
        lowest[[y, x]] = lowest[[y, x]].min(z);
    }
    let lungs = segment_lungs(&norm).mask;
    for ((z, y, x), value) in norm.hounsfield.indexed_iter_mut() {
        if z < lowest[[y, x]] && (20..110).contains(value) {
            *value = FLUID_HU;
        } else if lungs[[z, y, x]] != 0 && *value < -500 {
            *value += SHALLOW_HU;
        }
    }
    let found = measured(&norm);
    assert_eq!(by_side(&found, MeasureCode::PleuralFluid), [0.0, 0.0]);
    let opacity = found
        .measure(MeasureCode::LargestOpacity)
        .expect("it is always listed");
    assert_ne!(opacity.state, MeasureState::Outside, "{opacity:?}");
    assert!(!found.is_pathology());
}
