"""Studies through the real `norma prepare`, where the program is built (CI builds it first)."""

import os
import subprocess
from pathlib import Path

import pytest

from norma_training.adapters.studies import Study
from norma_training.norma_prepare import PreparationError, find_norma, prepare_studies
from norma_training.prepared import load_prepared

WORKSPACE = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def norma() -> Path:
    try:
        return find_norma(WORKSPACE)
    except PreparationError:
        if os.environ.get("CI"):
            raise
        pytest.skip("norma is not built")


def test_whole_studies_are_prepared_and_keep_what_is_known_of_them(norma, tmp_path):
    archive, broken = tmp_path / "phantom.zip", tmp_path / "broken.zip"
    subprocess.run([str(norma), "phantom", "--out", str(archive)], check=True)
    broken.write_bytes(b"no archive")
    studies = [
        Study(archive, "phantom", "p1", "site", "pathology", ("emphysema",), ("emphysema", "lung_nodule")),
        Study(broken, "broken", "p2", "site", "normal"),
    ]
    out = prepare_studies([study.path for study in studies], tmp_path / "prepared", WORKSPACE)
    data = load_prepared(out, studies)
    assert 20 <= len(data) <= 64 and data.pixels.shape[1:] == (224, 224)
    assert set(data.block.tolist()) == {"site-p1"} and set(data.label.tolist()) == {"pathology"}
    assert set(data.type.tolist()) == {"emphysema"} and len(data.left_out) == 1
