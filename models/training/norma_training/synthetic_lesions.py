"""Lesions other than nodules laid into norm lungs, with a seed: data to measure on, never counted as real.

What is wide is drawn as a field over about 2 mm, cut where it holds the wanted volume, and laid over the host at full resolution with the
host's own noise. Densities in Hounsfield units: fluid 0 to 20, collapsed lung beside it 30 to 55, ground glass 250 to 400 over the lung,
consolidation 0 to 50, what emphysema leaves −990 to −965, gas −1000.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage

from .nifti import NiftiVolume
from .synthetic_nodules import NoPlace, find_lungs

FLUID_SHAPES = ("crescent", "layer", "over the diaphragm")
OPACITIES = ("ground_glass_area", "consolidation")
EMPHYSEMAS = ("centrilobular", "panlobular")
RIGHT, LEFT = "right", "left"
# Where an opacity lies.
AMID, ON_DIAPHRAGM, AT_WALL, AT_MEDIASTINUM, LOBE = "amid", "on the diaphragm", "at the chest wall", "at the mediastinum", "lower lobe"
AERATED_HU, RIM_HU = -700, -150
# Beyond this depth under the lungs' surface everything is lung or vessel.
WITHIN_MM = 3.0
CLOSING_MM = 8.0
VESSELS_HU = -600


@dataclass(frozen=True)
class Lesion:
    """What was laid in: its true volume in ml, or the share of the lungs for emphysema."""

    kind: str
    side: str
    volume_ml: float
    share: float = 0.0
    detail: str = ""

    def as_json(self) -> dict:
        return asdict(self)


class Chest:
    """A norm volume and where its lungs are, on about 2.5 mm. Axes `(z, y, x)`: towards the head, the back, the patient's left."""

    def __init__(self, volume: NiftiVolume) -> None:
        self.volume = volume
        lungs, self.step = find_lungs(volume)
        if not lungs.any():
            raise NoPlace("no lungs were found")
        self.sampling = self.step * np.array(volume.spacing_mm)
        pad = np.ceil(CLOSING_MM / self.sampling).astype(int) + 1
        near = ndimage.distance_transform_edt(~np.pad(lungs, [(p, p) for p in pad]), sampling=self.sampling) > CLOSING_MM
        away = ndimage.distance_transform_edt(~near, sampling=self.sampling)
        cut = tuple(slice(p, -p) for p in pad)
        self.hull = (away > CLOSING_MM)[cut] | lungs
        self.lungs = lungs
        self.depth = ndimage.distance_transform_edt(np.pad(self.hull, 1), sampling=self.sampling)[1:-1, 1:-1, 1:-1]
        self.places = np.meshgrid(*(np.arange(length) * step for length, step in zip(lungs.shape, self.sampling)), indexing="ij", sparse=True)
        self.middle = float(np.median(np.argwhere(lungs)[:, 2])) * self.sampling[2]
        self.voxel_ml = float(np.prod(self.sampling)) / 1000
        self.fine_ml = float(np.prod(volume.spacing_mm)) / 1000
        where = np.argwhere(self.hull) * self.sampling
        self.low, self.high = where.min(0), where.max(0)

    def of_side(self, side: str) -> np.ndarray:
        """The hull of one side."""
        x = self.places[2]
        return self.hull & ((x < self.middle) if side == RIGHT else (x >= self.middle))

    def fine(self, field: np.ndarray, window: tuple[slice, ...]) -> np.ndarray:
        """A coarse field in a window of the volume, linear between its voxels."""
        axes = [np.arange(part.start, part.stop) / step for part, step in zip(window, self.step)]
        low = [int(np.floor(axis[0])) for axis in axes]
        part = field[tuple(slice(first, int(np.floor(axis[-1])) + 2) for first, axis in zip(low, axes))].astype(np.float32)
        for number, (axis, first) in enumerate(zip(axes, low)):
            at = axis - first
            before = np.minimum(at.astype(int), part.shape[number] - 1)
            after = np.minimum(before + 1, part.shape[number] - 1)
            shape = [1, 1, 1]
            shape[number] = len(at)
            weight = (at - before).astype(np.float32).reshape(shape)
            part = np.take(part, before, number) * (1 - weight) + np.take(part, after, number) * weight
        return part

    def window(self, mask: np.ndarray, margin: int = 2) -> tuple[slice, ...]:
        """The part of the volume that holds a coarse mask."""
        where = np.argwhere(mask)
        low = np.maximum(0, where.min(0) - margin) * self.step
        high = np.minimum(self.volume.hounsfield.shape, (where.max(0) + margin + 1) * self.step)
        return tuple(slice(int(first), int(last)) for first, last in zip(low, high))


def cut_at_volume(field: np.ndarray, within: np.ndarray, voxels: float, connected: bool = True) -> tuple[np.ndarray, float]:
    """The highest part of a field that holds so many voxels, in one piece where asked, and where it was cut."""
    values = np.sort(field[within])[::-1]
    if voxels > 0.9 * len(values):
        raise NoPlace("the lung holds no place for so large a lesion")
    low, high = int(voxels), len(values) - 1
    best = within & (field >= values[low])
    for _ in range(14 if connected else 1):
        middle = (low + high) // 2 if connected and _ else low
        best = within & (field >= values[middle])
        if not connected:
            return best, float(values[middle])
        labels, count = ndimage.label(best)
        sizes = np.bincount(labels.ravel())[1:] if count else np.array([0])
        best = labels == 1 + int(sizes.argmax())
        if sizes.max() < voxels:
            low = middle
        else:
            high = middle
        if high - low <= 1 or 0 <= sizes.max() - voxels < 0.02 * voxels:
            break
    return best, float(values[middle])


def add_fluid(chest: Chest, side: str, millilitres: float, shape: str, collapsed: bool, seed: int, raised_mm: float = 0.0) -> tuple[NiftiVolume, Lesion, np.ndarray]:
    """A pleural effusion of a patient who lies on the back, with its true mask at full resolution.

    `crescent` lies on the wall, thicker behind and below; `layer` has a level and a meniscus; `over the diaphragm` lies under the lung. With
    `collapsed` the lung beside it holds no air. `raised_mm` lifts the diaphragm first, as liver or spleen.
    """
    generator = np.random.default_rng(seed)
    within = chest.of_side(side)
    z, y, _ = chest.places
    host = chest.volume.hounsfield.astype(np.float32)
    floor = np.where(within.any(0), within.argmax(0), 0) * chest.sampling[0]
    height = z - floor[None]
    if raised_mm:
        # A dome: full height in its middle, none at the ribs.
        of_wall = ndimage.distance_transform_edt(np.pad(within.any(0), 1), sampling=chest.sampling[1:])[1:-1, 1:-1]
        lifted = raised_mm * np.sqrt(np.clip(of_wall / max(of_wall.max(), 1.0), 0, 1))
        liver = within & (height < lifted[None])
        lay(chest, host, liver.astype(np.float32), 0.5, 58.0, generator, within)
        within = within & ~liver
        height = height - lifted[None]
    depth = chest.depth if not raised_mm else ndimage.distance_transform_edt(np.pad(within, 1), sampling=chest.sampling)[1:-1, 1:-1, 1:-1]
    behind, above = y - chest.high[1], z - chest.low[0]
    if shape == "crescent":
        field = 0.25 * behind - depth - 0.12 * above
    elif shape == "layer":
        field = behind - 0.15 * depth - 0.15 * above
    elif shape == "over the diaphragm":
        field = 0.1 * behind - height - 0.2 * depth
    else:
        raise ValueError(f"no shape of fluid: {shape}")
    field = np.where(within, field, field.min() - 50.0).astype(np.float32)
    fluid, level = cut_at_volume(field, within & (above < 0.85 * (chest.high[0] - chest.low[0])), millilitres / chest.voxel_ml)
    if collapsed:
        around = ndimage.distance_transform_edt(~fluid, sampling=chest.sampling)
        thick = generator.uniform(6, 14)
        lay(chest, host, np.where(within & ~fluid, thick - around, -20.0).astype(np.float32), 0.0, generator.uniform(30, 55), generator, within)
    laid = lay(chest, host, np.where(fluid, 1.0, 0.0).astype(np.float32), 0.5, generator.uniform(0, 20), generator, within)
    truth = laid > 0.5
    found = Lesion("effusion", side, float(laid.sum()) * chest.fine_ml, detail=shape + (", lung beside it collapsed" if collapsed else "") + (f", diaphragm raised by {raised_mm:g} mm" if raised_mm else ""))
    return chest.volume._replace(hounsfield=rounded(host)), found, truth


def lay(chest: Chest, host: np.ndarray, field: np.ndarray, level: float, hounsfield: float, generator: np.random.Generator, within: np.ndarray, vessels_stay: bool = False, soft_mm: float = 0.6) -> np.ndarray:
    """Lays a density over the host where a coarse field is over a level: in the lung, and up to the wall where that is averaged with
    lung. Gives the share of each voxel that was laid over."""
    window = chest.window(field > level)
    part = host[window]
    inside = chest.fine(field, window) > level
    depth = chest.fine(np.where(within, chest.depth, 0.0), window)
    near = chest.fine(ndimage.binary_dilation(within).astype(np.float32), window) > 0.5
    replaced = inside & near & ((part < RIM_HU) | (depth > WITHIN_MM))
    if vessels_stay:
        replaced &= part < VESSELS_HU
    share = ndimage.gaussian_filter(replaced.astype(np.float32), soft_mm / np.array(chest.volume.spacing_mm))
    share *= near
    noise = np.clip(part - ndimage.gaussian_filter(part, 1.0), -60, 60) * 0.7
    # In the wall's own rim a body with the wall's density is left as it is.
    share = np.where(replaced | (part < RIM_HU), share, 0.0)
    host[window] = part + share * (hounsfield + noise - part)
    laid = np.zeros(host.shape, np.float32)
    laid[window] = replaced
    return laid


def add_opacity(chest: Chest, kind: str, side: str, third: str, millilitres: float, seed: int, at: str = AMID) -> tuple[NiftiVolume, Lesion]:
    """Ground glass or a consolidation of irregular shape in one third of one lung: amid it, or where it touches what is as dense as itself, or as
    the lower and hinder part of a lung, as a pneumonia of its lower lobe."""
    generator = np.random.default_rng(seed)
    within = chest.of_side(side)
    z, y, x = chest.places
    if at == LOBE:
        apart = -(0.8 * (y - chest.low[1]) - 0.6 * (z - chest.low[0]))
        radius = 40.0
    else:
        places = np.argwhere(_fits(chest, within, third, at))
        if not len(places):
            raise NoPlace(f"no place for {kind} in the {side} {third} third")
        centre = places[generator.integers(len(places))] * chest.sampling
        apart = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        radius = (millilitres * 3000 / (4 * np.pi)) ** (1 / 3)
    rough = ndimage.gaussian_filter(generator.normal(size=within.shape), 5.0 / chest.sampling)
    field = (-apart / radius + (0.15 if at == LOBE else 0.45) * rough / rough.std()).astype(np.float32)
    body, level = cut_at_volume(field, within, millilitres / chest.voxel_ml)
    field = np.where(body, 1.0, 0.0).astype(np.float32)
    host = chest.volume.hounsfield.astype(np.float32)
    if kind == "ground_glass_area":
        lung = float(np.median(host[:: chest.step[0], :: chest.step[1], :: chest.step[2]][chest.lungs]))
        laid = lay(chest, host, field, 0.5, lung + generator.uniform(250, 400), generator, within, vessels_stay=True, soft_mm=1.5)
    else:
        laid = lay(chest, host, field, 0.5, generator.uniform(0, 50), generator, within, soft_mm=1.2)
    return chest.volume._replace(hounsfield=rounded(host)), Lesion(kind, side, float(laid.sum()) * chest.fine_ml, detail=third if at == AMID else at)


def _fits(chest: Chest, within: np.ndarray, third: str, at: str) -> np.ndarray:
    """Where the middle of an opacity may lie."""
    z, y, x = chest.places
    share = (z - chest.low[0]) / (chest.high[0] - chest.low[0])
    low, high = {"lower": (0.12, 0.33), "middle": (0.36, 0.63), "upper": (0.66, 0.85)}[third]
    of_third = within & (share > low) & (share < high)
    if at == AMID:
        return of_third & (chest.depth > 8)
    if at == ON_DIAPHRAGM:
        seen = within.any(0)
        floor = np.where(seen, within.argmax(0), 0) * chest.sampling[0]
        of_wall = ndimage.distance_transform_edt(np.pad(seen, 1), sampling=chest.sampling[1:])[1:-1, 1:-1]
        return within & (z - floor[None] < 6) & (of_wall > 25)[None] & (share > 0.05)
    across = np.abs(x - chest.middle)
    near = of_third & (chest.depth < 6)
    furthest = float(across[..., within.any((0, 1))].max())
    if at == AT_WALL:
        return near & (across > 0.6 * furthest) & (y > chest.low[1] + 0.4 * (chest.high[1] - chest.low[1]))
    if at == AT_MEDIASTINUM:
        return near & (across < 0.4 * furthest) & (y < chest.high[1] - 50)
    raise ValueError(f"no place of opacities: {at}")


def add_gas(chest: Chest, side: str, millilitres: float, seed: int) -> tuple[NiftiVolume, Lesion]:
    """A pneumothorax of a patient who lies on the back: gas in front, thicker at the front and the apex, the pleura as a line."""
    generator = np.random.default_rng(seed)
    within = chest.of_side(side)
    z, y, _ = chest.places
    field = (chest.low[1] - y) - 0.2 * chest.depth + 0.1 * (z - chest.low[0])
    field = np.where(within, field, field.min() - 50.0).astype(np.float32)
    gas, _ = cut_at_volume(field, within, millilitres / chest.voxel_ml)
    host = chest.volume.hounsfield.astype(np.float32)
    around = ndimage.distance_transform_edt(~gas, sampling=chest.sampling)
    pleura = np.where(within & ~gas, 1.2 - np.abs(around - 1.2), -5.0).astype(np.float32)
    if (pleura > 0.2).any():
        lay(chest, host, pleura, 0.2, -450.0, generator, within)
    laid = lay(chest, host, np.where(gas, 1.0, 0.0).astype(np.float32), 0.5, -1000.0, generator, within)
    return chest.volume._replace(hounsfield=rounded(host)), Lesion("pneumothorax", side, float(laid.sum()) * chest.fine_ml)


def add_emphysema(chest: Chest, kind: str, share: float, seed: int) -> tuple[NiftiVolume, Lesion]:
    """Both lungs with a share of their volume destroyed: `centrilobular` as holes of 3 to 12 mm, more of them above; `panlobular` as regions
    without walls."""
    generator = np.random.default_rng(seed)
    host = chest.volume.hounsfield.astype(np.float32)
    rough = ndimage.gaussian_filter(generator.normal(size=chest.hull.shape), (2.2 if kind == "centrilobular" else 14.0) / chest.sampling)
    above = (chest.places[0] - chest.low[0]) / (chest.high[0] - chest.low[0])
    field = rough / rough.std() + (0.8 * above if kind == "centrilobular" else -0.8 * above)
    aerated = chest.lungs & (chest.depth > 4)
    places = field[aerated]
    level = float(np.quantile(places, 1 - share))
    field = np.where(chest.hull & (chest.depth > 2), field, field.min() - 5).astype(np.float32)
    laid = lay(chest, host, field, level, generator.uniform(-990, -965), generator, chest.hull, vessels_stay=True, soft_mm=0.6)
    coarse = laid[:: chest.step[0], :: chest.step[1], :: chest.step[2]][aerated]
    return chest.volume._replace(hounsfield=rounded(host)), Lesion("emphysema", "both", float(laid.sum()) * chest.fine_ml, float(coarse.mean()), kind)


def rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), -1024, 3071).astype(np.int16)
