"""From a run to `models/`: ONNX graphs, the memory, manifests and the bundle."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
import yaml

from . import autoencoder as ae
from . import backbone as lite0
from .assemble import Assembly
from .autoencoder import Autoencoder, ErrorMap
from .backbone import to_tensor
from .bootstrap import Estimate, auc_by_block
from .budget import Budget
from .calibration import choose_thresholds
from .ensemble import Bounds, logit, norm_scores
from .expected_distance import ExpectedDistance
from .export import export_onnx, halve_weights, largest_difference
from .linear_head import LinearHead, fit_classifier_head, label_classifier, map_classifier
from .manifest import input_tensor, write_bundle, write_manifest, write_memory, write_yaml
from .patch_memory import PatchFeatures
from .frozen_features import PATCH_BLOCK
from .pathology_types import labels_of
from .prepared import PreparedSet
from .progress import log
from .recipes import NEIGHBOURS, PatchMemoryRecipe
from .steps import ERROR_WITHIN, Material

VERSION = "0.3.2"
#: Largest relative difference of any output between PyTorch (float32) and the shipped graph (float16 weights).
PARITY_TOLERANCE = 0.02
SOURCES = {
    "talo_emphysema": "talo_emphysema: no licence stated, research use",
    "iq_oth_nccd": "IQ-OTH/NCCD lung cancer dataset: CC BY 4.0 (noted)",
    "sars_cov_2": "SARS-CoV-2 CT-scan dataset: CC BY-NC-SA 4.0 (noted)",
    "luna16_nodule_free": "LUNA16 (nodule-free volumes of LIDC-IDRI): CC BY (noted)",
}
LICENCE = "research use only; trained on data under CC BY, CC BY-NC-SA 4.0 and without a stated licence (as noted, not verified)"


def provenance(data: PreparedSet, figures: list, backbone: str | None) -> dict:
    content = {
        "training_data": [SOURCES.get(name, name) for name in np.unique(data.source).tolist()],
        "licence": LICENCE,
        "splits": "by block joined over near duplicates, five folds (models/splits.csv); figures are of slices that the fitted model did not see",
        "figures": figures,
        "intended_use": "research only, no medical device",
    }
    if backbone:
        content["pretrained"] = backbone
    return content


def figure(name: str, estimate: Estimate) -> dict:
    return {"name": name, **estimate.as_manifest()}


def write_graph(network: torch.nn.Module, size: int, outputs: list[str], folder: Path, images: torch.Tensor) -> float:
    """Writes `folder/model.onnx` with float16 weights. Raises `RuntimeError` where it differs from PyTorch on `images`."""
    full = export_onnx(network, size, outputs, folder / "model.float32.onnx")
    halve_weights(full, folder / "model.onnx")
    full.unlink()
    difference = largest_difference(network, folder / "model.onnx", images)
    log.info("%s: largest relative difference to PyTorch %.5f", folder.name, difference)
    if difference > PARITY_TOLERANCE:
        raise RuntimeError(f"{folder.name}: the exported graph differs from PyTorch by {difference:.4f}")
    return difference


def fitted_memory(assembly: Assembly, index: int = 0) -> dict:
    """What the manifest of an anomaly model holds of the assembly: its rule, its bounds, and how norm scores."""
    held = assembly.held_out
    return {
        "aggregation": assembly.rules.anomaly[index].as_manifest(), "normalisation": assembly.ensemble.bounds[index].as_manifest(),
        "norm_scores": norm_scores(held.anomaly[:, index], held.studies).as_manifest(),
    }


def fitted_classifier(assembly: Assembly) -> dict:
    """What the manifest of a classifier holds of the assembly: its rule, and how norm scores."""
    held = assembly.held_out
    return {"aggregation": assembly.rules.classifier.as_manifest(), "norm_scores": norm_scores(logit(held.classifier), held.studies).as_manifest()}


# The most dangerous first: what kills unseen, what needs treatment now, what is chronic, what is found by the way.
DANGER_ORDER = [
    "lung_nodule", "consolidation", "pericardial_effusion", "pleural_effusion", "viral_pneumonia", "lymphadenopathy", "lung_opacity", "atelectasis",
    "cardiomegaly", "mosaic_attenuation_pattern", "pulmonary_fibrotic_sequela", "emphysema", "coronary_artery_wall_calcification", "bronchiectasis",
    "peribronchial_thickening", "arterial_wall_calcification", "hiatal_hernia",
]


def fitted_bundle(assembly: Assembly) -> dict:
    """What a bundle holds of the assembly. The slices tell no scanner, so the points are verified on none."""
    sources = np.unique(assembly.held_out.studies.source)
    return {
        "fusion": assembly.ensemble.fusion.as_manifest(), "calibration": assembly.ensemble.platt.as_manifest(),
        "operating_points": [point.as_manifest() | {"measured_on": {"sources": sources.tolist()}} for point in assembly.points], "danger_order": DANGER_ORDER,
    }


def auc_of_assembly(assembly: Assembly, resamples: int) -> Estimate:
    """AUC of the probability on held-out pseudo-studies."""
    studies = assembly.held_out.studies
    return auc_by_block(studies.truth, assembly.probability, studies.name, resamples)


def update_manifest(folder: Path, changes: dict) -> None:
    """Replaces fields of `folder/manifest.yaml`."""
    path = folder / "manifest.yaml"
    write_yaml(path, yaml.safe_load(path.read_text(encoding="utf-8")) | changes)


def write_memory_manifest(folder: Path, image: dict, memory: np.ndarray, expected: ExpectedDistance, fitted: dict, origin: dict) -> None:
    """The manifest of a patch memory, and the memory `(m, c)` itself."""
    write_manifest(
        folder, "patch_memory", VERSION, input=image,
        outputs=[{"name": "features", "meaning": "patch_features", "shape": ["batch", memory.shape[1], 14, 14]}],
        slice_selection={"count": 64}, within_slice={"method": "mean"}, **fitted,
        memory=write_memory(folder, memory, NEIGHBOURS, expected), provenance=origin,
    )


def write_classifier_manifest(folder: Path, image: dict, grid: int, fitted: dict, origin: dict, views: tuple[str, ...] = ("identity", "horizontal_flip")) -> None:
    """The manifest of a classifier with a class-activation map of `grid` × `grid`; `views` are averaged."""
    write_manifest(
        folder, "classifier", VERSION, input=image,
        outputs=[
            {"name": "logit", "meaning": "logit", "shape": ["batch"]},
            {"name": "activation_map", "meaning": "class_activation_map", "shape": ["batch", grid, grid]},
        ],
        slice_selection={"count": 64}, test_time_augmentation=list(views), **fitted, provenance=origin,
    )


def ship_patch_memory(material: Material, budget: Budget, models: Path, assembly: Assembly, expected: ExpectedDistance, figures: list) -> None:
    """The memory holds norm of all sources; its figures, and what distance is `expected` of norm, come from
    memories without the tested blocks."""
    folder = models / "patch-memory"
    recipe = PatchMemoryRecipe(material.data, material.features, material.patches, budget.shipped_memory_patches)
    memory, offset, scale = recipe.fit(np.ones(len(material.data), dtype=bool))
    network = PatchFeatures(copy.deepcopy(material.backbone), (PATCH_BLOCK,))
    network.offset.copy_(torch.from_numpy(offset).float().view(1, -1, 1, 1))
    network.scale.copy_(torch.from_numpy(scale).float().view(1, -1, 1, 1))
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(network, 224, ["features"], folder, to_tensor(material.data.pixels[:4]))
    write_memory_manifest(
        folder, input_tensor(224, lite0.MEAN, lite0.STD), memory, expected, fitted_memory(assembly), provenance(material.data, figures, lite0.LICENCE)
    )


def ship_classifier(material: Material, models: Path, assembly: Assembly, figures: list) -> LinearHead:
    folder = models / "classifier"
    head = fit_classifier_head(material.features, material.data.source, material.data.is_pathology)
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(map_classifier(material.backbone, head), 224, ["logit", "activation_map"], folder, to_tensor(material.data.pixels[:4]))
    write_classifier_manifest(
        folder, input_tensor(224, lite0.MEAN, lite0.STD), 7, fitted_classifier(assembly), provenance(material.data, figures, lite0.LICENCE)
    )
    return head


def ship_typing(material: Material, models: Path, heads: list[LinearHead], thresholds: list[float], rule: dict, figures: list) -> None:
    folder = models / "typing"
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(label_classifier(material.backbone, heads), 224, ["logits"], folder, to_tensor(material.data.pixels[:4]))
    write_manifest(
        folder, "typing", VERSION, input=input_tensor(224, lite0.MEAN, lite0.STD),
        outputs=[{"name": "logits", "meaning": "logits", "shape": ["batch", len(heads)]}],
        labels=[
            {"key": key, "en": en, "ru": ru, "threshold": round(float(threshold), 3)}
            for (key, en, ru), threshold in zip(labels_of(material.data), thresholds)
        ],
        slice_selection={"count": 64}, test_time_augmentation=["identity", "horizontal_flip"], aggregation=rule,
        provenance=provenance(material.data, figures, lite0.LICENCE),
    )


def ship_autoencoder(network: Autoencoder, material: Material, models: Path, rule: dict, bounds: Bounds, figures: list) -> None:
    folder = models / "autoencoder"
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(ErrorMap(network).eval(), ae.SIZE, ["error_map"], folder, ae.reduced(material.data.pixels[:4]))
    write_manifest(
        folder, "reconstruction", VERSION, input=input_tensor(ae.SIZE, ae.MEAN, ae.STD),
        outputs=[{"name": "error_map", "meaning": "reconstruction_error_map", "shape": ["batch", ae.SIZE // 2, ae.SIZE // 2]}],
        slice_selection={"count": 64}, aggregation=rule, within_slice=ERROR_WITHIN.as_manifest(), normalisation=bounds.as_manifest(),
        provenance=provenance(material.data, figures, None),
    )


def ship_bundle(models: Path, assembly: Assembly, anomaly: list[str], combination: dict, name: str, note: dict) -> None:
    write_bundle(models, {
        "name": name, "version": VERSION,
        "models": {"anomaly": anomaly, "classifier": "classifier", "typing": "typing"},
        "anomaly_combination": combination, **fitted_bundle(assembly),
        "default_operating_point": "sensitivity_95",
        "provenance": note,
    })


def typing_thresholds(probability: np.ndarray, truth: np.ndarray) -> float:
    """The F1-optimal threshold on held-out pseudo-studies."""
    return choose_thresholds(probability, truth)["f1"]
