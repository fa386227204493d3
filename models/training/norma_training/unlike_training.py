"""Is a study unlike everything that was learnt from? Two measures, and how often each would fire.

*Features*: the distance of a slice's pooled features, reduced to the main directions of the training slices, to
their nearest training slices, norm **and** pathology. *Memory*: the slice's mean distance to the norm memory. A
study's value is the median over its slices. The limit is the largest value of any held-out pseudo-study, so by
construction nothing that was learnt from, norm or pathology, fires.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from .frozen_features import frozen_features
from .patch_memory import nearest_distance
from .prepared import PreparedSet
from .run import Run
from .series import SeriesReading
from .steps import Material, two_class_sources

DIRECTIONS, NEIGHBOURS = 64, 5


@dataclass
class FeatureSpace:
    """Standardised features in the main directions of the slices that it was made of, each of deviation 1."""

    reduce: Pipeline
    known: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "FeatureSpace":
        kept = min(DIRECTIONS, len(features) - 1, features.shape[1])
        reduce = make_pipeline(StandardScaler(), PCA(kept, whiten=True, svd_solver="randomized", random_state=0)).fit(features)
        return cls(reduce, reduce.transform(features))

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Mean distance of each slice to its nearest known ones, relative to what random slices have (√2k)."""
        return nearest_distance(self.reduce.transform(features), self.known, NEIGHBOURS) / np.sqrt(2 * self.known.shape[1])


def study_medians(values: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`(names, medians)`; slices that could not be scored are left out."""
    names = np.unique(block[np.isfinite(values)])
    return names, np.array([np.nanmedian(values[block == name]) for name in names])


def measure_unlike(material: Material, run: Run) -> dict[str, np.ndarray]:
    """Distances of features: blocks held out (`feature_oof`), sources held out (`feature_loso`) and, for each source
    left out, of the others' held-out blocks (`feature_<source>`)."""
    data, fold = material.data, material.fold
    pooled = material.features.pooled

    def held_out(among: np.ndarray, folds: np.ndarray) -> np.ndarray:
        found = np.full(len(data), np.nan)
        for number in np.unique(folds[among]):
            test = among & (folds == number)
            found[test] = FeatureSpace.of(pooled[among & ~test]).distance(pooled[test])
        return found

    def compute() -> dict[str, np.ndarray]:
        everything = np.ones(len(data), dtype=bool)
        found = {"feature_oof": held_out(everything, fold), "feature_loso": np.full(len(data), np.nan)}
        for source in two_class_sources(data):
            test = data.source == source
            found["feature_loso"][test] = FeatureSpace.of(pooled[~test]).distance(pooled[test])
            found[f"feature_{source}"] = held_out(~test, fold % 3)
        return found

    return run.arrays("unlike_training", compute)


def medians_of_series(material: Material, readings: list[SeriesReading], run: Run) -> dict[str, tuple[float, float]]:
    """Name → (features, memory) of whole studies that nothing was learnt from."""
    space = FeatureSpace.of(material.features.pooled) if readings else None
    found = {}
    for item in readings:
        features = frozen_features(material.backbone, item.pixels, run.folder, tag=f"_{item.name}")
        found[item.name] = (float(np.median(space.distance(features.pooled))), float(np.nanmedian(item.reading.anomaly_slices)))
    return found


def unlike_rows(data: PreparedSet, found: dict[str, np.ndarray], scores: dict[str, np.ndarray], inner: dict[str, np.ndarray], others: dict[str, tuple[float, float]]) -> tuple[list[str], list[list]]:
    """Head and rows: for each source left out, how many of its pseudo-studies are beyond the limit of the other
    sources, by class; then `others` (name → feature value, memory value) against the limit of all sources."""
    def limit(values: np.ndarray) -> float:
        return float(study_medians(values, data.block)[1].max())

    def fired(values: np.ndarray, bound: float, rows: np.ndarray) -> str:
        _, medians = study_medians(np.where(rows, values, np.nan), data.block)
        return f"{int((medians > bound).sum())} of {len(medians)}"

    rows = []
    for source in two_class_sources(data):
        for title, chosen in (("norm", data.is_pathology == 0), ("pathology", data.is_pathology == 1)):
            own = (data.source == source) & chosen
            rows.append([
                f"{source}, never trained on: {title}", fired(found["feature_loso"], limit(found[f"feature_{source}"]), own),
                fired(scores["memory_loso"], limit(inner[f"memory_{source}"]), own),
            ])
    bounds = (limit(found["feature_oof"]), limit(scores["memory_oof"]))
    for name, values in others.items():
        rows.append([name, *(f"{value:.2f} of {bound:.2f}: {'fires' if value > bound else 'does not fire'}" for value, bound in zip(values, bounds))])
    return ["study", "features beyond all training slices", "memory distance beyond all training slices"], rows
