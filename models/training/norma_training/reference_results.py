"""The section of RESULTS.md on the reference method, and its rows in the other tables, from its recorded scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .assemble import Assembly
from .calibration import expected_calibration_error
from .gpu.job import CLASSIFIER, ONE_VIEW, autoencoder_key
from .markdown import table
from .operating_tables import operating_table, series_table
from .paired_studies import HELD, auc_of_studies, comparison_rows
from .reference import ANOMALY, OTHER_KINDS, PACKING, SERIES, TRAINING, reference_assembly
from .ship import auc_of_assembly
from .steps import two_class_sources

if TYPE_CHECKING:
    from .train import Outcome

#: Titles of its stages in the tables of slices.
SLICE_ROWS = (
    ("reference method ², ResNet-18 at 224 px, five views", CLASSIFIER),
    ("reference method ², autoencoder of the frozen encoder's features", ANOMALY),
)


def is_measured(outcome: Outcome) -> bool:
    return f"{CLASSIFIER}_oof" in outcome.scores


def assembly_of(outcome: Outcome) -> Assembly | None:
    """Nothing where its scores are not there."""
    return reference_assembly(outcome.material.data, outcome.scores, outcome.budget.resamples) if is_measured(outcome) else None


def slice_rows(held: str) -> list[tuple[str, str]]:
    return [(title, f"{key}_{held}") for title, key in SLICE_ROWS]


def footnote(outcome: Outcome) -> str:
    return f"² bundle `models/reference`; trained on a GPU: {outcome.notes[TRAINING]}." if is_measured(outcome) else ""


def study_rows(outcome: Outcome, own: Assembly | None) -> list[list]:
    """Pseudo-studies of its ensemble `own`, blocks and sources held out."""
    if own is None:
        return []
    resamples, sources = outcome.budget.resamples, two_class_sources(outcome.material.data)
    return [[f"reference method ² (maximum), {title}", *(auc_of_studies(pick(own, source), resamples) for source in sources)] for title, pick in HELD]


def reference_section(outcome: Outcome, own: Assembly | None) -> str:
    if own is None:
        return "Not measured in this run (`models/training/gpu`)."
    resamples, sources = outcome.budget.resamples, two_class_sources(outcome.material.data)
    parts = []
    for held, (title, _) in zip(("oof", "loso"), HELD):
        rows = (
            ("classifier (shipped)", "head"), ("reference classifier, five views", CLASSIFIER), ("… the slice as it is", ONE_VIEW),
            ("patch memory (shipped)", "memory"), ("reference autoencoder, features of the cut encoder", ANOMALY),
            ("… picture, cut encoder", autoencoder_key(OTHER_KINDS[0])), ("… picture, whole encoder", autoencoder_key(OTHER_KINDS[1])),
            ("trivial features", "trivial"),
        )
        parts.append(table([f"slices, {title}", *sources], [[name, *(outcome.auc_of(f"{key}_{held}", source) for source in sources)] for name, key in rows]))
    rows = comparison_rows(outcome.assembly, own, "reference ensemble (maximum)", sources, resamples)
    parts.append(table(["pseudo-studies (blocks)", *sources], rows))
    truth = own.held_out.studies.truth
    parts.append(
        f"All sources pooled, blocks held out: AUC {auc_of_assembly(own, resamples)}, expected calibration error {expected_calibration_error(own.probability, truth):.3f}. "
        f"Rules: anomaly {own.rules.anomaly[0].as_manifest()}, classifier {own.rules.classifier.as_manifest()}."
    )
    parts.append(operating_table(own))
    read = json.loads(outcome.notes.get(SERIES, "[]"))
    if read:
        parts.append(series_table(own, read))
    if PACKING in outcome.notes:
        parts.append(f"Networks learn from pictures packed for the transfer and scores are of those; the bundle reads exact ones. {outcome.notes[PACKING]}.")
    return "\n\n".join(parts)
