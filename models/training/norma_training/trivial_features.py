"""Eleven features without anatomy: the baseline beside which every AUC is read.

What separates norm from pathology by these alone is the scanner or the picture's making, not disease.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAMES = (
    "border_mean", "border_deviation", "noise", "sharpness", "mean", "p5", "p25", "p50", "p75", "p95", "air_fraction",
)


def trivial_features(pixels: np.ndarray) -> np.ndarray:
    """`(n, 224, 224)` uint8 → `(n, 11)`: border brightness, noise, sharpness, grey percentiles of the whole picture."""
    rows = []
    for picture in pixels:
        picture = np.asarray(picture, dtype=np.float32)
        border = np.concatenate([picture[:4].ravel(), picture[-4:].ravel(), picture[:, :4].ravel(), picture[:, -4:].ravel()])
        laplacian = (
            4 * picture[1:-1, 1:-1] - picture[:-2, 1:-1] - picture[2:, 1:-1] - picture[1:-1, :-2] - picture[1:-1, 2:]
        )
        rows.append([
            border.mean(), border.std(), np.median(np.abs(laplacian)), laplacian.std(), picture.mean(),
            *np.percentile(picture, [5, 25, 50, 75, 95]), (picture < 12).mean(),
        ])
    return np.array(rows, dtype=np.float32)


def fit_trivial(features: np.ndarray, truth: np.ndarray):
    """A standardised logistic regression with balanced classes."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    return model.fit(features, truth)
