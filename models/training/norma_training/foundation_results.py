"""The section of RESULTS.md on the optional foundation bundle, from its recorded scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .foundation import CLASSIFIER, MEMORY, foundation_assembly
from .markdown import table
from .operating_tables import operating_table, series_table
from .paired_studies import comparison_rows
from .series import SeriesReading
from .steps import two_class_sources

if TYPE_CHECKING:
    from .train import Outcome

SERIES, COST = "foundation_series", "foundation_cost"


def series_note(readings: list[SeriesReading]) -> str:
    """What the bundle says of whole series, to be recorded where its weights are and printed where they are not."""
    return json.dumps([
        {"name": item.name, "anomaly": round(item.reading.anomaly, 3), "classifier": round(item.reading.classifier, 3),
         "probability": round(item.reading.probability, 4)} for item in readings
    ])


def foundation_section(outcome: Outcome) -> str:
    if f"{CLASSIFIER}_oof" not in outcome.scores:
        return "Not measured in this run (`make foundation`)."
    data, resamples, sources = outcome.material.data, outcome.budget.resamples, two_class_sources(outcome.material.data)
    own = foundation_assembly(data, outcome.scores, outcome.inner | outcome.scores, resamples)
    parts = []
    for held, title in (("oof", "blocks held out"), ("loso", "source never trained on")):
        rows = [
            [name, *(outcome.auc_of(f"{key}_{held}", source) for source in sources)] for name, key in (
                ("patch memory (shipped)", "memory"), ("patch memory on the encoder", MEMORY),
                ("classifier (shipped)", "head"), ("classifier on both", CLASSIFIER), ("trivial features", "trivial"),
            )
        ]
        parts.append(table([f"slices, {title}", *sources], rows))
    rows = comparison_rows(outcome.assembly, own, f"foundation ensemble ({own.chosen})", sources, resamples)
    parts.append(table(["pseudo-studies (blocks)", *sources], rows))
    parts.append(operating_table(own))
    read = json.loads(outcome.notes.get(SERIES, "[]"))
    if read:
        parts.append(series_table(own, read))
    if COST in outcome.notes:
        parts.append(f"Its {outcome.notes[COST]}.")
    return "\n\n".join(parts)
