"""Studies and slices through the real `norma prepare`, where the program is built (CI builds it first)."""

import csv
import os
import subprocess

import pytest

from conftest import WORKSPACE
from norma_training.adapters.slices_index import write_subset
from norma_training.adapters.studies import Study
from norma_training.cli import data_folder
from norma_training.norma_prepare import find_norma, prepare_slices, prepare_studies
from norma_training.prepared import load_prepared
from norma_training.tar_archives import open_tar


def test_the_newer_build_is_taken(tmp_path, monkeypatch):
    monkeypatch.delenv("NORMA_BINARY", raising=False)
    for age, kind in enumerate(("debug", "release")):
        path = tmp_path / "target" / kind / "norma"
        path.parent.mkdir(parents=True)
        path.write_text("")
        os.utime(path, (1000 - age, 1000 - age))
    assert find_norma(tmp_path).parent.name == "debug"
    os.utime(tmp_path / "target" / "release" / "norma", (2000, 2000))
    assert find_norma(tmp_path).parent.name == "release"


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


def test_real_slices_are_prepared(norma, tmp_path):
    archive = data_folder() / "slices.tar"
    if not archive.is_file() and not os.environ.get("CI"):
        pytest.skip("no real data here")
    with open_tar(archive) as tar:
        tar.extract("slices/index.csv", tmp_path)
        index = write_subset(tmp_path / "slices", 20)
        with open(index, newline="", encoding="utf-8") as handle:
            files = {f"slices/{row['file']}" for row in csv.DictReader(handle)}
        for member in tar:
            if member.name in files:
                tar.extract(member, tmp_path)
    data = load_prepared(prepare_slices(index, tmp_path / "prepared", WORKSPACE))
    assert len(data) + sum(data.left_out.values()) == len(files) and len(data) >= len(files) // 2
    assert {"talo_emphysema", "iq_oth_nccd", "sars_cov_2"} <= set(data.source.tolist())
    assert 0.05 < data.lung_mask.mean() < 0.5
