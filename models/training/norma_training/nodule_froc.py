"""Free-response figures of nodule detection: what of the pasted is found at how many false alarms a study."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .nodule_studies import Found
from .synthetic_nodules import PastedNodule

LEAST_REACH_MM = 4.0
RESAMPLES = 1000


class Matched(NamedTuple):
    """Which candidate stands for which nodule in one study: `hit[candidate]` is a nodule's index or −1."""

    hit: np.ndarray


def match(found: Found, nodules: list[PastedNodule]) -> Matched:
    """A candidate stands for the nodule within whose radius (at least 4 mm) its centre lies, the nearest of them."""
    hit = np.full(len(found.centres), -1)
    if nodules and len(found.centres):
        centres = np.array([nodule.centre_voxel for nodule in nodules])
        apart = np.linalg.norm((found.centres[:, None] - centres[None]) * found.spacing_mm, axis=2)
        reach = np.maximum(LEAST_REACH_MM, np.array([nodule.diameter_mm for nodule in nodules]) / 2)
        relative = apart / reach
        nearest = relative.argmin(axis=1)
        hit = np.where(relative[np.arange(len(nearest)), nearest] <= 1, nearest, -1)
    return Matched(hit)


def best_scores(matched: Matched, scores: np.ndarray, count: int) -> np.ndarray:
    """Of each nodule the highest score of its candidates; −inf where it has none."""
    best = np.full(count, -np.inf)
    for hit, score in zip(matched.hit, scores):
        if hit >= 0:
            best[hit] = max(best[hit], score)
    return best


def threshold_for(false_scores: np.ndarray, studies: int, alarms_per_study: float) -> float:
    """The lowest threshold at which the norm studies hold at most so many candidates each, on average."""
    ordered = np.sort(false_scores)[::-1]
    allowed = int(np.floor(alarms_per_study * studies))
    return float(np.nextafter(ordered[allowed], np.inf)) if allowed < len(ordered) else -np.inf


class Sensitivity(NamedTuple):
    found: int
    of: int
    low: float
    high: float

    def __str__(self) -> str:
        if self.of == 0:
            return "–"
        return f"{self.found / self.of:.2f} ({self.low:.2f}–{self.high:.2f}), {self.found} of {self.of}"


def sensitivity(scores: np.ndarray, threshold: float) -> Sensitivity:
    """The part found, with Wilson's 95 % interval: nodules are pasted apart from each other."""
    count, hits = len(scores), int((scores >= threshold).sum())
    if count == 0:
        return Sensitivity(0, 0, 0.0, 1.0)
    z = 1.959964
    part = hits / count
    middle = (part + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(part * (1 - part) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return Sensitivity(hits, count, float(max(0.0, middle - half)), float(min(1.0, middle + half)))
