//! Layers along the back: lung that lies on itself holds less air there, in healthy people who lie on their back too.

use ndarray::{Array2, Array3, Zip};

use crate::regions::Region;

/// So deep such a layer reaches, from where the lung ends behind: 12 mm. An opacity that is one reaches deeper somewhere.
const DEEPEST_STEPS: usize = 6;
const LEAST_SHARE: f64 = 0.9;
/// A layer of less is an opacity like others, too small to decide.
const LEAST_LAYER_ML: f64 = 15.0;

/// Where lung ends towards the back, by slice and column; None beside the lungs.
pub(crate) struct HindEdge(Array2<Option<usize>>);

impl HindEdge {
    /// Of the lungs' hull and what may lie beyond it. `back` is as [`crate::grid::Grid::back`].
    pub(crate) fn of(hull: &Array3<bool>, opaque: &Array3<bool>, back: f64) -> Self {
        let hindmost = |one: usize, other: usize| {
            if back >= 0.0 {
                one.max(other)
            } else {
                one.min(other)
            }
        };
        let mut rows = Array2::from_elem((hull.dim().0, hull.dim().2), None);
        Zip::indexed(hull)
            .and(opaque)
            .for_each(|(z, y, x), &hull, &opaque| {
                if hull || opaque {
                    let row = &mut rows[[z, x]];
                    *row = Some(row.map_or(y, |row| hindmost(row, y)));
                }
            });
        Self(rows)
    }

    /// Layers of lying among the regions, and the others. One lung alone lies on itself no more than the other does: a layer of one side is none.
    pub(crate) fn layers(&self, regions: Vec<Region>) -> (Vec<Region>, Vec<Region>) {
        let (layers, mut others): (Vec<Region>, Vec<Region>) = regions
            .into_iter()
            .partition(|region| region.millilitres() > LEAST_LAYER_ML && self.is_layer(region));
        let lies_right = |region: &Region| region.center()[2] < self.middle();
        if layers.iter().any(lies_right) && !layers.iter().all(lies_right) {
            return (layers, others);
        }
        others.extend(layers);
        others.sort_by_key(|region| std::cmp::Reverse(region.voxels.len()));
        (Vec::new(), others)
    }

    /// Between the outermost columns that hold lung.
    fn middle(&self) -> f64 {
        let columns = self.0.indexed_iter().filter(|(_, row)| row.is_some());
        let (first, last) = columns.fold((usize::MAX, 0), |(first, last), ((_, x), _)| {
            (first.min(x), last.max(x))
        });
        (first as f64 + last as f64) / 2.0
    }

    /// Whether a region lies along the back wall and nowhere deeper than lying makes it.
    fn is_layer(&self, region: &Region) -> bool {
        let is_near =
            |&&[z, y, x]: &&[usize; 3]| self.0[[z, x]].is_some_and(|edge| edge.abs_diff(y) <= DEEPEST_STEPS);
        let near = region.voxels.iter().filter(is_near).count();
        near as f64 >= LEAST_SHARE * region.voxels.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use ndarray::s;

    use super::*;
    use crate::regions::regions;

    fn layer_of(thick: usize, back: f64) -> bool {
        let mut hull = Array3::from_elem((40, 60, 40), false);
        hull.slice_mut(s![2..38, 5..55, 2..38]).fill(true);
        let mut opaque = Array3::from_elem(hull.dim(), false);
        let rows = if back > 0.0 { 54 - thick..54 } else { 6..6 + thick };
        opaque.slice_mut(s![5..30, rows, 5..30]).fill(true);
        let edge = HindEdge::of(&hull, &opaque, back);
        edge.is_layer(&regions(&opaque, 1)[0])
    }

    #[test]
    fn a_thin_layer_along_the_back_is_one_and_what_reaches_deeper_is_none() {
        for back in [1.0, -1.0] {
            assert!(layer_of(4, back) && layer_of(6, back), "{back}");
            assert!(!layer_of(8, back) && !layer_of(20, back), "{back}");
        }
    }

    /// Two lungs of 76 × 50 × 32 voxels, a layer of so many rows behind each.
    fn layers_of(right: usize, left: usize) -> (usize, usize) {
        let mut hull = Array3::from_elem((80, 60, 80), false);
        let mut opaque = Array3::from_elem(hull.dim(), false);
        for (columns, thick) in [(4..36, right), (44..76, left)] {
            hull.slice_mut(s![2..78, 5..55, columns.clone()]).fill(true);
            opaque.slice_mut(s![5..75, 54 - thick..54, columns]).fill(true);
        }
        let (layers, others) = HindEdge::of(&hull, &opaque, 1.0).layers(regions(&opaque, 125));
        (layers.len(), others.len())
    }

    #[test]
    fn a_layer_of_one_side_is_an_opacity() {
        assert_eq!(layers_of(4, 3), (2, 0));
        assert_eq!(layers_of(4, 0), (0, 1));
        assert_eq!(layers_of(0, 4), (0, 1));
        assert_eq!(layers_of(4, 12), (0, 2));
    }

    #[test]
    fn what_lies_in_front_is_none() {
        let mut hull = Array3::from_elem((40, 60, 40), false);
        hull.slice_mut(s![2..38, 5..55, 2..38]).fill(true);
        let mut opaque = Array3::from_elem(hull.dim(), false);
        opaque.slice_mut(s![5..30, 6..10, 5..30]).fill(true);
        let found = regions(&opaque, 1);
        assert!(!HindEdge::of(&hull, &opaque, 1.0).is_layer(&found[0]));
        assert!(HindEdge::of(&hull, &opaque, -1.0).is_layer(&found[0]));
    }
}
