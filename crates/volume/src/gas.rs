//! Gas that is no lung: stomach and bowel under a dome of the diaphragm.

use ndarray::{Array3, ArrayView2, Axis};

use crate::coarse::CoarseVolume;
use crate::components::Components;
use crate::morphology_3d::{dilate_within, erode};

/// A coarse voxel of pure gas lies below; lung parenchyma above, severe emphysema excepted.
const GAS_HU: i16 = -950;
/// A wall that parts two gases, thinned by partial volume, lies this much above the median of lung; at most at
/// [`HIGHEST_WALL_HU`].
const WALL_ABOVE_LUNG_HU: i16 = 160;
const HIGHEST_WALL_HU: i16 = -500;
/// Pieces of gas smaller than this do no harm.
const LEAST_GAS_ML: f64 = 2.0;
/// A wall begins within this distance of the gas, else the gas lies open to what is beside it.
const WALL_WITHIN_MM: f64 = 6.0;
/// Lung is looked for behind this much of wall: the dome with what lies under it.
const REACH_MM: f64 = 45.0;
/// Bowel has a wall on all sides but for leaks of partial volume; a bulla has lung beside it.
const LARGEST_OPEN_SHARE: f64 = 0.35;
/// Below bowel there is no lung.
const LARGEST_LUNG_BELOW_SHARE: f64 = 0.3;
/// Above bowel that was taken for lung there is lung; behind the diaphragm, of which some shows however thin it is.
/// What lies wholly open to lung above is a pneumothorax.
const LEAST_LUNG_ABOVE_SHARE: f64 = 0.25;
const LARGEST_OPEN_ABOVE_SHARE: f64 = 0.9;
/// Airways, and cavities within a lung, have lung on both sides.
const LARGEST_LUNG_ON_BOTH_SIDES_SHARE: f64 = 0.85;
/// Bowel lies in the lower part of what was taken for lung.
const HIGHEST_CENTER: f64 = 0.55;

/// Gas of stomach and bowel that lies against the lungs and was left out of their mask.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BowelGas {
    /// Volume in millilitres.
    pub millilitres: f64,
    mask: Array3<u8>,
    block: [usize; 3],
}

impl BowelGas {
    /// Whether a voxel `[z, y, x]` of the volume belongs to the gas, with its partial volume at the wall; on a grid of
    /// about 2.5 mm.
    pub fn contains(&self, voxel: [usize; 3]) -> bool {
        self.millilitres > 0.0
            && self
                .mask
                .get(std::array::from_fn::<_, 3, _>(|axis| {
                    voxel[axis] / self.block[axis]
                }))
                .is_some_and(|&value| value != 0)
    }

    /// Takes the gas out of a mask on the volume's grid.
    pub(crate) fn remove_from(&self, mask: &mut Array3<u8>) {
        if self.millilitres == 0.0 {
            return;
        }
        let [depth, height, width] = self.block;
        for ((z, y, x), _) in self.mask.indexed_iter().filter(|(_, value)| **value != 0) {
            mask.slice_mut(ndarray::s![
                z * depth..(z + 1) * depth,
                y * height..(y + 1) * height,
                x * width..(x + 1) * width
            ])
            .fill(0);
        }
    }
}

/// What lies around a piece of gas, over its faces in the six directions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Surroundings {
    /// Faces by direction: down, up, front, back, low x, high x.
    faces: [usize; 6],
    /// No wall within [`WALL_WITHIN_MM`].
    open: [usize; 6],
    /// Lung behind a wall.
    lung_behind: [usize; 6],
}

const DOWN: usize = 0;
const UP: usize = 1;
const LOW_X: usize = 4;
const HIGH_X: usize = 5;

impl Surroundings {
    /// Over the faces to front, back and both sides.
    fn open_beside_share(&self) -> f64 {
        share(self.open[2..].iter().sum(), self.faces[2..].iter().sum())
    }

    fn lung_share(&self, direction: usize) -> f64 {
        share(
            self.lung_behind[direction] + self.open[direction],
            self.faces[direction],
        )
    }

    /// The lesser of the shares of both sides.
    fn lung_on_both_sides_share(&self) -> f64 {
        self.lung_share(LOW_X).min(self.lung_share(HIGH_X))
    }

    /// Walled beside, lung above behind the diaphragm, none below nor on both sides.
    fn is_below_diaphragm(&self) -> bool {
        self.open_beside_share() <= LARGEST_OPEN_SHARE
            && self.lung_share(DOWN) <= LARGEST_LUNG_BELOW_SHARE
            && self.lung_on_both_sides_share() <= LARGEST_LUNG_ON_BOTH_SIDES_SHARE
            && self.lung_share(UP) >= LEAST_LUNG_ABOVE_SHARE
            && share(self.open[UP], self.faces[UP]) <= LARGEST_OPEN_ABOVE_SHARE
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Finds the gas below the diaphragm within a mask of what was taken for lung (not 0, on the volume's grid).
///
/// Gas is what is darker than lung over whole blocks of 2.5 mm. A piece of it lies below the diaphragm where it has a
/// wall all around, lung above behind that wall, and none below. A bulla or an emphysema lies open to lung, a
/// pneumothorax has the chest wall above or lies open to lung, a cavity has lung below.
pub(crate) fn find_bowel_gas(coarse: &CoarseVolume, taken_for_lung: &Array3<u8>) -> BowelGas {
    let taken = coarse.sample(taken_for_lung);
    let gas = ndarray::Zip::from(&coarse.hounsfield)
        .and(&taken)
        .map_collect(|&value, &taken| u8::from(taken != 0 && value < GAS_HU));
    let core = erode(&gas, 1);
    let pieces = Components::of(core.view());
    let least = (LEAST_GAS_ML / coarse.voxel_ml() / 4.0).max(1.0) as usize;
    let highest_center = highest_center(&taken);
    let grid = Grid {
        coarse,
        taken: &taken,
        gas: &gas,
        wall_hu: wall_level(coarse, &taken),
    };
    let surroundings = measure_surroundings(&grid, &core, &pieces);
    let is_bowel: Vec<bool> = pieces
        .statistics
        .iter()
        .zip(&surroundings)
        .map(|(piece, around)| {
            piece.voxels >= least && piece.centroid()[0] <= highest_center && around.is_below_diaphragm()
        })
        .collect();
    if !is_bowel.contains(&true) {
        return BowelGas::default();
    }
    let seed = pieces.mask(core.dim(), |piece| is_bowel[piece]);
    // The core's rim, then the partial volume at the wall.
    let mask = dilate_within(&seed, 3, |place| {
        taken[place] != 0 && (gas[place] != 0 || coarse.hounsfield[place] > GAS_HU)
    });
    BowelGas {
        millilitres: mask.iter().filter(|&&value| value != 0).count() as f64 * coarse.voxel_ml(),
        mask,
        block: coarse.block,
    }
}

/// The slice above which no bowel has its centre.
fn highest_center(taken: &Array3<u8>) -> f64 {
    let has_lung = |plane: ArrayView2<'_, u8>| plane.iter().any(|&value| value != 0);
    let planes = || taken.axis_iter(Axis(0));
    let first = planes().position(has_lung).unwrap_or(0);
    let last = planes().rposition(has_lung).unwrap_or(0);
    first as f64 + HIGHEST_CENTER * (last - first) as f64
}

/// Where a wall begins, by the median of what was taken for lung and is no gas.
fn wall_level(coarse: &CoarseVolume, taken: &Array3<u8>) -> i16 {
    const STEP: i16 = 10;
    let mut counts = [0usize; 45];
    for (&value, &taken) in coarse.hounsfield.iter().zip(taken) {
        if taken != 0 && (GAS_HU..HIGHEST_WALL_HU).contains(&value) {
            counts[((value - GAS_HU) / STEP) as usize] += 1;
        }
    }
    let half = counts.iter().sum::<usize>() / 2;
    let mut below = 0;
    let bin = counts.iter().position(|count| {
        below += count;
        below > half
    });
    let median = GAS_HU + STEP * bin.unwrap_or(0) as i16;
    (median + WALL_ABOVE_LUNG_HU).min(HIGHEST_WALL_HU)
}

/// What a look from a piece of gas outwards crosses.
struct Grid<'a> {
    coarse: &'a CoarseVolume,
    taken: &'a Array3<u8>,
    gas: &'a Array3<u8>,
    wall_hu: i16,
}

fn measure_surroundings(grid: &Grid<'_>, core: &Array3<u8>, pieces: &Components) -> Vec<Surroundings> {
    let shape = grid.coarse.shape();
    let near_gas = dilate_within(grid.gas, 2, |_| true);
    let is_lung = |place: [usize; 3]| grid.taken[place] != 0 && near_gas[place] == 0;
    let mut surroundings = vec![Surroundings::default(); pieces.statistics.len()];
    for run in &pieces.runs {
        let around = &mut surroundings[run.component as usize];
        for x in run.start as usize..run.end as usize {
            let place = [run.z as usize, run.y as usize, x];
            for direction in 0..6 {
                let (axis, forward) = (direction / 2, direction % 2 == 1);
                if step(place, axis, forward, shape).is_some_and(|next| core[next] != 0) {
                    continue;
                }
                around.faces[direction] += 1;
                match grid.look(place, axis, forward, &is_lung) {
                    Seen::Open => around.open[direction] += 1,
                    Seen::LungBehindWall => around.lung_behind[direction] += 1,
                    Seen::Tissue => {}
                }
            }
        }
    }
    surroundings
}

fn step(place: [usize; 3], axis: usize, forward: bool, shape: [usize; 3]) -> Option<[usize; 3]> {
    let mut next = place;
    next[axis] = if forward {
        place[axis] + 1
    } else {
        place[axis].checked_sub(1)?
    };
    (next[axis] < shape[axis]).then_some(next)
}

enum Seen {
    Open,
    LungBehindWall,
    Tissue,
}

impl Grid<'_> {
    /// What is seen from a place in gas along an axis: behind its own gas a wall or none, and behind the wall, through
    /// other gas as well, lung or none.
    fn look(
        &self,
        from: [usize; 3],
        axis: usize,
        forward: bool,
        is_lung: &impl Fn([usize; 3]) -> bool,
    ) -> Seen {
        let mut place = from;
        let mut in_own_gas = true;
        let mut wall = false;
        let mut outside_mm = 0.0;
        while let Some(next) = step(place, axis, forward, self.coarse.shape()) {
            place = next;
            in_own_gas &= self.gas[place] != 0;
            if in_own_gas {
                continue;
            }
            wall |= self.coarse.hounsfield[place] > self.wall_hu;
            if self.gas[place] == 0 {
                outside_mm += self.coarse.spacing_mm[axis];
            }
            if !wall && outside_mm > WALL_WITHIN_MM {
                return Seen::Open;
            }
            if wall && is_lung(place) {
                return Seen::LungBehindWall;
            }
            if outside_mm > REACH_MM {
                break;
            }
        }
        Seen::Tissue
    }
}
