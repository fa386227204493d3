"""Volumes made harder to measure: what a study's protocol may do to a chest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from .nifti import NiftiVolume, read_nifti, write_nifti
from .synthetic_nodules import find_lungs

NOISE_HU = 60.0
SHARPENED_BY = 1.5
SOFTENED_MM = 0.8
SHIFTED_HU = 30.0
THICK_MM = 5.0
WIDER_BY = 1.4
KEPT_BESIDE_LUNGS_MM = 15.0
AIR_HU = -1024


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


def soften(volume: NiftiVolume) -> NiftiVolume:
    """As a soft kernel: fine structure in plane goes."""
    _, y, x = volume.spacing_mm
    values = gaussian_filter(volume.hounsfield.astype(np.float32), (0, SOFTENED_MM / y, SOFTENED_MM / x))
    return volume._replace(hounsfield=_hounsfield(values))


def shift(volume: NiftiVolume, by: float) -> NiftiVolume:
    """A scanner that is calibrated wrongly: everything that is not cut off below lies so much higher."""
    values = volume.hounsfield.astype(np.float32)
    return volume._replace(hounsfield=_hounsfield(np.where(values > AIR_HU, values + by, values)))


def halve(volume: NiftiVolume) -> NiftiVolume:
    """A matrix of half as many rows and columns over the same field of view."""
    z, y, x = volume.spacing_mm
    slices, rows, columns = volume.hounsfield.shape
    even = volume.hounsfield[:, : rows // 2 * 2, : columns // 2 * 2].astype(np.float32)
    means = even.reshape(slices, rows // 2, 2, columns // 2, 2).mean((2, 4))
    return NiftiVolume(_hounsfield(means), (z, 2 * y, 2 * x))


def widen(volume: NiftiVolume) -> NiftiVolume:
    """The same matrix over a field of view that is wider: larger pixels, air around."""
    z, y, x = volume.spacing_mm
    slices, rows, columns = volume.hounsfield.shape
    values = np.full(volume.hounsfield.shape, AIR_HU, dtype=np.int16)
    for number, plane in enumerate(volume.hounsfield):
        small = zoom(gaussian_filter(plane.astype(np.float32), 0.4 * WIDER_BY), 1 / WIDER_BY, order=1, grid_mode=True, mode="nearest")
        top, left = (rows - small.shape[0]) // 2, (columns - small.shape[1]) // 2
        values[number, top : top + small.shape[0], left : left + small.shape[1]] = np.round(small)
    return NiftiVolume(values, (z, y * WIDER_BY, x * WIDER_BY))


def narrow(volume: NiftiVolume) -> NiftiVolume:
    """A field of view that ends a little beside the lungs: arms, back and breasts are cut off."""
    lungs, step = find_lungs(volume)
    ends = []
    for axis in (1, 2):
        held = np.flatnonzero(lungs.any(axis=tuple({0, 1, 2} - {axis}))) * step[axis]
        beside = int(KEPT_BESIDE_LUNGS_MM / volume.spacing_mm[axis])
        ends.append(slice(max(0, held[0] - beside), held[-1] + step[axis] + beside))
    return volume._replace(hounsfield=np.ascontiguousarray(volume.hounsfield[:, ends[0], ends[1]]))


THICK = f"slices of {THICK_MM:g} mm"
VARIANTS = {
    THICK: thicken,
    f"noise of {NOISE_HU:g} HU": add_noise,
    "sharpened": sharpen,
    f"field of view {WIDER_BY:g} times as wide": widen,
    f"field of view cut {KEPT_BESIDE_LUNGS_MM:g} mm beside the lungs": narrow,
    "a soft kernel": soften,
    f"all {SHIFTED_HU:g} HU higher": lambda volume: shift(volume, SHIFTED_HU),
    f"all {SHIFTED_HU:g} HU lower": lambda volume: shift(volume, -SHIFTED_HU),
    "half the matrix": halve,
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
