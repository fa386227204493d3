"""What is measured and built beside `train` and `evaluate`: the encoder, the foundation bundle, int8, what was tried."""

from __future__ import annotations

import tempfile
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
from .gpu.pack import FILE, cost_of_packing, pack_program, pack_slices, unpack_slices
from .int8_bundle import ship_int8
from .prepared import PreparedSet
from .progress import log
from .recorded_scores import record_scores
from .reference import PACKING, TRAINING, reference_assembly, scores_to_record
from .reference import SERIES as REFERENCE_SERIES
from .reference_bundle import load_networks, packing_note, ship_reference
from .run import Run
from .series import read_series
from .splits import assign_folds, read_split
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


def pack_for_gpu(data: PreparedSet, models: Path, out: Path) -> None:
    """Slices, folds and program into the folder `out`, and what the packing costs."""
    split = models / "splits.csv"
    fold = read_split(split, data) if split.exists() else assign_folds(data)
    pack_slices(data, fold, out / FILE)
    pack_program(Path(__file__).resolve().parents[1], out)
    cost = cost_of_packing(data, unpack_slices(out / FILE)[0])
    log.info("the packed pictures differ by %s grey levels", ", ".join(f"{value:.2f} ({name})" for name, value in cost.items()))


def build_reference(data: PreparedSet, results: list[Path], models: Path, out: Path, budget: Budget, series: tuple[Path, ...] = ()) -> None:
    """The reference bundle in `out` from what GPU runs brought back (the first holds the weights); its held-out scores are
    recorded beside the bundle in `models`."""
    scores, plan = scores_to_record(results, data)
    assembly = reference_assembly(data, scores, budget.resamples)
    ship_reference(data, results[0], scores, assembly, models, out, plan, budget.resamples)
    notes = {TRAINING: plan, REFERENCE_SERIES: series_note([item for folder in series for item in read_series(folder, out)]), PACKING: _packing(data, results[0])}
    record_scores(models, data, scores, notes, instead_of="reference_")


def _packing(data: PreparedSet, results: Path) -> str:
    """The cost of the packing on every twentieth slice."""
    some = data.subset(np.arange(0, len(data), 20))
    with tempfile.TemporaryDirectory() as folder:
        pack_slices(some, np.zeros(len(some), dtype=np.int64), Path(folder) / FILE)
        packed, _ = unpack_slices(Path(folder) / FILE)
    cost = cost_of_packing(some, packed)
    return f"{packing_note(load_networks(results)[0], some.pixels, packed.pixels)}; grey levels differ by {cost['mean']:.1f} on average"


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


def measure_unlabelled(data: PreparedSet, run_folder: Path, models: Path, budget: Budget, whole_series: list[Path]) -> None:
    """Simulates thresholds without labels on each source left out: models/UNLABELLED.md."""
    frozen = score_frozen_features(data, run_folder, budget, shipped_split=models / "splits.csv")
    assembly = assemble(frozen.material.data, frozen.scores, frozen.inner, budget.resamples)
    norms = sum("normal" in path.stem for path in whole_series)
    text = report(sites_of(frozen.material, assembly, frozen.inner), norms, len(whole_series) - norms)
    (models / "UNLABELLED.md").write_text(text, encoding="utf-8")
