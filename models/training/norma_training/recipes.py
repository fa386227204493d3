"""Scores of the frozen-feature recipes on slices that they did not learn from: blocks held out, sources held out.

Each function returns one score per slice, NaN where the slice cannot be scored.
"""

from __future__ import annotations

import numpy as np

from .frozen_features import FrozenFeatures
from .linear_head import fit_classifier_head
from .patch_memory import LungPatches, balanced_sample, coreset, nearest_distance
from .prepared import PreparedSet
from .trivial_features import fit_trivial

MEMORY_PATCHES = 9000
#: Nearest norm patches whose mean distance counts. Within a slice the mean over its lung patches is taken.
NEIGHBOURS = 3


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
    """Patch memory on chosen slices: `fit_score(train, test)`."""

    def __init__(self, data: PreparedSet, features: FrozenFeatures, patches: LungPatches, count: int = MEMORY_PATCHES) -> None:
        self.data, self.patches, self.count = data, patches, count
        self.flat = features.patches[patches.slice_index, patches.y, patches.x].astype(np.float32)

    def fit(self, train: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Memory `(m, c)` of standardised patches, and the standardisation's offset and scale `(c)`."""
        rows = train & norm_rows(self.data)
        own = self.patches.of_slices(rows & self.data.is_clean_norm)
        reference = self.flat[own[:: max(len(own) // 20000, 1)]]
        offset = reference.mean(0)
        scale = 1.0 / np.maximum(reference.std(0), 1e-3) / np.sqrt(reference.shape[1])
        chosen = choose_memory(self.flat, self.patches, self.data.source, rows, self.count)
        return (self.flat[chosen] - offset) * scale, offset, scale

    def fit_score(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        memory, offset, scale = self.fit(train)
        own = self.patches.of_slices(test)
        distance = nearest_distance((self.flat[own] - offset) * scale, memory, NEIGHBOURS)
        n = len(self.data)
        count = np.bincount(self.patches.slice_index[own], minlength=n)
        total = np.bincount(self.patches.slice_index[own], distance, minlength=n)
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
