"""A training run: its folder, its steps and what each step left behind."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Callable

import numpy as np

from .progress import log


class Run:
    """Steps write arrays; a step whose arrays are there is not done again.

    `identity` says what the run is made of (budget, number of slices, seed); a folder made of something else
    is refused, so that no figure mixes two runs. None: the run that stands there, whatever it is.
    """

    def __init__(self, folder: Path, identity: dict | None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "run.json"
        if path.exists():
            found = json.loads(path.read_text())
            if identity is not None and found != identity:
                raise RuntimeError(f"{folder} holds another run ({found}): choose another folder or remove it")
        else:
            path.write_text(json.dumps(identity, indent=1))

    def arrays(self, name: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The arrays of the step `name`, computed and stored where they are not there yet."""
        path = self.folder / f"{name}.npz"
        if path.exists():
            with np.load(path) as stored:
                return {key: stored[key] for key in stored.files}
        started = time.monotonic()
        log.info("%s …", name)
        found = compute()
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, **found)
        os.replace(unfinished, path)
        log.info("%s: %.0f s", name, time.monotonic() - started)
        return found
