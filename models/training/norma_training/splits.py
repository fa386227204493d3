"""Splits by block: whole groups of blocks that may share a patient or a picture go to one side."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from .prepared import PreparedSet

SIDES = ("train", "validation", "test")
FOLDS = 5
#: Fold 0 is the test side, fold 1 validation, the others train.
SIDE_OF_FOLD = ("test", "validation", "train", "train", "train")


def connected_groups(block: np.ndarray, near_duplicates: np.ndarray) -> np.ndarray:
    """For each row the name of its group: blocks joined by a shared near-duplicate id are one group."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first_block: dict[str, str] = {}
    for name, duplicate in zip(block.tolist(), near_duplicates.tolist()):
        root(name)
        if not duplicate:
            continue
        if duplicate in first_block:
            a, b = sorted((root(name), root(first_block[duplicate])))
            parent[b] = a
        else:
            first_block[duplicate] = name
    return np.array([root(name) for name in block.tolist()])


def _natural(name: str) -> list:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def assign_folds(data: PreparedSet, seed: int = 0, folds: int = FOLDS, run: int = 3) -> np.ndarray:
    """The fold (0..folds) of every row.

    Neighbouring blocks may still be one patient (a block is cut by count), so groups are laid out in their
    natural order per source, label and type, cut into runs of `run`, and whole runs are dealt to the folds,
    the fold with the fewest slices of that class first.
    """
    groups = connected_groups(data.block, data.near_duplicates)
    rng = np.random.default_rng(seed)
    members: dict[str, np.ndarray] = {name: np.flatnonzero(groups == name) for name in np.unique(groups)}
    strata: dict[tuple, list[str]] = defaultdict(list)
    for name, rows in members.items():
        first = rows[0]
        strata[(data.source[first], data.label[first], data.type[first])].append(name)
    fold = np.zeros(len(data), dtype=np.int64)
    for key in sorted(strata):
        names = sorted(strata[key], key=_natural)
        length = run if len(names) >= folds * run else 1
        load = np.zeros(folds)
        total = sum(len(members[name]) for name in names)
        for name in [name for name in names if len(members[name]) > total / folds and len(names) >= folds]:
            # A group larger than a fold would leave nothing to learn from: it is learnt from.
            names.remove(name)
            fold[members[name]] = folds // 2
            load[folds // 2] += len(members[name])
        runs = [names[i : i + length] for i in range(0, len(names), length)]
        for index in rng.permutation(len(runs)):
            chosen = int(np.argmin(load + rng.random(folds) * 1e-3))
            for name in runs[index]:
                fold[members[name]] = chosen
                load[chosen] += len(members[name])
        if len(names) < folds:
            # Too few groups to have one on each side: training first, then validation.
            for index, name in enumerate(names):
                fold[members[name]] = (2, 1, 0, 3, 4)[index % 5]
    return fold


def sides(fold: np.ndarray) -> np.ndarray:
    """train, validation or test for every row."""
    return np.array(SIDE_OF_FOLD)[fold]


def write_split(path: Path, data: PreparedSet, fold: np.ndarray) -> None:
    """One line per slice: file, source, block, near_duplicates, fold, side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["file", "source", "block", "near_duplicates", "fold", "side"])
        side = sides(fold)
        for i in range(len(data)):
            writer.writerow([data.file[i], data.source[i], data.block[i], data.near_duplicates[i], fold[i], side[i]])


def write_blocks(path: Path, data: PreparedSet, fold: np.ndarray) -> None:
    """One line per block: what is committed beside the shipped weights, so that a split can be repeated."""
    path.parent.mkdir(parents=True, exist_ok=True)
    side = sides(fold)
    seen = {block: (fold[i], side[i]) for i, block in enumerate(data.block.tolist())}
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["block", "fold", "side"])
        for block in sorted(seen, key=_natural):
            writer.writerow([block, *seen[block]])


def read_split(path: Path, data: PreparedSet) -> np.ndarray:
    """The fold of every row of `data`, from a file of slices or of blocks.

    Raises `KeyError` where a slice is not in it.
    """
    with open(path, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    key = "file" if rows and "file" in rows[0] else "block"
    table = {row[key]: int(row["fold"]) for row in rows}
    return np.array([table[name] for name in getattr(data, key).tolist()])
