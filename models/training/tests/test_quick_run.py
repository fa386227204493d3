"""Every step on a tiny synthetic set, to a bundle whose files fit together."""

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import WORKSPACE
from norma_training import ablations
from norma_training.ablations import run_ablations
from norma_training.aggregation import Aggregation
from norma_training.budget import QUICK
from norma_training.int8_bundle import ship_int8
from norma_training.prepared import load_prepared
from norma_training.recorded_scores import read_scores
from norma_training.run import Run
from norma_training.served import ServedBundle
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
        assert manifest["sha256"] == hashlib.sha256((model / "model.onnx").read_bytes()).hexdigest()
        assert (model / "README.md").read_text().startswith("# ")
    assert bundle["default_operating_point"] in [point["name"] for point in bundle["operating_points"]]
    assert bundle["calibration"]["coefficient"] > 0
    assert all(0 < point["threshold"] <= 1 for point in bundle["operating_points"])


def test_the_program_accepts_the_bundle(trained, norma):
    _, _, folder = trained
    library = WORKSPACE / ".norma" / "onnxruntime" / "libonnxruntime.so"
    if not library.exists() and not os.environ.get("CI"):
        pytest.skip("ONNX Runtime is not installed")
    settings = {"NORMA__MODELS__BUNDLE": str(folder / "models" / "bundle.yaml"), "NORMA__MODELS__ONNXRUNTIME": str(library)}
    checked = subprocess.run([str(norma), "models", "check"], env=os.environ | settings, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "bundle norma-quick" in checked.stdout


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
    monkeypatch.setattr(simclr.NTXentLoss, "forward", refuse)
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
    ship_int8(outcome.material, Run(folder / "run", None), outcome.scores, outcome.int8, folder / "models", tmp_path / "int8", 20)
    shipped, small = (path / "classifier" / "model.onnx" for path in (folder / "models", tmp_path / "int8"))
    assert small.stat().st_size < 0.7 * shipped.stat().st_size
    manifest = yaml.safe_load((tmp_path / "int8" / "classifier" / "manifest.yaml").read_text())
    assert manifest["sha256"] == hashlib.sha256(small.read_bytes()).hexdigest()
    bundle = yaml.safe_load((tmp_path / "int8" / "bundle.yaml").read_text())
    assert bundle["name"] == "norma-quick-int8" and len(bundle["operating_points"]) == 4


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
    results, weights = folder / "models" / "RESULTS.md", folder / "models" / "classifier" / "model.onnx"
    written, changed = results.read_text(), weights.stat().st_mtime_ns
    evaluate(load_prepared(prepared_folder), folder / "run", folder / "models", QUICK)
    again = results.read_text()
    # The autoencoder's row is computed by PyTorch in one and by its graph in the other.
    assert [line for line in again.splitlines() if "reconstruction" not in line] == [line for line in written.splitlines() if "reconstruction" not in line]
    assert "reconstruction error of the autoencoder ¹ |" in again and weights.stat().st_mtime_ns == changed
