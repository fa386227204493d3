"""Plain image slices with an index: `file,source,label,type,block,near_duplicates` (../shared/data)."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

from .studies import DatasetError

COLUMNS = ("file", "source", "label", "type", "block", "near_duplicates")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks `slices.tar` unless it stands there already; returns the folder with `index.csv`."""
    if not (folder / "slices" / "index.csv").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return check_index(folder / "slices")


def check_index(folder: Path) -> Path:
    """Raises `DatasetError` where a column is missing, or a block has two labels."""
    with open(folder / "index.csv", newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise DatasetError(f"index.csv lacks the columns {', '.join(missing)}")
        label_of: dict[str, str] = {}
        for row in reader:
            if label_of.setdefault(row["block"], row["label"]) != row["label"]:
                raise DatasetError(f"block {row['block']} has two labels")
    return folder
