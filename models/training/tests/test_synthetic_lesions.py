"""Synthetic lesions lie in the lungs, hold what they say they hold, and leave the rest of the chest as it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from conftest import CHEST_SPACING_MM
from norma_training.nifti import NiftiVolume
from norma_training.synthetic_lesions import AT_MEDIASTINUM, AT_WALL, FLUID_SHAPES, LEFT, LOBE, ON_DIAPHRAGM, RIGHT, Chest, Lesion, add_emphysema, add_fluid, add_gas, add_opacity
from norma_training.synthetic_nodules import NoPlace

ML = float(np.prod(CHEST_SPACING_MM)) / 1000


@pytest.fixture(scope="module")
def norm(chest: NiftiVolume) -> Chest:
    return Chest(chest)


def in_lungs(volume: NiftiVolume) -> np.ndarray:
    """Of the fixture: aerated, and not the air outside."""
    return (volume.hounsfield < -500) & (volume.hounsfield > -930)


def changed(norm: Chest, volume: NiftiVolume) -> np.ndarray:
    """By more than noise would."""
    return np.abs(volume.hounsfield.astype(int) - norm.volume.hounsfield) > 100


def check(norm: Chest, volume: NiftiVolume, lesion: Lesion, wanted_ml: float) -> None:
    assert lesion.volume_ml == pytest.approx(wanted_ml, rel=0.25)
    where = np.argwhere(changed(norm, volume))
    assert len(where) * ML == pytest.approx(lesion.volume_ml, rel=0.3)
    is_right = where[:, 2] * CHEST_SPACING_MM[2] < norm.middle
    assert is_right.all() if lesion.side == RIGHT else not is_right.any()
    lungs = in_lungs(norm.volume)
    assert lungs[tuple(where.T)].mean() > 0.9


@pytest.mark.parametrize("shape", FLUID_SHAPES)
@pytest.mark.parametrize("side", [RIGHT, LEFT])
def test_fluid_lies_behind_or_below_with_its_density_and_its_volume(norm, shape, side):
    volume, lesion, truth = add_fluid(norm, side, 120.0, shape, collapsed=False, seed=2)
    check(norm, volume, lesion, 120.0)
    assert truth.sum() * ML == pytest.approx(lesion.volume_ml, rel=0.02)
    assert -3 <= np.median(volume.hounsfield[binary_erosion(truth, iterations=2)]) <= 23
    middle = np.argwhere(truth).mean(0)
    lungs = np.argwhere(in_lungs(norm.volume)).mean(0)
    assert middle[0] < lungs[0] and (shape == "over the diaphragm" or middle[1] > lungs[1])


def test_collapsed_lung_lies_beside_the_fluid_and_is_not_counted(norm):
    alone, lesion, _ = add_fluid(norm, LEFT, 100.0, "layer", collapsed=False, seed=3)
    beside, same, truth = add_fluid(norm, LEFT, 100.0, "layer", collapsed=True, seed=3)
    assert same.volume_ml == pytest.approx(lesion.volume_ml, rel=0.02)
    more = changed(norm, beside) & ~changed(norm, alone)
    assert more.sum() * ML > 20 and not truth[more].any()
    assert 10 < np.median(beside.hounsfield[binary_erosion(more)]) < 60


def test_a_raised_diaphragm_is_no_fluid(norm):
    volume, lesion, truth = add_fluid(norm, RIGHT, 100.0, "layer", collapsed=False, seed=4, raised_mm=30.0)
    liver = changed(norm, volume) & ~truth
    assert liver.sum() * ML > 100 and 45 < np.median(volume.hounsfield[liver]) < 65
    assert lesion.volume_ml == pytest.approx(100, rel=0.15)


@pytest.mark.parametrize(("kind", "low", "high"), [("ground_glass_area", -650, -400), ("consolidation", -10, 60)])
def test_opacities_have_their_place_and_density(norm, kind, low, high):
    volume, lesion = add_opacity(norm, kind, RIGHT, "lower", 40.0, seed=5)
    check(norm, volume, lesion, 40.0)
    where = changed(norm, volume)
    assert low < np.median(volume.hounsfield[binary_erosion(where, iterations=3)]) < high
    height = np.argwhere(where)[:, 0].mean() * CHEST_SPACING_MM[0]
    assert height < norm.low[0] + 0.4 * (norm.high[0] - norm.low[0])


@pytest.mark.parametrize("at", [ON_DIAPHRAGM, AT_WALL, AT_MEDIASTINUM, LOBE])
def test_a_consolidation_touches_what_it_is_to_touch(norm, at):
    third = "lower" if at in (ON_DIAPHRAGM, LOBE) else "middle"
    volume, lesion = add_opacity(norm, "consolidation", LEFT, third, 60.0, seed=9, at=at)
    assert lesion.detail == at and lesion.volume_ml == pytest.approx(60.0, rel=0.25)
    where = changed(norm, volume)
    lungs = in_lungs(norm.volume)
    # A wide surface has a wide rim that is averaged with lung.
    assert 0.8 < where.sum() * ML / lesion.volume_ml < 1.6 and lungs[where].mean() > 0.9
    assert not where[..., : int((norm.middle - 2) / CHEST_SPACING_MM[2])].any()
    solid = ~lungs & (norm.volume.hounsfield > -300)
    touched = np.argwhere(binary_dilation(where, iterations=3) & solid & ~where) * CHEST_SPACING_MM
    assert len(touched) * ML > 2, "it touches something"
    middle = np.argwhere(where).mean(0) * CHEST_SPACING_MM
    of_lung = np.argwhere(lungs) * CHEST_SPACING_MM
    of_lung = of_lung[of_lung[:, 2] > norm.middle].mean(0)
    if at in (ON_DIAPHRAGM, LOBE):
        assert middle[0] < of_lung[0]
    if at == LOBE:
        assert middle[1] > of_lung[1]
    if at == AT_WALL:
        assert np.hypot(max(0.0, middle[1] - of_lung[1]), middle[2] - of_lung[2]) > 20
    if at == AT_MEDIASTINUM:
        assert middle[2] < of_lung[2]


def test_an_unknown_place_of_an_opacity_is_refused(norm):
    with pytest.raises(ValueError):
        add_opacity(norm, "consolidation", LEFT, "lower", 60.0, seed=9, at="elsewhere")


def test_gas_lies_in_front_with_a_pleura_between(norm):
    volume, lesion = add_gas(norm, LEFT, 150.0, seed=6)
    assert lesion.volume_ml == pytest.approx(150, rel=0.15)
    gas = volume.hounsfield < -960
    gas &= changed(norm, volume)
    assert gas.sum() * ML == pytest.approx(150, rel=0.2)
    lungs = np.argwhere(in_lungs(norm.volume))
    assert np.argwhere(gas)[:, 1].mean() < lungs[:, 1].mean() - 20
    assert (changed(norm, volume) & (volume.hounsfield > -700)).any()


@pytest.mark.parametrize("kind", ["centrilobular", "panlobular"])
def test_emphysema_takes_its_share_of_both_lungs(norm, kind):
    volume, lesion = add_emphysema(norm, kind, 0.2, seed=7)
    assert lesion.share == pytest.approx(0.2, abs=0.05)
    lungs = in_lungs(norm.volume)
    assert (volume.hounsfield[lungs] < -940).mean() == pytest.approx(0.2, abs=0.06)
    assert not changed(norm, volume)[~lungs].any()


def test_a_lesion_that_does_not_fit_is_refused(norm):
    with pytest.raises(NoPlace):
        add_fluid(norm, RIGHT, 50_000.0, "layer", collapsed=False, seed=8)
