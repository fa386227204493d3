"""Norm volumes made harder to measure: what a study's protocol may do to a norm chest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from .nifti import NiftiVolume, read_nifti, write_nifti

NOISE_HU = 60.0
SHARPENED_BY = 1.5
THICK_MM = 5.0


def thicken(volume: NiftiVolume) -> NiftiVolume:
    """Slices averaged to at most 5 mm."""
    z, y, x = volume.spacing_mm
    count = max(1, int(THICK_MM / z))
    whole = volume.hounsfield[: len(volume.hounsfield) // count * count]
    mean = whole.reshape(-1, count, *whole.shape[1:]).mean(axis=1)
    return NiftiVolume(np.round(mean).astype(np.int16), (z * count, y, x))


def add_noise(volume: NiftiVolume) -> NiftiVolume:
    noise = np.random.default_rng(1).normal(0, NOISE_HU, volume.hounsfield.shape)
    return volume._replace(hounsfield=_hounsfield(volume.hounsfield + noise))


def sharpen(volume: NiftiVolume) -> NiftiVolume:
    """As a sharp kernel: high frequencies in plane raised."""
    values = volume.hounsfield.astype(np.float32)
    return volume._replace(hounsfield=_hounsfield(values + SHARPENED_BY * (values - gaussian_filter(values, (0, 1, 1)))))


VARIANTS = {
    f"slices of {THICK_MM:g} mm": thicken,
    f"noise of {NOISE_HU:g} HU": add_noise,
    "sharpened": sharpen,
}


def write_variants(norms: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Every variant of every norm volume as NIfTI, by what it is; made once for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, source in norms.items():
        for number, (what, change) in enumerate(VARIANTS.items()):
            path = folder / f"{name}-{number}.nii"
            if not path.is_file():
                write_nifti(path, change(read_nifti(source)))
            paths[f"{name}, {what}"] = path
    return paths


def _hounsfield(values: np.ndarray) -> np.ndarray:
    return np.round(np.clip(values, -1024, 3071)).astype(np.int16)
