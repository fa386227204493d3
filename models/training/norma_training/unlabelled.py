"""What a stream of studies without labels says of a threshold: rules, simulated on sources that nothing was fitted on.

`norma calibrate --unlabelled` follows `order_threshold`. The other rules are here to say why it follows none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Callable

import numpy as np
from scipy.stats import beta

from .assemble import Assembly, study_scores_of
from .ensemble import fit_ensemble
from .steps import Material, two_class_sources

CONFIDENCE = 0.95
DEFAULT_POINT = "sensitivity_95"
STREAM_SIZES = (40, 100, 300)
PREVALENCES = (0.1, 0.3, 0.6)
MAXIMAL_PREVALENCE = 0.6
#: A told sensitivity that is this far from the truth is no use.
TOLERANCE = 0.05
STREAMS = 2000


@dataclass(frozen=True)
class Site:
    """A source that nothing was fitted on: probabilities of its pseudo-studies, and of the norm of the others."""

    name: str
    norm: np.ndarray
    pathology: np.ndarray
    #: The default point and the sensitivity that it has on the others.
    threshold: float
    told: float
    norm_of_others: np.ndarray

    def stream(self, studies: int, prevalence: float, rng: np.random.Generator) -> np.ndarray:
        """Scores `(studies)`, each of a study drawn with replacement."""
        is_pathology = rng.random(studies) < prevalence
        return np.where(is_pathology, rng.choice(self.pathology, studies), rng.choice(self.norm, studies))

    def sensitivity(self, threshold: float) -> float:
        return float((self.pathology >= threshold).mean())

    def specificity(self, threshold: float) -> float:
        return float((self.norm < threshold).mean())


@dataclass(frozen=True)
class Told:
    """What a rule says of a stream."""

    threshold: float
    #: Between these the sensitivity lies.
    sensitivity: tuple[float, float]
    norms_released_at_most: float = 1.0


@cache
def lower_bound(successes: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """One-sided Clopper–Pearson."""
    return 0.0 if successes == 0 else float(beta.ppf(1 - confidence, successes, trials - successes + 1))


def interval(successes: int, trials: int) -> tuple[float, float]:
    """Two-sided Clopper–Pearson."""
    each = (1 + CONFIDENCE) / 2
    return lower_bound(successes, trials, each), 1 - lower_bound(trials - successes, trials, each)


def upper_bound(successes: int, trials: int) -> float:
    return 1.0 - lower_bound(trials - successes, trials)


@cache
def allowed_below(studies: int, target: float) -> int:
    """The most studies below the threshold with which the share below it is at most 1 − target; −1 where none is enough."""
    allowed = -1
    while allowed + 1 < studies and lower_bound(studies - allowed - 1, studies) >= target:
        allowed += 1
    return allowed


def _norms_released_at_most(scores: np.ndarray, threshold: float) -> float:
    """Were all of the pathologies above the threshold: no share at least is told, since that needs the order to the last study."""
    return min(upper_bound(int((scores < threshold).sum()), len(scores)) / (1 - MAXIMAL_PREVALENCE), 1.0)


def order_threshold(scores: np.ndarray, target: float, allowed: int | None = None) -> Told | None:
    """The rule that is taken: of pathologies no larger share scores below the threshold than of the stream. None: refused."""
    allowed = allowed_below(len(scores), target) if allowed is None else allowed
    if allowed < 1:
        return None
    threshold = float(np.sort(scores)[allowed])
    if not (scores < threshold).any():
        return None
    return Told(threshold, (lower_bound(len(scores) - allowed, len(scores)), 1.0), _norms_released_at_most(scores, threshold))


def order_at(scores: np.ndarray, threshold: float) -> Told:
    """What the same order says of a threshold in use."""
    reaching = int((scores >= threshold).sum())
    return Told(threshold, (lower_bound(reaching, len(scores)), 1.0), _norms_released_at_most(scores, threshold))


def as_shipped(site: Site, scores: np.ndarray) -> Told:
    """The default point with what it was measured to have elsewhere."""
    return Told(site.threshold, (site.told, site.told))


def lower_part_as_norm(site: Site, scores: np.ndarray) -> Told:
    """The lower part of the stream taken for the site's norm and mapped onto the norm of the other sources, by two quantiles on the
    logit scale; half of the maximal prevalence is taken for the prevalence. The threshold stays there, and so is told."""
    kept = 1 - MAXIMAL_PREVALENCE / 2
    ours = np.quantile(_logit(scores), [0.16 * kept, 0.5 * kept])
    theirs = np.quantile(_logit(site.norm_of_others), [0.16, 0.5])
    scale = (ours[1] - ours[0]) / max(theirs[1] - theirs[0], 1e-6)
    threshold = ours[1] + (_logit(np.array([site.threshold]))[0] - theirs[1]) * scale
    return Told(float(1 / (1 + np.exp(-threshold))), (site.told, site.told))


def all_but_labels_known(site: Site, scores: np.ndarray, prevalence: float) -> Told:
    """With the prevalence and the site's norm known without error, which nobody has: what the stream leaves for the pathologies."""
    below = float((scores < site.threshold).mean())
    missed = (below - (1 - prevalence) * site.specificity(site.threshold)) / prevalence
    told = float(np.clip(1 - missed, 0, 1))
    return Told(site.threshold, (told, told))


def _logit(values: np.ndarray) -> np.ndarray:
    clipped = np.clip(values, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


@dataclass
class Outcome:
    """Of many streams of one kind."""

    streams: int
    refused: int
    #: Shares of the streams that were not refused: the sensitivity lies outside of what was told; an end of that is further than
    #: `TOLERANCE` from it; more norms are released than was told.
    broken: float
    off: float
    more_released: float
    told: float
    truth: float
    #: Within which the sensitivity lies after 95 of 100 streams.
    truth_range: tuple[float, float]
    released: float


def simulate(site: Site, rule: Callable[[np.ndarray], Told | None], studies: int, prevalence: float, rng: np.random.Generator, streams: int = STREAMS) -> Outcome:
    answers = [rule(site.stream(studies, prevalence, rng)) for _ in range(streams)]
    given = [answer for answer in answers if answer is not None]
    if not given:
        nothing = float("nan")
        return Outcome(streams, streams, *[nothing] * 5, (nothing, nothing), nothing)
    truth = np.array([site.sensitivity(answer.threshold) for answer in given])
    low, high = np.array([answer.sensitivity for answer in given]).T
    released = np.array([site.specificity(answer.threshold) for answer in given])
    at_most = np.array([answer.norms_released_at_most for answer in given])
    return Outcome(
        streams, streams - len(given), float(((truth < low - 1e-9) | (truth > high + 1e-9)).mean()),
        float((np.maximum(np.abs(truth - low), np.abs(high - truth)) > TOLERANCE + 1e-9).mean()),
        float((released > at_most + 1e-9).mean()),
        float(low.mean()), float(truth.mean()), tuple(np.quantile(truth, [0.025, 0.975]).tolist()), float(released.mean()),
    )


def sites_of(material: Material, assembly: Assembly, inner: dict[str, np.ndarray]) -> list[Site]:
    """Each source with what was fitted on the others."""
    found = []
    for source in two_class_sources(material.data):
        row = next(row for row in assembly.left_out[assembly.chosen] if row.source == source)
        others = study_scores_of(material.data, [inner[f"memory_{source}"]], inner[f"head_{source}"], assembly.rules)
        fitted = fit_ensemble(others.anomaly, others.classifier, others.studies, assembly.chosen)
        probability, truth = fitted.probability(others.anomaly, others.classifier), others.studies.truth
        threshold = fitted.thresholds[DEFAULT_POINT]
        own = row.scores.studies.truth
        found.append(Site(
            source, row.probability[own == 0], row.probability[own == 1], threshold,
            float((probability[truth == 1] >= threshold).mean()), probability[truth == 0],
        ))
    return found
