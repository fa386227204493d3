"""How fast this machine trains, so that a plan can be cut to the minutes at hand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torch.multiprocessing as multiprocessing

from ..classifier import fine_tune
from ..frozen_autoencoder import train_decoders
from ..progress import log
from ..resnet import MapClassifier, ResNetBackbone
from ..simclr import pretrain
from .job import fastest_kernels
from .pack import FILE, unpack_slices
from .plan import Plan


def _per_epoch(train: Callable[[int], object], few: int, many: int) -> float:
    """Seconds of one epoch: what the further epochs of a longer training cost, after one that chooses the kernels."""
    train(few)
    took = []
    for epochs in (few, many):
        at = time.monotonic()
        train(epochs)
        took.append(time.monotonic() - at)
    return (took[1] - took[0]) / (many - few)


def measure_speed(pack: Path, plan: Plan, sizes: list[int], side_by_side: int) -> None:
    """Logs slices a second of each step, alone and with several processes at once."""
    data, _ = unpack_slices(pack / FILE)
    pixels, truth = data.pixels[:2048], data.is_pathology[:2048]
    weight = np.ones(len(pixels), dtype=np.float32)
    with fastest_kernels():
        for size in sizes:
            seconds = _per_epoch(lambda epochs: pretrain(pixels, None, epochs, size, plan.simclr_batch), 2, 12)
            log.info("SimCLR at %d px: %.0f slices/s", size, len(pixels) / seconds)
        seconds = _per_epoch(
            lambda epochs: fine_tune(MapClassifier(ResNetBackbone()), pixels, truth, weight, None, epochs, plan.classifier_size, plan.classifier_batch), 1, 5
        )
        log.info("fine-tuning at %d px: %.0f slices/s", plan.classifier_size, len(pixels) / seconds)
    seconds = _per_epoch(lambda epochs: train_decoders(ResNetBackbone(), pixels[:1024], data.lung_mask[:1024], epochs), 1, 5)
    log.info("autoencoders: %.2f s an epoch of 1024 slices", seconds)
    if side_by_side > 1:
        context = multiprocessing.get_context("spawn")
        with context.Pool(side_by_side) as pool:
            speeds = pool.starmap(_pretrain_speed, [(pack, plan, sizes[0])] * side_by_side, chunksize=1)
        log.info("SimCLR at %d px, %d processes: %s slices/s", sizes[0], side_by_side, ", ".join(f"{speed:.0f}" for speed in speeds))
    if torch.cuda.is_available():
        log.info("%s, %.1f GiB used at most", torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**30)


def _pretrain_speed(pack: Path, plan: Plan, size: int) -> float:
    data, _ = unpack_slices(pack / FILE)
    with fastest_kernels():
        return 2048 / _per_epoch(lambda epochs: pretrain(data.pixels[:2048], None, epochs, size, plan.simclr_batch), 2, 14)
