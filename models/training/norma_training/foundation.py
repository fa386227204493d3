"""The optional `foundation` bundle, measured: beside each of the two deciding models one on a chest-CT encoder.

The anomaly score is the mean of two patch memories' normalised distances (EfficientNet-Lite0's and the encoder's), the
classifier's logit the mean of two linear heads' logits. Everything behind them is fitted anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import recipes
from .assemble import Assembly, assemble
from .budget import Budget
from .expected_distance import ExpectedDistance
from .foundation_features import CutEncoder, foundation_features
from .frozen_features import FrozenFeatures
from .linear_head import LinearHead, fit_classifier_head, sigmoid
from .prepared import PreparedSet
from .recipes import PatchMemoryRecipe
from .run import Run
from .steps import Material, memory_scores, score_memory, two_class_sources

#: Inverse strength of the ridge of the head on the encoder's features; chosen on sources left out (NOTES.md).
RIDGE = 1e-4
#: The names of its scores.
MEMORY, CLASSIFIER = "foundation_memory", "foundation_classifier"


class PairedHeadRecipe:
    """Two linear heads, of the shipped backbone's features and of the encoder's; the mean of their logits."""

    def __init__(self, data: PreparedSet, shipped: FrozenFeatures, chest_ct: FrozenFeatures) -> None:
        self.data, self.parts = data, ((shipped, {}), (chest_ct, {"ridge": RIDGE}))

    def fit(self, rows: np.ndarray) -> list[LinearHead]:
        source, truth = self.data.source[rows], self.data.is_pathology[rows]
        return [fit_classifier_head(features.subset(rows), source, truth, **options) for features, options in self.parts]

    def fit_score(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        heads, rows = self.fit(np.flatnonzero(train)), np.flatnonzero(test)
        views = [
            np.mean([head.logits(getattr(features, view)[rows]) for head, (features, _) in zip(heads, self.parts)], axis=0)
            for view in ("pooled", "mirrored")
        ]
        scored = np.full(len(self.data), np.nan)
        scored[rows] = np.mean([sigmoid(logits) for logits in views], axis=0)
        return scored


@dataclass
class Foundation:
    """What was measured of it, on slices that the fitted models did not see."""

    features: FrozenFeatures
    expected: ExpectedDistance
    scores: dict[str, np.ndarray]
    inner: dict[str, np.ndarray]


def measure_foundation(material: Material, run: Run, budget: Budget, encoder: CutEncoder) -> Foundation:
    """Held-out scores of its memory and of its classifier: `…_oof`, `…_loso`, and `…_<source>` in `inner`."""
    data, folder = material.data, run.folder / "foundation"
    features = foundation_features(encoder, data.pixels, folder)
    recipe = PatchMemoryRecipe(data, features, material.patches, budget.memory_patches)
    distances = score_memory(material, run, recipe, "foundation_distances")
    of_memory, inner_memory = memory_scores(material, recipe, distances)
    paired = PairedHeadRecipe(data, material.features, features)

    def compute() -> dict[str, np.ndarray]:
        found = {"oof": recipes.out_of_fold(paired, material.fold), "loso": np.full(len(data), np.nan)}
        for source in two_class_sources(data):
            own = data.source == source
            found["loso"][own] = recipes.source_held_out(paired, data, source)[own]
            found[source] = recipes.out_of_fold(paired, material.fold % 3, ~own)
        return found

    of_classifier = run.arrays("foundation_classifier", compute)
    scores = {f"{MEMORY}_{held}": of_memory[f"memory_{held}"] for held in ("oof", "loso")}
    scores |= {f"{CLASSIFIER}_{held}": of_classifier[held] for held in ("oof", "loso")}
    inner = {f"{MEMORY}_{source}": inner_memory[f"memory_{source}"] for source in two_class_sources(data)}
    inner |= {f"{CLASSIFIER}_{source}": of_classifier[source] for source in two_class_sources(data)}
    expected = recipe.expected(distances["oof"], np.ones(len(data), dtype=bool))
    return Foundation(features, expected, scores, inner)


def foundation_assembly(data: PreparedSet, scores: dict[str, np.ndarray], inner: dict[str, np.ndarray], resamples: int) -> Assembly:
    """Rules, bounds, fusion, calibration and operating points; `scores` and `inner` hold the shipped memory's too."""
    return assemble(data, scores, inner, resamples, anomaly=("memory", MEMORY), classifier=CLASSIFIER)
