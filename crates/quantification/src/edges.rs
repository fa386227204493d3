//! How sharp a volume is, by the edges between lung and soft tissue: a kernel that sharpens makes tissue brighter beside lung.

use ndarray::ArrayView1;
use norma_volume::{LungSegmentation, Volume};

/// An edge runs from lung to tissue…
const LUNG_HU: std::ops::RangeInclusive<i16> = -949..=-701;
const THRESHOLD_HU: i16 = -400;
/// …over so few pixels, …
const LUNG_BEFORE: usize = 3;
/// …and so far behind it lies what it is held against: the same tissue, without an edge of its own.
const DEEP: std::ops::Range<usize> = 5..9;
const TISSUE_HU: std::ops::Range<i16> = -39..250;
/// Fewer edges say nothing.
const LEAST_EDGES: usize = 300;

/// How much brighter soft tissue is within two pixels of lung than five to eight pixels from it, the median over the edges along
/// rows, in Hounsfield units: below 0 where edges are blurred. None where there are too few.
pub(crate) fn overshoot_hu(volume: &Volume, lungs: &LungSegmentation) -> Option<f64> {
    let [first, last] = lungs.extent?;
    let mut found: Vec<f64> = Vec::new();
    for z in (first..=last).step_by(2) {
        for row in volume.slice(z).rows().into_iter().step_by(2) {
            found.extend(edges_of(row));
            found.extend(edges_of(row.slice(ndarray::s![..;-1])));
        }
    }
    if found.len() < LEAST_EDGES {
        return None;
    }
    let middle = found.len() / 2;
    Some(*found.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Of each edge from lung to tissue how much brighter the tissue begins than it goes on.
fn edges_of(row: ArrayView1<'_, i16>) -> impl Iterator<Item = f64> {
    let places = LUNG_BEFORE..row.len().saturating_sub(DEEP.end);
    places.filter_map(move |last_lung| {
        let first_tissue = last_lung + 1;
        let is_edge = row[last_lung] <= THRESHOLD_HU
            && row[first_tissue] > THRESHOLD_HU
            && row[last_lung - 1] < THRESHOLD_HU - 100
            && LUNG_HU.contains(&row[last_lung - LUNG_BEFORE]);
        if !is_edge {
            return None;
        }
        let deep = row.slice(ndarray::s![first_tissue + DEEP.start..first_tissue + DEEP.end]);
        if !deep.iter().all(|value| TISSUE_HU.contains(value)) {
            return None;
        }
        let level = deep.iter().map(|value| f64::from(*value)).sum::<f64>() / DEEP.len() as f64;
        let begins = row[first_tissue + 1].max(row[first_tissue + 2]);
        Some(f64::from(begins) - level)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::*;

    #[test]
    fn a_blurred_edge_begins_darker_and_a_sharpened_one_brighter() {
        let tissue = [45; 10];
        let row = |edge: [i16; 5]| -> Array1<i16> { [&[-850; 6][..], &edge, &tissue].concat().into() };
        let blurred: Vec<f64> = edges_of(row([-840, -690, -380, -90, 10]).view()).collect();
        assert_eq!(blurred, [-35.0]);
        let sharpened: Vec<f64> = edges_of(row([-930, -780, -300, 60, 125]).view()).collect();
        assert_eq!(sharpened, [80.0]);
        // A rib behind it is no level to be held against, and a vessel no tissue.
        let mut rib = row([-840, -690, -380, -90, 10]);
        rib[15] = 600;
        assert_eq!(edges_of(rib.view()).count(), 0);
        let vessel: Array1<i16> = [&[-850; 8][..], &[-600, 40, -600], &[-850; 12]].concat().into();
        assert_eq!(edges_of(vessel.view()).count(), 0);
    }
}
