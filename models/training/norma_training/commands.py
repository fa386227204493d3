"""What is measured and built beside `train` and `evaluate`: the encoder, the foundation bundle, int8, what was tried."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .ablations import run_ablations
from .aggregation import Aggregation
from .assemble import assemble
from .budget import Budget
from .encoder_comparison import compare_encoder
from .foundation import foundation_assembly, measure_foundation
from .foundation_bundle import cost_of, ship_foundation
from .foundation_features import load_cut_encoder, random_cut_encoder
from .foundation_results import COST, SERIES, series_note
from .int8_bundle import ship_int8
from .prepared import PreparedSet
from .recorded_scores import record_scores
from .run import Run
from .series import read_series
from .steps import prepare_material, score_typing
from .train import compute, open_run, score_frozen_features
from .unlabelled import sites_of
from .unlabelled_results import report


def measure_encoder(data: PreparedSet, run_folder: Path, models: Path, budget: Budget, depth: int, slices: int | None) -> None:
    """Measures the optional chest-CT encoder and records its scores beside the bundle, for `evaluate`."""
    run = open_run(data, run_folder, budget)
    material = prepare_material(data, run, budget, shipped_split=models / "splits.csv")
    scores = compare_encoder(material, run, depth, slices)
    count = int(np.isfinite(scores[f"encoder{depth}_oof"]).sum())
    record_scores(models, data, scores, {key: f"{count} slices" for key in scores}, instead_of=f"encoder{depth}_")


def build_foundation(data: PreparedSet, run_folder: Path, models: Path, out: Path, budget: Budget, series: tuple[Path, ...] = ()) -> None:
    """The optional foundation bundle in `out`; its held-out scores are recorded beside the bundle in `models`."""
    encoder = load_cut_encoder() if budget.pretrained else random_cut_encoder()
    frozen = score_frozen_features(data, run_folder, budget, shipped_split=models / "splits.csv")
    material = frozen.material
    found = measure_foundation(material, frozen.run, budget, encoder)
    assembly = foundation_assembly(material.data, frozen.scores | found.scores, frozen.inner | found.inner, budget.resamples)
    ship_foundation(material, found, encoder, assembly, models, out, budget)
    readings = [item for folder in series for item in read_series(folder, out)]
    notes = {SERIES: series_note(readings), COST: cost_of(out, models, material.data.pixels)}
    record_scores(models, material.data, found.scores | found.inner, notes)


def ablate(data: PreparedSet, run_folder: Path, models: Path, budget: Budget) -> None:
    """Measures what was tried and not taken: models/ABLATIONS.md."""
    run = open_run(data, run_folder, budget)
    material = prepare_material(data, run, budget, shipped_split=models / "splits.csv")
    rules = (Aggregation("top_k_mean", 64), Aggregation("top_k_mean", 32))
    run_ablations(material, run, budget, score_typing(material, run)[0]["typing_oof"], rules, models)


def write_int8_bundle(data: PreparedSet, run_folder: Path, models: Path, out: Path, budget: Budget) -> None:
    """The shipped bundle with the classifier in int8 and what is fitted behind it fitted on its own scores."""
    outcome = compute(data, run_folder, budget, networks=False, shipped_split=models / "splits.csv")
    ship_int8(outcome.material, Run(run_folder, None), outcome.scores, outcome.int8, outcome.assembly.chosen, models, out, budget.resamples)


def measure_unlabelled(data: PreparedSet, run_folder: Path, models: Path, budget: Budget) -> None:
    """Simulates thresholds without labels on each source left out: models/UNLABELLED.md."""
    frozen = score_frozen_features(data, run_folder, budget, shipped_split=models / "splits.csv")
    assembly = assemble(frozen.material.data, frozen.scores, frozen.inner, budget.resamples)
    text = report(sites_of(frozen.material, assembly, frozen.inner))
    (models / "UNLABELLED.md").write_text(text, encoding="utf-8")
