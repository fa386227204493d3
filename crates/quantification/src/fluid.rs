//! Fluid in the pleural space: what has the density of water between the ribs and the lung.
//!
//! From the ribs inwards along rays, fluid begins at the wall, or behind a little fat, and is thicker than partial
//! volume makes it. What is seen from the middle of the body is sure. Rays from the middle of each side see the angle between ribs and
//! spine too, where fluid of a patient who lies collects, and muscles beside the spine that look alike: they measure what touches sure
//! fluid, and find none by themselves. Muscle, liver and spleen are denser, fat is less dense; what lies below the diaphragm is parted from
//! the wall by them, or does not reach the lung.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use ndarray::{Array3, Axis, Zip};
use rayon::prelude::*;

use crate::ball::{close, dilate, open};
use crate::grid::{Grid, VOXEL_ML};
use crate::regions::{BySide, Region, neighbours, regions};
use crate::thorax::{Sides, Thorax};
use crate::tissue_smoothing::smooth_within;

/// Smoothed over its surroundings, fluid lies between; blood at 40 HU and more does not.
const FLUID_HU: [f32; 2] = [-25.0, 26.0];
/// Voxels that are smoothed: neither lung nor bone.
const TISSUE_HU: [i16; 2] = [-150, 130];
/// Vessels and gaps at the lung's surface are no pleural space.
const LUNG_CLOSING_VOXELS: f32 = 2.0;
const RAYS: usize = 240;
/// Fat and intercostal muscle between rib and fluid.
const MOST_WALL_STEPS: usize = 3;
const LEAST_THICKNESS_STEPS: usize = 2;
/// Rays up to this far to the front; fluid runs to the back of a patient who lies on it.
const FRONT: f64 = -0.2;
/// Rays closer to the midline end at the spine, before which gullet and great veins lie.
const SPINE: f64 = 0.45;
/// Rays of one side that run more to the midline end at the mediastinum.
const LARGEST_TO_MIDLINE: f64 = 0.5;
/// More than a rim: it holds a ball of this radius.
const WIDE_VOXELS: f32 = 1.45;
/// So much of fluid does: 0.81 and more of effusions in series, at most 0.61 of the rim where consolidated lung is averaged with fat at the wall.
const LEAST_THICK: f64 = 0.7;
/// How far fluid is followed away from the wall.
const GROWTH_STEPS: usize = 7;
/// A collection smaller than this is partial volume.
const LEAST_ML: f64 = 4.0;
/// Of sure fluid so much lies along rays from the wall: of what is none at most 0.21 does (series with and without fluid), of drawn fluid with
/// collapsed lung beside it 0.38 and more.
const LEAST_SURE_WALLED: f64 = 0.30;
/// The same of what only one side's middle sees.
const LEAST_WALLED: f64 = 0.40;
/// Apical tissue looks alike: a collection reaches below this share of the lungs' height.
const APEX_SHARE: f64 = 0.75;
const TOP_SHARE: f64 = 0.93;
const LEAST_LUNG_MM2: f64 = 300.0;
/// Within this the lung counts as next to it.
const NEAR_LUNG_VOXELS: f32 = 4.0;
/// Fluid behind lung without air has no aerated lung near it: so much of it lies at the wall where lung belongs.
const LEAST_INSTEAD_OF_LUNG: f64 = 0.08;
/// What is larger and lies nowhere in lung's place is a fatty liver or a full stomach: of them 0.00 does, of effusions 0.18 and more.
const MOST_UNSURE_ML: f64 = 50.0;
const LEAST_INSTEAD_OF_ORGAN: f64 = 0.05;
/// The rim, averaged with lung and wall, is tissue up to these values.
const RIM_HU: [i16; 2] = [-400, 120];
const RIM_SMOOTHED_HU: f32 = 45.0;
const RIM_STEPS: usize = 2;

/// The lungs, and what lies around them.
struct Lungs<'lungs> {
    mask: &'lungs Array3<bool>,
    filled: Array3<bool>,
    near: Array3<bool>,
}

/// From where the space inside the ribs is seen.
struct View<'space> {
    inside: &'space Array3<bool>,
    /// Row and column of each axis from which rays run, and the side that it sees; None sees both.
    axes: Vec<([f64; 2], Option<usize>)>,
    /// Column between the sides.
    midline: f64,
}

impl View<'_> {
    /// Whether fluid is looked for along a ray from an axis.
    fn has_ray(
        &self,
        grid: &Grid,
        (center, side): ([f64; 2], Option<usize>),
        [down, across]: [f64; 2],
    ) -> bool {
        let is_beside_spine = match side {
            None => across.abs() >= SPINE,
            Some(_) => across * (self.midline - center[1]).signum() <= LARGEST_TO_MIDLINE,
        };
        down * grid.back >= FRONT && is_beside_spine
    }
}

/// Fluid of the pleural space on each side. `instead` is what lies at the wall where lung belongs.
pub(crate) fn find_pleural_fluid(
    grid: &Grid,
    lungs: &Array3<bool>,
    thorax: &Thorax,
    sides: &Sides,
    instead: &Array3<bool>,
) -> BySide {
    let midline = thorax.center[1];
    let lungs = &Lungs {
        mask: lungs,
        filled: close(lungs, LUNG_CLOSING_VOXELS),
        near: dilate(lungs, NEAR_LUNG_VOXELS),
    };
    let sure = find_in_view(
        grid,
        lungs,
        instead,
        &View {
            inside: &thorax.inside,
            axes: vec![(thorax.center, None)],
            midline,
        },
    );
    if sure.0.iter().all(Vec::is_empty) {
        return sure;
    }
    let more = find_in_view(
        grid,
        lungs,
        instead,
        &View {
            inside: &sides.inside,
            axes: vec![(sides.centers[0], Some(0)), (sides.centers[1], Some(1))],
            midline,
        },
    );
    let mut found = BySide::default();
    for (to, (sure, more)) in found.0.iter_mut().zip(sure.0.into_iter().zip(more.0)) {
        let mut is_sure = Array3::from_elem(lungs.mask.dim(), false);
        sure.iter().for_each(|region| region.mark(&mut is_sure));
        let touching = more
            .into_iter()
            .filter(|region| region.voxels.iter().any(|&voxel| is_sure[voxel]));
        *to = touching.collect();
        if to.is_empty() {
            *to = sure;
        }
    }
    found
}

/// The fluid that one view shows.
fn find_in_view(grid: &Grid, lungs: &Lungs<'_>, instead: &Array3<bool>, view: &View<'_>) -> BySide {
    let mut by_side = BySide::default();
    let Some([first, last]) = grid.lung_extent(LEAST_LUNG_MM2) else {
        return by_side;
    };
    let height = (last - first) as f64;
    let apex = first + (APEX_SHARE * height) as usize;
    let top = first + (TOP_SHARE * height) as usize;
    let mut tissue = view.inside.clone();
    Zip::from(&mut tissue)
        .and(&lungs.filled)
        .and(&grid.hounsfield)
        .for_each(|tissue, &lung, &value| {
            *tissue = *tissue && !lung && value > TISSUE_HU[0] && value < TISSUE_HU[1];
        });
    let smoothed = smooth_within(&grid.hounsfield, &tissue);
    let mut fluid = tissue;
    Zip::from(&mut fluid).and(&smoothed).for_each(|fluid, &value| {
        *fluid = *fluid && value > FLUID_HU[0] && value < FLUID_HU[1];
    });
    let is_sure = view.axes.iter().all(|(_, side)| side.is_none());
    let at_wall = at_wall(grid, view, &fluid, [first, last]);
    let wide = open(&fluid, WIDE_VOXELS);
    let mut collected = grow(&fluid, &wide, &at_wall);
    collected
        .axis_iter_mut(Axis(0))
        .enumerate()
        .for_each(|(z, mut plane)| {
            if z < first || z > top {
                plane.fill(false);
            }
        });
    let least_walled = if is_sure { LEAST_SURE_WALLED } else { LEAST_WALLED };
    let is_fluid = |region: &Region| {
        let share = |count: usize| count as f64 / region.voxels.len() as f64;
        let walled = region.voxels.iter().filter(|&&voxel| at_wall[voxel]).count();
        let near = region.voxels.iter().filter(|&&voxel| lungs.near[voxel]).count();
        let low = region.voxels.iter().filter(|voxel| voxel[0] < apex).count();
        let instead = region.voxels.iter().filter(|&&voxel| instead[voxel]).count();
        let thick = region.voxels.iter().filter(|&&voxel| wide[voxel]).count();
        let is_organ = region.millilitres() > MOST_UNSURE_ML && share(instead) < LEAST_INSTEAD_OF_ORGAN;
        let is_near = share(near) > 0.25 || (walled as f64 * VOXEL_ML > 50.0 && share(near) > 0.08);
        share(low) > 0.4
            && share(walled) >= least_walled
            && share(thick) >= LEAST_THICK
            && !is_organ
            && (is_near || share(instead) > LEAST_INSTEAD_OF_LUNG)
    };
    for (side, found) in by_side.0.iter_mut().enumerate() {
        let mut of_side = collected.clone();
        of_side.indexed_iter_mut().for_each(|((_, _, x), inside)| {
            *inside = *inside && grid.is_right(x as f64, view.midline) == (side == 0);
        });
        let mut kept = Array3::from_elem(of_side.dim(), false);
        let mut is_any = false;
        for region in regions(&of_side, (LEAST_ML / VOXEL_ML) as usize) {
            if is_fluid(&region) {
                is_any = true;
                region.mark(&mut kept);
            }
        }
        if is_any {
            add_rim(&mut kept, grid, lungs.mask, view.inside, &smoothed);
            *found = regions(&kept, (LEAST_ML / VOXEL_ML) as usize);
        }
    }
    by_side
}

/// Fluid along rays from the wall inwards, up to where it ends.
fn at_wall(grid: &Grid, view: &View<'_>, fluid: &Array3<bool>, [first, last]: [usize; 2]) -> Array3<bool> {
    let (_, rows, columns) = fluid.dim();
    let mut marked = Array3::from_elem(fluid.dim(), false);
    let longest = ((rows * rows + columns * columns) as f64).sqrt() as usize;
    marked
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            if z < first || z > last {
                return;
            }
            let directions = (0..RAYS).map(|ray| (ray as f64 * TAU / RAYS as f64).sin_cos());
            let rays = directions.flat_map(|direction| view.axes.iter().map(move |&axis| (axis, direction)));
            for ((center, side), (down, across)) in rays {
                if !view.has_ray(grid, (center, side), [down, across]) {
                    continue;
                }
                let path: Vec<[usize; 2]> = (0..longest)
                    .map(|step| [center[0] + step as f64 * down, center[1] + step as f64 * across])
                    .take_while(|[y, x]| {
                        *y >= 0.0 && *x >= 0.0 && *y < rows as f64 - 0.5 && *x < columns as f64 - 0.5
                    })
                    .map(|[y, x]| [y.round() as usize, x.round() as usize])
                    .take_while(|[_, x]| {
                        side.is_none_or(|side| grid.is_right(*x as f64, view.midline) == (side == 0))
                    })
                    .collect();
                let Some(wall) = path.iter().rposition(|&[y, x]| view.inside[[z, y, x]]) else {
                    continue;
                };
                let inwards = path[..=wall].iter().rev();
                let is_fluid = |&&[y, x]: &&[usize; 2]| fluid[[z, y, x]];
                let skipped = inwards.clone().take_while(|at| !is_fluid(at)).count();
                if skipped > MOST_WALL_STEPS {
                    continue;
                }
                let thickness = inwards.clone().skip(skipped).take_while(is_fluid).count();
                if thickness >= LEAST_THICKNESS_STEPS {
                    for &[y, x] in inwards.skip(skipped).take(thickness) {
                        plane[[y, x]] = true;
                    }
                }
            }
        });
    marked
}

/// Follows fluid from the wall for some steps where it is wide enough to be more than a rim.
fn grow(fluid: &Array3<bool>, wide: &Array3<bool>, at_wall: &Array3<bool>) -> Array3<bool> {
    let (slices, rows, columns) = fluid.dim();
    let mut grown = at_wall.clone();
    let mut front: VecDeque<([usize; 3], usize)> = at_wall
        .indexed_iter()
        .filter(|&(_, &marked)| marked)
        .map(|((z, y, x), _)| ([z, y, x], 0))
        .collect();
    while let Some((voxel, step)) = front.pop_front() {
        if step == GROWTH_STEPS {
            continue;
        }
        for next in neighbours(voxel, [slices, rows, columns]) {
            if wide[next] && fluid[next] && !grown[next] {
                grown[next] = true;
                front.push_back((next, step + 1));
            }
        }
    }
    grown
}

/// Adds the rim that is averaged with lung and wall.
fn add_rim(
    kept: &mut Array3<bool>,
    grid: &Grid,
    lungs: &Array3<bool>,
    inside: &Array3<bool>,
    smoothed: &Array3<f32>,
) {
    let (slices, rows, columns) = kept.dim();
    let mut front: Vec<[usize; 3]> = kept
        .indexed_iter()
        .filter(|&(_, &inside)| inside)
        .map(|((z, y, x), _)| [z, y, x])
        .collect();
    for _ in 0..RIM_STEPS {
        let mut added = Vec::new();
        for &voxel in &front {
            for next in neighbours(voxel, [slices, rows, columns]) {
                let value = grid.hounsfield[next];
                if !kept[next]
                    && !lungs[next]
                    && inside[next]
                    && value > RIM_HU[0]
                    && value < RIM_HU[1]
                    && smoothed[next] < RIM_SMOOTHED_HU
                {
                    kept[next] = true;
                    added.push(next);
                }
            }
        }
        front = added;
    }
}
