"""What bodies and breaths of healthy people do to a chest: norm volumes changed by computation, with a seed. None of it is pathology."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
from scipy import ndimage

from .nifti import NiftiVolume, read_nifti, write_nifti
from .synthetic_lesions import LEFT, RIGHT, Chest, lay, rounded
from .synthetic_nodules import LUNG_HU

SHALLOW_HU = 100.0
MOSAIC_HU = 80.0
DEPENDENT_MM = 6.0
STREAKS_HU = 30.0
FATTY_HU = 45.0
RAISED_MM = 40.0
LIVER_HU, SPLEEN_HU = 58.0, 48.0


def breathe_out(chest: Chest) -> NiftiVolume:
    """A shallow breath: lung denser, most behind."""
    host = chest.volume.hounsfield.astype(np.float32)
    window = chest.window(chest.hull)
    y = np.linspace(0, 1, window[1].stop - window[1].start, dtype=np.float32)[None, :, None]
    _add_to_lung(chest, host, SHALLOW_HU * (0.6 + 0.8 * y))
    return chest.volume._replace(hounsfield=rounded(host))


def mosaic(chest: Chest) -> NiftiVolume:
    """Lobules of two densities, as small airways that close make them in many healthy people who breathe out."""
    rough = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=chest.hull.shape), 9.0 / chest.sampling).astype(np.float32)
    host = chest.volume.hounsfield.astype(np.float32)
    _add_to_lung(chest, host, np.clip(chest.fine(rough / rough.std(), chest.window(chest.hull)) + 0.5, 0, 1) * MOSAIC_HU)
    return chest.volume._replace(hounsfield=rounded(host))


def dependent_atelectasis(chest: Chest) -> NiftiVolume:
    """A band behind, of a patient who lies: hazy lung along the wall of the lower two thirds."""
    generator = np.random.default_rng(4)
    z, y, _ = chest.places
    behind = np.where(chest.hull.any(1), chest.hull.shape[1] - 1 - chest.hull[:, ::-1].argmax(1), 0) * chest.sampling[1]
    low = z < chest.low[0] + 0.66 * (chest.high[0] - chest.low[0])
    field = np.where(chest.hull & low, DEPENDENT_MM - (behind[:, None] - y), -9.0).astype(np.float32)
    host = chest.volume.hounsfield.astype(np.float32)
    lay(chest, host, field, 0.0, -350.0, generator, chest.hull, vessels_stay=True, soft_mm=2.0)
    return chest.volume._replace(hounsfield=rounded(host))


def mirror(chest: Chest) -> NiftiVolume:
    """Situs inversus: all organs on the other side."""
    return chest.volume._replace(hounsfield=np.ascontiguousarray(chest.volume.hounsfield[:, :, ::-1]))


def fatty_liver(chest: Chest) -> NiftiVolume:
    """The liver as dense as fluid: what lies under the right lung."""
    floor = _floor(chest, RIGHT)
    step = chest.step
    values = chest.volume.hounsfield
    below = np.arange(values.shape[0], dtype=np.float32)[:, None, None] * chest.volume.spacing_mm[0]
    columns = np.repeat(np.repeat(floor, step[1], 0), step[2], 1)[: values.shape[1], : values.shape[2]]
    wide = np.full(values.shape[1:], -1.0, np.float32)
    wide[: columns.shape[0], : columns.shape[1]] = columns
    organ = ndimage.gaussian_filter(values.astype(np.float32), 1.0)
    organ = (organ > 25) & (organ < 110) & (below < wide[None])
    return chest.volume._replace(hounsfield=rounded(values - FATTY_HU * ndimage.gaussian_filter(organ.astype(np.float32), 0.7)))


def bowel_gas(chest: Chest) -> NiftiVolume:
    """A high left dome with stomach and colon full of gas below it."""
    host, dome = _raised(chest, LEFT, SPLEEN_HU)
    z, y, x = chest.places
    columns = np.argwhere(dome > 0) * chest.sampling[1:]
    middle = columns.mean(0)
    # Beside the mediastinum the lung's base is the heart.
    near = np.hypot(y[0] - middle[0], x[0] - middle[1]) < 25
    top = float(np.median(dome[near & (dome > 0)]))
    gas = np.zeros(chest.hull.shape, bool)
    # Stomach in the middle, colon in front of it and to the side; their walls and the diaphragm are 4 mm.
    for forward, aside, size in ((0.0, 0.0, (14.0, 30.0, 34.0)), (48.0, 12.0, (12.0, 16.0, 40.0))):
        at = (top - size[0] - 5.0, middle[0] - forward, middle[1] + aside)
        gas |= sum(((place - centre) / radius) ** 2 for place, centre, radius in zip((z, y, x), at, size)) < 1
    gas &= z < (dome - 4.0)[None]
    window = chest.window(gas)
    share = ndimage.gaussian_filter(chest.fine(gas.astype(np.float32), window), 0.8)
    host[window] += share * (-1000.0 - host[window])
    return chest.volume._replace(hounsfield=rounded(host))


def high_domes(chest: Chest) -> NiftiVolume:
    """Both halves of the diaphragm stand high."""
    lifted = chest.volume._replace(hounsfield=rounded(_raised(chest, RIGHT, LIVER_HU)[0]))
    other = copy.copy(chest)
    other.volume = lifted
    return lifted._replace(hounsfield=rounded(_raised(other, LEFT, SPLEEN_HU)[0]))


def streaks(chest: Chest) -> NiftiVolume:
    """Arms beside the chest: streaks from side to side."""
    generator = np.random.default_rng(5)
    slices, rows, _ = chest.volume.hounsfield.shape
    rough = ndimage.gaussian_filter(generator.normal(size=(slices, rows)), (1.0, 2.0 / chest.volume.spacing_mm[1]))
    values = chest.volume.hounsfield + STREAKS_HU * (rough / rough.std()).astype(np.float32)[:, :, None]
    return chest.volume._replace(hounsfield=rounded(values))


BODIES = {
    "shallow breath": breathe_out,
    "mosaic of lobules": mosaic,
    "hazy band behind": dependent_atelectasis,
    "mirrored": mirror,
    "fatty liver": fatty_liver,
    "gas under a high left dome": bowel_gas,
    "high domes": high_domes,
    "streaks of the arms": streaks,
}


def write_bodies(volumes: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Every volume as each body and breath as NIfTI, by what it is; made once for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, source in volumes.items():
        missing = [what for number, what in enumerate(BODIES) if not (folder / f"{name}-body-{number}.nii").is_file()]
        chest = Chest(read_nifti(source)) if missing else None
        for number, (what, change) in enumerate(BODIES.items()):
            path = paths[f"{name}, {what}"] = folder / f"{name}-body-{number}.nii"
            if what in missing:
                write_nifti(path, change(chest))
    return paths


def _add_to_lung(chest: Chest, host: np.ndarray, more: np.ndarray) -> None:
    """Adds to what is aerated within the lungs, less where it is averaged with tissue."""
    window = chest.window(chest.hull)
    part = host[window]
    inside = chest.fine(chest.hull.astype(np.float32), window) > 0.5
    host[window] = part + np.where(inside, more * np.clip((LUNG_HU - part) / 300.0, 0, 1), 0)


def _floor(chest: Chest, side: str) -> np.ndarray:
    """Height of the lung's base in each column, mm; −1 beside it."""
    within = chest.of_side(side)
    return np.where(within.any(0), within.argmax(0) * chest.sampling[0], -1.0).astype(np.float32)


def _raised(chest: Chest, side: str, hounsfield: float) -> tuple[np.ndarray, np.ndarray]:
    """The volume with one half of the diaphragm raised as a dome, and the dome's height in each column; 0 beside it."""
    generator = np.random.default_rng(6)
    within = chest.of_side(side)
    floor = _floor(chest, side)
    of_wall = ndimage.distance_transform_edt(np.pad(within.any(0), 1), sampling=chest.sampling[1:])[1:-1, 1:-1]
    # Round on top, as a muscle that organs push up is.
    share = np.clip(of_wall / max(of_wall.max(), 1.0), 0, 1)
    lifted = ndimage.gaussian_filter(RAISED_MM * (1 - (1 - share) ** 2), 12.0 / chest.sampling[1:])
    host = chest.volume.hounsfield.astype(np.float32)
    organ = within & (chest.places[0] - floor[None] < lifted[None])
    lay(chest, host, organ.astype(np.float32), 0.5, hounsfield, generator, within)
    return host, np.where(floor >= 0, floor + lifted, 0.0)
