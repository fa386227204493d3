"""How far norm lung is from a memory of norm, place by place: what `expected_distance.rs` computes for a site.

A distance is judged against what norm has at the same place of the crop in slices with as much lung in them.
That share stands for the height in the chest, which single slices do not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve1d

#: Centres of the bins of a slice's lung share (the part of the crop that is lung).
LUNG_SHARES = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])
#: Weight, in patches, with which the mean over all places enters the one of each place.
PRIOR_PATCHES = 30.0
#: No place has a smaller deviation than this part of the deviation over all places.
LEAST_DEVIATION = 0.25
#: Neighbouring cells of the statistics count with exp(-distance² / 2), up to two cells away.
KERNEL = np.exp(-np.arange(-2, 3) ** 2 / 2)


@dataclass
class ExpectedDistance:
    """`mean` and `deviation` `(shares, rows, columns)`."""

    mean: np.ndarray
    deviation: np.ndarray

    def relative(self, share: np.ndarray, y: np.ndarray, x: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Distances in deviations from what is expected; interpolated between the bins' centres."""
        place = np.clip(np.interp(share, LUNG_SHARES, np.arange(len(LUNG_SHARES))), 0, len(LUNG_SHARES) - 1)
        low = np.minimum(place.astype(int), len(LUNG_SHARES) - 2)
        part = place - low
        mean = (1 - part) * self.mean[low, y, x] + part * self.mean[low + 1, y, x]
        deviation = (1 - part) * self.deviation[low, y, x] + part * self.deviation[low + 1, y, x]
        return (distance - mean) / deviation

    def stored(self) -> np.ndarray:
        """`(shares · rows · columns, 2)`."""
        return np.stack([self.mean, self.deviation], -1).reshape(-1, 2)

    @classmethod
    def of_stored(cls, stored: np.ndarray, shares: int, rows: int, columns: int) -> "ExpectedDistance":
        table = np.asarray(stored, dtype=np.float64).reshape(shares, rows, columns, 2)
        return cls(table[..., 0], table[..., 1])


def fit_expected(share: np.ndarray, y: np.ndarray, x: np.ndarray, distance: np.ndarray, weight: np.ndarray | None = None, grid: int = 14) -> ExpectedDistance:
    """From distances of norm patches that the memory did not hold: smoothed over neighbouring places and drawn
    towards the mean over all of them."""
    weight = np.ones(len(distance)) if weight is None else weight
    bin_of = np.abs(np.asarray(share, dtype=np.float64)[:, None] - LUNG_SHARES).argmin(1)
    flat = (bin_of * grid + y) * grid + x
    size = len(LUNG_SHARES) * grid * grid
    sums = [
        np.bincount(flat, weight * np.asarray(distance, dtype=np.float64) ** power, minlength=size).reshape(len(LUNG_SHARES), grid, grid)
        for power in range(3)
    ]
    count, total, squares = (values.sum() for values in sums)
    mean_of_all = total / count
    variance_of_all = squares / count - mean_of_all**2
    for axis in range(3):
        sums = [convolve1d(values, KERNEL, axis=axis, mode="constant") for values in sums]
    prior = (1.0, mean_of_all, variance_of_all + mean_of_all**2)
    number, first, second = (values + PRIOR_PATCHES * constant for values, constant in zip(sums, prior))
    mean = first / number
    deviation = np.sqrt(np.maximum(second / number - mean**2, 0.0))
    return ExpectedDistance(mean, np.maximum(deviation, LEAST_DEVIATION * np.sqrt(variance_of_all)))


def equal_source_weights(source: np.ndarray) -> np.ndarray:
    """A weight per patch: every source weighs the same, the mean weight is 1."""
    names, place, count = np.unique(source, return_inverse=True, return_counts=True)
    return len(source) / len(names) / count[place]


def smooth_lung_map(values: np.ndarray, coverage: np.ndarray, dome_part: int = 16, not_lung: float = 0.25, least_weight: float = 0.3) -> np.ndarray:
    """A study's map `(n, h, w)`, slices ascending to the head, smoothed along all axes over the cells inside the
    lungs; 0 elsewhere and where, within a sixteenth of the slices towards the feet, the place is not lung: a
    dome of the diaphragm, which the lung mask fills as it fills a lesion."""
    most = coverage.max((1, 2), keepdims=True)
    kept = coverage >= np.minimum(most, 0.5)
    for step in range(1, -(-len(values) // dome_part) + 1):
        kept[step:] &= coverage[:-step] >= not_lung
    total, weight = np.where(kept, values, 0.0), kept.astype(np.float64)
    for axis in range(3):
        total = convolve1d(total, [0.25, 0.5, 0.25], axis=axis, mode="constant")
        weight = convolve1d(weight, [0.25, 0.5, 0.25], axis=axis, mode="constant")
    return np.where(kept, total / np.maximum(weight, least_weight), 0.0)
