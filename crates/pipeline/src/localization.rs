//! The box around the strongest region of a stage's maps.

use std::collections::VecDeque;

use ndarray::{Array3, Axis};
use norma_domain::VoxelBox;
use norma_inference::bilinear;

use crate::objects::StageMap;

/// A place belongs to the region from this fraction of the maps' highest value on. At half of it the regions of
/// a coarse map run together: on a real mass the box took in most of both lungs.
const FRACTION_OF_MAXIMUM: f32 = 0.7;
/// Coarse maps are interpolated to this grid, so that the box does not end at the cells' borders.
pub(crate) const FINEST: usize = 56;

/// The box, in voxels of the volume, around the places connected with the strongest one that have at least
/// seven tenths of its value. Places are neighbours within a slice and between slices that were read one after the
/// other. None for maps without any signal.
pub fn strongest_region(map: &StageMap) -> Option<VoxelBox> {
    let maps = refined(&map.maps);
    let (seed, highest) = maps
        .indexed_iter()
        .max_by(|left, right| left.1.total_cmp(right.1))
        .map(|(place, value)| (place, *value))?;
    if highest < 1.0 {
        return None;
    }
    let region = connected(&maps, seed, highest * FRACTION_OF_MAXIMUM);
    bounding_box(map, &maps, &region)
}

fn refined(maps: &Array3<u8>) -> Array3<f32> {
    let (count, rows, columns) = maps.dim();
    if rows >= FINEST && columns >= FINEST {
        return maps.mapv(f32::from);
    }
    let mut finer = Array3::zeros((count, rows.max(FINEST), columns.max(FINEST)));
    for (mut target, source) in finer.outer_iter_mut().zip(maps.outer_iter()) {
        let (rows, columns) = target.dim();
        target.assign(&bilinear(&source.mapv(f32::from), rows, columns));
    }
    finer
}

/// The places with at least `least` that hang together with `seed` over faces.
fn connected(maps: &Array3<f32>, seed: (usize, usize, usize), least: f32) -> Vec<(usize, usize, usize)> {
    let mut seen = Array3::from_elem(maps.raw_dim(), false);
    seen[seed] = true;
    let mut waiting = VecDeque::from([seed]);
    let mut region = Vec::new();
    while let Some((z, y, x)) = waiting.pop_front() {
        region.push((z, y, x));
        let neighbours = [
            (z.wrapping_sub(1), y, x),
            (z + 1, y, x),
            (z, y.wrapping_sub(1), x),
            (z, y + 1, x),
            (z, y, x.wrapping_sub(1)),
            (z, y, x + 1),
        ];
        for place in neighbours {
            if maps.get(place).is_some_and(|value| *value >= least) && !seen[place] {
                seen[place] = true;
                waiting.push_back(place);
            }
        }
    }
    region
}

fn bounding_box(map: &StageMap, maps: &Array3<f32>, region: &[(usize, usize, usize)]) -> Option<VoxelBox> {
    let cells = [maps.len_of(Axis(1)) as f32, maps.len_of(Axis(2)) as f32];
    // Pixel i covers i..i+1: the first and the last pixel that a cell touches.
    let pixels = |start: f32, side: f32, cell: usize, cells: f32| {
        let from = start + cell as f32 * side / cells;
        let to = start + (cell + 1) as f32 * side / cells;
        (
            from.floor().max(0.0) as usize,
            (to.ceil() - 1.0).max(0.0) as usize,
        )
    };
    region
        .iter()
        .map(|(z, y, x)| {
            let crop = map.crops[*z];
            let (y_min, y_max) = pixels(crop.y, crop.side, *y, cells[0]);
            let (x_min, x_max) = pixels(crop.x, crop.side, *x, cells[1]);
            VoxelBox {
                x_min,
                x_max,
                y_min,
                y_max,
                z_min: map.slices[*z],
                z_max: map.slices[*z],
            }
        })
        .reduce(|left, right| VoxelBox {
            x_min: left.x_min.min(right.x_min),
            x_max: left.x_max.max(right.x_max),
            y_min: left.y_min.min(right.y_min),
            y_max: left.y_max.max(right.y_max),
            z_min: left.z_min.min(right.z_min),
            z_max: left.z_max.max(right.z_max),
        })
}

/// The box cut to a volume of `shape` `[z, y, x]`: a crop may reach beyond the image. None where nothing
/// of it lies within.
pub(crate) fn within(region: VoxelBox, shape: [usize; 3]) -> Option<VoxelBox> {
    let [depth, rows, columns] = shape.map(|length| length.checked_sub(1));
    let (depth, rows, columns) = (depth?, rows?, columns?);
    let inside = region.z_min <= depth && region.y_min <= rows && region.x_min <= columns;
    inside.then(|| VoxelBox {
        x_min: region.x_min,
        x_max: region.x_max.min(columns),
        y_min: region.y_min,
        y_max: region.y_max.min(rows),
        z_min: region.z_min,
        z_max: region.z_max.min(depth),
    })
}

#[cfg(test)]
mod tests {
    use norma_volume::CropBox;

    use super::*;

    fn map_with(places: &[((usize, usize, usize), u8)]) -> StageMap {
        let mut maps = Array3::zeros((4, 64, 64));
        for (place, value) in places {
            maps[*place] = *value;
        }
        StageMap {
            slices: vec![10, 12, 14, 16],
            maps,
            crops: vec![
                CropBox {
                    y: 20.0,
                    x: 40.0,
                    side: 128.0,
                };
                4
            ],
        }
    }

    #[test]
    fn the_box_holds_the_connected_places_and_no_others() {
        let map = map_with(&[
            ((1, 10, 20), 250),
            ((1, 10, 21), 200),
            ((2, 10, 21), 180),
            ((2, 11, 21), 170), // below seven tenths of the highest
            ((3, 50, 50), 240), // strong, but apart
        ]);
        let region = strongest_region(&map).unwrap();
        // A cell is two pixels wide: cell 20 covers pixels 80..=81 in x, cell 10 rows 40..=41.
        assert_eq!(
            region,
            VoxelBox {
                x_min: 80,
                x_max: 83,
                y_min: 40,
                y_max: 41,
                z_min: 12,
                z_max: 14,
            }
        );
    }

    #[test]
    fn a_map_without_signal_has_no_region() {
        assert_eq!(strongest_region(&map_with(&[])), None);
    }

    #[test]
    fn a_coarse_map_is_refined() {
        let mut maps = Array3::zeros((1, 7, 7));
        maps[[0, 3, 3]] = 255;
        let map = StageMap {
            slices: vec![5],
            maps,
            crops: vec![CropBox {
                y: 0.0,
                x: 0.0,
                side: 112.0,
            }],
        };
        let region = strongest_region(&map).unwrap();
        // The cell's centre is at 56; seven tenths of the value end 0.3 of a cell (4.8 pixels) away from it.
        for (low, high) in [(region.x_min, region.x_max), (region.y_min, region.y_max)] {
            assert!(
                (46..=50).contains(&low) && (61..=65).contains(&high),
                "{low} {high}"
            );
        }
    }

    #[test]
    fn a_box_is_cut_to_the_volume() {
        let region = VoxelBox {
            x_min: 5,
            x_max: 600,
            y_min: 0,
            y_max: 20,
            z_min: 3,
            z_max: 3,
        };
        let cut = within(region, [10, 512, 512]).unwrap();
        assert_eq!((cut.x_max, cut.y_max, cut.z_max), (511, 20, 3));
        assert!(within(region, [3, 512, 512]).is_none());
        assert!(within(region, [0, 0, 0]).is_none());
    }
}
