"""A small 3D network against false alarms, trained on candidates' cubes: what the shipped rule is measured against.

Input: 20³ voxels around a candidate, side three diameters but at least 24 mm, HU −1000..200; beside the pooled maps the
rule's ten features. 18 thousand weights. Each host's studies are scored by a network that saw the other hosts alone; the
transplanted nodules are in no training.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from .nifti import read_nifti
from .nodule_froc import match
from .nodule_rule import FEATURES, feature_row
from .nodule_studies import Found
from .progress import log
from .synthetic_nodules import PastedNodule

SIDE = 20
LEAST_SIDE_MM = 24.0
DIAMETERS = 3.0
EPOCHS = 12
POSITIVES, NEGATIVES = 24, 40
RATE = 6e-3


class ScoredStudy(NamedTuple):
    """A study's host, volume, what was pasted in it, Norma's candidates, and whether it may be trained on."""

    host: str
    path: Path
    nodules: list[PastedNodule]
    found: Found
    trains: bool


class NoduleNetwork(nn.Module):
    """Cubes `(n, 1, 20, 20, 20)` and features `(n, 10)` → logits `(n)`."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for position, (before, after) in enumerate(((1, 8), (8, 16), (16, 32))):
            layers += [nn.Conv3d(before, after, 3, padding=1), nn.BatchNorm3d(after), nn.ReLU()]
            if position < 2:
                layers.append(nn.MaxPool3d(2))
        self.maps = nn.Sequential(*layers)
        self.head = nn.Linear(32 + 32 + len(FEATURES), 1)

    def forward(self, cubes: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        maps = self.maps(cubes)
        middle = maps.shape[-1] // 2
        return self.head(torch.cat([maps.mean((2, 3, 4)), maps[:, :, middle, middle, middle], features], 1))[:, 0]


def cut_cubes(path: Path, found: Found) -> np.ndarray:
    """A cube per candidate, `(n, 20, 20, 20)`, HU clipped to −1000..200 and scaled to about −0.6..1.8."""
    volume = read_nifti(path)
    hounsfield = volume.hounsfield.astype(np.float32).clip(-1000, 200)
    spacing = np.array(volume.spacing_mm)
    steps = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    cubes = np.empty((len(found.centres), SIDE, SIDE, SIDE), np.float32)
    for index, (centre, diameter) in enumerate(zip(found.centres, found.diameters_mm)):
        side = max(LEAST_SIDE_MM, DIAMETERS * diameter)
        low = np.maximum(0, (centre - side / 2 / spacing).astype(int) - 3)
        high = (centre + side / 2 / spacing).astype(int) + 4
        window = hounsfield[tuple(slice(first, last) for first, last in zip(low, high))]
        smooth = ndimage.gaussian_filter(window, 0.4 * np.maximum(0, side / SIDE / spacing - 1))
        axes = [steps * side / length + place - first for length, place, first in zip(spacing, centre, low)]
        cubes[index] = ndimage.map_coordinates(smooth, np.stack(np.meshgrid(*axes, indexing="ij")), order=1, mode="nearest")
    return (cubes + 700) / 500


def held_out_scores(studies: list[ScoredStudy], kept: Path) -> list[np.ndarray]:
    """A logit per candidate of every study, by the network that its host was held out of. Kept in `kept`."""
    if kept.is_file():
        with np.load(kept) as archive:
            return [archive[str(index)] for index in range(len(studies))]
    torch.set_num_threads(1)
    cubes = [cut_cubes(study.path, study.found) for study in studies]
    features = [np.array([feature_row(candidate) for candidate in study.found.candidates], np.float32).reshape(-1, len(FEATURES)) for study in studies]
    truth = [match(study.found, study.nodules).hit >= 0 for study in studies]
    scores: list[np.ndarray] = [np.empty(0)] * len(studies)
    for host in dict.fromkeys(study.host for study in studies):
        seen = [index for index, study in enumerate(studies) if study.host != host and study.trains]
        gathered = (np.concatenate([part[index] for index in seen]) for part in (cubes, features, truth))
        network, middle, spread = _train(*gathered)
        log.info("nodule network without %s: trained", host)
        for index, study in enumerate(studies):
            if study.host == host:
                with torch.no_grad():
                    scaled = torch.from_numpy((features[index] - middle) / spread)
                    scores[index] = network(torch.from_numpy(cubes[index])[:, None], scaled).numpy()
    np.savez(kept, **{str(index): score for index, score in enumerate(scores)})
    return scores


def _train(cubes: np.ndarray, features: np.ndarray, truth: np.ndarray) -> tuple[NoduleNetwork, np.ndarray, np.ndarray]:
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    # A feature that never varies says nothing, and divides by nothing.
    middle, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
    features = (features - middle) / spread
    network = NoduleNetwork()
    steps = EPOCHS * len(truth) // (POSITIVES + NEGATIVES)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    positive, negative = np.flatnonzero(truth), np.flatnonzero(~truth)
    for _ in range(steps):
        drawn = np.concatenate([generator.choice(positive, POSITIVES), generator.choice(negative, NEGATIVES)])
        batch = cubes[drawn]
        for axis in (1, 2, 3):
            if generator.random() < 0.5:
                batch = np.flip(batch, axis)
        batch = batch.transpose(0, *(generator.permutation(3) + 1))
        noisy = np.ascontiguousarray(batch + generator.normal(0, 0.05, batch.shape), dtype=np.float32)
        logits = network(torch.from_numpy(noisy)[:, None], torch.from_numpy(features[drawn]))
        loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(truth[drawn].astype(np.float32)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval(), middle, spread
