"""Operating points of an assembly as a table, and what they say of one probability."""

from __future__ import annotations

from .assemble import Assembly
from .markdown import table


def operating_table(assembly: Assembly) -> str:
    rows = []
    for point in assembly.points:
        left = assembly.left_out[assembly.chosen]
        away = "; ".join(f"{r.source} {r.sensitivity[point.name]:.2f}/{r.specificity[point.name]:.2f}" for r in left)
        rows.append([point.name, f"{point.threshold:.3f}", point.sensitivity, point.specificity, away])
    return table(["operating point", "threshold", "sensitivity", "specificity", "with everything fitted on the other sources: sensitivity/specificity"], rows)


def series_table(assembly: Assembly, readings: list[dict]) -> str:
    """What a bundle with this assembly says of whole series, as `series_note` records it."""
    return table(["series", "anomaly", "classifier", "probability", "verdict by operating point"], [
        [item["name"], f"{item['anomaly']:.3f}", f"{item['classifier']:.3f}", f"{item['probability']:.3f}", verdicts(assembly, item["probability"])]
        for item in readings
    ])


def verdicts(assembly: Assembly, probability: float) -> str:
    return ", ".join(f"{p.name}: {'pathology' if probability >= p.threshold else 'norm'}" for p in assembly.points)
