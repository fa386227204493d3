"""The logistic rule over a candidate's features that `crates/quantification` ships, and how it is fitted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

FEATURES = ("log_response", "roundness", "tubeness", "axis_ratio", "dense_around", "outside_around", "fill", "log_diameter", "contrast", "high_hu")


def feature_row(candidate: dict) -> list[float]:
    """The numbers that the rule weighs, each of order one."""
    features = candidate["features"]
    diameter = candidate["diameter_mm"]
    return [
        float(np.log(features["response_hu"] / 300)),
        features["roundness"],
        features["tubeness"],
        features["axis_ratio"],
        features["dense_around"],
        features["outside_around"],
        2 * features["inscribed_mm"] / diameter,
        float(np.log(diameter / 10)),
        features["contrast_hu"] / 1000,
        float(np.clip(features["high_hu"], -600, 200)) / 1000,
    ]


class Rule(NamedTuple):
    weights: np.ndarray
    intercept: float

    def score(self, rows: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(rows @ self.weights + self.intercept)))


def fit_rule(rows: np.ndarray, is_nodule: np.ndarray, strength: float = 1.0) -> Rule:
    """Logistic regression, both classes weighing the same."""
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000).fit(rows, is_nodule)
    return Rule(model.coef_[0].copy(), float(model.intercept_[0]))
