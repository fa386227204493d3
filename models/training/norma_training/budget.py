"""How much is computed: `quick` proves that every step works, `full` makes the shipped models on two cores, `long`
is `full` with the networks trained as long as a GPU (or a night) allows.

The networks' budgets change only the rows of the ResNet-18 and the autoencoder: patch memory, classifier and
typing stand on the frozen backbone and are the same in `full` and `long`."""

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
    #: The same networks with one source left out, three trainings each: the ResNet-18 about half as long.
    left_out_simclr_epochs: int
    left_out_classifier_epochs: int
    left_out_classifier_size: int
    left_out_autoencoder_epochs: int
    memory_patches: int
    shipped_memory_patches: int
    resamples: int
    #: Slices of the tiny subset; None for all.
    slices: int | None = None
    pretrained: bool = True
    #: Smaller batches and int8 calibration for tiny sets.
    batch: int = 64


FULL = Budget("full", 10, 64, 6, 96, 20, 5, 4, 96, 20, 9000, 12000, 1000)
LONG = replace(
    FULL, name="long", simclr_epochs=40, simclr_size=128, classifier_epochs=15, classifier_size=160, autoencoder_epochs=40,
    left_out_simclr_epochs=40, left_out_classifier_epochs=15, left_out_classifier_size=160, left_out_autoencoder_epochs=40,
)
QUICK = Budget("quick", 1, 64, 1, 64, 1, 1, 1, 64, 1, 300, 400, 50, slices=160, pretrained=False, batch=16)
BUDGETS = {budget.name: budget for budget in (FULL, LONG, QUICK)}
