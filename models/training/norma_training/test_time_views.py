"""Test-time augmentation as the service does it: the same slices looked at in slightly other ways."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.ndimage

#: The reference method's five views.
FIVE_VIEWS = ("identity", "horizontal_flip", "noise", "blur", "clahe")
#: Standard deviation of the noise in grey levels, of the blur in pixels; the equalisation's clip limit and tiles per side
#: (crates/inference/src/augmentation.rs).
NOISE_LEVELS, BLUR_PIXELS, CLIP_LIMIT, TILES = 2.0, 0.7, 2.0, 8


def view_slices(pixels: np.ndarray, view: str) -> np.ndarray:
    """uint8 `(n, h, w)` → the same in one view. Blur and equalisation are the service's pixel for pixel; noise is
    seeded by the slice's place, as there, but drawn by another generator."""
    if view == "identity":
        return pixels
    if view == "horizontal_flip":
        return np.ascontiguousarray(pixels[..., ::-1])
    if view == "noise":
        drawn = (np.random.default_rng(place).normal(0.0, NOISE_LEVELS, pixels.shape[1:]) for place in range(len(pixels)))
        return np.stack([_to_grey(grey + noise) for grey, noise in zip(pixels, drawn)])
    if view == "blur":
        return np.stack([_blur(grey) for grey in pixels])
    if view == "clahe":
        equaliser = cv2.createCLAHE(clipLimit=CLIP_LIMIT, tileGridSize=(TILES, TILES))
        return np.stack([equaliser.apply(np.ascontiguousarray(grey)) for grey in pixels])
    raise ValueError(f"unknown view {view}")


def _blur(grey: np.ndarray) -> np.ndarray:
    across = scipy.ndimage.gaussian_filter1d(grey.astype(np.float64), BLUR_PIXELS, axis=1, radius=2, mode="nearest")
    return _to_grey(scipy.ndimage.gaussian_filter1d(across, BLUR_PIXELS, axis=0, radius=2, mode="nearest"))


def _to_grey(values: np.ndarray) -> np.ndarray:
    return np.round(values).clip(0, 255).astype(np.uint8)
