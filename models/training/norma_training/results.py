"""models/RESULTS.md: what was measured, on what, and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import figures
from .aggregation import Aggregation
from .assemble import Assembly
from .beside import appended, attention_section, encoder_section, footnotes, int8_section, unlike_section
from .bootstrap import Estimate, auc_by_block
from .calibration import expected_calibration_error
from .ensemble import aggregated, studies_of
from .foundation_results import foundation_section
from .markdown import table
from .operating_tables import operating_table, verdicts
from .pathology_types import labels_of, typing_targets
from .reference_results import assembly_of, footnote, reference_section, slice_rows, study_rows
from .series import SeriesReading
from .ship import auc_of_assembly
from .site_norm_results import site_norm_section
from .steps import two_class_sources

if TYPE_CHECKING:
    from .train import Outcome

REFERENCE = {"auc": 0.7782, "low": 0.7272, "high": 0.8231, "typing_auc": 0.9099, "typing_f1": 0.6079}


def slice_table(outcome: Outcome) -> str:
    sources = two_class_sources(outcome.material.data)
    rows = []
    for title, key in (
        ("trivial features (no anatomy)", "trivial_oof"), ("patch memory", "memory_oof"),
        ("patch memory, relative to norm at the same place", "relative_oof"), ("EfficientNet-Lite0 + linear head", "head_oof"),
        ("reconstruction error of the autoencoder ¹", "autoencoder_held_out"), ("ResNet-18, SimCLR, fine-tuned ¹", "resnet_held_out"), *slice_rows("oof"),
    ):
        if key in outcome.scores:
            rows.append([title, *(outcome.auc_of(key, s) for s in sources)])
    return table(["slices, blocks held out", *sources], rows)


def left_out_table(outcome: Outcome) -> str:
    sources = two_class_sources(outcome.material.data)
    rows = []
    for title, key in (
        ("trivial features (no anatomy)", "trivial_loso"), ("patch memory", "memory_loso"),
        ("patch memory, relative to norm at the same place", "relative_loso"), ("EfficientNet-Lite0 + linear head", "head_loso"),
        ("reconstruction error of the autoencoder", "autoencoder_loso"), ("ResNet-18, SimCLR, fine-tuned", "resnet_loso"), *slice_rows("loso"),
    ):
        if key in outcome.scores:
            rows.append([title, *(outcome.auc_of(key, s) for s in sources)])
    return table(["slices, source never trained on", *sources], rows)


def study_table(outcome: Outcome, reference: Assembly | None) -> str:
    """Pseudo-studies, held out and left out, of the stages, of each fusion and of the reference method."""
    assembly, sources = outcome.assembly, two_class_sources(outcome.material.data)
    held = assembly.held_out
    resamples = outcome.budget.resamples

    def per_source(values: np.ndarray) -> list[Estimate]:
        s = held.studies
        return [auc_by_block(s.truth[s.source == n], values[s.source == n], s.name[s.source == n], resamples) for n in sources]

    rows = [["patch memory, blocks held out", *per_source(assembly.ensemble.anomaly(held.anomaly))], ["classifier, blocks held out", *per_source(held.classifier)]]
    for method, ensemble in assembly.ensembles.items():
        rows.append([f"ensemble ({method}), blocks held out", *per_source(ensemble.probability(held.anomaly, held.classifier))])
    for key, title in (("trivial_loso", "trivial features"), ("memory_loso", "patch memory"), ("relative_loso", "patch memory, relative to norm at the same place"), ("head_loso", "classifier")):
        rule = assembly.rules.classifier if key == "head_loso" else assembly.rules.anomaly[0]
        rows.append([f"{title}, source never trained on", *(outcome.block_auc_of(key, s, rule) for s in sources)])
    for method, left in assembly.left_out.items():
        found = {row.source: row.auc for row in left}
        rows.append([f"ensemble ({method}), source never trained on", *(found.get(s, "–") for s in sources)])
    rows += study_rows(outcome, reference)
    return table(["pseudo-studies (blocks)", *sources], rows)


def aggregation_table(outcome: Outcome) -> str:
    parts = []
    for stage, rules in outcome.assembly.aggregation_table.items():
        columns = list(next(iter(rules.values())))
        parts.append(table([f"{stage}: mean AUC of the sources", *columns], [[rule, *(f"{row[c]:.3f}" for c in columns)] for rule, row in rules.items()]))
    return "\n\n".join(parts)


def typing_table(outcome: Outcome) -> str:
    data, scores = outcome.material.data, outcome.scores["typing_oof"]
    labels = labels_of(data)
    targets, known = typing_targets(data, [key for key, _, _ in labels])
    rows = []
    for i, (key, en, _) in enumerate(labels):
        usable = np.isfinite(scores[:, i]) & (known[:, i] > 0)
        own_sources = np.unique(data.source[usable & (targets[:, i] == 1)])
        own = usable & np.isin(data.source, own_sources)
        cells = []
        for chosen in (usable, own):
            studies = studies_of(data.block[chosen], data.source[chosen], targets[chosen, i].astype(int))
            values = aggregated(scores[chosen, i], data.block[chosen], Aggregation("top_k_mean", 10))
            cells.append(auc_by_block(studies.truth, values, studies.name, outcome.budget.resamples))
            if chosen is own:
                predicted = values >= outcome.typing_thresholds[i]
                hits = int((predicted & (studies.truth == 1)).sum())
                f1 = 2 * hits / max(int(predicted.sum() + studies.truth.sum()), 1)
        rows.append([en, ", ".join(own_sources), cells[1], cells[0], f"{f1:.3f}", f"{outcome.typing_thresholds[i]:.3f}"])
    return table(["type", "its source", "AUC against norm of the same source", "AUC against everything (holds the source)", "F1, same source", "threshold"], rows)


def series_section(readings: list[SeriesReading], outcome: Outcome) -> str:
    if not readings:
        return "Not measured in this run (`evaluate --series FOLDER`, a folder of `norma prepare` over whole series)."
    rows = []
    for item in readings:
        r = item.reading
        types = ", ".join(f"{k} {v:.2f}" for k, v in r.types.items())
        rows.append([item.name, f"{r.anomaly:.3f}", f"{r.classifier:.3f}", f"{r.probability:.3f}", verdicts(outcome.assembly, r.probability), types])
    return table(["series", "anomaly", "classifier", "probability", "verdict by operating point", "types"], rows) + "\n\n![series](figures/series.png)"


def write_results(outcome: Outcome, models: Path, readings: list[SeriesReading]) -> None:
    """Writes RESULTS.md and figures/*.png; ABLATIONS.md (the command `ablations`) and NOTES.md (by hand) are taken in."""
    pictures = models / "figures"
    figures.plot_roc(outcome, pictures / "roc.png")
    figures.plot_calibration(outcome, pictures / "calibration.png")
    figures.plot_histograms(outcome, pictures / "histograms.png")
    if readings:
        figures.plot_series(readings, pictures / "series.png")
        figures.write_overlays(readings, models / "evaluation")
    data, assembly = outcome.material.data, outcome.assembly
    truth, probability = assembly.held_out.studies.truth, assembly.probability
    reference = assembly_of(outcome)
    text = f"""# What the models do, measured

**Research use only. Not a medical device.** Written by `make evaluate` from the run's splits, features and scores.

{len(data)} slices of {len(np.unique(data.block))} blocks; norm against pathology, "not infected" slices counted as norm. All intervals: 95 %,
bootstrap of {outcome.budget.resamples} resamples by block. *Blocks held out*: five folds, groups of neighbouring blocks and near duplicates
kept together, each slice scored by a model that saw none of its fold. *Source never trained on*: everything,
down to bounds, fusion, calibration and thresholds, was fitted on the other sources.

Ensemble, pseudo-studies of all sources pooled, blocks held out: AUC **{auc_of_assembly(assembly, outcome.budget.resamples)}**, expected calibration error
{expected_calibration_error(probability, truth):.3f}. The reference method's authors report {REFERENCE['auc']} ({REFERENCE['low']}–{REFERENCE['high']}) on 351 patients of their own: **other
data, no comparison**; pooled figures also hold differences between sources, so read the rows per source.

## Slices

{slice_table(outcome)}

{footnotes(outcome)} {footnote(outcome)}

{left_out_table(outcome)}

## Pseudo-studies

A block of about ten neighbouring slices stands for a study. Fusion taken: **{assembly.chosen}** (higher mean over sources never trained on).

{study_table(outcome, reference)}

![ROC](figures/roc.png)

## Operating points

Thresholds on the calibrated probability, chosen on the held-out pseudo-studies on which sensitivity and specificity are given.

{operating_table(outcome.assembly)}

![calibration](figures/calibration.png)
![histograms](figures/histograms.png)

## A site's own norm

`norma models fit-norm`, measured: each source in turn is a site that nothing was fitted on (its row in the tables above), and then brings norm
pseudo-studies of its own, 10, 20 or all of those in the other folds (24 to 76), without any pathology. A memory is built of them, and both stages' scores
of them are mapped onto the norm of the other sources; thresholds stay. Each pseudo-study is judged by what was fitted without its fold. *Told*: the rate
that the command prints, leave-one-study-out, to be held against 1 − specificity on the other folds.

{site_norm_section(outcome)}

## From slices to a study

Blocks are diseased throughout, studies in part: rules are compared on blocks and on made-up studies of 40 slices of one source,
in which a share comes from one block of pathology. "k of 64": the same share of however many slices there are.
Taken: anomaly {assembly.rules.anomaly[0].as_manifest()}, classifier {assembly.rules.classifier.as_manifest()}.

{aggregation_table(outcome)}

**Attention pooling** (gated attention over the frozen features) beside these rules on the classifier's scores; each pseudo-study is
read by models that saw none of its slices, and its slices come from one fold, so these figures differ from those above. Intervals by block of
pathology and, for made-up norm studies, by fold.

{attention_section(outcome)}

## Types

The reference reports AUC {REFERENCE['typing_auc']} and F1 {REFERENCE['typing_f1']} over sixteen types of CT-RATE on its own data: other types, other data.

{typing_table(outcome)}

## A stronger encoder

{encoder_section(outcome)}

## The foundation bundle

Optional, built by `make foundation`, not shipped: beside the shipped patch memory one on the encoder's patches (cut inside its third
stage), beside the shipped head one on its pooled features; rules, bounds, fusion, calibration and operating points fitted anew.

{foundation_section(outcome)}

## The reference method, whole

SimCLR, a ResNet-18 fine-tuned and read in five views, an autoencoder of the frozen encoder, their maximum, Platt: shipped beside the default as
`models/reference`, chosen by `models.bundle`. Everything behind the networks is fitted on held-out scores, as above. With a source left out, nothing saw
it; the scores of the other sources, on which that row's bounds and thresholds are fitted, come from three folds on one encoder that saw their pictures without labels.

{reference_section(outcome, reference)}

## int8

{int8_section(outcome)}

## Studies unlike any training data

How often a check would fire that calls a study undetermined when it is farther from all training slices than every held-out pseudo-study,
norm and pathology alike. Measured, not built into the service.

{unlike_section(outcome)}

## Whole series

Never used to fit or choose anything.

{series_section(readings, outcome)}
"""
    text += "\n" + appended(models, "ABLATIONS.md", "NOTES.md")
    (models / "RESULTS.md").write_text(text, encoding="utf-8")
