"""Tiny synthetic prepared sets: ellipses for lungs, a bright or dark blob for pathology."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from norma_training.nifti import NiftiVolume  # noqa: E402
from norma_training.norma_prepare import PreparationError, find_norma  # noqa: E402

WORKSPACE = Path(__file__).resolve().parents[3]
CHEST_SPACING_MM = (2.0, 1.25, 1.25)


@pytest.fixture(scope="session")
def norma() -> Path:
    """The program, where it is built; CI builds it before these tests."""
    try:
        return find_norma(WORKSPACE)
    except PreparationError:
        if os.environ.get("CI"):
            raise
        pytest.skip("norma is not built")


def picture(rng: np.random.Generator, sick: bool) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:224, 0:224]
    lungs = ((y - 112) / 85) ** 2 + ((x - 66) / 42) ** 2 < 1
    lungs |= ((y - 112) / 85) ** 2 + ((x - 158) / 42) ** 2 < 1
    grey = np.where(lungs, 40.0, 220.0) + rng.normal(0, 6, (224, 224))
    if sick:
        cy, cx = rng.integers(80, 140), rng.choice([66, 158])
        grey += 130 * ((y - cy) ** 2 + (x - cx) ** 2 < 25**2) * lungs
    return np.clip(grey, 0, 255).astype(np.uint8), lungs.astype(np.uint8)


def write_prepared(folder: Path, blocks: int = 6, slices: int = 3, seed: int = 0) -> Path:
    """Two sources with both classes and one of norm only, in the files of `norma prepare --slices`."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    pixels, masks, rows = [], [], []
    for source, labels in (("alpha", {"normal": "", "pathology": "emphysema"}), ("beta", {"normal": "", "pathology": "tumour"}), ("gamma", {"normal": ""})):
        for label, kind in labels.items():
            for block in range(blocks):
                for number in range(slices):
                    grey, lungs = picture(rng, label == "pathology")
                    rows.append([f"{source}/{label}/{block}-{number}.jpg", source, label, kind, f"{source}-{label}-b{block}", "", len(pixels), "yes", ""])
                    pixels.append(grey)
                    masks.append(lungs)
    rows.append(["gamma/normal/none.jpg", "gamma", "normal", "", "gamma-normal-b99", "", "", "no", "no_lungs"])
    np.save(folder / "pixels.npy", np.stack(pixels))
    np.save(folder / "lung_mask.npy", np.stack(masks))
    with open(folder / "index.csv", "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["file", "source", "label", "type", "block", "near_duplicates", "row", "prepared", "reason"])
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="session")
def chest() -> NiftiVolume:
    """A body with two lungs of ellipsoids, a vessel in each, and noise."""
    z, y, x = np.ogrid[:110, :200, :260]
    z, y, x = (z - 54.5) * CHEST_SPACING_MM[0], (y - 99.5) * CHEST_SPACING_MM[1], (x - 129.5) * CHEST_SPACING_MM[2]
    hounsfield = np.where((y / 115) ** 2 + (x / 150) ** 2 < 1, 40.0, -1000.0) + 0 * z
    for side in (-75, 75):
        lung = (z / 95) ** 2 + (y / 80) ** 2 + ((x - side) / 58) ** 2 < 1
        vessel = (y - 0.2 * z) ** 2 + (x - side) ** 2 < 9
        hounsfield = np.where(lung, np.where(vessel, 40.0, -850.0), hounsfield)
    noise = np.random.default_rng(0).normal(0, 15, hounsfield.shape)
    return NiftiVolume(np.round(hounsfield + noise).astype(np.int16), CHEST_SPACING_MM)


@pytest.fixture(scope="session")
def prepared_folder(tmp_path_factory) -> Path:
    return write_prepared(tmp_path_factory.mktemp("prepared"))
