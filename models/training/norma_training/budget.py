"""How much is computed: `quick` proves that every step works, `full` makes the shipped models, `short` is `full`
with the networks cut to what a busy two-core machine trains within an hour.

The networks' budgets change only the rows of the ResNet-18 and the autoencoder: patch memory, classifier and
typing stand on the frozen backbone and are the same in `short` and `full`."""

from __future__ import annotations

from dataclasses import dataclass, replace


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


FULL = Budget("full", 40, 128, 15, 160, 40, 9000, 12000, 1000)
SHORT = replace(FULL, name="short", simclr_epochs=2, simclr_size=64, classifier_epochs=1, classifier_size=64, autoencoder_epochs=4)
QUICK = Budget("quick", 1, 64, 1, 64, 1, 300, 400, 50, slices=160, pretrained=False, batch=16)
BUDGETS = {budget.name: budget for budget in (FULL, SHORT, QUICK)}
