"""A folder of DICOM or NIfTI studies with a CSV of labels: a site's own archive."""

from __future__ import annotations

import csv
from pathlib import Path

from .studies import DatasetError, Study, StudyList

LABELS = ("normal", "pathology", "noncovid")


def read_labelled_studies(folder: Path, labels: Path, source: str = "site") -> StudyList:
    """`labels` has the columns `path` (file or folder, relative to `folder`) and `label` (normal | pathology);
    optional: `patient` (default: the path), `types` and `known_types` (separated by spaces or semicolons).

    Raises `DatasetError` for a missing column or an unknown label.
    """
    result = StudyList()
    with open(labels, newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        for name in ("path", "label"):
            if name not in (reader.fieldnames or []):
                raise DatasetError(f"{labels.name} lacks the column {name}")
        rows = list(reader)
    for number, row in enumerate(rows, start=2):
        label = row["label"].strip().lower()
        if label not in LABELS:
            raise DatasetError(f"{labels.name}, line {number}: unknown label")
        path = folder / row["path"]
        if not path.exists():
            result.without_file.append(row["path"])
            continue
        split = lambda value: tuple((value or "").replace(";", " ").split())  # noqa: E731
        types = split(row.get("types"))
        known = split(row.get("known_types")) or types
        result.studies.append(Study(path, row["path"], row.get("patient") or row["path"], source, label, types, known))
    return result
