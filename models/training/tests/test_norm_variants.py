"""Slices of 5 mm are means over 5 mm of what lies there."""

from __future__ import annotations

import numpy as np
import pytest

from norma_training.nifti import NiftiVolume
from norma_training.norm_variants import narrow, thicken, widen


@pytest.mark.parametrize("spacing_mm", [1.0, 2.0, 2.5, 3.0])
def test_a_slope_stays_a_slope(spacing_mm):
    # 10 HU a millimetre: the mean over 5 mm is the value in the middle.
    middles_mm = (np.arange(int(60 / spacing_mm)) + 0.5) * spacing_mm
    slope = NiftiVolume(np.round(10 * middles_mm).astype(np.int16)[:, None, None] * np.ones((1, 3, 4), dtype=np.int16), (spacing_mm, 0.7, 0.7))
    thick = thicken(slope)
    assert thick.spacing_mm == (5.0, 0.7, 0.7) and thick.hounsfield.dtype == np.int16
    assert thick.hounsfield.shape == (12, 3, 4)
    # A slice of 3 mm that two slabs share is one value in both: the slope between is lost, up to its part.
    allowed = 0 if 5 % spacing_mm == 0 else 10 * spacing_mm / 4
    assert np.abs(thick.hounsfield[:, 0, 0] - (25 + 50 * np.arange(12))).max() <= allowed


def test_what_is_left_over_is_left_out():
    volume = NiftiVolume(np.zeros((6, 2, 2), dtype=np.int16), (2.0, 1.0, 1.0))
    assert thicken(volume).hounsfield.shape == (2, 2, 2)


def test_a_wider_field_holds_the_same_chest_in_larger_pixels(chest):
    wide = widen(chest)
    assert wide.hounsfield.shape == chest.hounsfield.shape and wide.spacing_mm == pytest.approx((2.0, 1.75, 1.75))
    assert air_ml(wide) == pytest.approx(air_ml(chest), rel=0.02)
    assert (wide.hounsfield[:, 0] == -1024).all()


def test_a_cut_field_loses_the_body_and_no_lung(chest):
    cut = narrow(chest)
    assert cut.hounsfield.shape[1] < 0.85 * chest.hounsfield.shape[1] and cut.spacing_mm == chest.spacing_mm
    assert lung_ml(cut) == pytest.approx(lung_ml(chest), rel=1e-3)


def lung_ml(volume: NiftiVolume) -> float:
    """Of the fixture, whose lungs alone lie between air outside and tissue."""
    values = volume.hounsfield
    return float(((values < -500) & (values > -930)).sum() * np.prod(volume.spacing_mm)) / 1000


def air_ml(volume: NiftiVolume) -> float:
    """What is aerated within the body of the fixture, each voxel by its share of air: voxels that average lung and tissue count by half."""
    _, y, x = np.ogrid[tuple(slice(length) for length in volume.hounsfield.shape)]
    middles = [(length - 1) / 2 for length in volume.hounsfield.shape]
    y, x = (y - middles[1]) * volume.spacing_mm[1], (x - middles[2]) * volume.spacing_mm[2]
    share = np.clip((40.0 - volume.hounsfield) / 890, 0, 1)
    return float((share * ((y / 105) ** 2 + (x / 140) ** 2 < 1)).sum() * np.prod(volume.spacing_mm)) / 1000
