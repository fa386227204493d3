"""One job of the plan: an encoder pretrained, and classifiers and autoencoders on it."""

from __future__ import annotations

import copy
import time
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from ..backbone import to_tensor
from ..classifier import class_weights, fine_tune
from ..device import training_device
from ..frozen_autoencoder import KINDS, score_slices, train_decoders
from ..prepared import PreparedSet
from ..progress import log
from ..resnet import MEAN, STD, MapClassifier, ResNetBackbone
from ..simclr import pretrain
from ..test_time_views import FIVE_VIEWS
from .plan import FINAL, Job, Part, Plan

#: Prefix of the scores' names; `one_view` is the classifier without the other four views.
PREFIX = "reference_"
CLASSIFIER, ONE_VIEW = f"{PREFIX}classifier", f"{PREFIX}one_view"


def autoencoder_key(kind: str) -> str:
    return f"{PREFIX}{kind}"


@dataclass
class Done:
    """Scores by name, `(n)` with NaN where this job scores nothing, and of the final job the networks."""

    job: str
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    networks: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    #: What went wrong, where it did.
    error: str | None = None


def do_job(job: Job, data: PreparedSet, views: Future[dict[str, np.ndarray]], plan: Plan, seed: int = 0) -> Done:
    """`views` will hold all slices in each of the five views."""
    done = Done(job.name)

    def timed(what: str, since: float) -> float:
        done.seconds[what] = done.seconds.get(what, 0.0) + time.monotonic() - since
        return time.monotonic()

    at = time.monotonic()
    rows = np.flatnonzero(job.rows)
    with fastest_kernels():
        encoder = pretrain(data.pixels[rows], None, plan.simclr_epochs, plan.simclr_size, plan.simclr_batch, seed=seed)
    at = timed("simclr", at)
    for part in job.parts:
        _classify(part, encoder, data, views, plan, seed, done)
        at = timed("classifier", at)
        _reconstruct(part, encoder, data, plan, seed, done)
        at = timed("autoencoder", at)
    if job.name == FINAL:
        done.networks["encoder"] = halved(encoder)
    log.info("%s: %s", job.name, ", ".join(f"{what} {seconds:.0f} s" for what, seconds in done.seconds.items()))
    return done


def _classify(part: Part, encoder: ResNetBackbone, data: PreparedSet, views: Future[dict[str, np.ndarray]], plan: Plan, seed: int, done: Done) -> None:
    train, test = np.flatnonzero(part.train), np.flatnonzero(part.test)
    truth = data.is_pathology[train]
    with fastest_kernels():
        network = fine_tune(
            MapClassifier(copy.deepcopy(encoder)), data.pixels[train], truth, class_weights(data.source[train], truth), None,
            plan.classifier_epochs, plan.classifier_size, plan.classifier_batch, seed=seed,
        )
    if part.key == FINAL:
        done.networks["classifier"] = halved(network)
        return
    probability = {view: probabilities(network, views.result()[view][test], plan.classifier_size) for view in FIVE_VIEWS}
    _keep(done, f"{CLASSIFIER}_{part.key}", test, np.mean(list(probability.values()), axis=0), len(data))
    _keep(done, f"{ONE_VIEW}_{part.key}", test, probability["identity"], len(data))


def _reconstruct(part: Part, encoder: ResNetBackbone, data: PreparedSet, plan: Plan, seed: int, done: Done) -> None:
    norm, test = np.flatnonzero(part.train & data.is_clean_norm), np.flatnonzero(part.test)
    decoders = train_decoders(encoder, data.pixels[norm], data.lung_mask[norm], plan.autoencoder_epochs, seed=seed)
    for kind in KINDS:
        if part.key == FINAL:
            done.networks[kind] = halved(decoders[kind])
        else:
            found = score_slices(encoder, kind, decoders[kind], data.pixels[test], data.lung_mask[test])
            _keep(done, f"{autoencoder_key(kind)}_{part.key}", test, found, len(data))


def _keep(done: Done, key: str, rows: np.ndarray, values: np.ndarray, count: int) -> None:
    done.scores.setdefault(key, np.full(count, np.nan))[rows] = values


@torch.inference_mode()
def probabilities(network: MapClassifier, pixels: np.ndarray, size: int, batch: int = 256) -> np.ndarray:
    """Probability of pathology of slices `(n, 224, 224)` in one view."""
    device = training_device()
    network = network.to(device).eval()
    found = []
    for start in range(0, len(pixels), batch):
        images = to_tensor(torch.from_numpy(pixels[start : start + batch]).to(device), MEAN, STD)
        if size != images.shape[-1]:
            images = nn.functional.adaptive_avg_pool2d(images, size)
        found.append(network(images)[0].float().sigmoid().cpu().numpy())
    return np.concatenate(found)


def fastest_kernels() -> AbstractContextManager:
    """Convolutions are tried out once for each size: worth it where every batch has the same."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=True)


def halved(network: nn.Module) -> dict[str, torch.Tensor]:
    """The state with large weights as float16, as the exported graph holds them."""
    return {
        name: value.detach().cpu().half() if value.is_floating_point() and value.numel() >= 1024 else value.detach().cpu().clone()
        for name, value in network.state_dict().items()
    }
