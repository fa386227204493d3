"""Data sets on tiny fakes in their published layouts."""

import csv
from pathlib import Path

import numpy as np
import pytest

from norma_training.adapters.ct_rate import ABNORMALITIES, NOT_A_TYPE, read_ct_rate
from norma_training.adapters.labelled_studies import read_labelled_studies
from norma_training.adapters.mosmed import read_mosmed
from norma_training.adapters.slices_index import check_index, write_subset
from norma_training.adapters.studies import DatasetError, read_study_list, write_study_list
from norma_training.cli import main
from norma_training.pathology_types import labels_of, typing_targets
from norma_training.prepared import load_prepared


def write_csv(path: Path, rows: list[list]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return path


@pytest.fixture
def ct_rate(tmp_path):
    names = ["train_1_a_1", "train_1_a_2", "train_2_a_1", "train_3_a_1"]
    for name in names[:3]:
        patient = "_".join(name.split("_")[:2])
        folder = tmp_path / "train" / patient / name.rsplit("_", 1)[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.nii.gz").write_bytes(b"")
    columns = [*NOT_A_TYPE, *ABNORMALITIES]
    found = {"train_1_a_1": {"Emphysema", "Lung nodule"}, "train_1_a_2": {"Emphysema", "Lung nodule"}, "train_2_a_1": set(), "train_3_a_1": {"Medical material"}}
    rows = [["VolumeName", *columns]] + [[f"{n}.nii.gz", *(int(c in found[n]) for c in columns)] for n in names]
    return tmp_path, write_csv(tmp_path / "labels.csv", rows)


def test_ct_rate_keeps_a_patient_together_and_tells_what_is_missing(ct_rate):
    found = read_ct_rate(*ct_rate)
    assert [s.study for s in found.studies] == ["train_1_a_1", "train_1_a_2", "train_2_a_1"]
    assert {s.patient for s in found.studies} == {"train_1", "train_2"}
    assert found.studies[0].types == ("emphysema", "lung_nodule") and found.studies[0].label == "pathology"
    assert found.studies[2].label == "normal" and len(found.studies[2].known_types) == 16
    assert found.without_file == ["train_3_a_1"]


def test_ct_rate_without_a_column_is_refused(ct_rate, tmp_path):
    labels = write_csv(tmp_path / "short.csv", [["VolumeName", "Emphysema"], ["train_1_a_1.nii.gz", 1]])
    with pytest.raises(DatasetError, match="Lung nodule"):
        read_ct_rate(ct_rate[0], labels)


def test_ct_rate_trains_its_sixteen_types(ct_rate, tmp_path):
    studies = read_ct_rate(*ct_rate).studies
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    rows = [["study", "slice", "row", "prepared", "reason"]]
    for i, study in enumerate(studies):
        rows += [[study.path, z, 2 * i + z, "yes", ""] for z in range(2)]
    write_csv(prepared / "index.csv", rows)
    for name in ("pixels", "lung_mask"):
        np.save(prepared / f"{name}.npy", np.ones((6, 224, 224), np.uint8))
    data = load_prepared(prepared, studies)
    assert data.block.tolist() == ["ct_rate-train_1"] * 4 + ["ct_rate-train_2"] * 2
    targets, known = typing_targets(data, [key for key, _, _ in labels_of(data)])
    assert [key for key, _, _ in labels_of(data)] == ["emphysema", "lung_nodule"]
    np.testing.assert_array_equal(targets.sum(0), [4, 4])
    assert known.all()


def test_mosmed_counts_ct0_as_weak_norm(tmp_path):
    for category, name in (("CT-0", "study_0001"), ("CT-3", "study_0900")):
        folder = tmp_path / "studies" / category
        folder.mkdir(parents=True)
        (folder / f"{name}.nii").write_bytes(b"")
        (folder / "readme.txt").write_text("no study")
    found = read_mosmed(tmp_path)
    assert [(s.study, s.label, s.types) for s in found.studies] == [
        ("CT-0/study_0001", "noncovid", ()), ("CT-3/study_0900", "pathology", ("covid_pneumonia",)),
    ]
    with pytest.raises(DatasetError):
        read_mosmed(tmp_path / "studies" / "CT-0")


def test_labelled_studies_and_the_list_through_the_command_line(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"")
    labels = write_csv(tmp_path / "l.csv", [["path", "label", "patient", "types"], ["a.zip", "pathology", "p1", "emphysema; tumour"], ["b.zip", "normal", "p2", ""]])
    found = read_labelled_studies(tmp_path, labels)
    assert found.without_file == ["b.zip"] and found.studies[0].types == ("emphysema", "tumour")
    assert main(["list-studies", "labelled", str(tmp_path), "--labels", str(labels), "--out", str(tmp_path / "o.csv")]) == 0
    assert read_study_list(tmp_path / "o.csv") == found.studies
    write_study_list(tmp_path / "again.csv", found.studies)
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "o.csv").read_text()
    bad = write_csv(tmp_path / "bad.csv", [["path", "label"], ["a.zip", "maybe"]])
    assert main(["list-studies", "labelled", str(tmp_path), "--labels", str(bad), "--out", str(tmp_path / "o2.csv")]) == 1


def test_an_index_with_two_labels_in_a_block_is_refused(tmp_path):
    head = ["file", "source", "label", "type", "block", "near_duplicates"]
    write_csv(tmp_path / "index.csv", [head, ["1", "s", "normal", "", "b", ""], ["2", "s", "pathology", "", "b", ""]])
    with pytest.raises(DatasetError, match="two labels"):
        check_index(tmp_path)


def test_a_subset_keeps_every_source_and_label(tmp_path):
    head = ["file", "source", "label", "type", "block", "near_duplicates"]
    rows = [[f"{s}/{l}/{i}.jpg", s, l, "", f"{s}-{l}-b{i // 9}", ""] for s in "ab" for l in ("normal", "pathology") for i in range(90)]
    write_csv(tmp_path / "index.csv", [head, *rows])
    with open(write_subset(tmp_path, 40), newline="", encoding="utf-8") as handle:
        found = list(csv.DictReader(handle))
    assert len(found) == 40
    assert {(row["source"], row["label"]) for row in found} == {(s, l) for s in "ab" for l in ("normal", "pathology")}
    assert {tuple(row.values()) for row in found} <= {tuple(map(str, row)) for row in rows}
