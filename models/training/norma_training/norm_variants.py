"""Volumes made harder to measure: what a study's protocol may do to a chest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from .nifti import NiftiVolume, read_nifti, write_nifti

NOISE_HU = 60.0
SHARPENED_BY = 1.5
THICK_MM = 5.0


def thicken(volume: NiftiVolume) -> NiftiVolume:
    """Slices that are means over 5 mm; of a slice that two of them share each takes its part."""
    z, y, x = volume.spacing_mm
    edges = np.arange(0.0, len(volume.hounsfield) * z + 1e-6, THICK_MM) / z
    slabs = [_mean(volume.hounsfield, low, high) for low, high in zip(edges, edges[1:])]
    return NiftiVolume(np.round(slabs).astype(np.int16), (THICK_MM, y, x))


def _mean(slices: np.ndarray, low: float, high: float) -> np.ndarray:
    numbers = np.arange(int(low), min(int(np.ceil(high - 1e-9)), len(slices)))
    weights = np.minimum(numbers + 1.0, high) - np.maximum(numbers, low)
    return np.average(slices[numbers], axis=0, weights=weights)


def add_noise(volume: NiftiVolume) -> NiftiVolume:
    noise = np.random.default_rng(1).normal(0, NOISE_HU, volume.hounsfield.shape)
    return volume._replace(hounsfield=_hounsfield(volume.hounsfield + noise))


def sharpen(volume: NiftiVolume) -> NiftiVolume:
    """As a sharp kernel: high frequencies in plane raised."""
    values = volume.hounsfield.astype(np.float32)
    return volume._replace(hounsfield=_hounsfield(values + SHARPENED_BY * (values - gaussian_filter(values, (0, 1, 1)))))


THICK = f"slices of {THICK_MM:g} mm"
VARIANTS = {
    THICK: thicken,
    f"noise of {NOISE_HU:g} HU": add_noise,
    "sharpened": sharpen,
}


def write_variants(volumes: dict[str, Path], folder: Path, wanted: tuple[str, ...] = tuple(VARIANTS)) -> dict[str, Path]:
    """The wanted variants of every volume as NIfTI, by what it is; made once for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, source in volumes.items():
        for number, (what, change) in enumerate(VARIANTS.items()):
            if what not in wanted:
                continue
            path = folder / f"{name}-{number}.nii"
            if not path.is_file():
                write_nifti(path, change(read_nifti(source)))
            paths[f"{name}, {what}"] = path
    return paths


def _hounsfield(values: np.ndarray) -> np.ndarray:
    return np.round(np.clip(values, -1024, 3071)).astype(np.int16)
