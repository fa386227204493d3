"""What a site gains by `norma models fit-norm`: the same steps in Python, each source in turn as the unknown site.

Everything else is fitted on the other sources. The site's pseudo-studies of one fold are judged by what was fitted to its norm
of the other folds: a memory of their patches, and the scores of memory and classifier mapped onto the other sources' norm.
Nothing learns from the site's pathology.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .assemble import Assembly, StudyScores, study_scores_of
from .ensemble import Bounds, Ensemble, NormScores, aggregated, fit_ensemble, logit, norm_scores
from .linear_head import sigmoid
from .patch_memory import nearest_distance
from .recipes import NEIGHBOURS, PatchMemoryRecipe
from .run import Run
from .steps import Material, two_class_sources

#: As `norma models fit-norm` has them.
SITE_PATCHES, LEAST_NORM_STUDIES = 8000, 10
#: Norm studies that a site brings; None: all that its other folds hold.
COUNTS: dict[str, int | None] = {"10": 10, "20": 20, "all": None}


def k_center(points: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` rows that cover the others: first the one nearest to the mean, then always the farthest."""
    distance = ((points - points.mean(0)) ** 2).sum(1)
    chosen = [int(distance.argmin())]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(nearest.argmax()))
    return np.array(chosen)


def site_norm_scores(values: np.ndarray) -> NormScores:
    """Of a site's own norm studies (n − 1)."""
    return NormScores(float(np.mean(values)), float(np.std(values, ddof=1)))


def bounds_onto(base: NormScores, bounds: Bounds, site: NormScores) -> Bounds:
    """Bounds that give the site's norm the normalised mean and deviation of the base's."""
    width = bounds.high - bounds.low
    unit = site.standard_deviation * width / base.standard_deviation
    low = site.mean - (base.mean - bounds.low) / width * unit
    return Bounds(low, low + unit)


def scaled_onto(base: NormScores, site: NormScores, classifier: np.ndarray) -> np.ndarray:
    """Probabilities whose logits have the base's mean and deviation over the site's norm."""
    return sigmoid(base.mean + (logit(classifier) - site.mean) / site.standard_deviation * base.standard_deviation)


def _norm_blocks(material: Material, source: str) -> np.ndarray:
    data = material.data
    with_patches = np.unique(data.block[np.unique(material.patches.slice_index)])
    return np.intersect1d(np.unique(data.block[(data.source == source) & (data.is_pathology == 0)]), with_patches)


def _site_distances(recipe: PatchMemoryRecipe, material: Material, source: str, blocks: np.ndarray, fold_of: dict[str, int], count: int | None) -> dict[str, np.ndarray]:
    """Mean distances of slices: `test` `(n)` to the memory without the slice's fold, `left_out` `(folds, n)` of the norm
    that a fold's memory was made of, each block to the others' patches."""
    data = material.data
    _, offset, scale = recipe.fit(data.source != source)
    own = {name: recipe.patches.of_slices(data.block == name) for name in np.unique(data.block[data.source == source])}
    points = {name: (recipe.flat[rows] - offset) * scale for name, rows in own.items()}
    folds = int(material.fold.max()) + 1
    test = np.full(len(recipe.flat), np.nan, dtype=np.float32)
    left_out = np.full((folds, len(data)), np.nan)
    most = SITE_PATCHES // min(LEAST_NORM_STUDIES, len(blocks))
    order = {name: k_center(points[name], most) for name in blocks}
    for fold in range(folds):
        among = np.array([name for name in blocks if fold_of[name] != fold])
        if count is not None:
            among = np.random.default_rng(fold).permutation(among)[:count]
        kept = max(SITE_PATCHES // len(among), NEIGHBOURS)
        parts = [points[name][order[name][:kept]] for name in among]
        memory = np.concatenate(parts)
        for name, rows in own.items():
            if fold_of[name] == fold and len(rows):
                test[rows] = nearest_distance(points[name], memory, NEIGHBOURS)
        values = np.full(len(recipe.flat), np.nan, dtype=np.float32)
        for i, name in enumerate(among):
            others = np.concatenate([part for j, part in enumerate(parts) if j != i])
            values[own[name]] = nearest_distance(points[name], others, NEIGHBOURS)
        left_out[fold] = recipe.slice_means(values)
    return {"test": recipe.slice_means(test), "left_out": left_out}


def measure_site_norm(material: Material, run: Run, recipe: PatchMemoryRecipe) -> dict[str, np.ndarray]:
    """Distances for each source and each of `COUNTS`; a source with too few norm blocks outside a fold is left out."""
    data = material.data

    def compute() -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for source in two_class_sources(data):
            blocks = _norm_blocks(material, source)
            fold_of = {name: int(material.fold[data.block == name][0]) for name in np.unique(data.block[data.source == source])}
            least = min(sum(fold_of[name] != fold for name in blocks) for fold in range(int(material.fold.max()) + 1))
            for title, count in COUNTS.items():
                if least >= (count or LEAST_NORM_STUDIES):
                    distances = _site_distances(recipe, material, source, blocks, fold_of, count)
                    found |= {f"{key}_{source}_{title}": values for key, values in distances.items()}
        return found

    return run.arrays("site_norm", compute)


@dataclass
class SiteAnswer:
    """A source's pseudo-studies judged with its own norm fitted."""

    name: np.ndarray
    truth: np.ndarray
    probability: np.ndarray
    #: With the memory fitted alone and the classifier as it is.
    memory_alone: np.ndarray
    thresholds: dict[str, float]
    #: The rate that the site is told: its norm, leave-one-study-out, at each operating point, mean of the folds.
    told: dict[str, float]


@dataclass
class _OtherSources:
    """The bundle that the other sources make, and how their norm scores."""

    ensemble: Ensemble
    memory: NormScores
    classifier: NormScores

    @classmethod
    def of(cls, material: Material, assembly: Assembly, inner: dict[str, np.ndarray], source: str) -> "_OtherSources":
        others: StudyScores = study_scores_of(material.data, [inner[f"memory_{source}"]], inner[f"head_{source}"], assembly.rules)
        ensemble = fit_ensemble(others.anomaly, others.classifier, others.studies, assembly.chosen)
        return cls(ensemble, norm_scores(others.anomaly[:, 0], others.studies), norm_scores(logit(others.classifier), others.studies))

    def with_memory(self, norm: np.ndarray, raw: np.ndarray, classifier: np.ndarray) -> np.ndarray:
        """Probabilities of studies with the scores `raw` and `classifier`, the memory's mapped by those of the site's `norm`."""
        bounds = bounds_onto(self.memory, self.ensemble.bounds[0], site_norm_scores(norm))
        return self.ensemble.platt(self.ensemble.fusion(bounds(raw), classifier))

    def with_both(self, norm: np.ndarray, norm_classifier: np.ndarray, raw: np.ndarray, classifier: np.ndarray) -> np.ndarray:
        """The same with the classifier's mapped too."""
        return self.with_memory(norm, raw, scaled_onto(self.classifier, site_norm_scores(logit(norm_classifier)), classifier))


def site_answer(material: Material, assembly: Assembly, scores: dict[str, np.ndarray], inner: dict[str, np.ndarray], distances: dict[str, np.ndarray], source: str, title: str) -> SiteAnswer:
    """Both stages mapped, fused and calibrated as the bundle of the other sources does it."""
    data, others = material.data, _OtherSources.of(material, assembly, inner, source)
    thresholds = others.ensemble.thresholds
    test = np.where(data.source == source, distances[f"test_{source}_{title}"], np.nan)
    found = study_scores_of(data, [test], scores["head_loso"], assembly.rules)
    names, anomaly, classifier = found.studies.name, found.anomaly[:, 0], found.classifier
    fold = np.array([material.fold[data.block == name][0] for name in names])
    probability, memory_alone = np.full(len(names), np.nan), np.full(len(names), np.nan)
    told: dict[str, list[float]] = {point: [] for point in thresholds}
    for number, values in enumerate(distances[f"left_out_{source}_{title}"]):
        rows = np.isfinite(values)
        norm = aggregated(values[rows], data.block[rows], assembly.rules.anomaly[0])
        norm_classifier = classifier[np.searchsorted(names, np.unique(data.block[rows]))]
        here = fold == number
        probability[here] = others.with_both(norm, norm_classifier, anomaly[here], classifier[here])
        memory_alone[here] = others.with_memory(norm, anomaly[here], classifier[here])
        alone = np.array([
            others.with_both(np.delete(norm, i), np.delete(norm_classifier, i), norm[i], norm_classifier[i]) for i in range(len(norm))
        ])
        for point, threshold in thresholds.items():
            told[point].append(float(np.mean(alone >= threshold)))
    return SiteAnswer(names, found.studies.truth, probability, memory_alone, thresholds, {point: float(np.mean(rates)) for point, rates in told.items()})
