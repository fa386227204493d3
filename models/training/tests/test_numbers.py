"""AUC, intervals, calibration, aggregation, parity of exported graphs."""

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from norma_training.expected_distance import LUNG_SHARES, ExpectedDistance, equal_source_weights, fit_expected, smooth_lung_map
from norma_training.aggregation import Aggregation, patch_coverage, slice_scores
from norma_training.autoencoder import Autoencoder, ErrorMap
from norma_training.backbone import random_backbone
from norma_training.bootstrap import auc, auc_by_block
from norma_training.calibration import choose_thresholds, fit_platt, sensitivity_at
from norma_training.ensemble import FUSIONS, fit_ensemble, studies_of
from norma_training.export import export_onnx, halve_weights, largest_difference
from norma_training.linear_head import LinearHead, map_classifier
from norma_training.patch_memory import PatchFeatures, coreset, nearest_distance
from norma_training.quantise import quantise, run_in_batches


def test_auc_equals_scikit_learn_with_ties():
    rng = np.random.default_rng(0)
    truth, score = rng.integers(0, 2, 300), rng.integers(0, 20, 300)
    assert abs(auc(truth, score) - roc_auc_score(truth, score)) < 1e-12
    assert np.isnan(auc(np.ones(3), np.arange(3)))


def test_the_interval_by_block_is_wider_than_by_slice():
    rng = np.random.default_rng(1)
    block = np.repeat(np.arange(30), 10)
    truth = (block % 2).astype(int)
    score = truth + np.repeat(rng.normal(0, 2, 30), 10) + rng.normal(0, 0.1, 300)
    by_block, by_slice = auc_by_block(truth, score, block, 200), auc_by_block(truth, score, np.arange(300), 200)
    assert by_block.low <= by_block.value <= by_block.high
    assert by_block.high - by_block.low > 2 * (by_slice.high - by_slice.low)


def test_thresholds_keep_the_promised_sensitivity():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 400)
    probability = fit_platt(truth + rng.normal(0, 1, 400), truth)(truth + rng.normal(0, 1, 400))
    found = choose_thresholds(probability, truth)
    assert sensitivity_at(truth, probability, found["sensitivity_95"]) >= 0.95
    assert found["sensitivity_99"] <= found["sensitivity_95"]


def test_an_ensemble_rises_with_each_of_its_scores():
    rng = np.random.default_rng(3)
    names = np.array([f"b{i}" for i in range(80)])
    truth = np.arange(80) % 2
    studies = studies_of(names, np.array(["s"] * 80), truth)
    order = np.argsort(names)
    anomaly, classifier = truth + rng.normal(0, 0.5, 80), np.clip(truth * 0.5 + rng.random(80) * 0.5, 0, 1)
    for method in FUSIONS:
        fitted = fit_ensemble(anomaly[order][:, None], classifier[order], studies, method)
        assert fitted.platt.coefficient > 0
        low, high = fitted.probability(np.array([[-1.0], [3.0]]), np.array([0.1, 0.9]))
        assert low < high


def test_a_share_of_the_slices_is_kept_for_short_studies():
    assert Aggregation("top_k_mean", 32).for_count(10) == Aggregation("top_k_mean", 5)
    assert Aggregation("top_k_mean", 5).for_count(10).k == 1
    assert Aggregation("top_k_mean", 2)(np.array([1.0, 5.0, 3.0])) == 4.0


def test_slices_are_scored_inside_the_lungs():
    mask = np.zeros((2, 28, 28), np.uint8)
    mask[0, :14] = 1
    maps = np.arange(2 * 4 * 4, dtype=float).reshape(2, 4, 4)
    found = slice_scores(maps, patch_coverage(mask, 4), Aggregation("mean"))
    assert found[0] == maps[0, :2].mean() and np.isnan(found[1])


def test_the_coreset_covers_what_random_choice_misses():
    rng = np.random.default_rng(4)
    points = np.concatenate([rng.normal(0, 0.1, (500, 8)), rng.normal(9, 0.1, (2, 8))]).astype(np.float32)
    assert (coreset(points, 10) >= 500).any()
    assert nearest_distance(points[:3], points, 1).max() < 1e-2


def test_graphs_give_what_pytorch_gives(tmp_path):
    torch.manual_seed(0)
    head = LinearHead(np.random.default_rng(0).normal(size=1280).astype(np.float32) / 36, 0.3)
    cases = {
        "classifier": (map_classifier(random_backbone(), head), 224, ["logit", "activation_map"]),
        "features": (PatchFeatures(random_backbone(), (4, 10)), 224, ["features"]),
        "error": (ErrorMap(Autoencoder()).eval(), 112, ["error_map"]),
    }
    for name, (network, size, outputs) in cases.items():
        images = torch.randn(3, 1, size, size)
        path = export_onnx(network, size, outputs, tmp_path / f"{name}.onnx")
        assert largest_difference(network, path, images) < 1e-4
        half = halve_weights(path, tmp_path / f"{name}.half.onnx")
        assert largest_difference(network, half, images) < 0.02
        assert half.stat().st_size < 0.65 * path.stat().st_size


def test_the_activation_map_is_the_logit():
    head = LinearHead(np.random.default_rng(1).normal(size=1280).astype(np.float32), -0.7)
    with torch.inference_mode():
        logit, activation = map_classifier(random_backbone(), head)(torch.randn(2, 1, 224, 224))
    torch.testing.assert_close(activation.mean((1, 2)) - 0.7, logit, rtol=1e-4, atol=1e-4)


def test_int8_stays_near_float32(tmp_path):
    network = ErrorMap(Autoencoder()).eval()
    images = torch.rand(8, 1, 112, 112)
    path = export_onnx(network, 112, ["error_map"], tmp_path / "a.onnx")
    int8 = quantise(path, tmp_path / "b.onnx", images.numpy(), batch=4)
    a, b = run_in_batches(path, images.numpy())[0], run_in_batches(int8, images.numpy())[0]
    assert int8.stat().st_size < 0.6 * path.stat().st_size
    assert np.abs(a - b).mean() < 0.1 * np.abs(a).mean() + 0.02


def test_what_is_usual_at_a_place_is_not_unusual_there():
    rng = np.random.default_rng(0)
    y, x, share = rng.integers(0, 14, 40000), rng.integers(0, 14, 40000), rng.uniform(0.05, 0.4, 40000)
    usual = 0.8 + 0.2 * (y < 3) + 0.3 * (share < 0.12)
    distance = usual + rng.normal(0, 0.05, 40000)
    expected = fit_expected(share, y, x, distance)
    relative = expected.relative(share, y, x, distance)
    assert abs(relative.mean()) < 0.05 and abs(relative[y < 2].mean()) < 0.3
    assert expected.relative(np.array([0.3]), np.array([8]), np.array([8]), np.array([1.1]))[0] > 3
    again = ExpectedDistance.of_stored(expected.stored(), len(LUNG_SHARES), 14, 14)
    np.testing.assert_allclose(again.relative(share, y, x, distance), relative)


def test_a_map_shows_regions_and_no_dome_of_the_diaphragm():
    values, coverage = np.zeros((32, 8, 8)), np.ones((32, 8, 8))
    coverage[10, 2, 2], values[11:13, 2, 2] = 0.0, 9.0
    values[20:24, 4:6, 4:6], values[28, 6, 1] = 3.0, 4.0
    found = smooth_lung_map(values, coverage)
    assert found[10:13, 2, 2].max() == 0
    assert np.unravel_index(found.argmax(), found.shape)[0] in (21, 22) and found[28, 6, 1] < 1


def test_equal_weights_of_sources():
    weight = equal_source_weights(np.array(["a", "a", "a", "b"]))
    np.testing.assert_allclose(weight, [2 / 3, 2 / 3, 2 / 3, 2])
