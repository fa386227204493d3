"""What is trained on which slices, and how long: nothing is scored by a network that has seen its fold or its source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..leak_check import check_no_leak
from ..prepared import PreparedSet
from ..steps import two_class_sources

#: Folds of the other sources, on whose scores bounds, calibration and thresholds of a left-out source's row are fitted.
INNER_FOLDS = 3


@dataclass(frozen=True)
class Plan:
    """Epochs, sizes in pixels and batches."""

    simclr_epochs: int
    simclr_size: int
    simclr_batch: int
    classifier_epochs: int
    classifier_size: int
    classifier_batch: int
    autoencoder_epochs: int

    def __str__(self) -> str:
        return (
            f"{self.simclr_epochs} SimCLR epochs at {self.simclr_size} px, {self.classifier_epochs} of fine-tuning at {self.classifier_size} px, "
            f"{self.autoencoder_epochs} of the autoencoder on the frozen encoder"
        )


FULL = Plan(200, 96, 256, 15, 224, 128, 60)
MINIATURE = Plan(1, 64, 16, 2, 64, 8, 1)


@dataclass(frozen=True)
class Part:
    """One classifier and its autoencoders: slices learnt from, slices scored, and the key of their scores."""

    key: str
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Job:
    """One pretrained encoder and what is trained on it. `rows` are all that the encoder sees."""

    name: str
    rows: np.ndarray
    parts: tuple[Part, ...]


#: The job whose weights are shipped.
FINAL = "final"


def jobs_of(data: PreparedSet, fold: np.ndarray) -> list[Job]:
    """The final networks, each source left out, each fold left out; the longest first.

    With a source left out, three folds of the others are scored too (`<source>`). Their encoder is that of all the
    others: it has seen the pictures of the scored fold, never their labels, and nothing of the source left out.
    """
    everything = np.ones(len(data), dtype=bool)
    jobs = [Job(FINAL, everything, (Part(FINAL, everything, ~everything),))]
    for source in two_class_sources(data):
        own = data.source == source
        inner = tuple(Part(source, ~own & (fold % INNER_FOLDS != i), ~own & (fold % INNER_FOLDS == i)) for i in range(INNER_FOLDS))
        jobs.append(Job(f"without_{source}", ~own, (Part("loso", ~own, own), *inner)))
    jobs += [Job(f"fold_{i}", fold != i, (Part("oof", fold != i, fold == i),)) for i in np.unique(fold)]
    return jobs


def check_jobs(data: PreparedSet, fold: np.ndarray, jobs: list[Job]) -> None:
    """Raises `LeakError` where two folds, or a source and the others, share a block, a near duplicate or a picture, and
    `ValueError` where a job scores what it learns from. Every part's sides are folds or sources."""
    check_no_leak(data, fold)
    for source in two_class_sources(data):
        check_no_leak(data, data.source == source)
    for job in jobs:
        for part in job.parts:
            learnt, scored = (set(fold[side].tolist()) for side in (part.train, part.test))
            apart = part.key in (FINAL, "loso") or not learnt & scored
            if (part.train & part.test).any() or (part.train & ~job.rows).any() or not apart:
                raise ValueError(f"{job.name}: slices on two sides")
