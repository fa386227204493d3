"""The list of studies that every data set of whole studies becomes: one CSV, one line per study."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = ("path", "study", "patient", "source", "label", "types", "known_types")


class DatasetError(ValueError):
    """A data set does not have the layout that its adapter expects."""


@dataclass(frozen=True)
class Study:
    """A study to prepare. `patient` decides the split: reconstructions of one patient stay together.

    `label` is normal, pathology or noncovid (not a clean norm); `types` are the types present, `known_types`
    those of which presence or absence is known at all.
    """

    path: Path
    study: str
    patient: str
    source: str
    label: str
    types: tuple[str, ...] = ()
    known_types: tuple[str, ...] = ()


@dataclass
class StudyList:
    studies: list[Study] = field(default_factory=list)
    #: Rows of the labels without a file, and files without a row: told, never guessed.
    without_file: list[str] = field(default_factory=list)
    without_label: list[str] = field(default_factory=list)


def write_study_list(path: Path, studies: list[Study]) -> None:
    """Writes the CSV that `norma prepare` and `load_studies` read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        for s in studies:
            writer.writerow([s.path, s.study, s.patient, s.source, s.label, " ".join(s.types), " ".join(s.known_types)])


def read_study_list(path: Path) -> list[Study]:
    with open(path, newline="", encoding="utf-8") as handle:
        return [
            Study(
                Path(row["path"]), row["study"], row["patient"], row["source"], row["label"], tuple(row["types"].split()),
                tuple(row["known_types"].split()),
            )
            for row in csv.DictReader(handle)
        ]


def study_name(path: Path) -> str:
    """File name without .nii, .nii.gz or .zip."""
    name = path.name
    for ending in (".nii.gz", ".nii", ".zip", ".dcm"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
