"""The ensemble of a run, fitted on held-out scores, and what it does on sources left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .aggregation import Aggregation
from .bootstrap import Estimate, auc_by_block
from .calibration import OperatingPoint, operating_points, sensitivity_at, specificity_at
from .ensemble import FUSIONS, Ensemble, Studies, aggregated, compare_aggregations, fit_ensemble, studies_of
from .prepared import PreparedSet
from .progress import log
from .steps import two_class_sources

RULES = {
    "maximum": Aggregation("maximum"),
    "top 5 of 64": Aggregation("top_k_mean", 5),
    "top 10 of 64": Aggregation("top_k_mean", 10),
    "top 16 of 64": Aggregation("top_k_mean", 16),
    "top 32 of 64": Aggregation("top_k_mean", 32),
    "mean": Aggregation("top_k_mean", 64),
}


@dataclass(frozen=True)
class Rules:
    """From slices to a study: a rule per anomaly model, and the classifier's."""

    anomaly: tuple[Aggregation, ...]
    classifier: Aggregation


@dataclass
class StudyScores:
    """Held-out stage scores per pseudo-study: `anomaly` `(n, models)`, `classifier` `(n)`."""

    studies: Studies
    anomaly: np.ndarray
    classifier: np.ndarray


def study_scores_of(data: PreparedSet, anomaly: list[np.ndarray], classifier: np.ndarray, rules: Rules) -> StudyScores:
    """Blocks of which every model could score a slice."""
    usable = np.all([np.isfinite(values) for values in (*anomaly, classifier)], axis=0)
    studies = studies_of(data.block[usable], data.source[usable], data.is_pathology[usable])
    block = data.block[usable]
    return StudyScores(
        studies, np.stack([aggregated(values[usable], block, rule) for values, rule in zip(anomaly, rules.anomaly)], 1),
        aggregated(classifier[usable], block, rules.classifier),
    )


@dataclass
class LeftOut:
    """One source that nothing was fitted on: neither models, bounds, fusion, calibration nor thresholds."""

    source: str
    scores: StudyScores
    probability: np.ndarray
    auc: Estimate
    sensitivity: dict[str, float]
    specificity: dict[str, float]


@dataclass
class Assembly:
    rules: Rules
    aggregation_table: dict[str, dict[str, dict[str, float]]]
    held_out: StudyScores
    ensembles: dict[str, Ensemble]
    left_out: dict[str, list[LeftOut]]
    chosen: str
    points: list[OperatingPoint]

    @property
    def ensemble(self) -> Ensemble:
        return self.ensembles[self.chosen]

    @property
    def probability(self) -> np.ndarray:
        return self.ensemble.probability(self.held_out.anomaly, self.held_out.classifier)


def best_rule(table: dict[str, dict[str, float]]) -> Aggregation:
    """The rule with the highest mean over blocks and made-up studies."""
    name = max(table, key=lambda rule: float(np.nanmean(list(table[rule].values()))))
    return RULES[name]


def assemble(
    data: PreparedSet, scores: dict[str, np.ndarray], inner: dict[str, np.ndarray], resamples: int,
    anomaly: tuple[str, ...] = ("memory",), classifier: str = "head", methods: tuple[str, ...] = FUSIONS,
) -> Assembly:
    """Chooses the aggregation, fits each fusion of `methods`, and keeps the one with the highest mean AUC over sources
    left out. `anomaly` and `classifier` name the scores (`…_oof`, `…_loso`, and `…_<source>` in `inner`)."""
    truth = data.is_pathology
    table = {
        stage: compare_aggregations(scores[f"{key}_oof"], data.block, data.source, truth, RULES)
        for stage, key in (*zip(("anomaly", *anomaly[1:]), anomaly), ("classifier", classifier))
    }
    chosen_rules = [best_rule(rules) for rules in table.values()]
    rules = Rules(tuple(chosen_rules[:-1]), chosen_rules[-1])

    def of(suffix: str, found: dict[str, np.ndarray], factor: np.ndarray | float = 1.0) -> StudyScores:
        return study_scores_of(data, [found[f"{key}_{suffix}"] * factor for key in anomaly], found[f"{classifier}_{suffix}"], rules)

    held_out = of("oof", scores)
    ensembles, left_out = {}, {}
    for method in methods:
        ensembles[method] = fit_ensemble(held_out.anomaly, held_out.classifier, held_out.studies, method)
        left_out[method] = []
        for source in two_class_sources(data):
            if f"{classifier}_{source}" not in inner:
                continue
            others = of(source, inner)
            fitted = fit_ensemble(others.anomaly, others.classifier, others.studies, method)
            tested = of("loso", scores, np.where(data.source == source, 1.0, np.nan))
            probability = fitted.probability(tested.anomaly, tested.classifier)
            labels = tested.studies.truth
            left_out[method].append(LeftOut(
                source, tested, probability, auc_by_block(labels, probability, tested.studies.name, resamples),
                {n: sensitivity_at(labels, probability, t) for n, t in fitted.thresholds.items()},
                {n: specificity_at(labels, probability, t) for n, t in fitted.thresholds.items()},
            ))
    mean_auc = {method: float(np.mean([row.auc.value for row in rows])) if rows else 0.0 for method, rows in left_out.items()}
    chosen = max(mean_auc, key=mean_auc.get)
    log.info("fusion on sources left out: %s; taken: %s", {k: round(v, 3) for k, v in mean_auc.items()}, chosen)
    ensemble = ensembles[chosen]
    points = operating_points(
        ensemble.probability(held_out.anomaly, held_out.classifier), held_out.studies.truth, held_out.studies.name,
        ensemble.thresholds, resamples,
    )
    return Assembly(rules, table, held_out, ensembles, left_out, chosen, points)
