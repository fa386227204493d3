"""The chest-CT encoder beside the shipped one: the same linear head, the same splits, the same slices."""

from __future__ import annotations

import numpy as np

from . import recipes
from .chest_ct_encoder import encoder_features
from .frozen_features import FrozenFeatures
from .progress import log
from .run import Run
from .steps import Material, two_class_sources


def subset_by_block(material: Material, slices: int | None, seed: int = 0) -> np.ndarray:
    """Indices of about `slices` slices: whole blocks, the same part of every source, label and fold."""
    data = material.data
    if slices is None or slices >= len(data):
        return np.arange(len(data))
    rng, part, chosen = np.random.default_rng(seed), slices / len(data), []
    strata = np.array([f"{s}|{label}|{fold}" for s, label, fold in zip(data.source.tolist(), data.label.tolist(), material.fold.tolist())])
    for stratum in np.unique(strata):
        rows, taken = np.flatnonzero(strata == stratum), 0
        wanted = part * len(rows)
        for block in rng.permutation(np.unique(data.block[rows])):
            own = rows[data.block[rows] == block]
            if len(own) > max(2 * wanted, 20):
                # A whole volume is one block of hundreds: slices evenly spread over it stand for it.
                own = own[:: round(len(own) / max(wanted, 1))]
            if taken and taken + len(own) / 2 > wanted:
                break
            chosen.append(own)
            taken += len(own)
    return np.sort(np.concatenate(chosen))


def key_of(depth: int) -> str:
    return f"encoder{depth}"


def compare_encoder(material: Material, run: Run, depth: int, slices: int | None = None) -> dict[str, np.ndarray]:
    """Scores of a linear head on the encoder's features (`encoder<depth>_oof`, `…_loso`) and, where only a part of the
    slices is read, of the shipped backbone's head learnt from that part (`…_lite0_oof`, `…_lite0_loso`)."""
    data, fold, key = material.data, material.fold, key_of(depth)
    rows = subset_by_block(material, slices)
    log.info("encoder, depth %d: %d slices of %d blocks", depth, len(rows), len(np.unique(data.block[rows])))
    features = encoder_features(data.pixels, rows, depth, run.folder / f"encoder_depth{depth}_{len(rows)}")
    among = np.zeros(len(data), dtype=bool)
    among[rows] = True
    wide = np.zeros((len(data), features.shape[1]), dtype=np.float32)
    wide[rows] = features
    cases = {key: FrozenFeatures(material.features.patches, wide, wide)}
    if len(rows) < len(data):
        cases[f"{key}_lite0"] = material.features

    def compute() -> dict[str, np.ndarray]:
        found = {}
        for name, own in cases.items():
            recipe = recipes.HeadRecipe(data, own)
            found[f"{name}_oof"] = recipes.out_of_fold(recipe, fold, among)
            loso = np.full(len(data), np.nan)
            for source in two_class_sources(data):
                test = among & (data.source == source)
                loso[test] = recipe.fit_score(among & (data.source != source), test)[test]
            found[f"{name}_loso"] = loso
        return found

    return run.arrays(f"scores_{key}_{len(rows)}", compute)
