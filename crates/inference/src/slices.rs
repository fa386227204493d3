//! What a model reads: prepared slices with their lungs.

use ndarray::{Array3, ArrayRef3, Axis};

use crate::known_outputs::KnownOutputs;
use crate::manifest::SliceSelection;

/// Prepared slices `(n, size, size)`: grey levels 0..=255 and lung masks 0/1, of the same shape, n at least 1; and what graphs
/// have said of them already.
#[derive(Debug, Clone, Copy)]
pub struct Slices<'a> {
    pixels: &'a ArrayRef3<u8>,
    lung_mask: &'a ArrayRef3<u8>,
    known: Option<&'a KnownOutputs>,
}

impl<'a> Slices<'a> {
    /// None where the shapes differ or there is nothing to read.
    pub fn new(pixels: &'a ArrayRef3<u8>, lung_mask: &'a ArrayRef3<u8>) -> Option<Self> {
        (pixels.dim() == lung_mask.dim() && !pixels.is_empty()).then_some(Self {
            pixels,
            lung_mask,
            known: None,
        })
    }

    /// The same slices with what graphs said of them: a model that reads just that runs no graph.
    #[must_use]
    pub fn with_known(self, known: Option<&'a KnownOutputs>) -> Self {
        Self { known, ..self }
    }

    pub(crate) fn known(&self) -> Option<&'a KnownOutputs> {
        self.known
    }

    pub fn count(&self) -> usize {
        self.pixels.len_of(Axis(0))
    }

    pub fn pixels(&self) -> &'a ArrayRef3<u8> {
        self.pixels
    }

    pub fn lung_mask(&self) -> &'a ArrayRef3<u8> {
        self.lung_mask
    }

    /// The slices that a model reads.
    pub(crate) fn select(&self, selection: SliceSelection) -> Selected {
        let indices = even_subset(self.count(), selection.count);
        Selected {
            pixels: self.pixels.select(Axis(0), &indices),
            lung_mask: self.lung_mask.select(Axis(0), &indices),
            indices,
        }
    }
}

/// Slices chosen for a model, with their places among the prepared ones.
pub(crate) struct Selected {
    pub(crate) pixels: Array3<u8>,
    pub(crate) lung_mask: Array3<u8>,
    pub(crate) indices: Vec<usize>,
}

/// `wanted` of `count` indices, evenly spread and ascending; all where no more are there.
pub(crate) fn even_subset(count: usize, wanted: usize) -> Vec<usize> {
    if wanted >= count {
        return (0..count).collect();
    }
    (0..wanted)
        .map(|index| (2 * index + 1) * count / (2 * wanted))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_is_even_and_ascending() {
        assert_eq!(even_subset(3, 64), [0, 1, 2]);
        assert_eq!(even_subset(64, 4), [8, 24, 40, 56]);
        let subset = even_subset(61, 17);
        assert!(subset.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(*subset.last().unwrap() < 61);
    }

    #[test]
    fn nothing_to_read_is_no_input() {
        let pixels = Array3::<u8>::zeros((0, 4, 4));
        assert!(Slices::new(&pixels, &pixels).is_none());
    }
}
