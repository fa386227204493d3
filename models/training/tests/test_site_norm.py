"""A site's own norm, on made-up sources whose scanners differ."""

from types import SimpleNamespace

import numpy as np
import pytest

from norma_training import site_norm
from norma_training.assemble import assemble
from norma_training.ensemble import Bounds, NormScores, Studies, logit, norm_scores
from norma_training.frozen_features import FrozenFeatures
from norma_training.linear_head import sigmoid
from norma_training.patch_memory import LungPatches
from norma_training.prepared import PreparedSet
from norma_training.recipes import PatchMemoryRecipe
from norma_training.run import Run
from norma_training.site_norm import bounds_onto, k_center, measure_site_norm, scaled_onto, site_answer, site_norm_scores
from norma_training.steps import memory_scores, score_memory

BLOCKS, SLICES, FOLDS = 30, 3, 5


def test_the_chosen_cover_the_rest_as_in_the_service():
    points = np.array([[0.0, 0.0], [0.1, 0.0], [10.0, 0.0], [10.1, 0.0], [0.0, 7.0], [5.0, 0.1]])
    chosen = k_center(points, 4).tolist()
    assert len(chosen) == 4 and {4, 5} <= set(chosen)
    assert len({0, 1} & set(chosen)) == 1 and len({2, 3} & set(chosen)) == 1
    assert len(k_center(points, 99)) == 6


def test_a_sites_norm_gets_the_base_norms_mean_and_deviation():
    rng = np.random.default_rng(0)
    raw, probability = rng.normal(3.0, 0.4, 50), sigmoid(rng.normal(2.0, 0.5, 50))
    base, bounds = NormScores(0.22, 0.1275), Bounds(0.05, 0.9)
    found = bounds_onto(base, bounds, site_norm_scores(raw))
    normalised = (raw - found.low) / (found.high - found.low)
    assert normalised.mean() == pytest.approx(0.2) and normalised.std(ddof=1) == pytest.approx(0.15)
    logits = logit(scaled_onto(NormScores(-1.0, 0.8), site_norm_scores(logit(probability)), probability))
    assert logits.mean() == pytest.approx(-1.0) and logits.std(ddof=1) == pytest.approx(0.8)


def test_each_source_weighs_the_same_in_the_base_norm():
    studies = Studies(np.arange(6), np.array(["a", "a", "a", "a", "b", "b"]), np.array([0, 0, 0, 1, 0, 1]))
    found = norm_scores(np.array([1.0, 1.0, 1.0, 99.0, 3.0, 99.0]), studies)
    assert found.mean == pytest.approx(2.0) and found.standard_deviation == pytest.approx(1.0)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Three sources; the classifier scores everything of `odd` two logits higher, and its lungs have other features."""
    rng = np.random.default_rng(1)
    rows = [(s, t, f"{s}-{t}-{b}") for s in ("one", "two", "odd") for t in (0, 1) for b in range(BLOCKS) for _ in range(SLICES)]
    source, truth, block = (np.array(column) for column in zip(*rows))
    count = len(rows)
    empty, names = np.full(count, ""), np.array([f"{i}" for i in range(count)])
    tiny = np.ones((count, 14, 14), dtype=np.uint8)
    data = PreparedSet(tiny, tiny, names, source, np.where(truth == 1, "pathology", "normal"), empty, block, empty, empty, np.arange(count))
    own = {name: rng.normal(size=8) for name in np.unique(block)}
    patches = np.stack([rng.normal(size=(14, 14, 8)) + 0.3 * own[b] + (s == "odd") for s, b in zip(source, block)])
    patches[truth == 1, 4:8, 4:8] += 3.0
    features = FrozenFeatures(patches.astype(np.float16), np.zeros((count, 1)), np.zeros((count, 1)))
    material = SimpleNamespace(data=data, fold=np.array([int(b.split("-")[2]) % FOLDS for b in block]), patches=LungPatches.of(tiny), features=features)
    run, recipe = Run(tmp_path_factory.mktemp("run"), None), PatchMemoryRecipe(data, features, material.patches, 600)
    scores, inner = memory_scores(material, recipe, score_memory(material, run, recipe))
    head = sigmoid(2.0 * truth - 1 + 2.0 * (source == "odd") + rng.normal(0, 0.7, count))
    scores |= {"head_oof": head, "head_loso": head}
    inner |= {f"head_{s}": np.where(source == s, np.nan, head) for s in ("one", "two", "odd")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site_norm, "SITE_PATCHES", 600)
        distances = measure_site_norm(material, run, recipe)
    return material, assemble(data, scores, inner, 20, methods=("maximum",)), scores, inner, distances


def test_only_norm_of_other_folds_is_learnt_from(measured):
    material, _, _, _, distances = measured
    data = material.data
    for title, wanted in (("10", 10), ("20", 20), ("all", BLOCKS * (FOLDS - 1) // FOLDS)):
        for fold, values in enumerate(distances[f"left_out_odd_{title}"]):
            learnt = np.isfinite(values)
            assert (data.source[learnt] == "odd").all() and (data.is_pathology[learnt] == 0).all()
            assert (material.fold[learnt] != fold).all() and len(np.unique(data.block[learnt])) == wanted
        assert np.array_equal(np.isfinite(distances[f"test_odd_{title}"]), data.source == "odd")


def test_an_odd_scanner_keeps_the_specificity_that_it_is_told(measured):
    material, assembly, scores, inner, distances = measured
    unfitted = next(row for row in assembly.left_out["maximum"] if row.source == "odd")
    assert unfitted.specificity["youden"] < 0.2
    found = site_answer(material, assembly, scores, inner, distances, "odd", "all")
    norm, threshold = found.truth == 0, found.thresholds["youden"]
    specificity = (found.probability[norm] < threshold).mean()
    assert specificity > 0.7 and (found.probability[~norm] >= threshold).mean() > 0.7
    assert abs(1 - specificity - found.told["youden"]) < 0.15
    # The memory alone leaves the classifier's alarm.
    assert (found.memory_alone[norm] < threshold).mean() < 0.2
