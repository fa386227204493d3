"""Foreign checkpoints: the reference's where it is at hand, and one that wants to run a program."""

import os
import pickle
from pathlib import Path

import pytest
import torch
import yaml

from norma_training.cli import main
from norma_training.convert_yolo import key_of
from norma_training.export import open_session
from norma_training.yolo11 import CheckpointError, read_checkpoint

WORKSPACE = Path(__file__).resolve().parents[3]
REFERENCE = Path(os.environ.get("NORMA_MODELS", WORKSPACE.parent / "shared" / "models")) / "reference_typing_yolo11n-cls.pt"


class Harmful:
    def __reduce__(self):
        return os.system, ("touch /tmp/norma-was-here",)


def test_a_checkpoint_that_wants_more_than_a_network_is_refused(tmp_path):
    torch.save({"model": Harmful()}, tmp_path / "bad.pt")
    with pytest.raises(CheckpointError, match="system"):
        read_checkpoint(tmp_path / "bad.pt")
    (tmp_path / "text.pt").write_bytes(pickle.dumps("no checkpoint"))
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path / "text.pt")
    assert main(["convert-yolo", str(tmp_path / "bad.pt"), "--out", str(tmp_path / "m")]) == 1
    assert not (tmp_path / "m" / "manifest.yaml").exists()


def test_keys_are_plain():
    assert key_of("Lung nodule / mass") == "lung_nodule_mass"


@pytest.mark.skipif(not REFERENCE.exists(), reason="skipped: the reference's weights are not at hand")
def test_the_reference_becomes_a_typing_model(tmp_path):
    assert main(["convert-yolo", str(REFERENCE), "--out", str(tmp_path / "reference"), "--size", "64"]) == 0
    manifest = yaml.safe_load((tmp_path / "reference" / "manifest.yaml").read_text(encoding="utf-8"))
    assert len(manifest["labels"]) == 16 and manifest["outputs"][0]["meaning"] == "probabilities"
    session = open_session(tmp_path / "reference" / "model.onnx")
    found = session.run(None, {"image": torch.rand(2, 3, 64, 64).numpy()})[0]
    assert found.shape == (2, 16) and abs(found.sum(1) - 1).max() < 1e-4
