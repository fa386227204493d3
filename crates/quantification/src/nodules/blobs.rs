//! Bright blobs of any size: maxima of the Laplacian of Gaussians over scales, told from tubes and plates by the
//! Hessian's eigenvalues.
//!
//! The scale-normalised Laplacian of a ball of radius r is greatest at σ = r / √3 (Lindeberg, "Feature detection with
//! automatic scale selection", IJCV 30, 1998); the ratio of eigenvalues as in Li, Sone and Doi, "Selective enhancement
//! filters for nodules, vessels, and airway walls", Medical Physics 30 (2003).

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use super::smoothing::{halve, smooth};

/// The smallest and the largest Gaussian: balls of 5 and of 58 mm.
const SMALLEST_SIGMA_MM: f64 = 1.5;
const LARGEST_SIGMA_MM: f64 = 17.0;
/// From one scale to the next.
const SCALE_STEP: f64 = std::f64::consts::SQRT_2;
/// A Gaussian of so many voxels is computed on the grid halved.
const HALVED_FROM_VOXELS: f64 = 2.3;
/// Weaker than this is noise, a small vessel or a faint haze: ground glass of 250 HU above the lung reaches 180.
const LEAST_RESPONSE_HU: f32 = 90.0;
/// The smallest part of a blob's curvature that its flattest direction has; a tube has none.
const LEAST_ROUNDNESS: f32 = 0.1;

/// A maximum of the filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Blob {
    /// `(z, y, x)` on the grid.
    pub(super) place: [f64; 3],
    /// Radius of the ball that the filter fits, right to a factor of 1.7.
    pub(super) radius_mm: f64,
    /// Scale-normalised Laplacian, HU.
    pub(super) response: f32,
    /// Smallest by largest eigenvalue of the Hessian: 1 for a ball, 0 for a tube.
    pub(super) roundness: f32,
    /// Middle by largest eigenvalue: 1 for a ball and a tube, 0 for a plate.
    pub(super) tubeness: f32,
}

impl Blob {
    /// How much it is a ball: response times roundness.
    pub(super) fn strength(&self) -> f32 {
        self.response * self.roundness
    }
}

/// The blobs of `image` (HU, outside of the lungs at the lungs' level), the strongest `most` of those that do not lie
/// within one another, strongest first.
pub(super) fn find_blobs(image: Array3<f32>, spacing_mm: f64, most: usize) -> Vec<Blob> {
    let mut blobs = Vec::new();
    let mut level = image;
    let mut grid_mm = spacing_mm;
    // Halving has the effect of a Gaussian, and moves the centres of voxels.
    let mut blurred_mm2 = 0.0;
    let mut shift = 0.0;
    let mut scale = 1.0;
    let mut sigma_mm = SMALLEST_SIGMA_MM.max(1.2 * spacing_mm);
    while sigma_mm <= LARGEST_SIGMA_MM {
        while sigma_mm / grid_mm > HALVED_FROM_VOXELS {
            level = halve(&level);
            blurred_mm2 += 0.25 * grid_mm * grid_mm;
            shift += 0.5 * scale;
            scale *= 2.0;
            grid_mm *= 2.0;
        }
        if level.shape().iter().any(|&length| length < 3) {
            break;
        }
        let missing_mm = (sigma_mm * sigma_mm - blurred_mm2).sqrt();
        let smoothed = smooth(&level, (missing_mm / grid_mm) as f32);
        let normalise = (sigma_mm / grid_mm).powi(2) as f32;
        blobs.extend(maxima(&smoothed, normalise).into_iter().map(|found| Blob {
            place: found.place.map(|index| index as f64 * scale + shift),
            radius_mm: sigma_mm * 3.0_f64.sqrt(),
            response: found.response,
            roundness: found.roundness,
            tubeness: found.tubeness,
        }));
        sigma_mm *= SCALE_STEP;
    }
    strongest_apart(blobs, spacing_mm, most)
}

struct Maximum {
    place: [usize; 3],
    response: f32,
    roundness: f32,
    tubeness: f32,
}

fn maxima(smoothed: &Array3<f32>, normalise: f32) -> Vec<Maximum> {
    let responses = laplacian(smoothed, -normalise);
    let (slices, rows, columns) = responses.dim();
    (1..slices - 1)
        .into_par_iter()
        .flat_map_iter(|z| {
            let mut found = Vec::new();
            for y in 1..rows - 1 {
                for x in 1..columns - 1 {
                    let response = responses[[z, y, x]];
                    if response < LEAST_RESPONSE_HU || !is_highest(&responses, [z, y, x]) {
                        continue;
                    }
                    let [low, middle, high] =
                        curvatures(smoothed, [z, y, x]).map(|curvature| curvature as f32);
                    // All three curvatures of a bright blob are negative; the least of them is the strongest.
                    let (roundness, tubeness) = (high / low, middle / low);
                    if low < 0.0 && roundness >= LEAST_ROUNDNESS {
                        found.push(Maximum {
                            place: [z, y, x],
                            response,
                            roundness,
                            tubeness,
                        });
                    }
                }
            }
            found
        })
        .collect()
}

/// `factor` times the Laplacian; 0 on the borders of the grid.
fn laplacian(image: &Array3<f32>, factor: f32) -> Array3<f32> {
    let (slices, rows, columns) = image.dim();
    let mut out = Array3::<f32>::zeros(image.raw_dim());
    let values = image.as_slice().expect("a smoothed image is in standard layout");
    let plane = rows * columns;
    out.axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut target)| {
            if z == 0 || z == slices - 1 {
                return;
            }
            let target = target
                .as_slice_mut()
                .expect("a plane of a new array is contiguous");
            for y in 1..rows - 1 {
                let start = z * plane + y * columns;
                let line = |start: usize| &values[start..start + columns];
                let (here, above, below) = (line(start), line(start - columns), line(start + columns));
                let (behind, ahead) = (line(start - plane), line(start + plane));
                let target = &mut target[y * columns..][..columns];
                for x in 1..columns - 1 {
                    let around = here[x - 1] + here[x + 1] + above[x] + below[x] + behind[x] + ahead[x];
                    target[x] = factor * (around - 6.0 * here[x]);
                }
            }
        });
    out
}

fn is_highest(values: &Array3<f32>, [z, y, x]: [usize; 3]) -> bool {
    let here = values[[z, y, x]];
    for nz in z - 1..=z + 1 {
        for ny in y - 1..=y + 1 {
            for nx in x - 1..=x + 1 {
                let other = values[[nz, ny, nx]];
                // Of equal neighbours the first in order counts.
                if other > here || (other == here && (nz, ny, nx) < (z, y, x)) {
                    return false;
                }
            }
        }
    }
    true
}

/// Eigenvalues of the Hessian by differences of neighbours, ascending.
fn curvatures(image: &Array3<f32>, [z, y, x]: [usize; 3]) -> [f64; 3] {
    let at = |dz: isize, dy: isize, dx: isize| {
        f64::from(
            image[[
                z.wrapping_add_signed(dz),
                y.wrapping_add_signed(dy),
                x.wrapping_add_signed(dx),
            ]],
        )
    };
    let here = at(0, 0, 0);
    let zz = at(1, 0, 0) + at(-1, 0, 0) - 2.0 * here;
    let yy = at(0, 1, 0) + at(0, -1, 0) - 2.0 * here;
    let xx = at(0, 0, 1) + at(0, 0, -1) - 2.0 * here;
    let zy = (at(1, 1, 0) + at(-1, -1, 0) - at(1, -1, 0) - at(-1, 1, 0)) / 4.0;
    let zx = (at(1, 0, 1) + at(-1, 0, -1) - at(1, 0, -1) - at(-1, 0, 1)) / 4.0;
    let yx = (at(0, 1, 1) + at(0, -1, -1) - at(0, 1, -1) - at(0, -1, 1)) / 4.0;
    symmetric_eigenvalues([zz, yy, xx], [zy, zx, yx])
}

/// Eigenvalues of a symmetric 3 × 3 matrix, ascending, by the trigonometric solution of its characteristic equation
/// (Smith, "Eigenvalues of a symmetric 3 × 3 matrix", Communications of the ACM 4, 1961).
///
/// `diagonal` (a, b, c); `off` the elements (a, b), (a, c), (b, c).
pub(super) fn symmetric_eigenvalues(diagonal: [f64; 3], off: [f64; 3]) -> [f64; 3] {
    let [a, b, c] = diagonal;
    let [ab, ac, bc] = off;
    let mean = (a + b + c) / 3.0;
    let (da, db, dc) = (a - mean, b - mean, c - mean);
    let spread = ((da * da + db * db + dc * dc + 2.0 * (ab * ab + ac * ac + bc * bc)) / 6.0).sqrt();
    if spread < 1e-12 {
        return [mean; 3];
    }
    let determinant = da * (db * dc - bc * bc) - ab * (ab * dc - bc * ac) + ac * (ab * bc - db * ac);
    let angle = (determinant / (2.0 * spread.powi(3))).clamp(-1.0, 1.0).acos() / 3.0;
    let high = mean + 2.0 * spread * angle.cos();
    let low = mean + 2.0 * spread * (angle + 2.0 * std::f64::consts::FRAC_PI_3).cos();
    [low, 3.0 * mean - high - low, high]
}

/// The strongest, each farther from every stronger one than nine tenths of the larger radius.
fn strongest_apart(mut blobs: Vec<Blob>, spacing_mm: f64, most: usize) -> Vec<Blob> {
    blobs.sort_by(|left, right| right.strength().total_cmp(&left.strength()));
    let mut kept: Vec<Blob> = Vec::new();
    for blob in blobs {
        if kept.len() == most {
            break;
        }
        let apart = kept.iter().all(|other| {
            let squared: f64 = (0..3)
                .map(|axis| (blob.place[axis] - other.place[axis]).powi(2))
                .sum();
            squared.sqrt() * spacing_mm > 0.9 * blob.radius_mm.max(other.radius_mm)
        });
        if apart {
            kept.push(blob);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lung_with(shape: impl Fn(f32, f32, f32) -> bool) -> Array3<f32> {
        // Each voxel is the mean of 3 × 3 × 3 points within it.
        Array3::from_shape_fn((48, 48, 48), |(z, y, x)| {
            let mut inside = 0;
            for point in 0..27 {
                let offset = |part: i32| (part % 3 - 1) as f32 / 3.0;
                inside += i32::from(shape(
                    z as f32 - 23.5 + offset(point / 9),
                    y as f32 - 23.5 + offset(point / 3),
                    x as f32 - 23.5 + offset(point),
                ));
            }
            -850.0 + 880.0 * inside as f32 / 27.0
        })
    }

    #[test]
    fn a_ball_is_found_at_its_place_with_its_radius() {
        for radius_mm in [3.0, 5.0, 9.0, 15.0] {
            let radius = radius_mm / 1.25;
            let image = lung_with(|z, y, x| z * z + y * y + x * x < radius * radius);
            let blob = find_blobs(image, 1.25, 1)[0];
            assert!(blob.roundness > 0.8 && blob.response > 400.0, "{blob:?}");
            assert!(
                (blob.radius_mm / f64::from(radius_mm)).ln().abs() < 0.55,
                "{blob:?}"
            );
            for index in blob.place {
                assert!((index - 23.5).abs() <= 2.1, "{blob:?}");
            }
        }
    }

    #[test]
    fn a_tube_is_no_blob() {
        let image = lung_with(|z, y, x| {
            // A vessel of 5 mm that crosses the whole cube askew.
            let along = (z + y) / 2.0_f32.sqrt();
            (z * z + y * y + x * x - along * along) < 4.0
        });
        for blob in find_blobs(image, 1.25, 10) {
            let inside = blob.place.iter().all(|index| (8.0..40.0).contains(index));
            assert!(!inside || blob.roundness < 0.2, "{blob:?}");
        }
    }

    #[test]
    fn eigenvalues_of_a_known_matrix() {
        let found = symmetric_eigenvalues([2.0, 3.0, 4.0], [1.0, 0.0, 1.0]);
        let root = 3.0_f64.sqrt();
        for (found, expected) in found.into_iter().zip([3.0 - root, 3.0, 3.0 + root]) {
            assert!((found - expected).abs() < 1e-9);
        }
    }
}
