"""How much is computed: `quick` proves that every step works, `full` makes the shipped models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    name: str
    simclr_epochs: int
    simclr_size: int
    classifier_epochs: int
    classifier_size: int
    autoencoder_epochs: int
    memory_patches: int
    shipped_memory_patches: int
    resamples: int
    #: Slices of the tiny subset; None for all.
    slices: int | None = None
    pretrained: bool = True
    #: Smaller batches and int8 calibration for tiny sets.
    batch: int = 64


FULL = Budget("full", 6, 96, 6, 128, 10, 9000, 12000, 1000)
QUICK = Budget("quick", 1, 64, 1, 64, 1, 300, 400, 50, slices=160, pretrained=False, batch=16)
BUDGETS = {budget.name: budget for budget in (FULL, QUICK)}
