"""The pseudo-studies of a source by two assemblies, to be compared one by one."""

from __future__ import annotations

import numpy as np

from .assemble import Assembly
from .bootstrap import Estimate, auc, auc_by_block, bootstrap


def held_out_probability(assembly: Assembly, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names, truth and probability of a source's pseudo-studies, blocks held out."""
    studies = assembly.held_out.studies
    own = studies.source == source
    return studies.name[own], studies.truth[own], assembly.probability[own]


def left_out_probability(assembly: Assembly, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of a source that nothing was fitted on."""
    row = next(row for row in assembly.left_out[assembly.chosen] if row.source == source)
    return row.scores.studies.name, row.scores.studies.truth, row.probability


#: How pseudo-studies were held out, in words, and what gives them of an assembly.
HELD = (("blocks held out", held_out_probability), ("source never trained on", left_out_probability))


def auc_of_studies(studies: tuple, resamples: int) -> Estimate:
    """Of what `held_out_probability` or `left_out_probability` gives."""
    name, truth, probability = studies
    return auc_by_block(truth, probability, name, resamples)


def comparison_rows(shipped: Assembly, other: Assembly, title: str, sources: list[str], resamples: int) -> list[list]:
    """AUC of both assemblies on the pseudo-studies of each source, and their difference; `title` names the other."""
    rows = []
    for held, pick in HELD:
        pairs = [(pick(shipped, source), pick(other, source)) for source in sources]
        rows.append([f"shipped ensemble, {held}", *(auc_of_studies(first, resamples) for first, _ in pairs)])
        rows.append([f"{title}, {held}", *(auc_of_studies(second, resamples) for _, second in pairs)])
        rows.append([f"difference, {held}", *(difference(first, second, resamples) for first, second in pairs)])
    return rows


def difference(first: tuple, second: tuple, resamples: int):
    """AUC of the second minus that of the first on the same pseudo-studies, drawn together."""
    common, i, j = np.intersect1d(first[0], second[0], return_indices=True)
    return bootstrap(
        lambda truth, a, b: auc(truth, b) - auc(truth, a), first[1][i], first[2][i], second[2][j], groups=common, resamples=resamples,
    )
