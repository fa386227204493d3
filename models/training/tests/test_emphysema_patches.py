"""Low attenuation of patches, and how it is told."""

from __future__ import annotations

import numpy as np

from norma_training.emphysema_patches import CLASSES, document, low_attenuation, separation


def test_a_share_is_of_means_over_nine_pixels():
    patches = np.full((31, 31, 2), -900, dtype=np.int16)
    patches[:, :15, 0] = -1000
    patches[4, 4, 1] = -1023
    half, single = low_attenuation(patches)
    # The means beside the border between both lie at −967 and −933 HU.
    assert half == 15 / 31
    assert single == 0


def test_classes_that_lie_apart_are_separated_and_alike_ones_are_not():
    rng = np.random.default_rng(0)
    normal, sick = rng.uniform(0, 0.1, 60), rng.uniform(0.2, 0.9, 60)
    assert separation(normal, sick).value == 1.0
    alike = separation(normal, rng.uniform(0, 0.1, 60))
    assert alike.low < 0.5 < alike.high
    text = document({"NT": normal, **dict.fromkeys(CLASSES, sick)})
    assert "| normal | 60 |" in text and "| panlobular | 60 |" in text and "1.000 (1.000–1.000)" in text
