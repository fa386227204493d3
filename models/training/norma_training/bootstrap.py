"""Confidence intervals that respect patients: whole blocks are drawn, never slices."""

from __future__ import annotations

from typing import Callable, NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "–"
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"

    def as_manifest(self) -> dict:
        return {"value": round(float(self.value), 4), "ci95": [round(float(self.low), 4), round(float(self.high), 4)]}


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve by ranks (ties count half); NaN where a class is missing."""
    truth = np.asarray(truth).astype(bool)
    positive, negative = int(truth.sum()), int((~truth).sum())
    if positive == 0 or negative == 0:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def bootstrap(
    statistic: Callable[..., float], *columns: np.ndarray, groups: np.ndarray, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """`statistic(*columns)` with a 95 % percentile interval over resampled groups (with replacement).

    Groups are drawn per class of the first column (a group's first row decides), so that no resample lacks a
    class. NaN results of a resample are left out.
    """
    columns = tuple(np.asarray(column) for column in columns)
    value = statistic(*columns)
    names, inverse = np.unique(groups, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(names) + 1))
    members = [order[bounds[i] : bounds[i + 1]] for i in range(len(names))]
    kind = np.array([columns[0][rows[0]] for rows in members])
    strata = [np.flatnonzero(kind == k) for k in np.unique(kind)]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        chosen = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])
        rows = np.concatenate([members[i] for i in chosen])
        drawn.append(statistic(*(column[rows] for column in columns)))
    drawn = np.array(drawn, dtype=float)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))


def auc_by_block(truth: np.ndarray, score: np.ndarray, groups: np.ndarray, resamples: int = 1000, seed: int = 0) -> Estimate:
    """AUC with its interval; NaN scores are left out."""
    valid = np.isfinite(score)
    if valid.sum() == 0 or len(np.unique(np.asarray(truth)[valid])) < 2:
        return Estimate(float("nan"), float("nan"), float("nan"))
    return bootstrap(
        auc, np.asarray(truth)[valid], np.asarray(score)[valid], groups=np.asarray(groups)[valid], resamples=resamples,
        seed=seed,
    )
