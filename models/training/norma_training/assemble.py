"""The ensemble of a run, fitted on held-out scores, and what it does on sources left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .aggregation import Aggregation
from .bootstrap import Estimate, auc_by_block
from .calibration import OperatingPoint, operating_points, sensitivity_at, specificity_at
from .ensemble import Ensemble, Studies, aggregated, compare_aggregations, fit_ensemble, studies_of
from .prepared import PreparedSet
from .progress import log

RULES = {
    "maximum": Aggregation("maximum"),
    "top 5 of 64": Aggregation("top_k_mean", 5),
    "top 10 of 64": Aggregation("top_k_mean", 10),
    "top 16 of 64": Aggregation("top_k_mean", 16),
    "top 32 of 64": Aggregation("top_k_mean", 32),
    "mean": Aggregation("top_k_mean", 64),
}


@dataclass
class StudyScores:
    """Held-out stage scores per pseudo-study."""

    studies: Studies
    anomaly: np.ndarray
    classifier: np.ndarray

    def rows(self, chosen: np.ndarray) -> "StudyScores":
        s = self.studies
        return StudyScores(Studies(s.name[chosen], s.source[chosen], s.truth[chosen]), self.anomaly[chosen], self.classifier[chosen])


def study_scores_of(data: PreparedSet, anomaly: np.ndarray, classifier: np.ndarray, rules: tuple[Aggregation, Aggregation]) -> StudyScores:
    """Blocks of which both stages could score a slice."""
    usable = np.isfinite(anomaly) & np.isfinite(classifier)
    studies = studies_of(data.block[usable], data.source[usable], data.is_pathology[usable])
    return StudyScores(
        studies, aggregated(anomaly[usable], data.block[usable], rules[0]), aggregated(classifier[usable], data.block[usable], rules[1])
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
    rules: tuple[Aggregation, Aggregation]
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


def assemble(data: PreparedSet, scores: dict[str, np.ndarray], inner: dict[str, np.ndarray], resamples: int) -> Assembly:
    """Chooses the aggregation, fits maximum and logistic fusion, and keeps the one with the higher mean AUC
    over sources left out."""
    truth = data.is_pathology
    table = {
        stage: compare_aggregations(scores[f"{key}_oof"], data.block, data.source, truth, RULES)
        for stage, key in (("anomaly", "memory"), ("classifier", "head"))
    }
    rules = (best_rule(table["anomaly"]), best_rule(table["classifier"]))
    held_out = study_scores_of(data, scores["memory_oof"], scores["head_oof"], rules)
    ensembles, left_out = {}, {}
    for method in ("maximum", "logistic"):
        ensembles[method] = fit_ensemble(held_out.anomaly, held_out.classifier, held_out.studies, method)
        left_out[method] = []
        for key in inner:
            if not key.startswith("head_"):
                continue
            source = key.removeprefix("head_")
            others = study_scores_of(data, inner[f"memory_{source}"], inner[key], rules)
            fitted = fit_ensemble(others.anomaly, others.classifier, others.studies, method)
            own = np.where(data.source == source, 1.0, np.nan)
            tested = study_scores_of(data, scores["memory_loso"] * own, scores["head_loso"] * own, rules)
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
