"""The section of RESULTS.md on a site's own norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .bootstrap import auc_by_block, bootstrap
from .calibration import sensitivity_at, specificity_at
from .markdown import table
from .paired_studies import difference, left_out_probability
from .site_norm import COUNTS, SiteAnswer, site_answer
from .steps import two_class_sources

if TYPE_CHECKING:
    from .train import Outcome

DEFAULT_POINT = "sensitivity_95"
OTHER_POINTS = ("sensitivity_99", "f1", "youden")


def site_norm_section(outcome: Outcome) -> str:
    rows = []
    for source in two_class_sources(outcome.material.data):
        answers = {
            title: site_answer(outcome.material, outcome.assembly, outcome.scores, outcome.inner, outcome.site_norm, source, title)
            for title in COUNTS if f"test_{source}_{title}" in outcome.site_norm
        }
        if not answers:
            continue
        most = list(answers.values())[-1]
        plain = left_out_probability(outcome.assembly, source)
        rows.append(_row(outcome, f"{source}: as shipped, unfitted", plain, most, None))
        rows.append(_row(outcome, f"{source}: memory alone fitted", (most.name, most.truth, most.memory_alone), most, None))
        for title, answer in answers.items():
            which = "all others" if title == "all" else title
            rows.append(_row(outcome, f"{source}: fitted to {which}", (answer.name, answer.truth, answer.probability), answer, plain))
    if not rows:
        return "Not measured in this run: no source has norm blocks enough."
    head = [
        "the site", "AUC", "difference to unfitted", f"{DEFAULT_POINT} (default): sensitivity", "specificity", "false-positive rate told",
        *(f"{point}: sensitivity/specificity" for point in OTHER_POINTS),
    ]
    return table(head, rows)


def _row(outcome: Outcome, title: str, studies: tuple[np.ndarray, np.ndarray, np.ndarray], answer: SiteAnswer, unfitted: tuple | None) -> list:
    names, truth, probability = studies
    resamples, thresholds = outcome.budget.resamples, answer.thresholds

    def at_default(statistic):
        return bootstrap(lambda t, p: statistic(t, p, thresholds[DEFAULT_POINT]), truth, probability, groups=names, resamples=resamples)

    return [
        title, auc_by_block(truth, probability, names, resamples), difference(unfitted, studies, resamples) if unfitted else "",
        at_default(sensitivity_at), at_default(specificity_at), f"{answer.told[DEFAULT_POINT]:.2f}" if unfitted else "",
        *(f"{sensitivity_at(truth, probability, thresholds[p]):.2f}/{specificity_at(truth, probability, thresholds[p]):.2f}" for p in OTHER_POINTS),
    ]
