"""The classifier in static int8, with everything behind it fitted anew: head, bounds, calibration, thresholds.

The backbone is quantised; the head stays float32 and is fitted, fold by fold, on the quantised backbone's
features, so it knows their noise. Ranges are set by a few pictures without their labels.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from . import recipes
from .assemble import Assembly, assemble
from .backbone import to_tensor
from .bootstrap import Estimate, auc_by_block, bootstrap
from .budget import Budget
from .calibration import expected_calibration_error, operating_points
from .ensemble import Studies
from .export import export_onnx, open_session
from .frozen_features import FrozenFeatures
from .progress import progress
from .quantise import quantise
from .run import Run
from .steps import Material, two_class_sources

#: Pictures that set the ranges; pictures on which time is taken.
CALIBRATION_SLICES, TIMED_SLICES = 48, 48


class _Maps(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.backbone(image)
        return maps, maps.mean((2, 3))


def quantised_features(material: Material, run: Run, budget: Budget, seed: int = 0) -> dict[str, np.ndarray]:
    """Pooled features of the int8 backbone `(n, 1280)` of slices and mirrors; MiB and milliseconds per slice of
    both graphs, taken alternately in batches of 16 on two threads."""
    folder = run.folder / "int8"

    def compute() -> dict[str, np.ndarray]:
        data = material.data
        chosen = np.sort(np.random.default_rng(seed).choice(len(data), min(CALIBRATION_SLICES, len(data)), replace=False))
        plain = export_onnx(_Maps(material.backbone), 224, ["maps", "pooled"], folder / "float32.onnx")
        small = quantise(plain, folder / "int8.onnx", to_tensor(data.pixels[chosen]).numpy())
        sessions = {"float32": open_session(plain), "int8": open_session(small)}
        found: dict[str, np.ndarray] = {"calibrated_by": chosen}
        spent = dict.fromkeys(sessions, 0.0)
        images = to_tensor(data.pixels[: min(TIMED_SLICES, len(data))]).numpy()
        for start in range(0, len(images), 16):
            for name, session in sessions.items():
                before = time.process_time()
                session.run(["pooled"], {"image": images[start : start + 16]})
                spent[name] += time.process_time() - before
        for name, path in (("float32", plain), ("int8", small)):
            found[f"{name}_mib"] = np.array(path.stat().st_size / 2**20)
            found[f"{name}_cpu_ms"] = np.array(1000 * spent[name] / len(images))
        parts: dict[str, list] = {"pooled": [], "mirrored": []}
        for start in progress(range(0, len(data), 16), "int8 features"):
            images = to_tensor(data.pixels[start : start + 16]).numpy()
            parts["pooled"].append(sessions["int8"].run(["pooled"], {"image": images})[0])
            parts["mirrored"].append(sessions["int8"].run(["pooled"], {"image": np.ascontiguousarray(images[..., ::-1])})[0])
        return found | {name: np.concatenate(values).astype(np.float32) for name, values in parts.items()}

    return run.arrays("int8_features", compute)


def features_of(material: Material, found: dict[str, np.ndarray]) -> FrozenFeatures:
    return FrozenFeatures(material.features.patches, found["pooled"], found["mirrored"])


def measure_int8(material: Material, run: Run, budget: Budget, seed: int = 0) -> dict[str, np.ndarray]:
    """Held-out scores of heads on int8 features (`int8_oof`, `int8_loso`) and what a float32 head says of int8
    features (`float_head_on_int8_oof`: the graph quantised and nothing fitted anew)."""
    found = quantised_features(material, run, budget, seed)
    data, fold = material.data, material.fold

    def compute() -> dict[str, np.ndarray]:
        small = features_of(material, found)
        recipe = recipes.HeadRecipe(data, small)
        loso, swapped = np.full(len(data), np.nan), np.full(len(data), np.nan)
        for source in two_class_sources(data):
            rows = data.source == source
            loso[rows] = recipes.source_held_out(recipe, data, source)[rows]
        for held_out in np.unique(fold):
            learnt, test = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
            head = recipes.fit_classifier_head(material.features.subset(learnt), data.source[learnt], data.is_pathology[learnt])
            swapped[test] = head.probability(small.subset(test))
        return {"int8_oof": recipes.out_of_fold(recipe, fold), "int8_loso": loso, "float_head_on_int8_oof": swapped}

    scores = run.arrays("scores_int8", compute)
    return scores | {key: found[key] for key in ("float32_mib", "int8_mib", "float32_cpu_ms", "int8_cpu_ms", "calibrated_by")}


def int8_assembly(material: Material, scores: dict[str, np.ndarray], int8: dict[str, np.ndarray], fusion: str, resamples: int) -> Assembly:
    """Rules, bounds, calibration and operating points fitted on the int8 classifier's own held-out scores; the
    method of fusion is the shipped bundle's."""
    return assemble(material.data, scores | {"head_oof": int8["int8_oof"], "head_loso": int8["int8_loso"]}, {}, resamples, methods=(fusion,))


def int8_rows(material: Material, scores: dict[str, np.ndarray], int8: dict[str, np.ndarray], shipped: Assembly, resamples: int) -> tuple[list[str], list[list]]:
    """Head and rows of the table: AUC of slices per source, AUC and ECE of the ensemble, sensitivity/specificity."""
    data, sources = material.data, two_class_sources(material.data)
    own = int8_assembly(material, scores, int8, shipped.chosen, resamples)
    # The shipped calibration and thresholds on the int8 graph's scores: what simply swapping the file would do.
    ranked = assemble(data, scores | {"head_oof": int8["float_head_on_int8_oof"]}, {}, 1).held_out
    swapped = replace(shipped, held_out=replace(ranked, anomaly=shipped.held_out.anomaly))
    cases = (
        ("float32, as shipped", scores["head_oof"], shipped), ("int8, nothing else changed", int8["float_head_on_int8_oof"], swapped),
        ("int8, all behind it fitted anew", int8["int8_oof"], own),
    )
    rows = []
    for title, per_slice, assembly in cases:
        cells: list = [title]
        for source in sources:
            chosen = (data.source == source) & np.isfinite(per_slice)
            cells.append(auc_by_block(data.is_pathology[chosen], per_slice[chosen], data.block[chosen], resamples))
        studies, probability = assembly.held_out.studies, assembly.probability
        cells += [auc_by_block(studies.truth, probability, studies.name, resamples), _ece(studies, probability, resamples)]
        for name in ("youden", "sensitivity_95"):
            point = next(p for p in operating_points(probability, studies.truth, studies.name, assembly.ensemble.thresholds, resamples) if p.name == name)
            cells.append(f"{point.sensitivity} / {point.specificity}")
        rows.append(cells)
    head = ["classifier graph, blocks held out", *(f"slices, {s}" for s in sources), "ensemble, pseudo-studies", "its ECE",
            "Youden: sensitivity / specificity", "sensitivity ≥ 0.95: sensitivity / specificity"]
    return head, rows


def _ece(studies: Studies, probability: np.ndarray, resamples: int) -> Estimate:
    return bootstrap(lambda t, p: expected_calibration_error(p, t), studies.truth, probability, groups=studies.name, resamples=resamples)
