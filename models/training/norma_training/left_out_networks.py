"""The networks trained here, each with one source left out: what they do on a source that they never saw.

Three further trainings each; RESULTS.md names the epochs.
"""

from __future__ import annotations

import itertools

import numpy as np

from .autoencoder import train_autoencoder
from .budget import Budget
from .classifier import class_weights, fine_tune, predict_logits
from .linear_head import sigmoid
from .prepared import PreparedSet
from .progress import log
from .resnet import MapClassifier
from .run import Run
from .simclr import pretrain
from .steps import Material, reconstruction_scores, two_class_sources


def left_out_sources(data: PreparedSet, budget: Budget) -> list[str]:
    """Every source with both classes; of a tiny subset the first, which proves the step."""
    sources = two_class_sources(data)
    return sources if budget.slices is None else sources[:1]


def score_left_out(material: Material, run: Run, budget: Budget) -> dict[str, np.ndarray]:
    """`resnet_loso` and `autoencoder_loso`: every source with both classes scored by networks that learnt, from
    SimCLR on, from the other sources only. Each source is a step of its own, so a stop costs little."""
    data = material.data
    scores = {"resnet_loso": np.full(len(data), np.nan), "autoencoder_loso": np.full(len(data), np.nan)}
    for kind, source in itertools.product(("autoencoder", "resnet"), left_out_sources(material.data, budget)):
        test, folder = np.flatnonzero(data.source == source), run.folder / "left_out" / source

        def resnet() -> dict[str, np.ndarray]:
            train = np.flatnonzero(data.source != source)
            log.info("ResNet-18 without %s: %d slices", source, len(train))
            pixels, truth = np.array(data.pixels[train]), data.is_pathology[train]
            backbone = pretrain(pixels, folder, budget.left_out_simclr_epochs, budget.simclr_size, batch=2 * budget.batch)
            network = fine_tune(
                MapClassifier(backbone), pixels, truth, class_weights(data.source[train], truth), folder / "resnet18.pt",
                budget.left_out_classifier_epochs, budget.left_out_classifier_size, budget.batch,
            )
            return {"score": sigmoid(predict_logits(network, np.array(data.pixels[test]), budget.left_out_classifier_size))}

        def reconstruction() -> dict[str, np.ndarray]:
            norm = np.flatnonzero((data.source != source) & data.is_clean_norm)
            network = train_autoencoder(
                np.array(data.pixels[norm]), np.array(data.lung_mask[norm]), folder, budget.left_out_autoencoder_epochs,
                batch=min(32, budget.batch),
            )
            return {"score": reconstruction_scores(network, data.pixels[test], data.lung_mask[test])}

        step = reconstruction if kind == "autoencoder" else resnet
        scores[f"{kind}_loso"][test] = run.arrays(f"scores_{kind}_without_{source}", step)["score"]
    return scores
