"""The check that fails a run whose sides share a patient."""

from __future__ import annotations

from collections import defaultdict
from typing import Iterable

import numpy as np

from .prepared import PreparedSet


class LeakError(RuntimeError):
    """Two sides of a split share a block, a near duplicate, or the same picture."""


def _shared(names: Iterable[str], side: np.ndarray) -> list[str]:
    seen: dict[str, set[str]] = defaultdict(set)
    for name, where in zip(names, side.tolist()):
        if name:
            seen[name].add(where)
    return sorted(name for name, where in seen.items() if len(where) > 1)


def check_no_leak(data: PreparedSet, side: np.ndarray) -> None:
    """Raises `LeakError` where a block, a near-duplicate id, a file or identical pixels lie on two sides.

    `side` names the side of every row (any hashable names: train/test, or fold numbers).
    """
    side = np.asarray(side).astype(str)
    if len(side) != len(data):
        raise LeakError(f"{len(side)} sides for {len(data)} slices")
    # Blocks are named per source in the given index; the source is joined so that others need not be.
    blocks = [f"{source}/{block}" if block else "" for source, block in zip(data.source, data.block)]
    for what, names in (("block", blocks), ("near duplicate", data.near_duplicates.tolist()), ("file", data.file.tolist())):
        leaked = _shared(names, side)
        if leaked:
            raise LeakError(f"{len(leaked)} {what}(s) on two sides of the split, first {leaked[0]}")
    digests = [hash(np.ascontiguousarray(data.pixels[i]).tobytes()) for i in range(len(data))]
    leaked = _shared([str(value) for value in digests], side)
    if leaked:
        raise LeakError(f"{len(leaked)} identical picture(s) on two sides of the split")
