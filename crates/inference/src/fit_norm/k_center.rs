use ndarray::ArrayRef2;
use rayon::prelude::*;

/// `count` rows of `points` that cover the others: starting with the row nearest to the mean, each next is the
/// one farthest from all chosen before it. `count` is at most the number of rows.
pub(super) fn k_center(points: &ArrayRef2<f32>, count: usize) -> Vec<usize> {
    let rows: Vec<Vec<f32>> = points.rows().into_iter().map(|row| row.to_vec()).collect();
    let Some(mean) = points.mean_axis(ndarray::Axis(0)) else {
        return Vec::new();
    };
    let mean = mean.to_vec();
    let Some(first) = (0..rows.len()).min_by(|left, right| {
        squared_distance(&rows[*left], &mean).total_cmp(&squared_distance(&rows[*right], &mean))
    }) else {
        return Vec::new();
    };
    let mut chosen = vec![first];
    let mut nearest = vec![f32::INFINITY; rows.len()];
    while chosen.len() < count.min(rows.len()) {
        let last = &rows[chosen[chosen.len() - 1]];
        let farthest = nearest
            .par_iter_mut()
            .zip(&rows)
            .with_min_len(512)
            .enumerate()
            .map(|(index, (nearest, row))| {
                *nearest = nearest.min(squared_distance(row, last));
                (index, *nearest)
            })
            // The lower index wins a tie, whatever the order in which threads finish.
            .reduce_with(|left, right| {
                let right_is_farther = right.1 > left.1 || (right.1 == left.1 && right.0 < left.0);
                if right_is_farther { right } else { left }
            });
        match farthest {
            Some((index, _)) => chosen.push(index),
            None => break,
        }
    }
    chosen
}

fn squared_distance(left: &[f32], right: &[f32]) -> f32 {
    left.iter()
        .zip(right)
        .map(|(left, right)| (left - right) * (left - right))
        .sum()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_chosen_cover_the_rest() {
        let points = array![
            [0.0_f32, 0.0],
            [0.1, 0.0],
            [10.0, 0.0],
            [10.1, 0.0],
            [0.0, 7.0],
            [5.0, 0.1]
        ];
        let mut chosen = k_center(&points, 4);
        assert_eq!(chosen.len(), 4);
        chosen.sort_unstable();
        // One of each of the four places.
        assert!(chosen.contains(&4) && chosen.contains(&5));
        assert_eq!(chosen.iter().filter(|index| **index < 2).count(), 1);
        assert_eq!(chosen.iter().filter(|index| (2..4).contains(*index)).count(), 1);
        assert_eq!(k_center(&points, 99).len(), 6);
    }
}
