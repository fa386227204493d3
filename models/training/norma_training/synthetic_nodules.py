"""Nodules and masses pasted into norm lungs, with a seed: data to train and measure on, never counted as real.

A body is a ball whose surface is rough (lobules, where spiculated also strands), blurred as the scanner blurs (a
Gaussian of half a pixel, half a slice), laid over the host: `host + opacity * (body - host)`, with the host's own noise
kept. Diameters after the Fleischner Society's classes; attenuations: solid 20 to 60 HU, ground glass 250 to 400 HU above
the lung, part-solid a solid core of 40 to 60 % of the diameter in ground glass.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from .nifti import NiftiVolume, read_nifti, write_nifti

KINDS = ("solid", "part_solid", "ground_glass", "juxta_vascular", "juxta_pleural", "mass")
SMALLEST_MM, LARGEST_NODULE_MM, LARGEST_MASS_MM = 3.0, 30.0, 60.0
LUNG_HU, VESSEL_HU, AERATED_HU = -400, -500, -700
COARSE_MM = 2.5


@dataclass(frozen=True)
class PastedNodule:
    """What was pasted: centre `(z, y, x)` in voxels, the diameter of the ball of the same volume."""

    kind: str
    centre_voxel: tuple[float, float, float]
    diameter_mm: float
    volume_ml: float
    solid: bool

    def as_json(self) -> dict:
        return asdict(self)


class NoPlace(ValueError):
    """A volume in which a nodule of this kind and size finds no place, or a nodule that nobody can paste."""


def parse_nodule(text: str) -> tuple[str, float]:
    """`kind:diameter` with the diameter in millimetres: 3 to 30, for a mass to 60."""
    kind, _, diameter = text.partition(":")
    try:
        size = float(diameter)
    except ValueError:
        size = float("nan")
    largest = LARGEST_MASS_MM if kind == "mass" else LARGEST_NODULE_MM
    if kind not in KINDS or not SMALLEST_MM <= size <= largest:
        raise NoPlace(f"{text!r} is no nodule: give KIND:MM with one of {', '.join(KINDS)} and {SMALLEST_MM:g} to {LARGEST_NODULE_MM:g} mm, a mass to {LARGEST_MASS_MM:g}")
    return kind, size


def write_pasted(source: Path, nodules: list[str], seed: int, out: Path) -> None:
    """The command: the NIfTI `out`, and beside it as JSON what was pasted with which seed."""
    pasted, truth = paste_nodules(read_nifti(source), [parse_nodule(text) for text in nodules], seed)
    write_nifti(out, pasted)
    listed = {"synthetic": True, "seed": seed, "nodules": [nodule.as_json() for nodule in truth]}
    out.with_suffix(".json").write_text(json.dumps(listed, indent=1))


def find_lungs(volume: NiftiVolume) -> tuple[np.ndarray, np.ndarray]:
    """Lungs by threshold on about 2.5 mm: components of air that touch no side of a slice and are neither bowel gas nor
    airways. The mask, vessels left out, and the voxels of the volume per voxel of it."""
    step = np.maximum(1, np.round(COARSE_MM / np.array(volume.spacing_mm)).astype(int))
    coarse = volume.hounsfield[:: step[0], :: step[1], :: step[2]]
    labels, count = ndimage.label(coarse < LUNG_HU)
    outside = np.unique(np.concatenate([labels[:, edge].ravel() for edge in (0, -1)] + [labels[:, :, edge].ravel() for edge in (0, -1)]))
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * np.prod(step * volume.spacing_mm) / 1000
    large = np.flatnonzero(sizes > 100)
    lungs = [label for label in large if label != 0 and label not in outside and -975 < np.median(coarse[labels == label]) < -430]
    return np.isin(labels, lungs), step


def paste_nodules(volume: NiftiVolume, wanted: list[tuple[str, float]], seed: int) -> tuple[NiftiVolume, list[PastedNodule]]:
    """The volume with nodules of the kinds and diameters (mm) pasted, apart from each other, and what was pasted.

    Raises NoPlace where the lungs hold no place for one of them.
    """
    generator = np.random.default_rng(seed)
    lungs, step = find_lungs(volume)
    places = Places(volume, lungs, step)
    hounsfield = volume.hounsfield.astype(np.float32)
    pasted = []
    for kind, diameter in sorted(wanted, key=lambda pair: -pair[1]):
        centre = places.draw(kind, diameter / 2, generator)
        pasted.append(_paste(hounsfield, volume.spacing_mm, kind, diameter, centre, generator))
    rounded = np.clip(np.round(hounsfield), -1024, 3071).astype(np.int16)
    return NiftiVolume(rounded, volume.spacing_mm), pasted


class Places:
    """Where in the lungs a nodule may lie. Distances in millimetres, on the coarse mask."""

    def __init__(self, volume: NiftiVolume, lungs: np.ndarray, step: np.ndarray) -> None:
        self.step = step
        self.sampling = step * np.array(volume.spacing_mm)
        closed = ndimage.binary_closing(np.pad(lungs, 3), iterations=3)[3:-3, 3:-3, 3:-3]
        self.depth = ndimage.distance_transform_edt(closed, sampling=self.sampling)
        coarse = volume.hounsfield[:: step[0], :: step[1], :: step[2]]
        vessel = closed & (coarse > VESSEL_HU) & (self.depth > 8)
        self.to_vessel = ndimage.distance_transform_edt(~vessel, sampling=self.sampling)
        self.aerated = closed & (coarse < AERATED_HU)
        middle = np.median(np.argwhere(closed)[:, 2]) if closed.any() else 0
        self.lateral = np.abs(np.arange(closed.shape[2]) - middle) * self.sampling[2] > 60
        self.taken: list[tuple[np.ndarray, float]] = []

    def draw(self, kind: str, radius: float, generator: np.random.Generator) -> np.ndarray:
        """A centre in voxels of the volume, away from those drawn before."""
        if kind == "juxta_pleural":
            # A third to a half of the body lies in the chest wall, away from the mediastinum.
            fits = (self.depth > 0) & (np.abs(self.depth - 0.4 * radius) < max(1.5, 0.2 * radius)) & self.lateral
        elif kind == "juxta_vascular":
            fits = self.aerated & (np.abs(self.to_vessel - 0.8 * radius) < 2.0) & (self.depth > radius + 3)
        elif kind == "mass":
            fits = (self.depth > 0.5 * radius) & self.lateral
        else:
            fits = self.aerated & (self.depth > radius + 3) & (self.to_vessel > min(radius, 4.0))
        places = np.argwhere(fits)
        generator.shuffle(places)
        for place in places[:2000]:
            middle = place * self.sampling
            if all(np.linalg.norm(middle - other) > 1.5 * (radius + reach) + 8 for other, reach in self.taken):
                self.taken.append((middle, radius))
                return place * self.step + generator.uniform(-0.5, 0.5, 3) * self.step
        raise NoPlace(f"no place for a nodule ({kind}) of {2 * radius:.0f} mm")


def _paste(hounsfield: np.ndarray, spacing: tuple[float, ...], kind: str, diameter: float, centre: np.ndarray, generator: np.random.Generator) -> PastedNodule:
    radius = diameter / 2
    mm = np.array(spacing)
    reach = 1.5 * radius + 3
    low = np.maximum(0, np.floor(centre - reach / mm)).astype(int)
    high = np.minimum(hounsfield.shape, np.ceil(centre + reach / mm).astype(int) + 1)
    window = tuple(slice(first, last) for first, last in zip(low, high))
    host = hounsfield[window].copy()
    distance, rough = _rough_ball(host.shape, (centre - low) * mm, mm, radius, generator)
    opacity = _blur(np.clip((rough - distance) / mm.min() + 0.5, 0, 1), mm)
    lung = float(np.median(host[host < VESSEL_HU])) if (host < VESSEL_HU).any() else -850.0
    noise = host - ndimage.gaussian_filter(host, 1.0)
    texture = np.clip(noise, -60, 60) * 0.7
    soft = generator.uniform(20, 60) + texture
    haze = np.maximum(host, lung + generator.uniform(250, 400) + texture)
    if kind == "ground_glass":
        body = haze
    elif kind == "part_solid":
        core = generator.uniform(0.4, 0.6)
        inner = _blur(np.clip((core * rough - distance) / mm.min() + 0.5, 0, 1), mm)
        body = haze + inner * (soft - haze)
    else:
        body = soft
    # Where the host is denser than the body (vessel, chest wall), the host stays.
    hounsfield[window] = host + opacity * np.maximum(body - host, 0)
    return PastedNodule(
        kind=kind, centre_voxel=tuple(map(float, centre)), diameter_mm=float(diameter),
        volume_ml=float(np.pi * diameter**3 / 6000), solid=kind not in ("part_solid", "ground_glass"),
    )


def _rough_ball(shape: tuple[int, ...], centre_mm: np.ndarray, mm: np.ndarray, radius: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each voxel from the centre and the body's radius in its direction, in mm: lobules from bumps at random
    directions, a mild flattening, on a third of the bodies spicules; scaled to the volume of the plain ball."""
    axes = np.meshgrid(*(np.arange(length) * step - middle for length, step, middle in zip(shape, mm, centre_mm)), indexing="ij")
    offsets = np.stack(axes, axis=-1).astype(np.float32)
    distance = np.linalg.norm(offsets, axis=-1)
    direction = offsets / np.maximum(distance, 1e-3)[..., None]
    stretch = generator.uniform(0.85, 1.15, 3)
    rough = 1 / np.linalg.norm(direction / stretch, axis=-1)
    for _ in range(int(generator.integers(4, 9))):
        towards = generator.normal(size=3)
        towards /= np.linalg.norm(towards)
        rough = rough + generator.uniform(-0.12, 0.16) * np.exp(4 * (direction @ towards - 1))
    if generator.random() < 1 / 3:
        for _ in range(int(generator.integers(5, 12))):
            towards = generator.normal(size=3)
            towards /= np.linalg.norm(towards)
            rough = rough + generator.uniform(0.1, 0.35) * np.exp(60 * (direction @ towards - 1))
    # The mean over directions of the cube is that of the volume.
    shell = (distance > 0.5 * radius) & (distance < radius)
    mean = float(np.cbrt(np.mean(rough[shell] ** 3))) if shell.any() else 1.0
    return distance, (radius * rough / mean).astype(np.float32)


def _blur(opacity: np.ndarray, mm: np.ndarray) -> np.ndarray:
    """The scanner's blur: about half a voxel, at least 0.5 mm."""
    return ndimage.gaussian_filter(opacity.astype(np.float32), np.maximum(0.5 / mm, 0.45))
