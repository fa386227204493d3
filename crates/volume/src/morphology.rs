//! Binary morphology with discs, on masks of 0 and 1.

use ndarray::{Array2, ArrayView2};

/// Pixels at most `radius` pixels (Euclidean) from a set pixel.
pub(crate) fn dilate(mask: ArrayView2<'_, u8>, radius: usize) -> Array2<u8> {
    let (rows, columns) = mask.dim();
    let distances = column_distances(mask, radius);
    let half_widths: Vec<usize> = (0..=radius)
        .map(|dy| ((radius * radius - dy * dy) as f64).sqrt() as usize)
        .collect();
    let mut out = Array2::zeros((rows, columns));
    // A pixel whose nearest set pixel in its column is `d` rows away sets its row over the disc's width at `d`.
    let mut starts = vec![0i32; columns + 1];
    for y in 0..rows {
        starts.fill(0);
        for x in 0..columns {
            let distance = distances[[y, x]] as usize;
            if distance <= radius {
                let width = half_widths[distance];
                starts[x.saturating_sub(width)] += 1;
                starts[(x + width + 1).min(columns)] -= 1;
            }
        }
        let mut depth = 0;
        for x in 0..columns {
            depth += starts[x];
            out[[y, x]] = u8::from(depth > 0);
        }
    }
    out
}

/// Pixels more than `radius` pixels from every unset pixel. What lies outside the image counts as set.
pub(crate) fn erode(mask: ArrayView2<'_, u8>, radius: usize) -> Array2<u8> {
    let inverse = mask.mapv(|value| 1 - value);
    dilate(inverse.view(), radius).mapv(|value| 1 - value)
}

/// Fills gaps narrower than twice `radius`.
pub(crate) fn close(mask: ArrayView2<'_, u8>, radius: usize) -> Array2<u8> {
    // A frame of the radius keeps the closing from sticking to the image border.
    let (rows, columns) = mask.dim();
    let mut framed = Array2::zeros((rows + 2 * radius, columns + 2 * radius));
    let inner = ndarray::s![radius..radius + rows, radius..radius + columns];
    framed.slice_mut(inner).assign(&mask);
    let dilated = dilate(framed.view(), radius);
    erode(dilated.view(), radius).slice(inner).to_owned()
}

/// Rows to the nearest set pixel of the same column, at most `limit + 1`.
fn column_distances(mask: ArrayView2<'_, u8>, limit: usize) -> Array2<u16> {
    let (rows, columns) = mask.dim();
    let far = u16::try_from(limit + 1).unwrap_or(u16::MAX);
    let mut distances = Array2::from_elem((rows, columns), far);
    for y in 0..rows {
        for x in 0..columns {
            distances[[y, x]] = if mask[[y, x]] != 0 {
                0
            } else if y > 0 {
                (distances[[y - 1, x]] + 1).min(far)
            } else {
                far
            };
        }
    }
    for y in (0..rows.saturating_sub(1)).rev() {
        for x in 0..columns {
            let below = (distances[[y + 1, x]] + 1).min(far);
            if below < distances[[y, x]] {
                distances[[y, x]] = below;
            }
        }
    }
    distances
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_point_grows_to_a_disc() {
        let mut mask = Array2::zeros((21, 21));
        mask[[10, 10]] = 1;
        let disc = dilate(mask.view(), 6);
        for ((y, x), &value) in disc.indexed_iter() {
            let distance_squared = (y as i32 - 10).pow(2) + (x as i32 - 10).pow(2);
            assert_eq!(value == 1, distance_squared <= 36, "{y} {x}");
        }
    }

    #[test]
    fn closing_fills_a_slit() {
        let mut slit = Array2::<u8>::ones((30, 30));
        slit.column_mut(15).fill(0);
        let closed = close(slit.view(), 2);
        assert!(
            closed
                .slice(ndarray::s![3..27, ..])
                .iter()
                .all(|&value| value == 1)
        );
    }

    proptest! {
        #[test]
        fn closing_only_adds_and_eroding_only_removes(
            values in proptest::collection::vec(0u8..2, 12 * 17), radius in 0usize..5,
        ) {
            let mask = Array2::from_shape_vec((12, 17), values).unwrap();
            let (closed, eroded) = (close(mask.view(), radius), erode(mask.view(), radius));
            for ((index, &value), (&closed, &eroded)) in mask.indexed_iter().zip(closed.iter().zip(&eroded)) {
                prop_assert!(closed >= value && eroded <= value, "{:?}", index);
            }
        }
    }
}
