"""A convolutional autoencoder that saw norm only; what it cannot draw is what it has not seen."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .backbone import to_tensor
from .checkpoint import load_checkpoint, save_checkpoint
from .device import mixed_precision, training_device
from .progress import log, progress

MEAN, STD = 0.0, 1.0
SIZE = 112


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1, inplace=True))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2.0, mode="nearest"), nn.Conv2d(inputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.1, inplace=True),
    )


class Autoencoder(nn.Module):
    """`(batch, 1, 112, 112)` of grey 0..1 → the same, through 64 channels on a 7 × 7 grid."""

    def __init__(self, width: int = 16, code: int = 64) -> None:
        super().__init__()
        w = width
        self.encoder = nn.Sequential(_down(1, w), _down(w, 2 * w), _down(2 * w, 4 * w), _down(4 * w, 8 * w), nn.Conv2d(8 * w, code, 1))
        self.decoder = nn.Sequential(_up(code, 8 * w), _up(8 * w, 4 * w), _up(4 * w, 2 * w), _up(2 * w, w), nn.Conv2d(w, 1, 3, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(image))


class ErrorMap(nn.Module):
    """Absolute error of the reconstruction `(batch, 56, 56)`, averaged over 2 × 2 pixels: noise weighs less."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d((self.autoencoder(image) - image).abs(), 2)[:, 0]


def reduced(pixels: np.ndarray) -> torch.Tensor:
    """uint8 `(batch, 224, 224)` → float32 `(batch, 1, 112, 112)` in 0..1 by area mean."""
    return F.avg_pool2d(to_tensor(pixels, MEAN, STD), pixels.shape[-1] // SIZE)


def train_autoencoder(pixels: np.ndarray, lung_mask: np.ndarray, run: Path, epochs: int, batch: int = 32, learning_rate: float = 2e-3, seed: int = 0) -> Autoencoder:
    """Norm slices only. The error inside the lungs weighs four times the error outside."""
    torch.manual_seed(seed)
    device = training_device()
    network = Autoencoder().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-5)
    batch = min(batch, len(pixels))
    steps = max(len(pixels) // batch, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * steps)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    path = run / "autoencoder.pt"
    for epoch in range(load_checkpoint(path, parts, epochs), epochs):
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        order = torch.randperm(len(pixels), generator=generator).numpy()
        started, total = time.monotonic(), 0.0
        network.train()
        for step in progress(range(steps), f"autoencoder {epoch + 1}/{epochs}"):
            rows = np.sort(order[step * batch : (step + 1) * batch])
            images = reduced(pixels[rows])
            weight = 1 + 3 * F.avg_pool2d(torch.from_numpy(np.array(lung_mask[rows])).float()[:, None], 2)
            if torch.rand(1, generator=generator).item() < 0.5:
                images, weight = images.flip(3), weight.flip(3)
            images, weight = images.to(device), weight.to(device)
            with mixed_precision():
                drawn = network(images)
            loss = ((drawn.float() - images).abs() * weight).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        save_checkpoint(path, parts, epoch + 1, epochs)
        log.info("autoencoder epoch %d/%d: weighted L1 %.4f, %.0f s", epoch + 1, epochs, total / steps, time.monotonic() - started)
    return network.cpu().eval()


@torch.inference_mode()
def compute_error_maps(network: Autoencoder, pixels: np.ndarray, batch: int = 64) -> np.ndarray:
    """`(n, 56, 56)` float16."""
    module = ErrorMap(network).eval()
    return np.concatenate([
        module(reduced(pixels[i : i + batch])).half().numpy() for i in progress(range(0, len(pixels), batch), "error maps")
    ])
