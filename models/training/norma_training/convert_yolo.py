"""Imports a YOLO11 classification checkpoint (`.pt`) as an ONNX graph with a manifest."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from .export import export_onnx, largest_difference
from .manifest import input_tensor, write_manifest
from .progress import log
from .yolo11 import CheckpointError, read_checkpoint

#: Russian names of the types that the reference method knows; others keep the name of the checkpoint.
RUSSIAN = {
    "arterial_wall_calcification": "Кальциноз стенки артерий", "atelectasis": "Ателектаз", "bronchiectasis": "Бронхоэктазы",
    "cardiomegaly": "Кардиомегалия", "consolidation": "Консолидация", "coronary_artery_wall_calcification": "Кальциноз коронарных артерий",
    "emphysema": "Эмфизема", "hiatal_hernia": "Грыжа пищеводного отверстия диафрагмы", "lung_nodule": "Узел в лёгком",
    "lung_opacity": "Затемнение в лёгком", "lymphadenopathy": "Лимфаденопатия", "mosaic_attenuation_pattern": "Мозаичная плотность лёгких",
    "peribronchial_thickening": "Перибронхиальное утолщение", "pericardial_effusion": "Перикардиальный выпот",
    "pleural_effusion": "Плевральный выпот", "pulmonary_fibrotic_sequela": "Фиброзные изменения лёгких",
}


def key_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "label"


def convert_yolo(checkpoint: Path, folder: Path, size: int | None = None, threshold: float = 0.25) -> Path:
    """Writes `folder/model.onnx` and `folder/manifest.yaml`; `size` defaults to the training's picture size.

    The network was trained on pictures of its author's own making; how it answers to `norma.prepare/v1` is
    unknown until it is measured. Raises `CheckpointError`.
    """
    network, names, trained_size = read_checkpoint(checkpoint)
    size = size or trained_size
    if size % 32:
        raise CheckpointError(f"size {size} is not a multiple of 32")
    folder.mkdir(parents=True, exist_ok=True)
    export_onnx(network, size, ["probabilities"], folder / "model.onnx", channels=3)
    difference = largest_difference(network, folder / "model.onnx", torch.rand(2, 3, size, size))
    log.info("%s: %d labels at %d px, largest relative difference to PyTorch %.2g", folder.name, len(names), size, difference)
    write_manifest(
        folder, "typing", "0.0.0-imported", input=input_tensor(size, 0.0, 1.0, channels=3),
        outputs=[{"name": "probabilities", "meaning": "probabilities", "shape": ["batch", len(names)]}],
        labels=[{"key": key_of(name), "en": name, "ru": RUSSIAN.get(key_of(name), name), "threshold": threshold} for name in names],
        slice_selection={"count": 12}, aggregation={"method": "maximum"},
        provenance={"training_data": ["foreign weights"], "licence": "unknown: not to be distributed", "intended_use": "research"},
    )
    return folder


__all__ = ["CheckpointError", "convert_yolo", "key_of"]
