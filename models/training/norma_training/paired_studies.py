"""The pseudo-studies of a source by two assemblies, to be compared one by one."""

from __future__ import annotations

import numpy as np

from .assemble import Assembly
from .bootstrap import auc, bootstrap


def held_out_probability(assembly: Assembly, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names, truth and probability of a source's pseudo-studies, blocks held out."""
    studies = assembly.held_out.studies
    own = studies.source == source
    return studies.name[own], studies.truth[own], assembly.probability[own]


def left_out_probability(assembly: Assembly, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of a source that nothing was fitted on."""
    row = next(row for row in assembly.left_out[assembly.chosen] if row.source == source)
    return row.scores.studies.name, row.scores.studies.truth, row.probability


def difference(first: tuple, second: tuple, resamples: int):
    """AUC of the second minus that of the first on the same pseudo-studies, drawn together."""
    common, i, j = np.intersect1d(first[0], second[0], return_indices=True)
    return bootstrap(
        lambda truth, a, b: auc(truth, b) - auc(truth, a), first[1][i], first[2][i], second[2][j], groups=common, resamples=resamples,
    )
