"""From patches to a slice and from slices to a study: the same rules that the service applies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Aggregation:
    """`maximum`, or the mean of the `k` largest (of all there are, if fewer)."""

    method: str = "top_k_mean"
    k: int = 5

    def __call__(self, scores: np.ndarray) -> float:
        scores = np.asarray(scores, dtype=np.float64)
        if self.method == "maximum":
            return float(scores.max())
        if self.method == "mean":
            return float(scores.mean())
        if self.method == "top_k_mean":
            k = min(self.k, len(scores))
            return float(np.sort(scores)[-k:].mean())
        raise ValueError(f"unknown aggregation {self.method}")

    def as_manifest(self) -> dict:
        return {"method": self.method, "k": self.k} if self.method == "top_k_mean" else {"method": self.method}

    def for_count(self, count: int, reference: int = 64) -> "Aggregation":
        """The same share of the slices for a study of `count` slices as `k` of `reference`.

        A block of training slices is far shorter than a study: five of ten is another thing than five of 64.
        """
        if self.method != "top_k_mean":
            return self
        return Aggregation("top_k_mean", max(1, round(self.k * count / reference)))


def patch_coverage(lung_mask: np.ndarray, grid: int) -> np.ndarray:
    """`(n, s, s)` 0/1 → `(n, grid, grid)`: the share of each patch that is lung (area mean)."""
    n, size, _ = lung_mask.shape
    step = size // grid
    return np.asarray(lung_mask, dtype=np.float32).reshape(n, grid, step, grid, step).mean((2, 4))


def slice_scores(maps: np.ndarray, coverage: np.ndarray, within: Aggregation, least: float = 0.5) -> np.ndarray:
    """Maps `(n, h, w)` and lung coverage of the same grid → one score per slice over patches that are at least
    `least` lung; where no patch is, over those with the most lung; NaN without lung."""
    result = np.full(len(maps), np.nan)
    for i in range(len(maps)):
        most = coverage[i].max()
        if most > 0:
            result[i] = within(maps[i][coverage[i] >= min(least, most)])
    return result


def study_scores(scores: np.ndarray, study: np.ndarray, aggregation: Aggregation, scale_k: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Slice scores → `(names, scores)` per study or pseudo-study (block); NaN slices are left out."""
    names = np.unique(study)
    values = np.full(len(names), np.nan)
    for i, name in enumerate(names):
        chosen = scores[study == name]
        chosen = chosen[np.isfinite(chosen)]
        if len(chosen):
            rule = aggregation.for_count(len(chosen)) if scale_k else aggregation
            values[i] = rule(chosen)
    return names, values
