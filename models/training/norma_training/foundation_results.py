"""The section of RESULTS.md on the optional foundation bundle, from its recorded scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .bootstrap import auc_by_block
from .foundation import CLASSIFIER, MEMORY, foundation_assembly
from .markdown import table
from .operating_tables import operating_table, verdicts
from .paired_studies import difference, held_out_probability, left_out_probability
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
    rows = []
    for title, pick in (("blocks held out", held_out_probability), ("source never trained on", left_out_probability)):
        pairs = {source: (pick(outcome.assembly, source), pick(own, source)) for source in sources}
        rows.append([f"shipped ensemble, {title}", *(auc_by_block(a[1], a[2], a[0], resamples) for a, _ in pairs.values())])
        rows.append([f"foundation ensemble ({own.chosen}), {title}", *(auc_by_block(b[1], b[2], b[0], resamples) for _, b in pairs.values())])
        rows.append([f"difference, {title}", *(difference(a, b, resamples) for a, b in pairs.values())])
    parts.append(table(["pseudo-studies (blocks)", *sources], rows))
    parts.append(operating_table(own))
    read = json.loads(outcome.notes.get(SERIES, "[]"))
    if read:
        parts.append(table(["series", "anomaly", "classifier", "probability", "verdict by operating point"], [
            [item["name"], f"{item['anomaly']:.3f}", f"{item['classifier']:.3f}", f"{item['probability']:.3f}", verdicts(own, item["probability"])]
            for item in read
        ]))
    if COST in outcome.notes:
        parts.append(f"Its {outcome.notes[COST]}.")
    return "\n\n".join(parts)
