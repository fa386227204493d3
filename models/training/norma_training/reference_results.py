"""The section of RESULTS.md on the reference method, and its rows in the other tables, from its recorded scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .assemble import Assembly
from .bootstrap import Estimate, auc_by_block
from .calibration import expected_calibration_error
from .gpu.job import CLASSIFIER, ONE_VIEW, autoencoder_key
from .markdown import table
from .operating_tables import operating_table, verdicts
from .paired_studies import difference, held_out_probability, left_out_probability
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
HELD = (("blocks held out", held_out_probability), ("source never trained on", left_out_probability))


def is_measured(outcome: Outcome) -> bool:
    return f"{CLASSIFIER}_oof" in outcome.scores


def assembly_of(outcome: Outcome) -> Assembly:
    return reference_assembly(outcome.material.data, outcome.scores, outcome.budget.resamples)


def slice_rows(held: str) -> list[tuple[str, str]]:
    return [(title, f"{key}_{held}") for title, key in SLICE_ROWS]


def footnote(outcome: Outcome) -> str:
    return f"² bundle `models/reference`; trained on a GPU: {outcome.notes[TRAINING]}." if is_measured(outcome) else ""


def study_rows(outcome: Outcome) -> list[list]:
    """Its ensemble's pseudo-studies, blocks and sources held out."""
    if not is_measured(outcome):
        return []
    own, sources = assembly_of(outcome), two_class_sources(outcome.material.data)
    return [[f"reference method ² (maximum), {title}", *(_auc(pick(own, source), outcome) for source in sources)] for title, pick in HELD]


def _auc(studies: tuple, outcome: Outcome) -> Estimate:
    name, truth, probability = studies
    return auc_by_block(truth, probability, name, outcome.budget.resamples)


def reference_section(outcome: Outcome) -> str:
    if not is_measured(outcome):
        return "Not measured in this run (`models/training/gpu`)."
    resamples, sources = outcome.budget.resamples, two_class_sources(outcome.material.data)
    own = assembly_of(outcome)
    parts = []
    for held, (title, _) in zip(("oof", "loso"), HELD):
        rows = (
            ("classifier (shipped)", "head"), ("reference classifier, five views", CLASSIFIER), ("… the slice as it is", ONE_VIEW),
            ("patch memory (shipped)", "memory"), ("reference autoencoder, features of the cut encoder", ANOMALY),
            ("… picture, cut encoder", autoencoder_key(OTHER_KINDS[0])), ("… picture, whole encoder", autoencoder_key(OTHER_KINDS[1])),
            ("trivial features", "trivial"),
        )
        parts.append(table([f"slices, {title}", *sources], [[name, *(outcome.auc_of(f"{key}_{held}", source) for source in sources)] for name, key in rows]))
    rows = []
    for title, pick in HELD:
        pairs = {source: (pick(outcome.assembly, source), pick(own, source)) for source in sources}
        rows.append([f"shipped ensemble, {title}", *(_auc(shipped, outcome) for shipped, _ in pairs.values())])
        rows.append([f"reference ensemble (maximum), {title}", *(_auc(found, outcome) for _, found in pairs.values())])
        rows.append([f"difference, {title}", *(difference(shipped, found, resamples) for shipped, found in pairs.values())])
    parts.append(table(["pseudo-studies (blocks)", *sources], rows))
    truth = own.held_out.studies.truth
    parts.append(
        f"All sources pooled, blocks held out: AUC {auc_of_assembly(own, resamples)}, expected calibration error {expected_calibration_error(own.probability, truth):.3f}. "
        f"Rules: anomaly {own.rules.anomaly[0].as_manifest()}, classifier {own.rules.classifier.as_manifest()}."
    )
    parts.append(operating_table(own))
    read = json.loads(outcome.notes.get(SERIES, "[]"))
    if read:
        parts.append(table(["series", "anomaly", "classifier", "probability", "verdict by operating point"], [
            [item["name"], f"{item['anomaly']:.3f}", f"{item['classifier']:.3f}", f"{item['probability']:.3f}", verdicts(own, item["probability"])]
            for item in read
        ]))
    if PACKING in outcome.notes:
        parts.append(f"Networks learn from pictures packed for the transfer and scores are of those; the bundle reads exact ones. {outcome.notes[PACKING]}.")
    return "\n\n".join(parts)
