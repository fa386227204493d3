"""Scores of the frozen-feature recipes on slices that they did not learn from: blocks held out, sources held out.

Each function returns one score per slice, NaN where the slice cannot be scored.
"""

from __future__ import annotations

import numpy as np

from .expected_distance import ExpectedDistance, equal_source_weights, fit_expected
from .frozen_features import FrozenFeatures
from .linear_head import fit_classifier_head
from .patch_memory import LungPatches, balanced_sample, coreset, nearest_distance
from .prepared import PreparedSet
from .trivial_features import fit_trivial

MEMORY_PATCHES = 9000
#: Nearest norm patches whose mean distance counts. Within a slice the mean over its lung patches is taken.
NEIGHBOURS = 3


def lung_shares(lung_mask: np.ndarray) -> np.ndarray:
    """The part of each slice's crop that is lung."""
    return np.array([mask.mean() for mask in lung_mask])


def norm_rows(data: PreparedSet, weak: bool = True) -> np.ndarray:
    """Slices that a memory of norm may be taken from. Weak norm ("not infected") widens it to other scanners;
    measured a little better than clean norm alone on sources left out."""
    return data.label != "pathology" if weak else data.is_clean_norm


def choose_memory(features: np.ndarray, patches: LungPatches, source: np.ndarray, rows: np.ndarray, count: int, seed: int = 0, greedy: bool = False) -> np.ndarray:
    """Indices of the patches that a memory keeps, the same number from each source."""
    rng = np.random.default_rng(seed)
    patch_source = source[patches.slice_index]
    own = patches.of_slices(rows)
    if not greedy:
        return balanced_sample(rng, own, patch_source, count)
    pool = balanced_sample(rng, own, patch_source, 8 * count)
    kept = []
    for name in np.unique(patch_source[pool]):
        part = pool[patch_source[pool] == name]
        kept.append(part[coreset(features[part], count // len(np.unique(patch_source[pool])), seed)])
    return np.concatenate(kept)


class PatchMemoryRecipe:
    """Patch memory on chosen slices: distances patch by patch, and what norm's distances are at which place."""

    def __init__(self, data: PreparedSet, features: FrozenFeatures, patches: LungPatches, count: int = MEMORY_PATCHES) -> None:
        self.data, self.patches, self.count = data, patches, count
        self.flat = features.patches[patches.slice_index, patches.y, patches.x].astype(np.float32)
        self.share = lung_shares(data.lung_mask)

    def fit(self, train: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Memory `(m, c)` of standardised patches, and the standardisation's offset and scale `(c)`."""
        rows = train & norm_rows(self.data)
        own = self.patches.of_slices(rows & self.data.is_clean_norm)
        reference = self.flat[own[:: max(len(own) // 20000, 1)]]
        offset = reference.mean(0)
        scale = 1.0 / np.maximum(reference.std(0), 1e-3) / np.sqrt(reference.shape[1])
        chosen = choose_memory(self.flat, self.patches, self.data.source, rows, self.count)
        return (self.flat[chosen] - offset) * scale, offset, scale

    def fit_distances(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """The distance of every patch of the slices `test` to a memory of `train`; NaN for other patches."""
        memory, offset, scale = self.fit(train)
        own = self.patches.of_slices(test)
        found = np.full(len(self.patches.slice_index), np.nan, dtype=np.float32)
        found[own] = nearest_distance((self.flat[own] - offset) * scale, memory, NEIGHBOURS)
        return found

    def out_of_fold(self, fold: np.ndarray, among: np.ndarray) -> np.ndarray:
        """Distances of the patches of the slices `among`, each to a memory without its fold."""
        found = np.full(len(self.patches.slice_index), np.nan, dtype=np.float32)
        for held_out in np.unique(fold[among]):
            test = among & (fold == held_out)
            own = self.patches.of_slices(test)
            found[own] = self.fit_distances(among & (fold != held_out), test)[own]
        return found

    def expected(self, distance: np.ndarray, rows: np.ndarray) -> ExpectedDistance:
        """What distance norm has at which place, from held-out distances of the slices `rows`."""
        own = self.patches.of_slices(rows & norm_rows(self.data))
        own = own[np.isfinite(distance[own])]
        s, y, x = self.patches.slice_index[own], self.patches.y[own], self.patches.x[own]
        return fit_expected(self.share[s], y, x, distance[own], equal_source_weights(self.data.source[s]))

    def relative(self, expected: ExpectedDistance, distance: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Distances of the slices `rows` in deviations from what is expected; NaN for other patches."""
        own = self.patches.of_slices(rows)
        s, y, x = self.patches.slice_index[own], self.patches.y[own], self.patches.x[own]
        found = np.full(len(distance), np.nan, dtype=np.float32)
        found[own] = expected.relative(self.share[s], y, x, distance[own])
        return found

    def relative_out_of_fold(self, distance: np.ndarray, fold: np.ndarray, among: np.ndarray) -> np.ndarray:
        """Held-out distances relative to what those of the other folds let expect."""
        found = np.full(len(distance), np.nan, dtype=np.float32)
        for held_out in np.unique(fold[among]):
            test = among & (fold == held_out)
            own = self.patches.of_slices(test)
            found[own] = self.relative(self.expected(distance, among & (fold != held_out)), distance, test)[own]
        return found

    def slice_means(self, values: np.ndarray) -> np.ndarray:
        """The mean over a slice's patches; NaN where it has none."""
        known = np.isfinite(values)
        count = np.bincount(self.patches.slice_index[known], minlength=len(self.data))
        total = np.bincount(self.patches.slice_index[known], values[known], minlength=len(self.data))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


class HeadRecipe:
    """Linear head on pooled features: probability per slice."""

    def __init__(self, data: PreparedSet, features: FrozenFeatures) -> None:
        self.data, self.features = data, features

    def fit_score(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(train)
        head = fit_classifier_head(self.features.subset(rows), self.data.source[rows], self.data.is_pathology[rows])
        scored = np.full(len(self.data), np.nan)
        scored[test] = head.probability(self.features.subset(np.flatnonzero(test)))
        return scored


class TrivialRecipe:
    """The baseline without anatomy."""

    def __init__(self, data: PreparedSet, features: np.ndarray) -> None:
        self.data, self.features = data, features

    def fit_score(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        model = fit_trivial(self.features[train], self.data.is_pathology[train])
        scored = np.full(len(self.data), np.nan)
        scored[test] = model.predict_proba(self.features[test])[:, 1]
        return scored


def out_of_fold(recipe, fold: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """Every slice (of those `among`) scored by a model fitted without its fold."""
    among = np.ones(len(fold), dtype=bool) if among is None else among
    scored = np.full(len(fold), np.nan)
    for held_out in np.unique(fold[among]):
        test = among & (fold == held_out)
        found = recipe.fit_score(among & (fold != held_out), test)
        scored[test] = found[test]
    return scored


def source_held_out(recipe, data: PreparedSet, source: str) -> np.ndarray:
    """The slices of one source scored by a model fitted on the other sources."""
    test = data.source == source
    return recipe.fit_score(~test, test)
