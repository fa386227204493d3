"""Plain image slices with an index: `file,source,label,type,block,near_duplicates` (../shared/data)."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from ..tar_archives import open_tar
from .studies import DatasetError

COLUMNS = ("file", "source", "label", "type", "block", "near_duplicates")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks `slices.tar` unless it stands there already; returns the folder with `index.csv`."""
    if not (folder / "slices" / "index.csv").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with open_tar(archive) as tar:
            tar.extractall(folder)
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


def write_subset(folder: Path, slices: int, name: str = "subset.csv", seed: int = 0) -> Path:
    """Writes beside `index.csv` an index of about `slices` slices: of every source and label some blocks, the
    first five slices of each (a block may be a whole volume)."""
    with open(folder / "index.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    draw = random.Random(seed)
    strata = sorted({(row["source"], row["label"]) for row in rows})
    chosen: list[dict[str, str]] = []
    for stratum in strata:
        blocks: dict[str, list[dict[str, str]]] = {}
        for row in rows:
            if (row["source"], row["label"]) == stratum:
                blocks.setdefault(row["block"], []).append(row)
        taken = 0
        for block in draw.sample(sorted(blocks), len(blocks)):
            if taken >= slices / len(strata):
                break
            chosen += blocks[block][:5]
            taken += len(blocks[block][:5])
    path = folder / name
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, rows[0].keys())
        writer.writeheader()
        writer.writerows(chosen)
    return path
