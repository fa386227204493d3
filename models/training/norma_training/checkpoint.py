"""Checkpoints after every epoch, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from .progress import log


def save_checkpoint(path: Path | None, parts: dict, epochs_done: int, epochs: int) -> None:
    """Stores the parts; nothing where no path is given."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: part.state_dict() for name, part in parts.items()}
    unfinished = path.with_suffix(".part")
    torch.save({"epochs_done": epochs_done, "epochs": epochs, "parts": state}, unfinished)
    os.replace(unfinished, path)


def load_checkpoint(path: Path | None, parts: dict, epochs: int) -> int:
    """Restores the parts and returns the number of epochs done; 0 where there is nothing, or it was made for
    another number of epochs (its schedule would not fit)."""
    if path is None or not path.exists():
        return 0
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if saved["epochs"] != epochs:
        log.info("%s was made for %d epochs, not %d: starting again", path.name, saved["epochs"], epochs)
        return 0
    for name, part in parts.items():
        part.load_state_dict(saved["parts"][name])
    if saved["epochs_done"]:
        log.info("%s: continuing after epoch %d", path.name, saved["epochs_done"])
    return saved["epochs_done"]
