//! What a blob looks like as a body: grown at half its contrast, with the vessels that enter it cut off.

use ndarray::{Array3, s};

use super::blobs::{Blob, symmetric_eigenvalues};
use super::distance::distance_to;

/// How far around a blob is looked at, in radii of the filter's ball, and at least.
const REACH_RADII: f64 = 2.4;
const LEAST_REACH_MM: f64 = 6.0;
/// Bodies are cut out of grids on which their radius has no more voxels than this, if a coarser one is at hand.
const MOST_RADIUS_VOXELS: f64 = 7.0;
/// What is narrower than this part of the body's inscribed ball is taken for a vessel or a strand.
const NECK: f32 = 0.5;
/// Calcium and contrast agent count as soft tissue when the threshold is chosen.
const SOFT_TISSUE_HU: f32 = 50.0;
/// A body stands out of the lung by at least this much.
const LEAST_CONTRAST_HU: f32 = 120.0;

/// The same place on finer and coarser grids.
pub(super) struct Pyramid {
    levels: Vec<Level>,
}

struct Level {
    /// HU, not blurred but by halving.
    hounsfield: Array3<f32>,
    /// 1 inside the lungs' hull.
    hull: Array3<u8>,
    spacing_mm: f64,
    /// Finest voxels per voxel, and where voxel 0 has its centre on the finest grid.
    scale: f64,
    shift: f64,
}

/// A body and its features. Lengths in millimetres, values in HU.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Body {
    /// Centroid `(z, y, x)` on the finest grid.
    pub(super) place: [f64; 3],
    /// Smallest and largest index `[z, y, x]` on the finest grid, outer faces.
    pub(super) low: [f64; 3],
    pub(super) high: [f64; 3],
    pub(super) volume_mm3: f64,
    /// Radius of the largest ball inside, mm.
    pub(super) inscribed_mm: f64,
    /// Shortest by longest half axis of the ellipsoid with the same moments.
    pub(super) axis_ratio: f64,
    /// Part of the surroundings (1.25 to 1.75 radii from the centroid, inside the hull) that is as dense.
    pub(super) dense_around: f64,
    /// Part of the surroundings that lies outside the hull: pleura, chest wall, mediastinum.
    pub(super) outside_around: f64,
    pub(super) mean_hu: f64,
    /// The 90th percentile.
    pub(super) high_hu: f64,
    /// Part of the body denser than −300 HU.
    pub(super) solid_part: f64,
    pub(super) extent: Extent,
}

/// The voxels of a body on its grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Extent {
    /// Those of the body, in a box around it.
    inside: Array3<bool>,
    /// The box's first voxel.
    low: [usize; 3],
    /// Finest voxels per voxel, and where voxel 0 has its centre on the finest grid.
    scale: f64,
    shift: f64,
}

impl Extent {
    /// Whether a place on the finest grid lies in one of the body's voxels.
    pub(super) fn holds(&self, place: [f64; 3]) -> bool {
        let index: [f64; 3] = std::array::from_fn(|axis| {
            ((place[axis] - self.shift) / self.scale).round() - self.low[axis] as f64
        });
        let is_in_box = index.iter().all(|index| *index >= 0.0);
        is_in_box
            && self
                .inside
                .get(index.map(|index| index as usize))
                .is_some_and(|inside| *inside)
    }
}

impl Body {
    /// Diameter of the ball of the same volume.
    pub(super) fn diameter_mm(&self) -> f64 {
        (self.volume_mm3 * 6.0 / std::f64::consts::PI).cbrt()
    }
}

impl Pyramid {
    /// Three grids, each of twice the spacing of the one before.
    pub(super) fn new(hounsfield: Array3<f32>, hull: Array3<u8>, spacing_mm: f64) -> Self {
        let mut levels = vec![Level {
            hounsfield,
            hull,
            spacing_mm,
            scale: 1.0,
            shift: 0.0,
        }];
        for _ in 0..2 {
            let finer = &levels[levels.len() - 1];
            let coarser = Level {
                hounsfield: super::smoothing::halve(&finer.hounsfield),
                hull: halve_mask(&finer.hull),
                spacing_mm: 2.0 * finer.spacing_mm,
                scale: 2.0 * finer.scale,
                shift: finer.shift + 0.5 * finer.scale,
            };
            levels.push(coarser);
        }
        Self { levels }
    }

    /// The body of a blob in lung of `lung_hu`; None where nothing of it is left above the threshold.
    pub(super) fn body_of(&self, blob: &Blob, lung_hu: f32) -> Option<Body> {
        let level = self
            .levels
            .iter()
            .find(|level| blob.radius_mm / level.spacing_mm <= MOST_RADIUS_VOXELS)
            .or(self.levels.last())?;
        level.body_of(blob, lung_hu)
    }
}

fn halve_mask(mask: &Array3<u8>) -> Array3<u8> {
    let (slices, rows, columns) = mask.dim();
    Array3::from_shape_fn((slices / 2, rows / 2, columns / 2), |(z, y, x)| {
        let block = mask.slice(s![2 * z..2 * z + 2, 2 * y..2 * y + 2, 2 * x..2 * x + 2]);
        u8::from(block.iter().filter(|&&value| value != 0).count() >= 4)
    })
}

/// A cube cut out around a blob.
struct Cut {
    hounsfield: Array3<f32>,
    hull: Array3<u8>,
    /// The blob's place in the cube.
    center: [f64; 3],
}

impl Level {
    fn cut(&self, blob: &Blob) -> (Cut, [usize; 3]) {
        let reach = (REACH_RADII * blob.radius_mm).max(LEAST_REACH_MM) / self.spacing_mm;
        let (slices, rows, columns) = self.hounsfield.dim();
        let lengths = [slices, rows, columns];
        let center = blob.place.map(|index| (index - self.shift) / self.scale);
        let low: [usize; 3] = std::array::from_fn(|axis| (center[axis] - reach).floor().max(0.0) as usize);
        let high: [usize; 3] =
            std::array::from_fn(|axis| ((center[axis] + reach).ceil() as usize + 1).min(lengths[axis]));
        let range = s![low[0]..high[0], low[1]..high[1], low[2]..high[2]];
        let cut = Cut {
            hounsfield: self.hounsfield.slice(range).to_owned(),
            hull: self.hull.slice(range).to_owned(),
            center: std::array::from_fn(|axis| center[axis] - low[axis] as f64),
        };
        (cut, low)
    }

    fn body_of(&self, blob: &Blob, lung_hu: f32) -> Option<Body> {
        let (cut, low) = self.cut(blob);
        let radius = (blob.radius_mm / self.spacing_mm) as f32;
        let core = cut.core_hu(radius);
        let threshold = f32::midpoint(core, lung_hu);
        if core - lung_hu < LEAST_CONTRAST_HU {
            return None;
        }
        let shape = cut.hounsfield.dim();
        let dense = |place: [usize; 3]| cut.hull[place] != 0 && cut.hounsfield[place] > threshold;
        let depth = distance_to(shape, |place| !dense(place));
        let (seed, inscribed) = cut.deepest(&depth, radius)?;
        let neck = NECK * inscribed;
        let core_mask = connected(&depth, seed, neck);
        let to_core = distance_to(shape, |place| core_mask[place]);
        let members: Vec<[usize; 3]> = to_core
            .indexed_iter()
            .filter(|&((z, y, x), &distance)| distance <= neck && dense([z, y, x]))
            .map(|((z, y, x), _)| [z, y, x])
            .collect();
        Some(self.measure(
            &cut,
            low,
            &members,
            f64::from(inscribed) * self.spacing_mm,
            threshold,
        ))
    }

    fn measure(
        &self,
        cut: &Cut,
        low: [usize; 3],
        members: &[[usize; 3]],
        inscribed_mm: f64,
        threshold: f32,
    ) -> Body {
        let count = members.len() as f64;
        let centroid: [f64; 3] =
            std::array::from_fn(|axis| members.iter().map(|place| place[axis] as f64).sum::<f64>() / count);
        let moment = |a: usize, b: usize| {
            let product =
                |place: &[usize; 3]| (place[a] as f64 - centroid[a]) * (place[b] as f64 - centroid[b]);
            members.iter().map(product).sum::<f64>() / count
        };
        // A voxel has itself a moment of inertia: a body of one voxel is round.
        let own = 1.0 / 12.0;
        let [shortest, _, longest] = symmetric_eigenvalues(
            [moment(0, 0) + own, moment(1, 1) + own, moment(2, 2) + own],
            [moment(0, 1), moment(0, 2), moment(1, 2)],
        );
        let mut values: Vec<f32> = members.iter().map(|&place| cut.hounsfield[place]).collect();
        values.sort_unstable_by(f32::total_cmp);
        let radius = (count * 0.75 / std::f64::consts::PI).cbrt();
        let (dense_around, outside_around) = cut.surroundings(centroid, radius, threshold);
        let on_finest = |axis: usize, index: f64| (index + low[axis] as f64) * self.scale + self.shift;
        let end = |axis: usize, index: usize, half: f64| on_finest(axis, index as f64 + half);
        let extreme = |axis: usize| {
            let indices = members.iter().map(|place| place[axis]);
            (indices.clone().min().unwrap_or(0), indices.max().unwrap_or(0))
        };
        let first: [usize; 3] = std::array::from_fn(|axis| extreme(axis).0);
        let mut inside = Array3::from_elem(
            std::array::from_fn::<usize, 3, _>(|axis| extreme(axis).1 - first[axis] + 1),
            false,
        );
        for member in members {
            inside[std::array::from_fn(|axis| member[axis] - first[axis])] = true;
        }
        Body {
            extent: Extent {
                inside,
                low: std::array::from_fn(|axis| low[axis] + first[axis]),
                scale: self.scale,
                shift: self.shift,
            },
            place: std::array::from_fn(|axis| on_finest(axis, centroid[axis])),
            low: std::array::from_fn(|axis| end(axis, extreme(axis).0, -0.5)),
            high: std::array::from_fn(|axis| end(axis, extreme(axis).1, 0.5)),
            volume_mm3: count * self.spacing_mm.powi(3),
            inscribed_mm,
            axis_ratio: (shortest / longest).max(0.0).sqrt(),
            dense_around,
            outside_around,
            mean_hu: values.iter().map(|&value| f64::from(value)).sum::<f64>() / count,
            high_hu: f64::from(values[(values.len() * 9 / 10).min(values.len() - 1)]),
            solid_part: values.iter().filter(|&&value| value > -300.0).count() as f64 / count,
        }
    }
}

impl Cut {
    /// The upper quartile of the middle, calcium and contrast agent as soft tissue.
    fn core_hu(&self, radius: f32) -> f32 {
        let reach = f64::from((0.6 * radius).max(1.2));
        let mut values: Vec<f32> = self
            .hounsfield
            .indexed_iter()
            .filter(|&((z, y, x), _)| distance([z, y, x], self.center) <= reach && self.hull[[z, y, x]] != 0)
            .map(|(_, &value)| value.min(SOFT_TISSUE_HU))
            .collect();
        values.sort_unstable_by(f32::total_cmp);
        values
            .get(values.len() * 3 / 4)
            .copied()
            .unwrap_or(f32::NEG_INFINITY)
    }

    /// The deepest place near the blob's centre, and how deep.
    fn deepest(&self, depth: &Array3<f32>, radius: f32) -> Option<([usize; 3], f32)> {
        let reach = f64::from((0.8 * radius).max(1.8));
        depth
            .indexed_iter()
            .filter(|&((z, y, x), &depth)| depth > 0.0 && distance([z, y, x], self.center) <= reach)
            .max_by(|left, right| left.1.total_cmp(right.1))
            .map(|((z, y, x), &depth)| ([z, y, x], depth))
    }

    /// Parts of the shell around a body that are dense inside the hull, and outside the hull.
    fn surroundings(&self, centroid: [f64; 3], radius: f64, threshold: f32) -> (f64, f64) {
        let (mut dense, mut inside, mut all) = (0.0, 0.0, 0.0);
        for ((z, y, x), &value) in self.hounsfield.indexed_iter() {
            let apart = distance([z, y, x], centroid);
            if apart < 1.25 * radius || apart > (1.75 * radius).max(1.25 * radius + 1.0) {
                continue;
            }
            all += 1.0;
            if self.hull[[z, y, x]] != 0 {
                inside += 1.0;
                dense += f64::from(u8::from(value > threshold));
            }
        }
        let part = |some: f64, of: f64| if of > 0.0 { some / of } else { 0.0 };
        (part(dense, inside), part(all - inside, all))
    }
}

fn distance(place: [usize; 3], from: [f64; 3]) -> f64 {
    (0..3)
        .map(|axis| (place[axis] as f64 - from[axis]).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// The places deeper than `least` that hang together with `seed` over faces.
fn connected(depth: &Array3<f32>, seed: [usize; 3], least: f32) -> Array3<bool> {
    let mut member = Array3::from_elem(depth.raw_dim(), false);
    member[seed] = true;
    let mut waiting = vec![seed];
    while let Some([z, y, x]) = waiting.pop() {
        let neighbours = [
            [z.wrapping_sub(1), y, x],
            [z + 1, y, x],
            [z, y.wrapping_sub(1), x],
            [z, y + 1, x],
            [z, y, x.wrapping_sub(1)],
            [z, y, x + 1],
        ];
        for place in neighbours {
            if depth.get(place).is_some_and(|&depth| depth > least) && !member[place] {
                member[place] = true;
                waiting.push(place);
            }
        }
    }
    member
}
