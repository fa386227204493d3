"""Platt scaling and operating points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from .bootstrap import Estimate, bootstrap


@dataclass(frozen=True)
class Platt:
    """probability = sigmoid(coefficient · score + intercept)."""

    coefficient: float
    intercept: float

    def __call__(self, score: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-(self.coefficient * np.asarray(score, dtype=np.float64) + self.intercept)))

    def as_manifest(self) -> dict:
        return {"method": "platt", "coefficient": round(self.coefficient, 6), "intercept": round(self.intercept, 6)}


def fit_platt(score: np.ndarray, truth: np.ndarray, weight: np.ndarray | None = None) -> Platt:
    """Logistic regression of truth on the score, with Platt's softened targets by a weak ridge."""
    model = LogisticRegression(C=100.0, max_iter=1000).fit(np.asarray(score)[:, None], truth, sample_weight=weight)
    return Platt(float(model.coef_[0, 0]), float(model.intercept_[0]))


def expected_calibration_error(probability: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Mean distance of predicted and observed frequency over equal-width bins, weighted by their content."""
    index = np.clip((np.asarray(probability) * bins).astype(int), 0, bins - 1)
    total = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            total += inside.mean() * abs(probability[inside].mean() - np.asarray(truth)[inside].mean())
    return float(total)


def sensitivity_at(truth: np.ndarray, probability: np.ndarray, threshold: float) -> float:
    positive = np.asarray(truth) == 1
    return float((np.asarray(probability)[positive] >= threshold).mean()) if positive.any() else float("nan")


def specificity_at(truth: np.ndarray, probability: np.ndarray, threshold: float) -> float:
    negative = np.asarray(truth) == 0
    return float((np.asarray(probability)[negative] < threshold).mean()) if negative.any() else float("nan")


@dataclass(frozen=True)
class OperatingPoint:
    name: str
    threshold: float
    sensitivity: Estimate
    specificity: Estimate

    def as_manifest(self) -> dict:
        return {
            "name": self.name,
            "threshold": round(self.threshold, 4),
            "sensitivity": self.sensitivity.as_manifest(),
            "specificity": self.specificity.as_manifest(),
        }


def choose_thresholds(probability: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Thresholds on the calibrated probability: `p >= threshold` is pathology.

    f1 and youden maximise F1 and Youden's J; sensitivity_95 and _99 are the largest thresholds that keep that
    sensitivity. A threshold lies midway to the next lower score.
    """
    probability, truth = np.asarray(probability, float), np.asarray(truth)
    values = np.unique(probability)
    edges = np.concatenate([[values[0]], (values[1:] + values[:-1]) / 2])
    positive, negative = max(int(truth.sum()), 1), max(int((truth == 0).sum()), 1)
    sensitivity = np.array([(probability[truth == 1] >= edge).sum() / positive for edge in edges])
    specificity = np.array([(probability[truth == 0] < edge).sum() / negative for edge in edges])
    false_positive = (1 - specificity) * negative
    f1 = 2 * sensitivity * positive / np.maximum(sensitivity * positive + false_positive + positive, 1e-9)
    found = {"f1": float(edges[np.argmax(f1)]), "youden": float(edges[np.argmax(sensitivity + specificity)])}
    for name, least in (("sensitivity_95", 0.95), ("sensitivity_99", 0.99)):
        found[name] = float(edges[np.flatnonzero(sensitivity >= least).max()])
    return {name: float(np.clip(value, 0.0, 1.0)) for name, value in found.items()}


def operating_points(
    probability: np.ndarray, truth: np.ndarray, groups: np.ndarray, thresholds: dict[str, float] | None = None,
    resamples: int = 1000,
) -> list[OperatingPoint]:
    """Operating points with sensitivity and specificity and their intervals by group, at given thresholds or
    at those chosen on these very data."""
    thresholds = thresholds or choose_thresholds(probability, truth)
    return [
        OperatingPoint(
            name,
            threshold,
            bootstrap(lambda t, p: sensitivity_at(t, p, threshold), truth, probability, groups=groups, resamples=resamples),
            bootstrap(lambda t, p: specificity_at(t, p, threshold), truth, probability, groups=groups, resamples=resamples),
        )
        for name, threshold in thresholds.items()
    ]
