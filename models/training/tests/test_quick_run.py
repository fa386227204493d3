"""Every step on a tiny synthetic set, to a bundle whose files fit together."""

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from conftest import WORKSPACE
from norma_training import ablations
from norma_training.ablations import run_ablations
from norma_training.aggregation import Aggregation
from norma_training.backbone import to_tensor
from norma_training.budget import QUICK
from norma_training.commands import build_foundation
from norma_training.foundation_bundle import PairedClassifier
from norma_training.foundation_features import random_cut_encoder
from norma_training.int8_bundle import ship_int8
from norma_training.linear_head import LinearHead
from norma_training.prepared import load_prepared
from norma_training.recorded_scores import read_scores
from norma_training.run import Run
from norma_training.served import ServedBundle
from norma_training.shared_network import graph_of, graph_path
from norma_training.train import evaluate, train


@pytest.fixture(scope="module")
def trained(prepared_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data = load_prepared(prepared_folder)
    outcome = train(data, folder / "run", folder / "models", QUICK)
    return data, outcome, folder


def test_the_bundle_names_models_whose_hashes_fit(trained):
    _, _, folder = trained
    bundle = yaml.safe_load((folder / "models" / "bundle.yaml").read_text())
    assert bundle["schema"] == "norma.bundle/v1"
    names = [*bundle["models"]["anomaly"], bundle["models"]["classifier"], bundle["models"]["typing"]]
    assert names == ["patch-memory", "autoencoder", "classifier", "typing"]
    for name in names:
        model = folder / "models" / name
        manifest = yaml.safe_load((model / "manifest.yaml").read_text())
        assert manifest["name"] == name
        assert manifest["sha256"] == hashlib.sha256(graph_path(model, manifest).read_bytes()).hexdigest()
        assert (model / "README.md").read_text().startswith("# ")
    assert bundle["default_operating_point"] in [point["name"] for point in bundle["operating_points"]]
    assert bundle["calibration"]["coefficient"] > 0
    assert all(0 < point["threshold"] <= 1 for point in bundle["operating_points"])


def test_what_models_have_in_common_is_shipped_once(trained):
    _, _, folder = trained
    graphs = {name: graph_of(folder / "models" / name) for name in ("patch-memory", "classifier", "typing", "autoencoder")}
    network = folder / "models" / "network" / "model.onnx"
    assert graphs == dict.fromkeys(("patch-memory", "classifier", "typing"), network) | {"autoencoder": folder / "models" / "autoencoder" / "model.onnx"}
    assert not (folder / "models" / "classifier" / "model.onnx").exists()


def test_the_program_accepts_the_bundle(trained, norma):
    assert "bundle norma-quick " in accept(trained[2] / "models", norma)


def accept(models: Path, norma: Path) -> str:
    """What `norma models check` prints of a bundle."""
    library = WORKSPACE / ".norma" / "onnxruntime" / "libonnxruntime.so"
    if not library.exists() and not os.environ.get("CI"):
        pytest.skip("ONNX Runtime is not installed")
    settings = {"NORMA__MODELS__BUNDLE": str(models / "bundle.yaml"), "NORMA__MODELS__ONNXRUNTIME": str(library)}
    checked = subprocess.run([str(norma), "models", "check"], env=os.environ | settings, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    return checked.stdout


def test_the_bundle_reads_a_study(trained, prepared_folder):
    data, _, folder = trained
    reading = ServedBundle(folder / "models").read(np.array(data.pixels[:6]), np.array(data.lung_mask[:6]))
    assert 0 <= reading.probability <= 1
    assert reading.anomaly_map.shape == (6, 14, 14) and reading.activation_map.shape == (6, 7, 7)
    assert set(reading.types) == {"emphysema", "lung_nodule"}


def test_no_slice_was_scored_by_a_model_that_knew_its_source(trained):
    data, outcome, _ = trained
    assert np.isfinite(outcome.scores["memory_loso"]).sum() == (outcome.material.data.source != "gamma").sum()
    assert data.left_out == {"gamma: no_lungs": 1}


def test_a_second_run_computes_nothing_again(trained, prepared_folder, monkeypatch):
    _, outcome, folder = trained
    from norma_training import recipes, simclr

    def refuse(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(recipes, "out_of_fold", refuse)
    monkeypatch.setattr(simclr.SupConLoss, "forward", refuse)
    again = train(load_prepared(prepared_folder), folder / "run", folder / "models2", QUICK)
    np.testing.assert_array_equal(again.scores["head_oof"], outcome.scores["head_oof"])


def test_results_state_the_baseline_and_intervals(trained):
    _, _, folder = trained
    text = (folder / "models" / "RESULTS.md").read_text()
    assert "trivial features" in text and "source never trained on" in text and "0.7782" in text
    assert {p.name for p in (folder / "models" / "figures").iterdir()} == {"roc.png", "calibration.png", "histograms.png"}
    assert Path(folder / "models" / "splits.csv").exists()
    assert "Attention pooling" in text and "beyond all training slices" in text and "int8, all behind it fitted anew" in text


def test_results_name_networks_that_were_recorded_and_not_trained_again(trained, prepared_folder, tmp_path):
    _, outcome, folder = trained
    found = read_scores(folder / "models", outcome.material.data)
    np.testing.assert_allclose(found["resnet_loso"], outcome.scores["resnet_loso"], rtol=1e-6)
    assert np.isfinite(found["resnet_loso"]).sum() == (outcome.material.data.source == "alpha").sum()
    turned = outcome.material.data.subset(np.arange(len(outcome.material.data))[::-1])
    np.testing.assert_array_equal(read_scores(folder / "models", turned)["resnet_loso"], found["resnet_loso"][::-1])
    assert "ResNet-18, source left out: 1 SimCLR epochs at 64 px, 1 of fine-tuning at 64 px" in (folder / "models" / "RESULTS.md").read_text()


def test_the_int8_bundle_holds_its_own_classifier_and_thresholds(trained, tmp_path):
    _, outcome, folder = trained
    ship_int8(outcome.material, Run(folder / "run", None), outcome.scores, outcome.int8, outcome.assembly.chosen, folder / "models", tmp_path / "int8", 20)
    shipped, small = (graph_of(path / "classifier") for path in (folder / "models", tmp_path / "int8"))
    assert small.stat().st_size < 0.7 * shipped.stat().st_size
    manifest = yaml.safe_load((tmp_path / "int8" / "classifier" / "manifest.yaml").read_text())
    assert manifest["sha256"] == hashlib.sha256(small.read_bytes()).hexdigest()
    bundle = yaml.safe_load((tmp_path / "int8" / "bundle.yaml").read_text())
    assert bundle["version"] != yaml.safe_load((folder / "models" / "bundle.yaml").read_text())["version"]
    assert bundle["name"] == "norma-quick-int8" and len(bundle["operating_points"]) == 4


def test_the_foundation_bundle_reads_a_study_and_stands_in_the_results(trained, prepared_folder, norma, tmp_path):
    data, outcome, folder = trained
    out = tmp_path / "foundation"
    build_foundation(load_prepared(prepared_folder), folder / "run", folder / "models", out, QUICK)
    bundle = yaml.safe_load((out / "bundle.yaml").read_text())
    assert bundle["name"] == "norma-quick-foundation"
    assert bundle["models"]["anomaly"] == ["patch-memory", "foundation-memory", "autoencoder"]
    assert bundle["anomaly_combination"] == {"method": "weighted_mean", "weights": [0.5, 0.5, 0.0]}
    pixels, mask = np.array(data.pixels[:6]), np.array(data.lung_mask[:6])
    reading = ServedBundle(out).read(pixels, mask)
    assert 0 <= reading.probability <= 1 and reading.activation_map.shape == (6, 14, 14)
    accept(out, norma)
    for name in ("foundation-memory", "classifier"):
        assert "not committed" in (out / name / "README.md").read_text()
    # What was recorded of it gives its tables without its weights.
    evaluate(load_prepared(prepared_folder), folder / "run", folder / "models", QUICK)
    text = (folder / "models" / "RESULTS.md").read_text()
    assert "| foundation ensemble (" in text and "difference, source never trained on" in text and "ms of processor time per slice" in text


def test_the_joined_logit_is_the_mean_of_both_heads(trained):
    _, outcome, _ = trained
    material, encoder = outcome.material, random_cut_encoder()
    pixels = np.array(material.data.pixels[:3])
    rng = np.random.default_rng(5)
    heads = [LinearHead(rng.normal(0, 0.02, width).astype(np.float32), bias) for width, bias in ((1280, 0.3), (1024, -0.7))]
    with torch.inference_mode():
        logit, activation = PairedClassifier(material.backbone, encoder, heads).eval()(to_tensor(pixels, 0.0, 1.0))
        chest = encoder(to_tensor(pixels, 0.0, 1.0)).mean((2, 3)).numpy()
        shipped = material.backbone(to_tensor(pixels)).mean((2, 3)).numpy()
    expected = (heads[0].logits(shipped) + heads[1].logits(chest)) / 2
    np.testing.assert_allclose(logit.numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(activation.mean((1, 2)).numpy() - 0.2, expected, atol=1e-4)


def test_the_cut_encoder_keeps_the_picture_upright():
    encoder = random_cut_encoder()
    images = torch.zeros(1, 1, 224, 224)
    with torch.inference_mode():
        empty = encoder(images)
        images[0, 0, 20:40, 180:200] = 1.0
        changed = (encoder(images) - empty).abs().sum(1)[0]
    row, column = divmod(int(changed.argmax()), 14)
    assert row < 5 and column > 9


def test_what_was_tried_is_measured_by_a_command(trained, tmp_path, monkeypatch):
    _, outcome, folder = trained
    # A few of the 3,296 features: solving for all of them would take most of the test's time.
    inside = ablations.lung_features
    monkeypatch.setattr(ablations, "lung_features", lambda material, run: inside(material, run)[:, ::100])
    rules = (Aggregation("top_k_mean", 64), Aggregation("top_k_mean", 32))
    run_ablations(outcome.material, Run(folder / "run", None), replace(QUICK, resamples=5), outcome.scores["typing_oof"], rules, tmp_path)
    text = (tmp_path / "ABLATIONS.md").read_text()
    assert text.count("source never trained on |") == 5 + 3 + 4
    assert "C = 0.001 (shipped); blocks held out" in text and "Emphysema, own source only" in text


def test_evaluate_writes_the_same_results_and_leaves_the_weights(trained, prepared_folder):
    _, _, folder = trained
    results, weights = folder / "models" / "RESULTS.md", graph_of(folder / "models" / "classifier")
    written, changed = results.read_text(), weights.stat().st_mtime_ns
    evaluate(load_prepared(prepared_folder), folder / "run", folder / "models", QUICK)
    again = results.read_text()
    # The autoencoder's row is computed by PyTorch in one and by its graph in the other.
    assert [line for line in again.splitlines() if "reconstruction" not in line] == [line for line in written.splitlines() if "reconstruction" not in line]
    assert "reconstruction error of the autoencoder ¹ |" in again and weights.stat().st_mtime_ns == changed
