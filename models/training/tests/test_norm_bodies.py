"""Bodies and breaths change what they say they change, and the lungs' tissue stays where it was."""

from __future__ import annotations

import numpy as np
import pytest

from norma_training.nifti import NiftiVolume
from norma_training.norm_bodies import BODIES, FATTY_HU, breathe_out, fatty_liver, mirror, write_bodies
from norma_training.nifti import read_nifti, write_nifti
from norma_training.synthetic_lesions import Chest


@pytest.fixture(scope="module")
def norm(chest: NiftiVolume) -> Chest:
    return Chest(chest)


def difference(norm: Chest, volume: NiftiVolume) -> np.ndarray:
    return volume.hounsfield.astype(int) - norm.volume.hounsfield


@pytest.mark.parametrize("what", BODIES)
def test_every_body_is_another_and_leaves_the_chest_a_chest(norm, what):
    changed = BODIES[what](norm)
    assert changed.hounsfield.shape == norm.volume.hounsfield.shape and changed.hounsfield.dtype == np.int16
    assert (np.abs(difference(norm, changed)) > 20).mean() > 1e-4
    again = Chest(changed)
    assert 0.5 < again.lungs.sum() / norm.lungs.sum() < 1.1


def test_a_shallow_breath_makes_lung_denser_and_nothing_else(norm):
    more = difference(norm, breathe_out(norm))
    lung = norm.volume.hounsfield < -700
    lung &= norm.fine(norm.hull.astype(np.float32), tuple(slice(0, length) for length in lung.shape)) > 0.5
    assert 60 < np.median(more[lung]) < 140
    assert not more[norm.volume.hounsfield > -300].any()


def test_a_mirrored_chest_is_mirrored_back(norm):
    twice = mirror(Chest(mirror(norm)))
    assert (twice.hounsfield == norm.volume.hounsfield).all()


def test_a_fatty_liver_lies_on_the_right_below_the_lung(norm):
    where = np.argwhere(difference(norm, fatty_liver(norm)) < -0.8 * FATTY_HU)
    assert len(where)
    x = where[:, 2] * norm.volume.spacing_mm[2]
    assert (x < norm.middle + 5).all()


def test_what_was_written_is_not_made_again(norm, tmp_path):
    source = tmp_path / "norm.nii"
    write_nifti(source, norm.volume)
    paths = write_bodies({"norm": source}, tmp_path / "bodies")
    assert len(paths) == len(BODIES) and all(path.is_file() for path in paths.values())
    first = next(iter(paths.values()))
    write_nifti(first, norm.volume)
    write_bodies({"norm": source}, tmp_path / "bodies")
    assert (read_nifti(first).hounsfield == norm.volume.hounsfield).all()
