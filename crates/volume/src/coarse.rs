//! A volume on a coarse grid: what needs no full resolution is done there, at a fiftieth of the cost.

use ndarray::{Array3, ArrayView1, Axis, s};
use rayon::prelude::*;

use crate::Volume;

/// Edge of a coarse voxel that is aimed at; the grid is finer where the volume is coarser.
const EDGE_MM: f64 = 2.5;

/// Rows whose sum fits 32 bits, whatever their values.
const ROWS_IN_A_SUM: usize = 1 << 15;

/// Means over blocks of a volume's voxels. Axes `(z, y, x)`; what is left at the high ends of an axis after the last
/// whole block belongs to it no more.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CoarseVolume {
    /// Mean Hounsfield units of each block.
    pub(crate) hounsfield: Array3<i16>,
    /// Voxels of the volume along each edge of a block.
    pub(crate) block: [usize; 3],
    /// Edges of a block in millimetres.
    pub(crate) spacing_mm: [f64; 3],
}

impl CoarseVolume {
    pub(crate) fn of(volume: &Volume) -> Self {
        let spacing = volume.geometry.spacing_mm;
        let spacing = [spacing.z(), spacing.y(), spacing.x()];
        let shape = volume.geometry.shape;
        let block: [usize; 3] = std::array::from_fn(|axis| {
            ((EDGE_MM / spacing[axis]).round() as usize).clamp(1, shape[axis].max(1))
        });
        let coarse_shape: [usize; 3] = std::array::from_fn(|axis| shape[axis] / block[axis]);
        let [depth, height, width] = block;
        let mut hounsfield = Array3::zeros(coarse_shape);
        let voxels = (depth * height * width) as i64;
        let planes: Vec<_> = hounsfield.axis_iter_mut(Axis(0)).collect();
        planes.into_par_iter().enumerate().for_each(|(z, mut plane)| {
            let mut sums = vec![0i64; coarse_shape[2]];
            let mut columns = vec![0i32; coarse_shape[2] * width];
            for (y, mut out) in plane.rows_mut().into_iter().enumerate() {
                sums.fill(0);
                let slab = volume.hounsfield.slice(s![
                    z * depth..(z + 1) * depth,
                    y * height..(y + 1) * height,
                    ..coarse_shape[2] * width
                ]);
                for slice in slab.axis_iter(Axis(0)) {
                    for rows in slice.axis_chunks_iter(Axis(0), ROWS_IN_A_SUM) {
                        columns.fill(0);
                        for row in rows.rows() {
                            add_row(&mut columns, row);
                        }
                        for (sum, block) in sums.iter_mut().zip(columns.chunks_exact(width)) {
                            *sum += block.iter().map(|&value| i64::from(value)).sum::<i64>();
                        }
                    }
                }
                for (value, sum) in out.iter_mut().zip(&sums) {
                    *value = (sum / voxels) as i16;
                }
            }
        });
        Self {
            hounsfield,
            block,
            spacing_mm: std::array::from_fn(|axis| spacing[axis] * block[axis] as f64),
        }
    }

    pub(crate) fn shape(&self) -> [usize; 3] {
        let (z, y, x) = self.hounsfield.dim();
        [z, y, x]
    }

    pub(crate) fn voxel_ml(&self) -> f64 {
        self.spacing_mm.iter().product::<f64>() / 1000.0
    }

    /// The middle voxel of each block of a mask on the volume's grid.
    pub(crate) fn sample(&self, mask: &Array3<u8>) -> Array3<u8> {
        let [depth, height, width] = self.block;
        let shape = self.shape();
        Array3::from_shape_fn(shape, |(z, y, x)| {
            mask[[
                z * depth + depth / 2,
                y * height + height / 2,
                x * width + width / 2,
            ]]
        })
    }
}

fn add_row(sums: &mut [i32], row: ArrayView1<'_, i16>) {
    if let Some(row) = row.to_slice() {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += i32::from(value);
        }
    } else {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += i32::from(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::{SpacingMm, VolumeGeometry};

    use super::*;

    #[test]
    fn a_ramp_keeps_its_means_on_the_coarse_grid() {
        let shape = [5, 9, 8];
        let volume = Volume::new(
            Array3::from_shape_fn(shape, |(z, y, x)| (100 * z + 10 * y + x) as i16),
            VolumeGeometry {
                slice_places_mm: None,
                shape,
                spacing_mm: SpacingMm::new(1.25, 0.8, 0.6).unwrap(),
                origin_mm: [0.0; 3],
                direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
            },
        )
        .unwrap();
        let coarse = CoarseVolume::of(&volume);
        assert_eq!(coarse.block, [2, 3, 4]);
        assert_eq!(coarse.shape(), [2, 3, 2]);
        assert!((coarse.spacing_mm[2] - 2.4).abs() < 1e-9);
        // Means of z 2..4, y 3..6, x 4..8.
        assert_eq!(coarse.hounsfield[[1, 1, 1]], 250 + 40 + 5);
        let mut mask = Array3::zeros(shape);
        mask[[3, 4, 6]] = 7;
        assert_eq!(coarse.sample(&mask)[[1, 1, 1]], 7);
    }

    #[test]
    fn a_block_of_a_whole_volume_has_its_mean() {
        // A spacing in another unit makes one block of millions of voxels.
        let shape = [60, 130, 130];
        let volume = Volume::new(
            Array3::from_elem(shape, 3000),
            VolumeGeometry {
                slice_places_mm: None,
                shape,
                spacing_mm: SpacingMm::new(0.001, 0.001, 0.001).unwrap(),
                origin_mm: [0.0; 3],
                direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
            },
        )
        .unwrap();
        assert_eq!(
            CoarseVolume::of(&volume).hounsfield,
            Array3::from_elem([1, 1, 1], 3000)
        );
    }
}
