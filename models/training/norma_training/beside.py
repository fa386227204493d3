"""Sections of RESULTS.md beyond the shipped models: networks trained here, the encoder, attention, int8, unlike studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .attention_pooling import attention_rows
from .int8 import CALIBRATION_SLICES, int8_rows
from .markdown import table
from .steps import two_class_sources
from .unlike_training import unlike_rows

if TYPE_CHECKING:
    from .train import Outcome


def footnotes(outcome: Outcome) -> str:
    """How the networks of the tables were trained."""
    said = outcome.notes
    parts = [
        f"{name}: {said[key]}" for name, key in (
            ("ResNet-18", "resnet_held_out"),
            ("autoencoder, source left out", "autoencoder_loso"), ("ResNet-18, source left out", "resnet_loso"),
        ) if key in said
    ]
    return "¹ trained on the training side once; measured on the validation and test sides only; the autoencoder by its shipped graph." + (
        f" Budgets: {'; '.join(parts)}." if parts else " The ResNet-18 is measured only where a run has trained it."
    )


def encoder_section(outcome: Outcome) -> str:
    sources = two_class_sources(outcome.material.data)
    rows = []
    for title, key in (("a slab without end", "encoder0"), ("16 equal slices", "encoder16")):
        for name, case in ((f"Astra's I3ResNet-152, {title}", key), ("EfficientNet-Lite0, the same slices", f"{key}_lite0")):
            if f"{case}_oof" in outcome.scores:
                part = np.isfinite(outcome.scores[f"{case}_oof"])
                rows.append((f"{name} ({int(part.sum())} slices)", case, part))
    if not rows:
        return "Not measured in this run (`models/training/run measure-encoder`, with requirements-encoder.txt installed)."
    rows.append(("EfficientNet-Lite0 (shipped), all slices", "head", None))
    rows.append(("trivial features, all slices", "trivial", None))
    tables = []
    for held, suffix in (("blocks held out", "oof"), ("source never trained on", "loso")):
        tables.append(table(
            [f"slices, linear head, {held}", *sources],
            [[title, *(outcome.auc_of(f"{key}_{suffix}", s, part) for s in sources)] for title, key, part in rows],
        ))
    return "\n\n".join(tables)


def attention_section(outcome: Outcome) -> str:
    sources = two_class_sources(outcome.material.data)
    return "\n\n".join(
        table(*attention_rows(outcome.attention, held, sources, outcome.budget.resamples))
        for held in ("blocks held out", "source never trained on")
    )


def int8_section(outcome: Outcome) -> str:
    found = outcome.int8
    head, rows = int8_rows(outcome.material, outcome.scores, found, outcome.assembly, outcome.budget.resamples)
    size = "; ".join(f"{name} {float(found[f'{name}_mib']):.1f} MiB, {float(found[f'{name}_cpu_ms']):.0f} ms of processor time per slice" for name in ("float32", "int8"))
    return f"""Static int8 (QDQ, per channel) of the classifier's backbone, ranges set by {CALIBRATION_SLICES} slices without their labels; the head stays float32.
{size}. `models/training/run int8 --out FOLDER` writes this variant as a bundle of its own; the shipped bundle holds float16 weights.

{table(head, rows)}"""


def unlike_section(outcome: Outcome) -> str:
    return table(*unlike_rows(outcome.material.data, outcome.unlike, outcome.scores, outcome.inner, outcome.unlike_others))


def appended(models: Path, *names: str) -> str:
    """Files that other commands or people wrote, as they stand."""
    return "\n".join((models / name).read_text(encoding="utf-8").strip() + "\n" for name in names if (models / name).exists())
