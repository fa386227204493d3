"""The bundle as the service applies it, in Python: for looking at whole series and for parity tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from torch.nn import functional as F

from .aggregation import Aggregation, patch_coverage, slice_scores
from .backbone import to_tensor
from .calibration import Platt
from .ensemble import Bounds, Fusion, logit
from .expected_distance import ExpectedDistance, smooth_lung_map
from .export import open_session
from .linear_head import sigmoid
from .patch_memory import nearest_distance
from .shared_network import graph_path
from .test_time_views import view_slices


@dataclass
class Reading:
    """What the bundle says of one study. Maps are `(slices, h, w)`."""

    anomaly_slices: np.ndarray
    classifier_slices: np.ndarray
    anomaly: float
    classifier: float
    score: float
    probability: float
    types: dict[str, float]
    anomaly_map: np.ndarray
    activation_map: np.ndarray


def _aggregation(entry: dict) -> Aggregation:
    return Aggregation(entry["method"], int(entry.get("k", 1)))


class ServedModel:
    """A model's folder with its session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
        self.session = open_session(graph_path(folder, self.manifest))

    def run(self, pixels: np.ndarray, batch: int = 16) -> list[np.ndarray]:
        entry = self.manifest["input"]
        parts = []
        for start in range(0, len(pixels), batch):
            images = to_tensor(pixels[start : start + batch], entry["mean"][0], entry["std"][0])
            if entry["size"] != images.shape[-1]:
                images = F.adaptive_avg_pool2d(images, entry["size"])
            parts.append(self.session.run([o["name"] for o in self.manifest["outputs"]], {entry["name"]: images.numpy()}))
        return [np.concatenate(outputs) for outputs in zip(*parts)]

    def run_views(self, pixels: np.ndarray) -> list[list[np.ndarray]]:
        """The outputs for each of the manifest's test-time augmentations."""
        return [self.run(view_slices(pixels, view)) for view in self.manifest.get("test_time_augmentation") or ["identity"]]


class ServedBundle:
    def __init__(self, models: Path) -> None:
        self.file = yaml.safe_load((models / "bundle.yaml").read_text(encoding="utf-8"))
        names = self.file["models"]
        self.anomaly = [ServedModel(models / name) for name in names["anomaly"]]
        self.classifier, self.typing = ServedModel(models / names["classifier"]), ServedModel(models / names["typing"])

    def anomaly_map(self, model: ServedModel, pixels: np.ndarray, lung_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Maps and slice scores of one anomaly model."""
        outputs = model.run(pixels)[0]
        manifest = model.manifest
        coverage = patch_coverage(lung_mask, outputs.shape[-1])
        if manifest["task"] == "patch_memory":
            memory = np.load(model.folder / manifest["memory"]["file"]).astype(np.float32)
            patches = outputs.transpose(0, 2, 3, 1)
            flat = nearest_distance(patches.reshape(-1, patches.shape[-1]), memory, manifest["memory"]["neighbours"])
            outputs = flat.reshape(patches.shape[:3])
            entry = manifest["memory"].get("expected")
            if entry is not None:
                scores = slice_scores(outputs, coverage, _aggregation(manifest["within_slice"]))
                return self.relative(model, entry, outputs, lung_mask), scores
        return outputs, slice_scores(outputs, coverage, _aggregation(manifest["within_slice"]))

    @staticmethod
    def relative(model: ServedModel, entry: dict, distances: np.ndarray, lung_mask: np.ndarray) -> np.ndarray:
        """Distances in deviations from what norm has at the same place, smoothed over what really is lung."""
        stored = np.load(model.folder / entry["file"]).astype(np.float32)
        expected = ExpectedDistance.of_stored(stored, len(entry["lung_shares"]), *entry["grid"])
        s, y, x = np.indices(distances.shape)
        share = np.asarray(lung_mask, dtype=np.float32).mean((1, 2))
        return smooth_lung_map(expected.relative(share[s], y, x, distances), patch_coverage(lung_mask, distances.shape[-1]))

    def read(self, pixels: np.ndarray, lung_mask: np.ndarray) -> Reading:
        """A study's prepared slices `(n, 224, 224)` and lung masks → scores, as the service computes them."""
        raw, slices, maps = [], None, None
        for model in self.anomaly:
            found, per_slice = self.anomaly_map(model, pixels, lung_mask)
            manifest = model.manifest
            study = _aggregation(manifest["aggregation"])(per_slice[np.isfinite(per_slice)])
            raw.append(float(Bounds(**manifest["normalisation"])(study)))
            if slices is None:
                slices, maps = per_slice, found
        combination = self.file["anomaly_combination"]
        anomaly = max(raw) if combination["method"] == "maximum" else float(np.dot(raw, combination["weights"]))
        views = self.classifier.run_views(pixels)
        per_slice = np.mean([sigmoid(view[0]) for view in views], axis=0)
        classifier = _aggregation(self.classifier.manifest["aggregation"])(per_slice)
        scaling = self.file.get("classifier_scaling")
        if scaling:
            classifier, per_slice = (sigmoid(scaling["coefficient"] * logit(value) + scaling["intercept"]) for value in (classifier, per_slice))
        fusion = self.file["fusion"]
        weights = fusion.get("weights", {})
        score = float(Fusion(fusion["method"], weights.get("anomaly", 0), weights.get("classifier", 0), fusion.get("intercept", 0))(anomaly, classifier))
        calibration = self.file["calibration"]
        probability = float(Platt(calibration["coefficient"], calibration["intercept"])(score))
        types = np.mean([sigmoid(view[0]) for view in self.typing.run_views(pixels)], axis=0)
        rule = _aggregation(self.typing.manifest["aggregation"])
        named = {label["key"]: rule(types[:, i]) for i, label in enumerate(self.typing.manifest["labels"])}
        return Reading(slices, per_slice, anomaly, classifier, score, probability, named, maps, views[0][1])
