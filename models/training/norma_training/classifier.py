"""Fine-tuning of the ResNet-18: norm / pathology with a class-activation map, or one logit per type."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .augmentation import add_noise_or_blur, jitter_levels, random_crop_and_flip
from .backbone import to_tensor
from .checkpoint import load_checkpoint, save_checkpoint
from .device import mixed_precision, training_device
from .progress import log, progress
from .resnet import MEAN, STD


def class_weights(source: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Each source weighs the same, and within a source each class; a source with one class weighs half.

    Else the mere share of pathology in a source tells the network what the source's pictures are.
    """
    weight = np.zeros(len(truth))
    for name in np.unique(source):
        for value in (0, 1):
            rows = (source == name) & (truth == value)
            if rows.any():
                weight[rows] = 1.0 / rows.sum()
    return (weight * len(truth) / weight.sum()).astype(np.float32)


def fine_tune(
    network: nn.Module, pixels: np.ndarray, targets: np.ndarray, weight: np.ndarray, path: Path | None, epochs: int, size: int = 128,
    batch: int = 64, learning_rate: float = 5e-4, known: np.ndarray | None = None, seed: int = 0,
) -> nn.Module:
    """Trains `network` with binary cross-entropy on `targets` `(n)` or `(n, labels)`.

    `weight` is per slice; `known` `(n, labels)` marks which targets are known (others do not count). Pictures
    are cropped to 70 to 100 % of their area, turned by up to 10 degrees, flipped, and changed in level, noise
    and sharpness. Continues from the checkpoint `path`; without one nothing is stored.
    """
    torch.manual_seed(seed)
    device = training_device()
    network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-2)
    batch = min(batch, len(pixels))
    steps = max(len(pixels) // batch, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * steps, pct_start=0.2)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    title = path.stem if path is not None else "classifier"
    held, wanted, drawn_by = (torch.from_numpy(np.asarray(values)).to(device) for values in (pixels, targets, weight))
    counted = torch.from_numpy(known).float().to(device) if known is not None else None
    for epoch in range(load_checkpoint(path, parts, epochs), epochs):
        generator = torch.Generator(device).manual_seed(seed * 1000 + epoch)
        order = torch.multinomial(drawn_by, len(pixels), replacement=True, generator=generator)
        started, total = time.monotonic(), torch.zeros((), device=device)
        network.train()
        for step in progress(range(steps), f"{title} {epoch + 1}/{epochs}"):
            rows = order[step * batch : (step + 1) * batch].sort().values
            images = random_crop_and_flip(to_tensor(held[rows], MEAN, STD), size, (0.7, 1.0), generator, degrees=10)
            images = add_noise_or_blur(jitter_levels(images, generator, 0.25, 0.25), generator)
            with mixed_precision():
                output = network(images)
            logit = (output[0] if isinstance(output, tuple) else output).float()
            target = wanted[rows].float()
            losses = F.binary_cross_entropy_with_logits(logit, target * 0.96 + 0.02, reduction="none")
            if counted is not None:
                mask = counted[rows]
                loss = (losses * mask).sum() / mask.sum().clamp_min(1)
            else:
                loss = losses.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        save_checkpoint(path, parts, epoch + 1, epochs)
        log.info("%s epoch %d/%d: loss %.4f, %.0f s", title, epoch + 1, epochs, total.item() / steps, time.monotonic() - started)
    return network.cpu().eval()


def resized(pixels: np.ndarray, size: int, mean: float = MEAN, std: float = STD) -> torch.Tensor:
    """uint8 `(batch, 224, 224)` → the tensor of a manifest with `size`: area mean, as the service does."""
    images = to_tensor(pixels, mean, std)
    return images if size == images.shape[-1] else F.adaptive_avg_pool2d(images, size)


@torch.inference_mode()
def predict_logits(network: nn.Module, pixels: np.ndarray, size: int, batch: int = 64, mean: float = MEAN, std: float = STD, flip: bool = True) -> np.ndarray:
    """Logits of every slice, `(n)` or `(n, labels)`; with `flip`, the mean over the picture and its mirror."""
    network.eval()
    result = []
    for start in progress(range(0, len(pixels), batch), "predict"):
        images = resized(pixels[start : start + batch], size, mean, std)
        views = [images, images.flip(3)] if flip else [images]
        outputs = [network(view) for view in views]
        logits = [output[0] if isinstance(output, tuple) else output for output in outputs]
        result.append((sum(logits) / len(logits)).numpy())
    return np.concatenate(result)
