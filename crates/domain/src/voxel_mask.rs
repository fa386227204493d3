//! Sets of voxels, run-length coded.

/// Voxels of one row that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoxelRun {
    /// Index of the first in the volume, counted in the order of the axes `(z, y, x)`.
    pub first: u32,
    pub length: u32,
}

impl VoxelRun {
    /// Index behind the last.
    const fn end(self) -> u64 {
        self.first as u64 + self.length as u64
    }
}

/// Runs that are no mask of the volume they are said to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMask {
    #[error("a volume of {0:?} voxels is too large for a mask")]
    TooLarge([usize; 3]),
    #[error("the runs of a mask do not ascend within the rows of its volume")]
    Runs,
}

/// A set of voxels of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoxelMask {
    shape: [usize; 3],
    runs: Vec<VoxelRun>,
}

impl VoxelMask {
    /// No voxel of a volume of `shape`, `[z, y, x]`.
    ///
    /// # Errors
    /// Where the volume has 2³² voxels or more.
    pub fn empty(shape: [usize; 3]) -> Result<Self, InvalidMask> {
        let voxels = shape.iter().try_fold(1_usize, |all, side| all.checked_mul(*side));
        match voxels.and_then(|voxels| u32::try_from(voxels).ok()) {
            Some(_) => Ok(Self {
                shape,
                runs: Vec::new(),
            }),
            None => Err(InvalidMask::TooLarge(shape)),
        }
    }

    /// The voxels of `runs`, which ascend; each lies in one row.
    ///
    /// # Errors
    /// Where they do not, and as [`empty`](Self::empty).
    pub fn of_runs(shape: [usize; 3], runs: Vec<VoxelRun>) -> Result<Self, InvalidMask> {
        let empty = Self::empty(shape)?;
        let [_, _, columns] = shape.map(|side| side as u64);
        let all = shape.iter().product::<usize>() as u64;
        let mut end = 0;
        for run in &runs {
            let is_within_row = run.length > 0
                && run.end() <= all
                && u64::from(run.first) / columns == (run.end() - 1) / columns;
            if !is_within_row || u64::from(run.first) < end {
                return Err(InvalidMask::Runs);
            }
            end = run.end();
        }
        Ok(Self { runs, ..empty })
    }

    /// Adds the voxels from column `first_column` on for which `inside` says so. Rows come in ascending order, each once.
    ///
    /// # Panics
    /// If the row lies outside of the volume, and if it does not come after those before.
    pub fn push_row(
        &mut self,
        [slice, row]: [usize; 2],
        first_column: usize,
        inside: impl IntoIterator<Item = bool>,
    ) {
        let [slices, rows, columns] = self.shape;
        assert!(slice < slices && row < rows, "a row of the volume");
        let start = (slice * rows + row) * columns;
        let last = self.runs.last().map_or(0, |run| run.end());
        assert!(last <= start as u64, "rows ascend");
        let mut open: Option<usize> = None;
        let mut end = first_column;
        for (column, inside) in (first_column..columns).zip(inside) {
            end = column + 1;
            match (inside, open) {
                (true, None) => open = Some(column),
                (false, Some(first)) => {
                    self.push(start + first, column - first);
                    open = None;
                }
                _ => {}
            }
        }
        if let Some(first) = open {
            self.push(start + first, end - first);
        }
    }

    fn push(&mut self, first: usize, length: usize) {
        const PROOF: &str = "the volume has less than 2^32 voxels";
        self.runs.push(VoxelRun {
            first: u32::try_from(first).expect(PROOF),
            length: u32::try_from(length).expect(PROOF),
        });
    }

    /// Of the volume, `[z, y, x]`.
    pub const fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// In ascending order, each within a row.
    pub fn runs(&self) -> &[VoxelRun] {
        &self.runs
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many voxels.
    pub fn voxels(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.length)).sum()
    }

    /// The voxels of a slice, as ranges of its pixels, row by row.
    pub fn in_slice(&self, slice: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        let [_, rows, columns] = self.shape;
        let pixels = rows * columns;
        let (start, end) = (slice.saturating_mul(pixels), (slice + 1).saturating_mul(pixels));
        let from = self.runs.partition_point(|run| (run.first as usize) < start);
        self.runs[from..]
            .iter()
            .take_while(move |run| (run.first as usize) < end)
            .map(move |run| {
                let first = run.first as usize - start;
                first..first + run.length as usize
            })
    }

    /// Whether a voxel is in both.
    pub fn meets(&self, other: &Self) -> bool {
        let (mut own, mut others) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        while let (Some(one), Some(two)) = (own.peek(), others.peek()) {
            if one.end() <= u64::from(two.first) {
                own.next();
            } else if two.end() <= u64::from(one.first) {
                others.next();
            } else {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHAPE: [usize; 3] = [3, 4, 5];

    fn mask(voxels: &[bool]) -> VoxelMask {
        let mut mask = VoxelMask::empty(SHAPE).unwrap();
        for (index, row) in voxels.chunks(SHAPE[2]).enumerate() {
            mask.push_row([index / SHAPE[1], index % SHAPE[1]], 0, row.iter().copied());
        }
        mask
    }

    fn voxels(mask: &VoxelMask) -> Vec<bool> {
        let pixels = SHAPE[1] * SHAPE[2];
        let mut voxels = vec![false; SHAPE[0] * pixels];
        for slice in 0..SHAPE[0] {
            for range in mask.in_slice(slice) {
                voxels[slice * pixels + range.start..slice * pixels + range.end].fill(true);
            }
        }
        voxels
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(inside in prop::collection::vec(any::<bool>(), 60), other in prop::collection::vec(any::<bool>(), 60)) {
            let (one, two) = (mask(&inside), mask(&other));
            prop_assert_eq!(&voxels(&one), &inside);
            prop_assert_eq!(one.voxels(), inside.iter().filter(|inside| **inside).count() as u64);
            prop_assert_eq!(&VoxelMask::of_runs(SHAPE, one.runs().to_vec()).unwrap(), &one);
            let both = inside.iter().zip(&other).any(|(one, two)| *one && *two);
            prop_assert_eq!(one.meets(&two), both);
            prop_assert_eq!(two.meets(&one), both);
        }
    }

    #[test]
    fn a_part_of_a_row_begins_at_its_column() {
        let mut mask = VoxelMask::empty(SHAPE).unwrap();
        mask.push_row([1, 2], 3, [true, true]);
        assert_eq!(mask.runs(), [VoxelRun { first: 33, length: 2 }]);
        assert!(mask.in_slice(1).eq(std::iter::once(13..15)));
        assert_eq!(mask.in_slice(0).count() + mask.in_slice(2).count(), 0);
    }

    #[test]
    fn runs_that_are_no_mask_are_refused() {
        let runs = |runs: &[(u32, u32)]| {
            let runs = runs.iter().map(|&(first, length)| VoxelRun { first, length });
            VoxelMask::of_runs(SHAPE, runs.collect())
        };
        assert!(runs(&[(0, 5), (5, 1), (59, 1)]).is_ok());
        for wrong in [
            &[(0, 0)][..],
            &[(4, 2)],
            &[(59, 2)],
            &[(60, 1)],
            &[(u32::MAX, u32::MAX)],
            &[(5, 1), (0, 1)],
            &[(0, 2), (1, 1)],
        ] {
            assert_eq!(runs(wrong), Err(InvalidMask::Runs), "{wrong:?}");
        }
        assert!(VoxelMask::empty([1 << 16, 1 << 16, 1]).is_err());
        assert!(VoxelMask::empty([usize::MAX, 2, 2]).is_err());
    }
}
