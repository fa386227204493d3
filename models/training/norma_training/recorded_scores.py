"""Held-out scores of models that are measured but not shipped, slice by slice, beside the bundle.

Training a network takes half an hour; its figures and their intervals follow from its scores. So a run records
the scores in `models/recorded_scores.npz`, and `make evaluate` computes the tables' rows from them where the
run's own folder is not there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .prepared import PreparedSet

FILE = "recorded_scores.npz"
#: Scores per slice (NaN where a slice was learnt from) of what the bundle does not hold or does not decide by.
RECORDED = (
    "resnet_held_out", "resnet_loso", "autoencoder_loso",
    *(f"encoder{depth}{backbone}_{held}" for depth in (0, 16) for backbone in ("", "_lite0") for held in ("oof", "loso")),
)
#: All of the foundation and the reference bundle's, the ones with a source left out among them (`foundation_…_<source>`).
RECORDED_PREFIX = ("foundation_", "reference_")


def is_recorded(key: str) -> bool:
    return key in RECORDED or key.startswith(RECORDED_PREFIX)


def record_scores(models: Path, data: PreparedSet, scores: dict[str, np.ndarray], notes: dict[str, str], instead_of: str | None = None) -> None:
    """Adds what of `scores` is recorded to what was recorded before; `notes` says how each was made. Earlier scores whose
    names begin with `instead_of` go: they were of another choice of slices."""
    known = {key: scores[key].astype(np.float32) for key in scores if is_recorded(key)}
    if not known:
        return
    before, said = read_scores(models, data), read_notes(models)
    if instead_of is not None:
        before, said = ({key: value for key, value in entries.items() if not key.startswith(instead_of)} for entries in (before, said))
    kept = {key: values.astype(np.float32) for key, values in before.items()} | known
    said |= {key: text for key, text in notes.items() if key in known or key.startswith(RECORDED_PREFIX)}
    files, order = np.unique(data.file, return_index=True)
    np.savez_compressed(
        models / FILE, slice_file=files, **{key: values[order] for key, values in kept.items()},
        **{f"note_{key}": np.array(text) for key, text in said.items()},
    )


def read_scores(models: Path, data: PreparedSet) -> dict[str, np.ndarray]:
    """The recorded scores in the order of `data`; nothing where no file stands or it is of other slices."""
    path = models / FILE
    if not path.exists():
        return {}
    with np.load(path) as stored:
        place = {name: i for i, name in enumerate(stored["slice_file"].tolist())}
        if not set(data.file.tolist()) <= place.keys():
            return {}
        rows = np.array([place[name] for name in data.file.tolist()])
        return {key: stored[key][rows].astype(np.float64) for key in stored.files if is_recorded(key)}


def read_notes(models: Path) -> dict[str, str]:
    """How the recorded scores were made: epochs and sizes."""
    path = models / FILE
    if not path.exists():
        return {}
    with np.load(path) as stored:
        return {key.removeprefix("note_"): str(stored[key]) for key in stored.files if key.startswith("note_")}
