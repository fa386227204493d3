"""Real nodules in real norm lungs: the cubes of LIDC-IDRI laid into a host by their readers' masks.

The cubes' grey levels are turned to Hounsfield units by two fixed points (lung, soft tissue); their spacing is not stated
and taken as 1 mm. Only for measuring: what is fitted never sees them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from .nifti import NiftiVolume
from .synthetic_nodules import PastedNodule, Places, find_lungs

SIDE = 41
LUNG_GREY, SOFT_GREY = 50.0, 220.0
LUNG_HU, SOFT_HU = -850.0, 40.0
SOLID_TEXTURE = 4.0


def read_cubes(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cubes in Hounsfield units `(n, z, y, x)`, masks, texture (1 ground glass … 5 solid)."""
    with np.load(path) as archive:
        grey = archive["cubes"].astype(np.float32)
        masks = np.unpackbits(archive["masks"], axis=1)[:, : SIDE**3].reshape(-1, SIDE, SIDE, SIDE).astype(bool)
        texture = archive["texture"]
    return (grey - LUNG_GREY) * (SOFT_HU - LUNG_HU) / (SOFT_GREY - LUNG_GREY) + LUNG_HU, masks, texture


def transplant(volume: NiftiVolume, cubes: np.ndarray, masks: np.ndarray, texture: np.ndarray, seed: int) -> tuple[NiftiVolume, list[PastedNodule]]:
    """The volume with each cube's nodule laid into lung; a nodule that finds no place is left out."""
    generator = np.random.default_rng(seed)
    lungs, step = find_lungs(volume)
    places = Places(volume, lungs, step)
    mm = np.array(volume.spacing_mm)
    hounsfield = volume.hounsfield.astype(np.float32)
    pasted = []
    for cube, mask, kind in zip(cubes, masks, texture):
        diameter = float(np.cbrt(mask.sum() * 6 / np.pi))
        try:
            place = places.draw("transplant", diameter / 2, generator)
        except ValueError:
            continue
        middle = np.array(ndimage.center_of_mass(mask))
        low = np.maximum(0, np.floor(place - 20 / mm)).astype(int)
        high = np.minimum(hounsfield.shape, np.ceil(place + 20 / mm).astype(int) + 1)
        window = tuple(slice(first, last) for first, last in zip(low, high))
        axes = [(np.arange(first, last) - centre) * length + half for first, last, centre, length, half in zip(low, high, place, mm, middle)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"))
        opacity = ndimage.gaussian_filter(ndimage.binary_dilation(mask).astype(np.float32), 0.7)
        opacity = ndimage.map_coordinates(opacity, points, order=1)
        body = ndimage.map_coordinates(cube, points, order=1, mode="nearest")
        host = hounsfield[window]
        hounsfield[window] = host + opacity * np.maximum(body - host, 0)
        pasted.append(PastedNodule(
            kind="transplant", centre_voxel=tuple(map(float, place)), diameter_mm=diameter,
            volume_ml=float(mask.sum() / 1000), solid=bool(kind >= SOLID_TEXTURE),
        ))
    return NiftiVolume(np.clip(np.round(hounsfield), -1024, 3071).astype(np.int16), volume.spacing_mm), pasted
