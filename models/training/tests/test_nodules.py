"""Synthetic nodules, their files, and the free-response figures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from conftest import CHEST_SPACING_MM
from norma_training.nifti import NiftiError, NiftiVolume, read_nifti, write_nifti
from norma_training.nodule_froc import best_scores, match, sensitivity, threshold_for
from norma_training.nodule_network import SIDE, ScoredStudy, cut_cubes, held_out_scores
from norma_training.nodule_studies import Found
from norma_training.synthetic_nodules import KINDS, NoPlace, PastedNodule, parse_nodule, paste_nodules, write_pasted

SPACING = CHEST_SPACING_MM


def test_what_is_written_is_read(chest: NiftiVolume, tmp_path) -> None:
    write_nifti(tmp_path / "chest.nii", chest)
    read = read_nifti(tmp_path / "chest.nii")
    assert np.array_equal(read.hounsfield, chest.hounsfield) and read.spacing_mm == pytest.approx(SPACING)
    (tmp_path / "other.nii").write_bytes(b"\0" * 400)
    with pytest.raises(NiftiError):
        read_nifti(tmp_path / "other.nii")


@pytest.mark.parametrize("kind", KINDS)
def test_a_nodule_is_pasted_where_it_says_with_its_volume(chest: NiftiVolume, kind: str) -> None:
    diameter = 40.0 if kind == "mass" else 16.0
    pasted, (nodule,) = paste_nodules(chest, [(kind, diameter)], seed=3)
    added = pasted.hounsfield.astype(int) - chest.hounsfield
    assert added.min() >= -1
    changed = added > (100 if kind == "ground_glass" else 300)
    volume = changed.sum() * np.prod(SPACING) / 1000
    # What lies in the chest wall or over a vessel changes nothing there.
    inside = {"juxta_pleural": (0.3, 1.1), "mass": (0.4, 1.1), "part_solid": (0.03, 1.1)}.get(kind, (0.8, 1.2))
    assert inside[0] < volume / nodule.volume_ml < inside[1]
    middle = np.argwhere(changed).mean(axis=0)
    assert np.linalg.norm((middle - nodule.centre_voxel) * np.array(SPACING)) < diameter / 2


def test_the_seed_decides(chest: NiftiVolume) -> None:
    wanted = [("solid", 8.0), ("ground_glass", 12.0)]
    first, again, other = (paste_nodules(chest, wanted, seed) for seed in (1, 1, 2))
    assert np.array_equal(first[0].hounsfield, again[0].hounsfield) and first[1] == again[1]
    assert first[1] != other[1]
    centres = [np.array(nodule.centre_voxel) * SPACING for nodule in first[1]]
    assert np.linalg.norm(centres[0] - centres[1]) > 20


def test_the_command_says_what_it_pasted(chest: NiftiVolume, tmp_path) -> None:
    write_nifti(tmp_path / "norm.nii", chest)
    write_pasted(tmp_path / "norm.nii", ["solid:9", "mass:35"], 5, tmp_path / "pasted.nii")
    listed = json.loads((tmp_path / "pasted.json").read_text())
    assert listed["synthetic"] and listed["seed"] == 5
    assert sorted(nodule["kind"] for nodule in listed["nodules"]) == ["mass", "solid"]
    for wrong in ("solid", "cyst:9", "solid:2", "solid:31", "mass:61", "solid:nan"):
        with pytest.raises(NoPlace):
            parse_nodule(wrong)


def test_no_lungs_no_place() -> None:
    with pytest.raises(NoPlace):
        paste_nodules(NiftiVolume(np.full((40, 60, 60), 40, np.int16), SPACING), [("solid", 8.0)], 0)


def test_free_response_figures_by_hand() -> None:
    nodules = [PastedNodule("solid", (10.0, 10.0, 10.0), 6.0, 0.1, True), PastedNodule("solid", (10.0, 50.0, 10.0), 20.0, 4.2, True)]
    centres = np.array([[10.0, 13.0, 10.0], [10.0, 14.5, 10.0], [10.0, 42.0, 10.0], [30.0, 30.0, 30.0]])
    found = Found(np.ones(3), centres, np.full(4, 6.0), [], [])
    matched = match(found, nodules)
    # A nodule of 6 mm takes what lies within 4 mm.
    assert matched.hit.tolist() == [0, -1, 1, -1]
    assert best_scores(matched, np.array([0.7, 0.9, 0.4, 0.8]), 2).tolist() == [0.7, 0.4]
    assert match(found, []).hit.tolist() == [-1] * 4
    false_scores = np.array([0.9, 0.8, 0.6, 0.5])
    for alarms, allowed in ((0.5, 1), (1.0, 2), (2.0, 4), (9.0, 4)):
        assert (false_scores >= threshold_for(false_scores, 2, alarms)).sum() == allowed
    figure = sensitivity(np.array([0.7, 0.4, -np.inf, 0.9]), 0.5)
    assert (figure.found, figure.of) == (2, 4) and figure.low < 0.5 < figure.high


def test_the_network_reads_a_cube_and_features_for_each_candidate(chest: NiftiVolume, tmp_path) -> None:
    features = {"response_hu": 500.0, "roundness": 0.8, "tubeness": 0.9, "axis_ratio": 0.8, "dense_around": 0.0, "outside_around": 0.0, "inscribed_mm": 4.0, "contrast_hu": 800.0, "high_hu": 40.0}
    wanted = [("solid", 10.0), ("solid", 20.0)]
    pasted, nodules = paste_nodules(chest, wanted, 4)
    write_nifti(tmp_path / "pasted.nii", pasted)
    centres = np.array([nodule.centre_voxel for nodule in nodules] + [(55.0, 100.0, 70.0)] * 30)
    sizes = np.array([nodule.diameter_mm for nodule in nodules] + [8.0] * 30)
    candidates = [{"diameter_mm": float(size), "features": features} for size in sizes]
    found = Found(np.array(SPACING), centres, sizes, [features] * len(sizes), candidates)
    cubes = cut_cubes(tmp_path / "pasted.nii", found)
    assert cubes.shape == (32, SIDE, SIDE, SIDE)
    # The middle is soft tissue; of the cube of 30 mm around the one of 10 mm, 9 mm aside is lung.
    small = cubes[int(np.argmin(sizes[:2]))]
    assert (cubes[:2, 10, 10, 10] > 1.0).all() and min(small[4, 10, 10], small[10, 4, 10], small[10, 10, 16]) < 0.2
    studies = [ScoredStudy(host, tmp_path / "pasted.nii", nodules, found, True) for host in ("one", "two")]
    scores = held_out_scores(studies, tmp_path / "scores.npz")
    assert [len(score) for score in scores] == [32, 32] and all(np.isfinite(score).all() for score in scores)
    assert np.array_equal(held_out_scores(studies, tmp_path / "scores.npz")[1], scores[1])
