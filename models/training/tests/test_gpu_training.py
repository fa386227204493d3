"""The reference method's training for a GPU, in miniature on the processor."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from conftest import WORKSPACE, write_prepared
from pytorch_metric_learning.losses import NTXentLoss

from norma_training.budget import QUICK
from norma_training.commands import build_reference
from norma_training.frozen_autoencoder import KINDS, error_map_of, new_decoder, score_slices
from norma_training.gpu.job import CLASSIFIER, PREFIX, Done, probabilities
from norma_training.gpu.pack import FILE, cost_of_packing, pack_program, pack_slices, unpack_slices
from norma_training.gpu.plan import FINAL, MINIATURE, check_jobs, jobs_of
from norma_training.gpu.results import read_network, read_scores, write_scores
from norma_training.gpu.training_run import run_jobs
from norma_training.leak_check import LeakError
from norma_training.prepared import load_prepared
from norma_training.recorded_scores import read_notes
from norma_training.recorded_scores import read_scores as read_recorded
from norma_training.reference import ANOMALY, scores_to_record
from norma_training.reference_bundle import load_networks
from norma_training.resnet import MapClassifier, ResNetBackbone
from norma_training.served import ServedBundle
from norma_training.shared_network import copy_models
from norma_training.simclr import nt_xent
from norma_training.splits import assign_folds
from norma_training.test_time_views import FIVE_VIEWS, view_slices
from test_quick_run import accept


#: Enough to see every kind of job; the others differ in their slices alone.
JOBS = (FINAL, "without_alpha", "fold_0")


@pytest.fixture(scope="module")
def brought_back(tmp_path_factory):
    """A pack, and what a run on it brings back: two workers, started as on the GPU machine."""
    folder = tmp_path_factory.mktemp("gpu")
    data = load_prepared(write_prepared(folder / "prepared", blocks=5, slices=2))
    pack_slices(data, assign_folds(data), folder / "pack" / FILE)
    pack_program(WORKSPACE / "models" / "training", folder / "pack")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"NORMA_TRAINING_PYTHON": sys.executable}
    command = [str(folder / "pack" / "gpu"), "run", "--miniature", "--workers", "2", "--out", str(folder / "out"), "--jobs", *JOBS]
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=3600)
    assert finished.returncode == 0, finished.stderr
    return data, folder


def test_packed_slices_are_nearly_those_of_the_program(brought_back):
    data, folder = brought_back
    packed, fold = unpack_slices(folder / "pack" / FILE)
    np.testing.assert_array_equal(packed.lung_mask, data.lung_mask)
    np.testing.assert_array_equal(packed.file, data.file)
    np.testing.assert_array_equal(fold, assign_folds(data))
    assert packed.is_clean_norm.sum() == data.is_clean_norm.sum()
    cost = cost_of_packing(data, packed)
    assert 0 < cost["mean"] < 3 and cost["lung_mean"] < 3
    assert (folder / "pack" / FILE).stat().st_size < data.pixels.nbytes / 3


def test_what_comes_back_fits_what_a_transfer_takes(brought_back):
    _, folder = brought_back
    files = {path.name: path.stat().st_size for path in (folder / "out").iterdir()}
    assert set(files) == {"scores.npz", "log.txt", "classifier.pt.0", "classifier.pt.1", "encoder.pt.0", "encoder.pt.1", "decoders.pt.0"}
    assert max(files.values()) <= 16 * 2**20


def test_every_slice_is_scored_by_networks_that_did_not_see_it(brought_back):
    data, folder = brought_back
    scores, plan, jobs = read_scores([folder / "out"], data)
    assert sorted(jobs) == sorted(JOBS)
    assert "1 SimCLR epochs at 64 px" in plan
    for name in ("classifier", "one_view", *KINDS):
        for held, rows in (("oof", assign_folds(data) == 0), ("loso", data.source == "alpha"), ("alpha", data.source != "alpha")):
            np.testing.assert_array_equal(np.isfinite(scores[f"{PREFIX}{name}_{held}"]), rows)


def test_weights_come_back_as_the_networks_that_they_are_of(brought_back):
    data, folder = brought_back
    classifier, encoder = MapClassifier(ResNetBackbone()), ResNetBackbone()
    classifier.load_state_dict(read_network(folder / "out", "classifier"))
    encoder.load_state_dict(read_network(folder / "out", "encoder"))
    decoders = read_network(folder / "out", "decoders")
    for kind in KINDS:
        decoder = new_decoder(kind)
        decoder.load_state_dict(decoders[kind])
        found = score_slices(encoder, kind, decoder, np.array(data.pixels[:3]), np.array(data.lung_mask[:3]))
        assert np.isfinite(found).all() and (found > 0).all()
    assert not torch.equal(classifier.backbone.stages[0][0].conv1.weight, encoder.stages[0][0].conv1.weight)


def test_a_run_without_all_its_jobs_gives_no_bundle(brought_back):
    data, folder = brought_back
    with pytest.raises(ValueError, match="no held-out score"):
        scores_to_record([folder / "out"], data)


@pytest.mark.parametrize(("held", "lost"), [("oof", slice(0, 1)), ("loso", slice(0, 1)), ("beta", slice(0, 1)), ("alpha", slice(None)), ("beta", None)])
def test_scores_that_a_job_owes_are_missed(prepared_folder, tmp_path, held, lost):
    data = load_prepared(prepared_folder)
    made = {f"{PREFIX}{name}_{own}": np.full(len(data), 0.5) for name in ("classifier", "one_view", *KINDS) for own in ("oof", "loso", "alpha", "beta")}
    # Nobody scores a left-out source under its own name, nor one of norm only as left out.
    for source in ("alpha", "beta"):
        made[f"{PREFIX}classifier_{source}"][data.source == source] = np.nan
    made[f"{PREFIX}classifier_loso"][data.source == "gamma"] = np.nan
    write_scores(tmp_path, data, [Done("made up", made)], "made up")
    scores, _ = scores_to_record([tmp_path], data)
    assert scores.keys() == {key for key in made if key.startswith((CLASSIFIER, ANOMALY)) or key.endswith(("_oof", "_loso"))}
    if lost is None:
        del made[f"{PREFIX}classifier_{held}"]
    else:
        made[f"{PREFIX}classifier_{held}"][lost] = np.nan
    write_scores(tmp_path, data, [Done("made up", made)], "made up")
    with pytest.raises(ValueError, match="no held-out score of " + ("the folds" if held == "oof" else f"without_{'alpha' if held == 'loso' else held}")):
        scores_to_record([tmp_path], data)


def test_a_job_that_is_not_in_the_plan_is_refused(prepared_folder, tmp_path):
    data = load_prepared(prepared_folder)
    pack_slices(data, assign_folds(data), tmp_path / FILE)
    with pytest.raises(ValueError, match="no such jobs: without_delta; there are final, without_alpha"):
        run_jobs(tmp_path, tmp_path / "out", MINIATURE, 1, ["without_alpha", "without_delta"])
    assert not (tmp_path / "out" / "scores.npz").exists()


def test_the_bundle_reads_a_study_in_five_views_and_stands_in_the_notes(brought_back, norma, tmp_path):
    data, folder = brought_back
    results, models = tmp_path / "results", tmp_path / "models"
    shutil.copytree(folder / "out", results)
    rng = np.random.default_rng(0)
    keys = [f"{PREFIX}{name}_{held}" for name in ("classifier", "one_view", *KINDS) for held in ("oof", "loso", "alpha", "beta")]
    made = {key: 0.3 * data.is_pathology + rng.uniform(0, 0.7, len(data)) for key in keys}
    write_scores(results, data, [Done("made up", made)], "made up")
    copy_models(WORKSPACE / "models", ["typing"], models)
    shutil.copy(WORKSPACE / "models" / "bundle.yaml", models)
    build_reference(data, [results], models, models / "reference", QUICK)

    bundle = yaml.safe_load((models / "reference" / "bundle.yaml").read_text())
    assert bundle["name"] == "norma-reference" and bundle["fusion"] == {"method": "maximum"} and len(bundle["operating_points"]) == 4
    card = (models / "reference" / "typing" / "README.md").read_text()
    assert "](../../RESULTS.md)" in card and "`../../splits.csv`" in card and "../../../" not in card
    served = ServedBundle(models / "reference")
    assert served.classifier.manifest["test_time_augmentation"] == list(FIVE_VIEWS)
    pixels, mask = np.array(data.pixels[:2]), np.array(data.lung_mask[:2])
    reading = served.read(pixels, mask)
    assert reading.anomaly_map.shape == (2, 14, 14) and reading.activation_map.shape == (2, 7, 7)
    # The exported classifier says of the five views what the network that came back says.
    classifier, _ = load_networks(results)
    expected = np.mean([probabilities(classifier, view_slices(pixels, view), 224) for view in FIVE_VIEWS], axis=0)
    np.testing.assert_allclose(reading.classifier_slices, expected, atol=1e-3)
    accept(models / "reference", norma)
    np.testing.assert_allclose(read_recorded(models, data)[f"{PREFIX}classifier_beta"], made[f"{PREFIX}classifier_beta"], rtol=1e-6)
    assert read_notes(models)["reference_training"] == "made up"


def test_views_are_those_of_the_service():
    """The hashes are of crates/inference/tests/fixtures/reference.json, which the Rust code is held against."""
    z, y, x = np.indices((2, 224, 224))
    pixels = (((x * 7 + y * 3) // 4 + z * 29 + (x * y) // 64) % 256).astype(np.uint8)
    recorded = json.loads((WORKSPACE / "crates" / "inference" / "tests" / "fixtures" / "reference.json").read_text())
    for view, part, name in (("clahe", pixels[:, :200, :184], "clahe_sha256"), ("blur", pixels[:1], "blur_sha256")):
        assert hashlib.sha256(view_slices(part, view).tobytes()).hexdigest() == recorded[name]
    noise = view_slices(pixels, "noise").astype(int) - pixels
    inside = (pixels > 20) & (pixels < 235)
    assert abs(noise[inside].mean()) < 0.05 and abs(noise[inside].std() - 2.0) < 0.1
    np.testing.assert_array_equal(view_slices(pixels, "horizontal_flip"), pixels[:, :, ::-1])


def test_the_jobs_keep_folds_and_sources_apart(prepared_folder):
    data = load_prepared(prepared_folder)
    fold = assign_folds(data)
    jobs = jobs_of(data, fold)
    assert sorted(job.name for job in jobs) == sorted([FINAL, "without_alpha", "without_beta", *(f"fold_{i}" for i in range(5))])
    check_jobs(data, fold, jobs)
    for job in jobs:
        for part in job.parts:
            assert not (part.train & part.test).any() and not (part.train & ~job.rows).any()
            if part.key == "loso":
                assert not set(data.source[job.rows]) & set(data.source[part.test])
            elif part.key == "oof":
                assert not set(data.block[job.rows]) & set(data.block[part.test])
    leaking = fold.copy()
    leaking[0] = (fold[0] + 1) % 5
    with pytest.raises(LeakError):
        check_jobs(data, leaking, jobs_of(data, leaking))


def test_the_loss_is_nt_xent():
    embedded = torch.randn(24, 16, generator=torch.Generator().manual_seed(1))
    pairs = torch.arange(12).repeat(2)
    torch.testing.assert_close(nt_xent(0.2)(embedded, pairs), NTXentLoss(temperature=0.2)(embedded, pairs))


def test_the_frozen_encoder_stays_as_it_is():
    torch.manual_seed(3)
    backbone = ResNetBackbone().eval()
    images = torch.randn(2, 1, 224, 224)
    for kind, side in (("whole_picture", 56), ("cut_picture", 56), ("cut_features", 14)):
        module = error_map_of(backbone, kind, new_decoder(kind).eval())
        assert module(images).shape == (2, side, side)
        assert not any(parameter.requires_grad for parameter in module.parameters())
