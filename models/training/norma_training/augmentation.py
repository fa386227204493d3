"""Random views on tensors `(batch, 1, s, s)` of normalised grey, one draw per picture.

Everything is drawn and computed where the generator is, so that on a GPU no picture travels.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def random_crop_and_flip(images: torch.Tensor, size: int, scale: tuple[float, float], generator: torch.Generator, degrees: float = 0.0) -> torch.Tensor:
    """A random square of `scale` of the area, flipped left to right half of the time, resampled to `size`."""
    n = len(images)
    device = generator.device
    draw = lambda low, high: torch.rand(n, generator=generator, device=device) * (high - low) + low  # noqa: E731
    side = draw(*scale).sqrt()
    flip = torch.where(torch.rand(n, generator=generator, device=device) < 0.5, -1.0, 1.0)
    angle = draw(-degrees, degrees) * torch.pi / 180
    shift_x, shift_y = (draw(-1, 1) * (1 - side).clamp_min(0) for _ in range(2))
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 0, 1], theta[:, 0, 2] = side * flip * angle.cos(), -side * angle.sin(), shift_x
    theta[:, 1, 0], theta[:, 1, 1], theta[:, 1, 2] = side * flip * angle.sin(), side * angle.cos(), shift_y
    # Averaging before sampling keeps a strong reduction from aliasing.
    factor = images.shape[-1] // size
    if factor >= 2:
        images = F.avg_pool2d(images, factor)
    grid = F.affine_grid(theta, [n, 1, size, size], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def jitter_levels(images: torch.Tensor, generator: torch.Generator, brightness: float, contrast: float) -> torch.Tensor:
    """Contrast about the picture's mean and brightness, in units of normalised grey."""
    n = len(images)
    gain = 1 + (torch.rand(n, 1, 1, 1, generator=generator, device=generator.device) * 2 - 1) * contrast
    shift = (torch.rand(n, 1, 1, 1, generator=generator, device=generator.device) * 2 - 1) * brightness
    mean = images.mean((1, 2, 3), keepdim=True)
    return (images - mean) * gain + mean + shift


def add_noise_or_blur(images: torch.Tensor, generator: torch.Generator, noise: float = 0.15) -> torch.Tensor:
    """Noise of a random strength on a third of the pictures, a 3 × 3 blur on another third: what tells scanners
    apart must not tell the classes apart."""
    n = len(images)
    kind = torch.randint(0, 3, (n, 1, 1, 1), generator=generator, device=generator.device)
    strength = torch.rand(n, 1, 1, 1, generator=generator, device=generator.device) * noise
    noisy = images + torch.randn(images.shape, generator=generator, device=generator.device) * strength
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return torch.where(kind == 0, noisy, torch.where(kind == 1, blurred, images))
