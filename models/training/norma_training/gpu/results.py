"""What comes back from the GPU: scores slice by slice, and the final weights in pieces that any transfer takes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import torch

from ..prepared import PreparedSet
from .job import Done

SCORES = "scores.npz"
#: Largest piece of a file of weights, in bytes.
PIECE = 15 * 2**20


def write_scores(folder: Path, data: PreparedSet, found: list[Done], plan: str) -> None:
    """All that is known so far, over what was written before. A job's scores join those of others under the same name."""
    joined: dict[str, np.ndarray] = {}
    for done in found:
        for key, values in done.scores.items():
            joined[key] = np.where(np.isfinite(values), values, joined.get(key, np.full(len(data), np.nan)))
    unfinished = folder / "scores.part.npz"
    np.savez_compressed(
        unfinished, slice_file=data.file, plan=np.array(plan), jobs=np.array([done.job for done in found]),
        **{key: values.astype(np.float32) for key, values in joined.items()},
    )
    os.replace(unfinished, folder / SCORES)


def read_scores(folders: list[Path], data: PreparedSet) -> tuple[dict[str, np.ndarray], str, list[str]]:
    """The scores of one or several runs in the order of `data`, how they were made, and the jobs done. Raises `ValueError`
    where they are of other slices or were made in two ways."""
    place = {name: i for i, name in enumerate(data.file.tolist())}
    joined: dict[str, np.ndarray] = {}
    plans, jobs = set(), []
    for folder in folders:
        with np.load(folder / SCORES) as stored:
            if set(stored["slice_file"].tolist()) != place.keys():
                raise ValueError(f"{folder / SCORES} is of other slices")
            rows = np.array([place[name] for name in stored["slice_file"].tolist()])
            plans.add(str(stored["plan"]))
            jobs += stored["jobs"].tolist()
            for key in set(stored.files) - {"slice_file", "plan", "jobs"}:
                known = joined.setdefault(key, np.full(len(data), np.nan))
                values = np.full(len(data), np.nan)
                values[rows] = stored[key]
                joined[key] = np.where(np.isfinite(values), values, known)
    if len(plans) != 1:
        raise ValueError(f"runs of different plans do not go together: {sorted(plans)}")
    return joined, plans.pop(), jobs


def write_networks(folder: Path, networks: dict[str, dict[str, torch.Tensor]]) -> None:
    """`classifier.pt.0`, `classifier.pt.1`, … The decoders go together."""
    large = {name: networks[name] for name in ("classifier", "encoder") if name in networks}
    small = {name: state for name, state in networks.items() if name not in large}
    for name, state in (*large.items(), ("decoders", small)):
        if not state:
            continue
        written = io.BytesIO()
        torch.save(state, written)
        content = written.getvalue()
        for number, start in enumerate(range(0, len(content), PIECE)):
            (folder / f"{name}.pt.{number}").write_bytes(content[start : start + PIECE])


def read_network(folder: Path, name: str) -> dict:
    """The state of `classifier`, `encoder` or `decoders` (by kind), in float32. Raises `FileNotFoundError`."""
    pieces = sorted(folder.glob(f"{name}.pt.*"), key=lambda path: int(path.suffix[1:]))
    if not pieces:
        raise FileNotFoundError(f"{folder / name}.pt.0 is missing")
    state = torch.load(io.BytesIO(b"".join(piece.read_bytes() for piece in pieces)), map_location="cpu", weights_only=True)
    return {kind: _widened(own) for kind, own in state.items()} if name == "decoders" else _widened(state)


def _widened(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in state.items()}
