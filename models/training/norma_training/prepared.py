"""The prepared slices that `norma prepare` wrote: what every model reads, in training and in service."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .adapters.studies import Study

NORM_LABELS = ("normal",)
#: Not a clean norm ("not infected"): counts as norm in measurements, never as norm that a model learns norm from.
WEAK_NORM_LABELS = ("noncovid",)


@dataclass
class PreparedSet:
    """Prepared slices and what is known of them, row by row.

    `pixels` is uint8 `(n, 224, 224)`, 0..=255 for -1000..=200 HU; `lung_mask` is 0 or 1, the same shape.
    Every array of the table has `n` entries. `type` and `known_types` hold keys separated by spaces (an empty
    `known_types` leaves it to the type). A *block* is the smallest thing that may be one patient.
    """

    pixels: np.ndarray
    lung_mask: np.ndarray
    file: np.ndarray
    source: np.ndarray
    label: np.ndarray
    type: np.ndarray
    block: np.ndarray
    near_duplicates: np.ndarray
    known_types: np.ndarray
    slice_number: np.ndarray
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.file)

    @property
    def is_pathology(self) -> np.ndarray:
        """1 for pathology, 0 for norm and weak norm."""
        return (self.label == "pathology").astype(np.int64)

    @property
    def is_clean_norm(self) -> np.ndarray:
        return np.isin(self.label, NORM_LABELS)

    def subset(self, rows: np.ndarray) -> "PreparedSet":
        """The chosen rows (indices or a boolean mask), pixels copied into memory."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        names = ("pixels", "lung_mask", "file", "source", "label", "type", "block", "near_duplicates", "known_types", "slice_number")
        return PreparedSet(*(getattr(self, name)[rows] for name in names), left_out=self.left_out)


def load_prepared(folder: Path, studies: list[Study] | None = None) -> PreparedSet:
    """Reads `pixels.npy`, `lung_mask.npy` and `index.csv`. Rows that could not be prepared are counted, by
    reason, in `left_out`.

    For whole studies the index names a study per row; `studies` then says what is known of it, and the patient
    is the block. Without it, a study is its own block and has no label. Raises `ValueError` where the arrays
    and the index do not belong together, or a study is not in the list.
    """
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    lung_mask = np.load(folder / "lung_mask.npy", mmap_mode="r")
    with open(folder / "index.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    kept = [row for row in rows if row["row"] != ""]
    left_out: dict[str, int] = {}
    for row in rows:
        if row["row"] == "":
            key = f"{row.get('source') or 'studies'}: {row.get('reason', '')}"
            left_out[key] = left_out.get(key, 0) + 1
    if pixels.shape != lung_mask.shape or pixels.shape[0] != len(kept):
        raise ValueError(
            f"prepared set does not fit together: {pixels.shape} pixels, {lung_mask.shape} masks, {len(kept)} rows"
        )
    kept.sort(key=lambda row: int(row["row"]))
    if kept and "file" not in kept[0]:
        _describe_studies(kept, studies)

    def column(name: str) -> np.ndarray:
        return np.array([row.get(name) or "" for row in kept])

    return PreparedSet(
        pixels, lung_mask, column("file"), column("source"), column("label"), column("type"), column("block"),
        column("near_duplicates"), column("known_types"), column("slice"), left_out,
    )


def _describe_studies(rows: list[dict], studies: list[Study] | None) -> None:
    # A study inside an archive or a folder is named by a path below that of the list.
    table = {str(study.path): study for study in studies or []}
    for row in rows:
        name = row["study"]
        row["file"], row["block"] = f"{name}#{row['slice']}", name
        if studies is None:
            continue
        study = next((table[path] for path in (name, *map(str, Path(name).parents)) if path in table), None)
        if study is None:
            raise ValueError("a prepared study is not in the list of studies")
        row |= {
            "source": study.source, "label": study.label, "type": " ".join(study.types), "block": f"{study.source}-{study.patient}",
            "known_types": " ".join(study.known_types),
        }
