"""A linear head on the frozen backbone's pooled features: few parameters, nothing to memorise a scanner with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from .backbone import EfficientNetLite0
from .classifier import class_weights
from .frozen_features import FrozenFeatures
from .resnet import LabelClassifier, MapClassifier

WIDTH = 1280
#: Inverse strength of the ridge; chosen on sources left out (see RESULTS.md).
RIDGE = 1e-3


@dataclass
class LinearHead:
    """logit = features · weight + bias; `weight` is `(1280,)`."""

    weight: np.ndarray
    bias: float

    def logits(self, features: np.ndarray) -> np.ndarray:
        return features @ self.weight + self.bias

    def probability(self, features: FrozenFeatures) -> np.ndarray:
        """Mean of the probabilities of the slice and its mirror, as the service averages augmentations."""
        return (sigmoid(self.logits(features.pooled)) + sigmoid(self.logits(features.mirrored))) / 2


def sigmoid(value: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.asarray(value, dtype=np.float64)))


def fit_head(features: FrozenFeatures, truth: np.ndarray, weight: np.ndarray, ridge: float = RIDGE) -> LinearHead:
    """Logistic regression on standardised features of slices and their mirrors, weighted per slice."""
    both = np.concatenate([features.pooled, features.mirrored])
    scaler = StandardScaler().fit(both)
    model = LogisticRegression(C=ridge, max_iter=500)
    model.fit(scaler.transform(both), np.tile(truth, 2), sample_weight=np.tile(weight, 2) / 2)
    direction = model.coef_[0] / scaler.scale_
    return LinearHead(direction.astype(np.float32), float(model.intercept_[0] - direction @ scaler.mean_))


def fit_classifier_head(features: FrozenFeatures, source: np.ndarray, truth: np.ndarray, ridge: float = RIDGE) -> LinearHead:
    return fit_head(features, truth, class_weights(source, truth), ridge)


class _Maps(nn.Module):
    def __init__(self, backbone: EfficientNetLite0) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.backbone(image)


def map_classifier(backbone: EfficientNetLite0, head: LinearHead) -> MapClassifier:
    """The network to export: `logit` and `activation_map` `(batch, 7, 7)`."""
    network = MapClassifier(_Maps(backbone), WIDTH)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(head.weight)[None])
        network.head.bias.fill_(head.bias)
    return network.eval()


def label_classifier(backbone: EfficientNetLite0, heads: list[LinearHead]) -> LabelClassifier:
    """The network to export: `logits` `(batch, labels)`."""
    network = LabelClassifier(_Maps(backbone), len(heads), WIDTH)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(np.stack([head.weight for head in heads])))
        network.head.bias.copy_(torch.tensor([head.bias for head in heads]))
    return network.eval()
