"""What was tried and not taken, with intervals: `models/training/run ablations` writes models/ABLATIONS.md.

Needs the run's frozen features and distances; computes one more pass of the backbone, for features inside the lungs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import recipes
from .aggregation import Aggregation
from .backbone import EfficientNetLite0, to_tensor
from .bootstrap import auc_by_block
from .budget import Budget
from .classifier import class_weights
from .ensemble import aggregated, studies_of
from .export import export_onnx, open_session
from .frozen_features import FrozenFeatures
from .linear_head import fit_classifier_head, fit_head
from .markdown import table
from .memory_variants import memory_variants
from .pathology_types import labels_of, typing_targets
from .prepared import PreparedSet
from .progress import log, progress
from .run import Run
from .steps import Material, memory_recipe, score_memory, two_class_sources

FILE = "ABLATIONS.md"
#: Blocks whose channels are pooled inside the lungs; the head's 1,280 channels come on top.
LUNG_BLOCKS = (2, 4, 10, 14)
RIDGES = (1e-2, 1e-3, 1e-4)


class _LungPooled(torch.nn.Module):
    """Image and lung coverage `(batch, 1, 56, 56)` → mean and deviation over the lungs of several blocks."""

    def __init__(self, backbone: EfficientNetLite0) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        image, mask = both[:, :1], both[:, 1:]
        outputs = self.backbone.features(image, len(self.backbone._blocks))
        parts = []
        for x in (*(outputs[block] for block in LUNG_BLOCKS), outputs[-1]):
            weight = F.avg_pool2d(mask, image.shape[-1] // int(x.shape[-1]))
            total = weight.sum((2, 3)).clamp_min(1e-3)
            mean = (x * weight).sum((2, 3)) / total
            parts += [mean, ((x * x * weight).sum((2, 3)) / total - mean**2).clamp_min(0).add(1e-6).sqrt()]
        return torch.cat(parts, 1)


def lung_features(material: Material, run: Run, batch: int = 16) -> np.ndarray:
    """`(n, c)`: features pooled inside the lungs only."""
    def compute() -> dict[str, np.ndarray]:
        data = material.data
        session = open_session(export_onnx(_LungPooled(material.backbone), 224, ["pooled"], run.folder / "lung_features.onnx", channels=2))
        parts = []
        for start in progress(range(0, len(data), batch), "features inside the lungs"):
            images = to_tensor(data.pixels[start : start + batch]).numpy()
            masks = np.array(data.lung_mask[start : start + batch], dtype=np.float32)[:, None]
            parts.append(session.run(None, {"image": np.concatenate([images, masks], 1)})[0].astype(np.float32))
        return {"features": np.concatenate(parts)}

    return run.arrays("lung_features", compute)["features"]


def lung_grey_levels(pixels: np.ndarray, lung_mask: np.ndarray) -> np.ndarray:
    """`(n, 15)`: what a radiologist's numbers say of the lungs: parts below −950, −910 and −850 HU and above −700, −500
    and −300 HU, percentiles, mean, deviation and the lungs' share of the picture."""
    rows = []
    for picture, mask in zip(pixels, lung_mask):
        inside = np.asarray(picture)[np.asarray(mask) > 0].astype(np.float32) * 1200 / 255 - 1000
        if len(inside) == 0:
            rows.append(np.zeros(15))
            continue
        parts = [(inside < level).mean() for level in (-950, -910, -850)] + [(inside > level).mean() for level in (-700, -500, -300)]
        rows.append([*parts, *np.percentile(inside, [5, 15, 50, 85, 95, 99]), inside.mean(), inside.std(), np.asarray(mask).mean()])
    return np.array(rows, dtype=np.float32)


class RidgeRecipe:
    """Weighted ridge regression (closed form) on standardised features: quick enough for many comparisons."""

    def __init__(self, data: PreparedSet, features: np.ndarray, strength: float) -> None:
        self.data, self.features, self.strength = data, features.astype(np.float64), strength

    def fit_score(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        x, truth = self.features[train], self.data.is_pathology[train]
        weight = class_weights(self.data.source[train], truth).astype(np.float64)
        weight /= weight.sum()
        offset = weight @ x
        scale = np.sqrt(weight @ (x - offset) ** 2) + 1e-3
        z, target = (x - offset) / scale, 2.0 * truth - 1
        normal = (z * weight[:, None]).T @ z + self.strength * np.eye(x.shape[1])
        solved = np.linalg.solve(normal, (z * weight[:, None]).T @ (target - weight @ target))
        scored = np.full(len(self.data), np.nan)
        scored[test] = (self.features[test] - offset) / scale @ solved
        return scored


class HeadWithRidge(recipes.HeadRecipe):
    """The shipped head with another strength of the ridge."""

    def __init__(self, data: PreparedSet, features: FrozenFeatures, ridge: float) -> None:
        super().__init__(data, features)
        self.ridge = ridge

    def fit_score(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(train)
        head = fit_classifier_head(self.features.subset(rows), self.data.source[rows], self.data.is_pathology[rows], self.ridge)
        scored = np.full(len(self.data), np.nan)
        scored[test] = head.probability(self.features.subset(np.flatnonzero(test)))
        return scored


def both_ways(material: Material, run: Run, name: str, make) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a recipe with blocks and with sources held out."""
    def compute() -> dict[str, np.ndarray]:
        recipe, data = make(), material.data
        loso = np.full(len(data), np.nan)
        for source in two_class_sources(data):
            rows = data.source == source
            loso[rows] = recipes.source_held_out(recipe, data, source)[rows]
        return {"oof": recipes.out_of_fold(recipe, material.fold), "loso": loso}

    found = run.arrays(f"ablation_{name}", compute)
    return found["oof"], found["loso"]


def own_source_heads(material: Material, run: Run) -> np.ndarray:
    """Held-out probabilities `(n, labels)` of typing heads that learn a type against norm of its own source only."""
    data, fold = material.data, material.fold
    targets, known = typing_targets(data, [key for key, _, _ in labels_of(data)])

    def compute() -> dict[str, np.ndarray]:
        found = np.full(targets.shape, np.nan)
        for label in range(targets.shape[1]):
            own = np.isin(data.source, np.unique(data.source[targets[:, label] == 1])) & (known[:, label] > 0)
            for held_out in np.unique(fold):
                learnt = np.flatnonzero(own & (fold != held_out))
                truth, test = targets[learnt, label].astype(int), np.flatnonzero(fold == held_out)
                if len(np.unique(truth)) < 2:
                    continue
                weight = np.where(truth == 1, 0.5 / max(truth.sum(), 1), 0.5 / max((1 - truth).sum(), 1)) * len(truth)
                found[test, label] = fit_head(material.features.subset(learnt), truth, weight).probability(material.features.subset(test))
        return {"own": found}

    return run.arrays("ablation_own_source_typing", compute)["own"]


def score_table(material: Material, head: str, cases: list[tuple[str, np.ndarray, np.ndarray]], budget: Budget, rule: Aggregation) -> str:
    """Per source: AUC of slices and of blocks, with intervals by block."""
    data, rows = material.data, []
    sources = two_class_sources(data)
    for held, index in (("blocks held out", 1), ("source never trained on", 2)):
        for case in cases:
            cells: list = [f"{case[0]}; {held}"]
            for source in sources:
                own = (data.source == source) & np.isfinite(case[index])
                values, block, truth = case[index][own], data.block[own], data.is_pathology[own]
                studies = studies_of(block, data.source[own], truth)
                cells.append(
                    f"{auc_by_block(truth, values, block, budget.resamples)}; "
                    f"{auc_by_block(studies.truth, aggregated(values, block, rule), studies.name, budget.resamples)}"
                )
            rows.append(cells)
    return table([f"{head}: AUC of slices; of blocks", *sources], rows)


def typing_comparison(material: Material, shipped: np.ndarray, own: np.ndarray, budget: Budget) -> str:
    """AUC of blocks: each type against norm of its own source, and how far its head takes the other sources' pathology
    for it (AUC of their pathology against their norm; 0.5: not at all)."""
    data, rows = material.data, []
    targets, known = typing_targets(data, [key for key, _, _ in labels_of(data)])
    for i, (_, name, _) in enumerate(labels_of(data)):
        home = np.isin(data.source, np.unique(data.source[targets[:, i] == 1]))
        for title, scores in (("as shipped", shipped[:, i]), ("own source only", own[:, i])):
            cells: list = [f"{name}, {title}"]
            for chosen in (home & (known[:, i] > 0), ~home & np.isin(data.source, two_class_sources(data))):
                chosen = chosen & np.isfinite(scores)
                studies = studies_of(data.block[chosen], data.source[chosen], data.is_pathology[chosen])
                values = aggregated(scores[chosen], data.block[chosen], Aggregation("top_k_mean", 10))
                cells.append(auc_by_block(studies.truth, values, studies.name, budget.resamples))
            rows.append(cells)
    return table(["typing heads", "its type against norm of its source", "the other sources' pathology against their norm"], rows)


def run_ablations(material: Material, run: Run, budget: Budget, typing_shipped: np.ndarray, rules: tuple[Aggregation, Aggregation], models: Path) -> None:
    """Writes models/ABLATIONS.md, which `evaluate` takes into RESULTS.md."""
    data, features = material.data, material.features
    memory = memory_variants(material, budget, score_memory(material, run, memory_recipe(material, budget)))
    ridges = [
        (f"C = {ridge:g}{' (shipped)' if ridge == 1e-3 else ''}", *both_ways(material, run, f"ridge_{ridge:g}", lambda ridge=ridge: HeadWithRidge(data, features, ridge)))
        for ridge in RIDGES
    ]
    inside, grey = lung_features(material, run), lung_grey_levels(data.pixels, data.lung_mask)
    pooled = [
        (title, *both_ways(material, run, name, lambda values=values, strength=strength: RidgeRecipe(data, values, strength)))
        for title, name, values, strength in (
            ("pooled over the picture (as shipped, but ridge regression)", "pooled", features.pooled, 4.0),
            ("pooled inside the lungs, weak ridge", "inside_weak", inside, 1.0),
            ("pooled inside the lungs, strong ridge", "inside_strong", inside, 4.0),
            ("15 grey-level figures of the lungs alone", "grey", grey, 0.1),
        )
    ]
    log.info("ablations: intervals")
    text = f"""## What was tried beside it

By `models/training/run ablations`: the same splits, {budget.resamples} resamples by block. *Source never trained on* was looked at when the shipped
variant was chosen, among these few candidates: those figures are that much optimistic.

**Patch memory: other readings of the same distances**

{score_table(material, "patch memory", memory, budget, rules[0])}

**Linear head: strength of its ridge**

{score_table(material, "linear head", ridges, budget, rules[1])}

**Features of the whole picture, or of the lungs only**

{score_table(material, "features", pooled, budget, rules[1])}

**Typing heads that learn from their own source only**

{typing_comparison(material, typing_shipped, own_source_heads(material, run), budget)}
"""
    (models / FILE).write_text(text, encoding="utf-8")
