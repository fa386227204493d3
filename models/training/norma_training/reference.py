"""The reference method, whole: its scores as a GPU run recorded them, and what is fitted on them.

SimCLR-pretrained ResNet-18 fine-tuned at 224 px and read in five views, an autoencoder on the frozen encoder, the maximum of
both, Platt scaling. Everything behind the networks is fitted as for the shipped bundle, on scores of slices that they did not see.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .assemble import Assembly, assemble
from .gpu.job import CLASSIFIER, ONE_VIEW, autoencoder_key
from .gpu.results import read_scores
from .prepared import PreparedSet
from .steps import two_class_sources

#: The autoencoder that the bundle holds, of those in `frozen_autoencoder.KINDS`: the best on sources left out, and the
#: whole encoder would not fit beside the classifier (RESULTS.md, docs/adr/1722).
KIND = "cut_features"
ANOMALY = autoencoder_key(KIND)
OTHER_KINDS = ("cut_picture", "whole_picture")
#: Notes beside the recorded scores.
TRAINING, SERIES, PACKING = "reference_training", "reference_series", "reference_packing"


def scores_to_record(folders: list[Path], data: PreparedSet) -> tuple[dict[str, np.ndarray], str]:
    """What the tables need of a GPU run's scores, and how they were made. Raises `ValueError` where a slice of a fold or of a
    left-out source is without its score."""
    found, plan, _ = read_scores(folders, data)
    wanted = [("the folds", "oof", np.ones(len(data), dtype=bool))]
    for source in two_class_sources(data):
        own = data.source == source
        wanted += [(f"without_{source}", "loso", own), (f"without_{source}", source, ~own)]
    nothing = np.full(len(data), np.nan)
    # The classifier's alone: an autoencoder says nothing of a slice without lung.
    for jobs, held, rows in wanted:
        missing = int((~np.isfinite(found.get(f"{CLASSIFIER}_{held}", nothing)[rows])).sum())
        if missing:
            raise ValueError(f"{missing} slices have no held-out score of {jobs}: run the jobs that are missing")
    kept = {key: values for key, values in found.items() if key.startswith((CLASSIFIER, ANOMALY))}
    for key in (ONE_VIEW, *map(autoencoder_key, OTHER_KINDS)):
        kept |= {f"{key}_{held}": found[f"{key}_{held}"] for held in ("oof", "loso")}
    return kept, plan


def reference_assembly(data: PreparedSet, scores: dict[str, np.ndarray], resamples: int) -> Assembly:
    """Rules, bounds, calibration and operating points; the fusion is the method's own, the maximum."""
    return assemble(data, scores, scores, resamples, anomaly=(ANOMALY,), classifier=CLASSIFIER, methods=("maximum",))
