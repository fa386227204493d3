//! What the tests of values are made on.

use ndarray::Array3;

/// Air, a body of soft tissue, a bone in it, with a little noise.
pub(crate) fn chest(slices: usize) -> Array3<i16> {
    Array3::from_shape_fn((slices, 64, 64), |(z, y, x)| {
        let (dy, dx) = (y as f64 - 31.5, x as f64 - 31.5);
        let noise = ((z * 31 + y * 17 + x * 7) % 11) as i16 - 5;
        let level = match dy * dy + dx * dx {
            distance if distance < 9.0 => 900,
            distance if distance < 500.0 => 40,
            _ => -1000,
        };
        level + noise
    })
}
