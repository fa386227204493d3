"""The steps of a training run, in order. Each can be read alone; each is skipped where its result stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import autoencoder, recipes
from .aggregation import Aggregation, patch_coverage, slice_scores
from .backbone import EfficientNetLite0, load_backbone, random_backbone
from .budget import Budget
from .classifier import class_weights, fine_tune, predict_logits
from .frozen_features import FrozenFeatures, frozen_features
from .leak_check import check_no_leak
from .linear_head import LinearHead, fit_head, sigmoid
from .patch_memory import LungPatches
from .pathology_types import labels_of, typing_targets
from .prepared import PreparedSet
from .resnet import MapClassifier
from .run import Run
from .simclr import pretrain
from .splits import assign_folds, read_split, sides, write_split
from .trivial_features import trivial_features

#: From the pixels of an error map to a slice: its worst 2 % or so of a lung of 1,000 pixels on a 56 × 56 grid.
ERROR_WITHIN = Aggregation("top_k_mean", 64)


def tiny_subset(data: PreparedSet, slices: int, seed: int = 0) -> PreparedSet:
    """Whole blocks of every source and label until about `slices` are there."""
    rng = np.random.default_rng(seed)
    strata = sorted({(s, l) for s, l in zip(data.source.tolist(), data.label.tolist())})
    chosen: list[np.ndarray] = []
    for source, label in strata:
        rows = np.flatnonzero((data.source == source) & (data.label == label))
        names = rng.permutation(np.unique(data.block[rows]))
        taken: list[np.ndarray] = []
        for name in names:
            if sum(map(len, taken)) >= slices / len(strata):
                break
            # A block may be a whole volume: a few of its slices do.
            taken.append(rows[data.block[rows] == name][:5])
        chosen += taken
    return data.subset(np.sort(np.concatenate(chosen)))


@dataclass
class Material:
    """What every step reads."""

    data: PreparedSet
    fold: np.ndarray
    side: np.ndarray
    patches: LungPatches
    features: FrozenFeatures
    backbone: EfficientNetLite0


def prepare_material(data: PreparedSet, run: Run, budget: Budget, seed: int = 0, shipped_split: Path | None = None) -> Material:
    """Split (the run's own, else the shipped one, else a new one), leak check, frozen features.

    Raises `LeakError` before anything is learnt from a leaking split.
    """
    split = run.folder / "split.csv"
    known = next((path for path in (split, shipped_split) if path is not None and path.exists()), None)
    fold = read_split(known, data) if known else assign_folds(data, seed)
    check_no_leak(data, fold)
    write_split(split, data, fold)
    backbone = load_backbone() if budget.pretrained else random_backbone()
    features = frozen_features(backbone, data.pixels, run.folder)
    return Material(data, fold, sides(fold), LungPatches.of(data.lung_mask), features, backbone)


def two_class_sources(data: PreparedSet) -> list[str]:
    """Sources with norm and pathology: those on which an AUC can be read."""
    names = np.unique(data.source)
    return [n for n in names if len(np.unique(data.is_pathology[data.source == n])) == 2]


def score_frozen(material: Material, run: Run, budget: Budget) -> dict[str, np.ndarray]:
    """Trivial features and linear head: blocks held out (`…_oof`) and the source held out (`…_loso`)."""
    data, fold = material.data, material.fold
    makers = {
        "trivial": lambda: recipes.TrivialRecipe(data, trivial_features(data.pixels)),
        "head": lambda: recipes.HeadRecipe(data, material.features),
    }
    scores: dict[str, np.ndarray] = {}
    for name, make in makers.items():
        recipe = make()
        scores |= run.arrays(f"scores_{name}_oof", lambda: {f"{name}_oof": recipes.out_of_fold(recipe, fold)})

        def left_out() -> dict[str, np.ndarray]:
            found = np.full(len(data), np.nan)
            for source in two_class_sources(data):
                rows = data.source == source
                found[rows] = recipes.source_held_out(recipe, data, source)[rows]
            return {f"{name}_loso": found}

        scores |= run.arrays(f"scores_{name}_loso", left_out)
    return scores


def score_memory(material: Material, run: Run, recipe: recipes.PatchMemoryRecipe, step: str = "distances") -> dict[str, np.ndarray]:
    """A patch memory's distances, patch by patch: blocks held out (`oof`), the source held out (`loso`), and
    for each source left out the others' held-out distances (`inner_<source>`)."""
    data = material.data

    def compute() -> dict[str, np.ndarray]:
        found = {"oof": recipe.out_of_fold(material.fold, np.ones(len(data), dtype=bool))}
        loso = np.full(len(recipe.patches.slice_index), np.nan, dtype=np.float32)
        for source in two_class_sources(data):
            test = data.source == source
            own = recipe.patches.of_slices(test)
            loso[own] = recipe.fit_distances(~test, test)[own]
            # Three folds are enough to set bounds and weights, and cost less than five.
            found[f"inner_{source}"] = recipe.out_of_fold(material.fold % 3, ~test)
        return found | {"loso": loso}

    return run.arrays(step, compute)


def memory_recipe(material: Material, budget: Budget) -> recipes.PatchMemoryRecipe:
    return recipes.PatchMemoryRecipe(material.data, material.features, material.patches, budget.memory_patches)


def memory_scores(material: Material, recipe: recipes.PatchMemoryRecipe, distances: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Slice scores of the memory: the mean distance (`memory_…`) and that relative to what norm has at the same
    place (`relative_…`); and the inner ones of the plain distances."""
    data = material.data
    everything = np.ones(len(data), dtype=bool)
    scores = {
        "memory_oof": recipe.slice_means(distances["oof"]), "memory_loso": recipe.slice_means(distances["loso"]),
        "relative_oof": recipe.slice_means(recipe.relative_out_of_fold(distances["oof"], material.fold, everything)),
    }
    loso, inner = np.full(len(data), np.nan), {}
    for source in two_class_sources(data):
        test = data.source == source
        others = distances[f"inner_{source}"]
        expected = recipe.expected(others, ~test)
        loso[test] = recipe.slice_means(recipe.relative(expected, distances["loso"], test))[test]
        inner[f"memory_{source}"] = recipe.slice_means(others)
    return scores | {"relative_loso": loso}, inner


def score_inner(material: Material, run: Run, budget: Budget) -> dict[str, np.ndarray]:
    """For each source left out: the classifier's held-out scores of the other sources, from which bounds, fusion
    and thresholds of the leave-one-source-out ensemble come."""
    data = material.data
    head = recipes.HeadRecipe(data, material.features)

    def compute() -> dict[str, np.ndarray]:
        return {
            f"head_{source}": recipes.out_of_fold(head, material.fold % 3, data.source != source) for source in two_class_sources(data)
        }

    return run.arrays("scores_inner", compute)


def score_typing(material: Material, run: Run) -> tuple[dict[str, np.ndarray], list[LinearHead]]:
    """Held-out probabilities `(n, labels)` and the heads fitted on everything."""
    data, fold = material.data, material.fold
    targets, known = typing_targets(data, [key for key, _, _ in labels_of(data)])

    def fit(rows: np.ndarray, label: int) -> LinearHead:
        rows = rows[known[rows, label] > 0]
        truth = targets[rows, label].astype(int)
        return fit_head(material.features.subset(rows), truth, typing_weights(data.source[rows], truth))

    def compute() -> dict[str, np.ndarray]:
        found = np.full(targets.shape, np.nan)
        for held_out in np.unique(fold):
            test = np.flatnonzero(fold == held_out)
            for label in range(targets.shape[1]):
                head = fit(np.flatnonzero(fold != held_out), label)
                found[test, label] = head.probability(material.features.subset(test))
        shipped = [fit(np.arange(len(data)), label) for label in range(targets.shape[1])]
        return {
            "typing_oof": found, "weight": np.stack([h.weight for h in shipped]), "bias": np.array([h.bias for h in shipped]),
        }

    found = run.arrays("scores_typing", compute)
    return found, [LinearHead(w, float(b)) for w, b in zip(found["weight"], found["bias"])]


def typing_weights(source: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Half of the weight on the type; of the other half, half on the same source's slices without it: else the
    model would learn the source, for each type comes from one source."""
    weight = np.zeros(len(truth))
    own = np.isin(source, np.unique(source[truth == 1]))
    for rows, share in ((truth == 1, 0.5), ((truth == 0) & own, 0.25), ((truth == 0) & ~own, 0.25)):
        if rows.any():
            weight[rows] = share / rows.sum()
    return (weight * len(truth) / weight.sum()).astype(np.float32)


def train_resnet(material: Material, run: Run, budget: Budget) -> tuple[MapClassifier, dict[str, np.ndarray]]:
    """SimCLR on the training side, fine-tuning on it, logits of validation and test (NaN for training)."""
    data = material.data
    train = np.flatnonzero(material.side == "train")
    pixels = np.array(data.pixels[train])
    backbone = pretrain(pixels, run.folder, budget.simclr_epochs, budget.simclr_size, batch=2 * budget.batch)
    network = MapClassifier(backbone)
    truth = data.is_pathology[train]
    weight = class_weights(data.source[train], truth)
    network = fine_tune(
        network, pixels, truth, weight, run.folder / "resnet18.pt", budget.classifier_epochs, budget.classifier_size, budget.batch
    )

    def compute() -> dict[str, np.ndarray]:
        found = np.full(len(data), np.nan)
        rows = np.flatnonzero(material.side != "train")
        found[rows] = sigmoid(predict_logits(network, np.array(data.pixels[rows]), budget.classifier_size))
        return {"resnet_held_out": found}

    return network, run.arrays("scores_resnet", compute)


def train_reconstruction(material: Material, run: Run, budget: Budget) -> tuple[autoencoder.Autoencoder, dict[str, np.ndarray]]:
    """The autoencoder on the training side's clean norm; slice scores of all that it did not see."""
    data = material.data
    learnt = (material.side == "train") & data.is_clean_norm
    rows = np.flatnonzero(learnt)
    network = autoencoder.train_autoencoder(
        np.array(data.pixels[rows]), np.array(data.lung_mask[rows]), run.folder, budget.autoencoder_epochs, batch=min(32, budget.batch)
    )

    def compute() -> dict[str, np.ndarray]:
        found = np.full(len(data), np.nan)
        unseen = np.flatnonzero(material.side != "train")
        found[unseen] = reconstruction_scores(network, data.pixels[unseen], data.lung_mask[unseen])
        return {"autoencoder_held_out": found}

    return network, run.arrays("scores_autoencoder", compute)


def reconstruction_scores(network: autoencoder.Autoencoder, pixels: np.ndarray, lung_mask: np.ndarray) -> np.ndarray:
    """The reconstruction error of every slice `(n)`, as the autoencoder's manifest aggregates it."""
    found = np.full(len(pixels), np.nan)
    for start in range(0, len(pixels), 256):
        part = slice(start, start + 256)
        maps = autoencoder.compute_error_maps(network, pixels[part])
        found[part] = slice_scores(maps.astype(np.float32), patch_coverage(np.array(lung_mask[part]), maps.shape[-1]), ERROR_WITHIN)
    return found
