"""A whole run: from prepared slices to a bundle with its cards."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .aggregation import Aggregation, patch_coverage, slice_scores
from .assemble import RULES, Assembly, assemble
from .attention_pooling import compare_attention
from .autoencoder import Autoencoder
from .backbone import to_tensor
from .bootstrap import Estimate, auc_by_block
from .budget import Budget
from .cards import write_cards
from .ensemble import Bounds, aggregated, fit_bounds, studies_of
from .expected_distance import ExpectedDistance
from .int8 import measure_int8
from .left_out_networks import left_out_sources, score_left_out
from .linear_head import LinearHead
from .pathology_types import labels_of, typing_targets
from .prepared import PreparedSet
from .progress import log
from .recorded_scores import read_notes, read_scores, record_scores
from .results import write_results
from .recipes import PatchMemoryRecipe
from .run import Run
from .series import read_series
from .served import ServedModel
from .ship import (
    auc_of_assembly, figure, ship_autoencoder, ship_bundle, ship_classifier, ship_patch_memory, ship_typing, typing_thresholds,
)
from .shared_network import share_network
from .site_norm import measure_site_norm
from .splits import write_blocks
from .steps import (
    ERROR_WITHIN, Material, memory_recipe, memory_scores, prepare_material, score_frozen, score_inner, score_memory, score_typing, tiny_subset,
    train_reconstruction, train_resnet, two_class_sources,
)
from .unlike_training import measure_unlike, medians_of_series

#: Phantoms are read beside the whole series to see how unlike training they are; they are no result.
PHANTOM = "phantom"

#: Study's probability of a type: the mean of its most suspicious slices.
TYPING_RULE = Aggregation("top_k_mean", 10)


@dataclass
class Outcome:
    """Everything that the cards and the results tell of."""

    material: Material
    budget: Budget
    scores: dict[str, np.ndarray]
    assembly: Assembly
    expected: ExpectedDistance
    typing_heads: list[LinearHead]
    typing_thresholds: list[float]
    autoencoder: Autoencoder | None
    autoencoder_bounds: Bounds | None
    int8: dict[str, np.ndarray]
    inner: dict[str, np.ndarray]
    attention: dict[str, np.ndarray]
    unlike: dict[str, np.ndarray]
    site_norm: dict[str, np.ndarray]
    #: How the scores of networks and encoders that are not shipped were made.
    notes: dict[str, str] = field(default_factory=dict)
    #: Whole studies' distances from all training data: name → (features, memory).
    unlike_others: dict[str, tuple[float, float]] = field(default_factory=dict)

    def auc_of(self, key: str, source: str | None = None, rows: np.ndarray | None = None) -> Estimate:
        """AUC of slices: norm (and weak norm) against pathology, interval by block."""
        data = self.material.data
        chosen = np.ones(len(data), dtype=bool) if source is None else data.source == source
        if rows is not None:
            chosen = chosen & rows
        return auc_by_block(data.is_pathology[chosen], self.scores[key][chosen], data.block[chosen], self.budget.resamples)

    def block_auc_of(self, key: str, source: str | None, rule: Aggregation) -> Estimate:
        """AUC of pseudo-studies (blocks)."""
        data = self.material.data
        chosen = np.isfinite(self.scores[key])
        if source is not None:
            chosen &= data.source == source
        studies = studies_of(data.block[chosen], data.source[chosen], data.is_pathology[chosen])
        values = aggregated(self.scores[key][chosen], data.block[chosen], rule)
        return auc_by_block(studies.truth, values, studies.name, self.budget.resamples)


@dataclass
class FrozenScores:
    """Held-out scores of what stands on frozen features: `…_oof`, `…_loso`, and `…_<source>` in `inner`."""

    run: Run
    material: Material
    scores: dict[str, np.ndarray]
    inner: dict[str, np.ndarray]
    memory: PatchMemoryRecipe
    expected: ExpectedDistance


def score_frozen_features(data: PreparedSet, run_folder: Path, budget: Budget, seed: int = 0, shipped_split: Path | None = None) -> FrozenScores:
    """The first half of every run: split, features, trivial features, memory and head."""
    for what, count in sorted(data.left_out.items()):
        log.info("left out by the preparation: %d × %s", count, what)
    if budget.slices is not None:
        data = tiny_subset(data, budget.slices, seed)
    run = open_run(data, run_folder, budget, seed)
    material = prepare_material(data, run, budget, seed, shipped_split)
    scores = score_frozen(material, run, budget)
    memory = memory_recipe(material, budget)
    distances = score_memory(material, run, memory)
    found, inner = memory_scores(material, memory, distances)
    scores |= found
    inner |= score_inner(material, run, budget)
    return FrozenScores(run, material, scores, inner, memory, memory.expected(distances["oof"], np.ones(len(data), dtype=bool)))


def compute(data: PreparedSet, run_folder: Path, budget: Budget, networks: bool = True, seed: int = 0, shipped_split: Path | None = None) -> Outcome:
    """Every step, or what stands of it already."""
    frozen = score_frozen_features(data, run_folder, budget, seed, shipped_split)
    run, material, scores, inner = frozen.run, frozen.material, frozen.scores, frozen.inner
    data = material.data
    typing, heads = score_typing(material, run)
    scores["typing_oof"] = typing["typing_oof"]
    network, bounds = None, None
    if networks:
        _, found = train_resnet(material, run, budget)
        scores |= found
        network, found = train_reconstruction(material, run, budget)
        scores |= found
        bounds = _error_bounds(data, scores["autoencoder_held_out"])
        scores |= score_left_out(material, run, budget)
    assembly = assemble(data, scores, inner, budget.resamples)
    thresholds = _typing_thresholds(data, scores["typing_oof"])
    return Outcome(
        material, budget, scores, assembly, frozen.expected, heads, thresholds, network, bounds, measure_int8(material, run, budget, seed), inner,
        compare_attention(material, scores, RULES, run, budget), measure_unlike(material, run), measure_site_norm(material, run, frozen.memory),
    )


def _error_bounds(data: PreparedSet, scores: np.ndarray) -> Bounds:
    usable = np.isfinite(scores)
    studies = studies_of(data.block[usable], data.source[usable], data.is_pathology[usable])
    return fit_bounds(aggregated(scores[usable], data.block[usable], Aggregation("top_k_mean", 16)), studies.truth)


def _typing_thresholds(data: PreparedSet, scores: np.ndarray) -> list[float]:
    targets, known = typing_targets(data, [key for key, _, _ in labels_of(data)])
    found = []
    for label in range(targets.shape[1]):
        usable = np.isfinite(scores[:, label]) & (known[:, label] > 0)
        studies = studies_of(data.block[usable], data.source[usable], targets[usable, label].astype(int))
        values = aggregated(scores[usable, label], data.block[usable], TYPING_RULE)
        found.append(typing_thresholds(values, studies.truth))
    return found


def ship(outcome: Outcome, models: Path) -> None:
    """Writes the bundle's models, `bundle.yaml` and the split."""
    material, assembly = outcome.material, outcome.assembly
    data = material.data
    sources = two_class_sources(data)

    def figures(name: str) -> list:
        held = [figure(f"slice AUC, {s}, blocks held out", outcome.auc_of(f"{name}_oof", s)) for s in sources]
        left = [figure(f"slice AUC, {s}, source never trained on", outcome.auc_of(f"{name}_loso", s)) for s in sources]
        return held + left

    models.mkdir(parents=True, exist_ok=True)
    write_blocks(models / "splits.csv", data, material.fold)
    ship_patch_memory(material, outcome.budget, models, assembly, outcome.expected, figures("memory"))
    ship_classifier(material, models, assembly, figures("head"))
    ship_typing(material, models, outcome.typing_heads, outcome.typing_thresholds, TYPING_RULE.as_manifest(), [])
    share_network(models, ["patch-memory", "classifier", "typing"], to_tensor(data.pixels[:4]).numpy())
    anomaly, combination = ["patch-memory"], {"method": "maximum"}
    if outcome.autoencoder is not None:
        held = [figure(f"slice AUC, {s}, blocks held out", outcome.auc_of("autoencoder_held_out", s)) for s in sources]
        ship_autoencoder(
            outcome.autoencoder, material, models, Aggregation("top_k_mean", 16).as_manifest(), outcome.autoencoder_bounds, held
        )
        # Measured far weaker than the memory (RESULTS.md): it is computed and shown, and does not decide.
        anomaly, combination = ["patch-memory", "autoencoder"], {"method": "weighted_mean", "weights": [1.0, 0.0]}
    note = {
        "operating_points_measured_on": f"{len(assembly.held_out.studies)} pseudo-studies (blocks of slices) that the fitted models did not see; intervals: bootstrap by block",
        "auc": auc_of_assembly(assembly, outcome.budget.resamples).as_manifest(),
        "intended_use": "research only, no medical device",
    }
    ship_bundle(models, assembly, anomaly, combination, "norma-quick" if outcome.budget.name == "quick" else "norma-first", note)


def network_notes(budget: Budget) -> dict[str, str]:
    """How this budget trains the networks, for the tables' footnotes."""
    return {
        "resnet_held_out": f"{budget.simclr_epochs} SimCLR epochs at {budget.simclr_size} px, {budget.classifier_epochs} of fine-tuning at {budget.classifier_size} px",
        "resnet_loso": f"{budget.left_out_simclr_epochs} SimCLR epochs at {budget.simclr_size} px, {budget.left_out_classifier_epochs} of fine-tuning at {budget.left_out_classifier_size} px",
        "autoencoder_loso": f"{budget.left_out_autoencoder_epochs} epochs",
    }


def train(data: PreparedSet, run: Path, models: Path, budget: Budget, series: tuple[Path, ...] = (), networks: bool = True) -> Outcome:
    """Trains what is missing, then writes the bundle, its cards and the results."""
    outcome = compute(data, run, budget, networks)
    ship(outcome, models)
    record_scores(models, outcome.material.data, outcome.scores, network_notes(budget))
    _tell(outcome, run, models, series)
    return outcome


def evaluate(data: PreparedSet, run: Path, models: Path, budget: Budget, series: tuple[Path, ...] = (), networks: bool = True) -> Outcome:
    """Results and cards again; the shipped weights stay untouched.

    Works without the run's folder too: the shipped split is taken, the frozen-feature recipes are fitted again
    fold by fold, and the rows of networks come from the scores recorded beside the bundle.
    """
    outcome = compute(data, run, budget, networks=False, shipped_split=models / "splits.csv")
    if networks:
        found = standing_scores(data, run, budget)
        outcome.scores |= found
        record_scores(models, data, found, network_notes(budget))
    if (models / "autoencoder").exists():
        outcome.scores["autoencoder_held_out"] = score_shipped_autoencoder(outcome.material, models)
    _tell(outcome, run, models, series)
    return outcome


def score_shipped_autoencoder(material: Material, models: Path) -> np.ndarray:
    """Reconstruction errors by the shipped graph, of the slices that it did not learn from."""
    data, model = material.data, ServedModel(models / "autoencoder")
    found = np.full(len(data), np.nan)
    unseen = np.flatnonzero(material.side != "train")
    maps = model.run(data.pixels[unseen])[0]
    found[unseen] = slice_scores(maps, patch_coverage(np.array(data.lung_mask[unseen]), maps.shape[-1]), ERROR_WITHIN)
    return found


def standing_scores(data: PreparedSet, run: Path, budget: Budget) -> dict[str, np.ndarray]:
    """Held-out scores of the networks that this run has trained so far: `evaluate` never trains one itself."""
    main = run / "scores_resnet.npz"
    found: dict[str, np.ndarray] = dict(np.load(main)) if main.exists() else {}
    for kind, source in itertools.product(("resnet", "autoencoder"), left_out_sources(data, budget)):
        path = run / f"scores_{kind}_without_{source}.npz"
        if path.exists():
            found.setdefault(f"{kind}_loso", np.full(len(data), np.nan))[data.source == source] = np.load(path)["score"]
    return found


def open_run(data: PreparedSet, folder: Path, budget: Budget, seed: int = 0) -> Run:
    return Run(folder, {"budget": budget.name, "slices": len(data), "seed": seed})


def _tell(outcome: Outcome, run: Path, models: Path, series: tuple[Path, ...]) -> None:
    data = outcome.material.data
    for key, values in read_scores(models, data).items():
        outcome.scores.setdefault(key, values)
    outcome.notes = read_notes(models)
    readings = [item for folder in series for item in read_series(folder, models)]
    outcome.unlike_others = medians_of_series(outcome.material, readings, Run(run, None))
    write_results(outcome, models, [item for item in readings if not item.name.startswith(PHANTOM)])
    write_cards(outcome, models)
    log.info("bundle and results in %s", models)
