"""From stage scores of a study to one calibrated probability, fitted on studies that no stage learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.special
from sklearn.linear_model import LogisticRegression

from .aggregation import Aggregation, study_scores
from .bootstrap import auc
from .calibration import Platt, choose_thresholds, fit_platt
from .linear_head import sigmoid


@dataclass(frozen=True)
class Bounds:
    """Raw study scores that become 0 and 1."""

    low: float
    high: float

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        return np.clip((np.asarray(raw) - self.low) / (self.high - self.low), 0.0, 1.0)

    def as_manifest(self) -> dict:
        return {"low": round(self.low, 6), "high": round(self.high, 6)}


def fit_bounds(raw: np.ndarray, truth: np.ndarray) -> Bounds:
    """0 is the second percentile of norm, 1 the 98th of pathology: within them nothing is clipped away."""
    low = float(np.percentile(raw[truth == 0], 2))
    high = float(np.percentile(raw[truth == 1], 98))
    if high <= low:
        high = float(max(raw.max(), low + 1e-6))
    return Bounds(low, high)


@dataclass
class Studies:
    """Pseudo-studies (blocks) or studies: one row each."""

    name: np.ndarray
    source: np.ndarray
    truth: np.ndarray

    def __len__(self) -> int:
        return len(self.name)


def studies_of(block: np.ndarray, source: np.ndarray, truth: np.ndarray) -> Studies:
    names, first = np.unique(block, return_index=True)
    return Studies(names, source[first], truth[first])


def aggregated(scores: np.ndarray, block: np.ndarray, rule: Aggregation) -> np.ndarray:
    """One value per name of `np.unique(block)`; NaN where no slice could be scored."""
    return study_scores(scores, block, rule)[1]


def study_weights(source: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Each source weighs the same, and its classes alike: else the largest source sets the thresholds."""
    weight = np.zeros(len(truth))
    for name in np.unique(source):
        for value in (0, 1):
            rows = (source == name) & (truth == value)
            if rows.any():
                weight[rows] = 1.0 / rows.sum()
    return weight * len(truth) / weight.sum()


#: The fusions that are compared. `equal` is a logistic that learns nothing: both scores count the same.
FUSIONS = ("maximum", "equal", "logistic")


@dataclass
class Fusion:
    """`maximum`, or sigmoid(anomaly weight · anomaly + classifier weight · classifier + intercept)."""

    method: str
    anomaly: float = 0.0
    classifier: float = 0.0
    intercept: float = 0.0

    def __call__(self, anomaly: np.ndarray, classifier: np.ndarray) -> np.ndarray:
        if self.method == "maximum":
            return np.maximum(anomaly, classifier)
        return sigmoid(self.anomaly * anomaly + self.classifier * classifier + self.intercept)

    def as_manifest(self) -> dict:
        if self.method == "maximum":
            return {"method": "maximum"}
        return {
            "method": "logistic", "weights": {"anomaly": round(self.anomaly, 4), "classifier": round(self.classifier, 4)},
            "intercept": round(self.intercept, 4),
        }


def fit_logistic_fusion(anomaly: np.ndarray, classifier: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> Fusion:
    """Learnt on held-out scores; weights are never negative (a stage that would get one is left out)."""
    columns = np.stack([anomaly, classifier], 1)
    model = LogisticRegression(C=10.0, max_iter=1000).fit(columns, truth, sample_weight=weight)
    coefficients = model.coef_[0].copy()
    intercept = float(model.intercept_[0])
    if (coefficients < 0).any():
        kept = int(np.argmax(coefficients))
        model = LogisticRegression(C=10.0, max_iter=1000).fit(columns[:, [kept]], truth, sample_weight=weight)
        coefficients = np.zeros(2)
        coefficients[kept], intercept = max(float(model.coef_[0, 0]), 0.0), float(model.intercept_[0])
    return Fusion("logistic", float(coefficients[0]), float(coefficients[1]), intercept)


@dataclass
class Ensemble:
    """Bounds of each anomaly model's score, fusion, calibration and thresholds. `anomaly_raw` is `(n, models)`."""

    bounds: tuple[Bounds, ...]
    fusion: Fusion
    platt: Platt
    thresholds: dict[str, float]

    def anomaly(self, anomaly_raw: np.ndarray) -> np.ndarray:
        """`(n)` in 0..1: the mean of the models' normalised scores."""
        return np.mean([bounds(anomaly_raw[:, i]) for i, bounds in enumerate(self.bounds)], axis=0)

    def score(self, anomaly_raw: np.ndarray, classifier: np.ndarray) -> np.ndarray:
        return self.fusion(self.anomaly(anomaly_raw), classifier)

    def probability(self, anomaly_raw: np.ndarray, classifier: np.ndarray) -> np.ndarray:
        return self.platt(self.score(anomaly_raw, classifier))


def fit_ensemble(anomaly_raw: np.ndarray, classifier: np.ndarray, studies: Studies, method: str) -> Ensemble:
    """Fits all of it on held-out study scores; `method` is one of `FUSIONS`."""
    truth = studies.truth
    weight = study_weights(studies.source, truth)
    fitted = Ensemble(tuple(fit_bounds(anomaly_raw[:, i], truth) for i in range(anomaly_raw.shape[1])), Fusion("maximum"), Platt(1.0, 0.0), {})
    if method == "equal":
        fitted.fusion = Fusion("logistic", 4.0, 4.0, -4.0)
    elif method == "logistic":
        fitted.fusion = fit_logistic_fusion(fitted.anomaly(anomaly_raw), classifier, truth, weight)
    score = fitted.score(anomaly_raw, classifier)
    fitted.platt = fit_platt(score, truth, weight)
    fitted.thresholds = choose_thresholds(fitted.platt(score), truth)
    return fitted


def logit(probability: np.ndarray) -> np.ndarray:
    """Of a probability kept a millionth away from 0 and 1, as the service does."""
    return scipy.special.logit(np.clip(probability, 1e-6, 1 - 1e-6))


@dataclass(frozen=True)
class NormScores:
    """Mean and standard deviation of norm studies' scores."""

    mean: float
    standard_deviation: float

    def as_manifest(self) -> dict:
        return {"mean": round(self.mean, 6), "standard_deviation": round(self.standard_deviation, 6)}


def norm_scores(values: np.ndarray, studies: Studies) -> NormScores:
    """Of the norm among `studies`, each source weighing the same: what a site's own norm is mapped onto."""
    norm = studies.truth == 0
    values, source = values[norm], studies.source[norm]
    names, inverse, counts = np.unique(source, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[inverse] / len(names)
    mean = float(weight @ values)
    return NormScores(mean, float(np.sqrt(weight @ (values - mean) ** 2)))


def mixed_studies(block: np.ndarray, source: np.ndarray, truth: np.ndarray, usable: np.ndarray, share: float, slices: int = 40, count: int = 60, seed: int = 0) -> list[tuple[int, str, np.ndarray]]:
    """Made-up studies of `slices` slices of one source: norm, or with a `share` of slices from one block of
    pathology. Returns (truth, source, rows).

    A whole study is diseased in part; a block of slices is diseased throughout. The rule from slices to study
    is chosen on these, not on the blocks alone.
    """
    rng = np.random.default_rng(seed)
    result = []
    for name in np.unique(source[usable & (truth == 1)]):
        norm = np.flatnonzero(usable & (source == name) & (truth == 0))
        blocks = np.unique(block[usable & (source == name) & (truth == 1)])
        if len(norm) == 0:
            continue
        for i in range(count):
            size = min(slices, len(norm))
            rows = rng.choice(norm, size, replace=False)
            if i % 2 == 0:
                result.append((0, name, rows))
                continue
            sick = np.flatnonzero(usable & (block == rng.choice(blocks)))
            wanted = max(1, round(share * size))
            chosen = rng.choice(sick, wanted, replace=len(sick) < wanted)
            result.append((1, name, np.concatenate([rows[wanted:], chosen])))
    return result


def compare_aggregations(scores: np.ndarray, block: np.ndarray, source: np.ndarray, truth: np.ndarray, rules: dict[str, Aggregation], shares: tuple[float, ...] = (0.1, 0.25, 0.5), seed: int = 0) -> dict[str, dict[str, float]]:
    """Mean AUC over the sources for each rule: on blocks, and on made-up studies with each share of disease."""
    usable = np.isfinite(scores)
    studies = studies_of(block[usable], source[usable], truth[usable])
    table: dict[str, dict[str, float]] = {}
    for label, rule in rules.items():
        row: dict[str, float] = {}
        values = aggregated(scores[usable], block[usable], rule)
        names = [n for n in np.unique(source) if len(np.unique(studies.truth[studies.source == n])) == 2]
        row["blocks"] = float(np.mean([auc(studies.truth[studies.source == n], values[studies.source == n]) for n in names]))
        for share in shares:
            made = mixed_studies(block, source, truth, usable, share, seed=seed)
            per_source = []
            for n in names:
                own = [(t, rule.for_count(len(rows))(scores[rows])) for t, s, rows in made if s == n]
                per_source.append(auc(np.array([t for t, _ in own]), np.array([v for _, v in own])))
            row[f"{share:.0%} of slices"] = float(np.mean(per_source))
        table[label] = row
    return table
