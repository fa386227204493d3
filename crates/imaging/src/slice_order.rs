//! Slices in their order along the normal, from the feet to the head.

use std::fmt;

use crate::multiframe::FrameReference;

/// A plane may be turned by this much and still be called by its name.
const PLANE_TOLERANCE_DEGREES: f64 = 30.0;
/// A step of more than this many times the usual one is a gap.
pub(crate) const GAP_FACTOR: f64 = 1.5;
/// Where more of the steps than this are gaps, nobody knows which step is the usual one.
const LARGEST_GAP_SHARE: f64 = 0.25;

/// How slices lie in the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    Axial,
    /// Axial, but the picture lies between two of the patient's directions.
    AxialTurned,
    Coronal,
    Sagittal,
    Oblique,
}

impl fmt::Display for Plane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Axial => "axial",
            Self::AxialTurned => {
                "axial pictures turned in their plane by half a right angle, so that left, right, front and back are \
                 not told"
            }
            Self::Coronal => "coronal reformat",
            Self::Sagittal => "sagittal reformat",
            Self::Oblique => "oblique reformat",
        })
    }
}

/// Two orientations are one when no component differs by more.
const ORIENTATION_TOLERANCE: f64 = 0.01;

pub(crate) type Vector = [f64; 3];

pub(crate) fn dot(a: Vector, b: Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// The vector of length one in the same direction; None for one without a direction.
pub(crate) fn unit(vector: Vector) -> Option<Vector> {
    let length = dot(vector, vector).sqrt();
    (length.is_finite() && length > 1e-9).then(|| vector.map(|component| component / length))
}

/// Angle between two lines, 0..=90 degrees.
pub(crate) fn angle_degrees(a: Vector, b: Vector) -> f64 {
    dot(a, b).abs().clamp(0.0, 1.0).acos().to_degrees()
}

/// Unit vectors along a row, along a column and normal to both; None where they are no plane.
pub(crate) fn plane_axes(orientation: &[f64; 6]) -> Option<(Vector, Vector, Vector)> {
    let row = unit([orientation[0], orientation[1], orientation[2]])?;
    let column = unit([orientation[3], orientation[4], orientation[5]])?;
    if dot(row, column).abs() > 0.01 {
        return None;
    }
    Some((row, column, unit(cross(row, column))?))
}

/// Whether two values of one attribute differ by no more in any component.
pub(crate) fn are_close<const COUNT: usize>(
    first: Option<&[f64; COUNT]>,
    second: Option<&[f64; COUNT]>,
    tolerance: f64,
) -> bool {
    match (first, second) {
        (Some(first), Some(second)) => first.iter().zip(second).all(|(a, b)| (a - b).abs() <= tolerance),
        (None, None) => true,
        _ => false,
    }
}

/// Whether two orientations are one.
pub(crate) fn are_parallel(first: Option<&[f64; 6]>, second: Option<&[f64; 6]>) -> bool {
    are_close(first, second, ORIENTATION_TOLERANCE)
}

/// The plane that Image Orientation (Patient) describes (PS3.3 C.7.6.2.1.1).
///
/// An axial image whose rows run from front to back (the patient lies on the side) is axial still.
pub(crate) fn plane_of(orientation: &[f64; 6]) -> Plane {
    let Some((row, _, normal)) = plane_axes(orientation) else {
        return Plane::Oblique;
    };
    let least = PLANE_TOLERANCE_DEGREES.to_radians().cos();
    let [x, y, z] = normal.map(f64::abs);
    if z >= least {
        if row[0].abs().max(row[1].abs()) >= least {
            Plane::Axial
        } else {
            Plane::AxialTurned
        }
    } else if y >= least {
        Plane::Coronal
    } else if x >= least {
        Plane::Sagittal
    } else {
        Plane::Oblique
    }
}

/// A slice with its place along the normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PlacedSlice {
    pub(crate) reference: FrameReference,
    pub(crate) position: Vector,
    /// Millimetres along the normal that points to the head.
    pub(crate) along_mm: f64,
}

/// What the distances of neighbouring slices say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SliceSpacing {
    /// Median distance along the normal; None for a single slice.
    pub(crate) median_mm: Option<f64>,
    pub(crate) largest_gap_mm: f64,
    /// Slices that would fit into the gaps.
    pub(crate) missing_slices: usize,
    /// (largest − smallest) / median distance; a gap in which whole slices are missing counts as several steps.
    pub(crate) variation: f64,
}

/// Orders slices along `normal`, which is turned to the head.
pub(crate) fn order_slices(frames: &[(FrameReference, Vector)], normal: Vector) -> Vec<PlacedSlice> {
    let normal = if normal[2] < 0.0 {
        normal.map(|component| -component)
    } else {
        normal
    };
    let mut slices: Vec<PlacedSlice> = frames
        .iter()
        .map(|(reference, position)| PlacedSlice {
            reference: *reference,
            position: *position,
            along_mm: dot(*position, normal),
        })
        .collect();
    slices.sort_by(|a, b| a.along_mm.total_cmp(&b.along_mm));
    slices
}

/// Measures the distances between ordered slices.
pub(crate) fn measure_spacing(slices: &[PlacedSlice]) -> SliceSpacing {
    let steps: Vec<f64> = slices
        .windows(2)
        .map(|pair| pair[1].along_mm - pair[0].along_mm)
        .collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let (Some(smallest), Some(largest)) = (sorted.first(), sorted.last()) else {
        return SliceSpacing {
            median_mm: None,
            largest_gap_mm: 0.0,
            missing_slices: 0,
            variation: 0.0,
        };
    };
    let median = sorted[sorted.len() / 2];
    let in_steps = |gap: f64| (gap / median).round().clamp(1.0, 1e6);
    let gaps = || steps.iter().copied().filter(|step| *step > GAP_FACTOR * median);
    let missing = gaps().map(|gap| in_steps(gap) as usize - 1).sum();
    let has_few_gaps = gaps().count() as f64 <= LARGEST_GAP_SHARE * steps.len() as f64;
    let (shortest, longest) = steps
        .iter()
        .map(|step| match step {
            gap if has_few_gaps && *gap > GAP_FACTOR * median => gap / in_steps(*gap),
            step => *step,
        })
        .fold((*smallest, 0.0), |(shortest, longest): (f64, f64), step| {
            (shortest.min(step), longest.max(step))
        });
    SliceSpacing {
        median_mm: Some(median),
        largest_gap_mm: *largest,
        missing_slices: missing,
        variation: (longest - shortest) / median,
    }
}

/// The farthest that a slice lies beside the straight way from the first to the last, in millimetres.
pub(crate) fn largest_stray_mm(slices: &[PlacedSlice]) -> f64 {
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else {
        return 0.0;
    };
    let height = last.along_mm - first.along_mm;
    let way: Vector = std::array::from_fn(|axis| last.position[axis] - first.position[axis]);
    slices
        .iter()
        .map(|slice| {
            let part = if height > 0.0 {
                (slice.along_mm - first.along_mm) / height
            } else {
                0.0
            };
            let aside: Vector =
                std::array::from_fn(|axis| slice.position[axis] - first.position[axis] - part * way[axis]);
            dot(aside, aside).sqrt()
        })
        .fold(0.0, f64::max)
}

/// Degrees by which the stack is sheared or leans: the larger of the angle between the slices' normal and the
/// way from slice to slice, and the one between the normal and the patient's long axis.
pub(crate) fn tilt_degrees(slices: &[PlacedSlice], normal: Vector) -> f64 {
    let lean = angle_degrees(normal, [0.0, 0.0, 1.0]);
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else {
        return lean;
    };
    let way: Vector = std::array::from_fn(|axis| last.position[axis] - first.position[axis]);
    let shear = unit(way).map_or(0.0, |way| angle_degrees(way, normal));
    lean.max(shear)
}

/// The steps from slice to slice, by their first one, in which slices are missing.
pub(crate) fn gaps(steps_mm: impl Iterator<Item = f64>, spacing_mm: f64) -> Vec<usize> {
    let is_gap = |(at, step): (usize, f64)| (step > GAP_FACTOR * spacing_mm).then_some(at);
    steps_mm.enumerate().filter_map(is_gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(positions: &[f64]) -> Vec<(FrameReference, Vector)> {
        positions
            .iter()
            .enumerate()
            .map(|(instance, z)| (FrameReference { instance, frame: 0 }, [0.0, 0.0, *z]))
            .collect()
    }

    #[test]
    fn slices_ascend_to_the_head_whatever_the_normal_points_to() {
        for normal in [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]] {
            let order = order_slices(&stack(&[4.0, 0.0, 2.0]), normal);
            let instances: Vec<usize> = order.iter().map(|slice| slice.reference.instance).collect();
            assert_eq!(instances, [1, 2, 0]);
        }
    }

    #[test]
    fn a_gap_is_counted_in_slices() {
        let order = order_slices(&stack(&[0.0, 2.5, 5.0, 12.5, 15.0]), [0.0, 0.0, 1.0]);
        let spacing = measure_spacing(&order);
        assert_eq!(spacing.median_mm, Some(2.5));
        assert_eq!(spacing.missing_slices, 2);
        assert_eq!(spacing.largest_gap_mm, 7.5);
        assert_eq!(spacing.variation, 0.0, "the others are even");
        let single = measure_spacing(&order[..1]);
        assert_eq!((single.median_mm, single.missing_slices), (None, 0));
    }

    #[test]
    fn uneven_steps_vary_beside_a_gap_too() {
        let variation =
            |positions: &[f64]| measure_spacing(&order_slices(&stack(positions), [0.0, 0.0, 1.0])).variation;
        // One step is no whole number of the others.
        let beside_the_gap = variation(&[0.0, 2.0, 4.0, 6.0, 9.4, 11.4, 13.4]);
        assert!((beside_the_gap - 0.15).abs() < 1e-9, "{beside_the_gap}");
        // Two passes laid into each other: long and short steps by turns are no gaps.
        assert_eq!(variation(&[0.0, 1.0, 5.0, 6.0, 10.0, 11.0, 15.0, 16.0]), 3.0);
    }

    #[test]
    fn planes_are_told_by_their_normal() {
        assert_eq!(plane_of(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), Plane::Axial);
        assert_eq!(plane_of(&[-1.0, 0.0, 0.0, 0.0, -1.0, 0.0]), Plane::Axial);
        assert_eq!(plane_of(&[1.0, 0.0, 0.0, 0.0, 0.0, -1.0]), Plane::Coronal);
        assert_eq!(plane_of(&[0.0, 1.0, 0.0, 0.0, 0.0, -1.0]), Plane::Sagittal);
        assert_eq!(plane_of(&[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]), Plane::Axial);
        assert_eq!(plane_of(&[0.0, -1.0, 0.0, 1.0, 0.0, 0.0]), Plane::Axial);
        assert_eq!(plane_of(&[0.8, 0.6, 0.0, -0.6, 0.8, 0.0]), Plane::AxialTurned);
        assert_eq!(plane_of(&[0.0; 6]), Plane::Oblique);
        assert_eq!(plane_of(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]), Plane::Oblique);
        let (sin, cos) = 20f64.to_radians().sin_cos();
        assert_eq!(plane_of(&[1.0, 0.0, 0.0, 0.0, cos, sin]), Plane::Axial);
        let (sin, cos) = 45f64.to_radians().sin_cos();
        assert_eq!(plane_of(&[1.0, 0.0, 0.0, 0.0, cos, sin]), Plane::Oblique);
    }

    #[test]
    fn a_sheared_stack_is_a_tilt() {
        let shift = 10f64.to_radians().tan();
        let frames: Vec<_> = (0..5)
            .map(|index| {
                let z = f64::from(index);
                (
                    FrameReference {
                        instance: 0,
                        frame: index as usize,
                    },
                    [0.0, z * shift, z],
                )
            })
            .collect();
        let order = order_slices(&frames, [0.0, 0.0, 1.0]);
        assert!((tilt_degrees(&order, [0.0, 0.0, 1.0]) - 10.0).abs() < 1e-9);
        let straight = order_slices(&stack(&[0.0, 1.0]), [0.0, 0.0, 1.0]);
        assert!(tilt_degrees(&straight, [0.0, 0.0, 1.0]) < 1e-6);
    }
}
