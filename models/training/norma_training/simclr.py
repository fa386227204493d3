"""SimCLR (Chen 2020): pretraining of the ResNet-18 on all training slices without labels."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from pytorch_metric_learning.losses import SupConLoss

from .augmentation import jitter_levels, random_crop_and_flip
from .backbone import to_tensor
from .checkpoint import load_checkpoint, save_checkpoint
from .device import mixed_precision, training_device
from .progress import log, progress
from .resnet import MEAN, STD, Projection, ResNetBackbone


def nt_xent(temperature: float) -> SupConLoss:
    """Takes embeddings `(2n, c)` and the number of each one's picture. With one positive each, the supervised contrastive
    loss (Khosla 2020) is NT-Xent; the library computes it as a matrix, its NTXentLoss by all triples."""
    return SupConLoss(temperature=temperature)


def pretrain(pixels: np.ndarray, run: Path | None, epochs: int, size: int = 96, batch: int = 128, learning_rate: float = 1e-3, temperature: float = 0.2, seed: int = 0) -> ResNetBackbone:
    """uint8 slices `(n, 224, 224)` → the pretrained backbone. Continues from `run/simclr.pt` where it stands; without a
    `run` nothing is stored. The slices lie, and views are drawn, where the network is trained."""
    torch.manual_seed(seed)
    device = training_device()
    backbone = ResNetBackbone().to(device, memory_format=torch.channels_last)
    projection = Projection().to(device)
    loss_function = nt_xent(temperature)
    optimizer = torch.optim.AdamW([*backbone.parameters(), *projection.parameters()], lr=learning_rate, weight_decay=1e-4)
    batch = min(batch, len(pixels))
    steps = max(len(pixels) // batch, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * steps, pct_start=0.15)
    parts = {"backbone": backbone, "projection": projection, "optimizer": optimizer, "schedule": schedule}
    path = run / "simclr.pt" if run is not None else None
    held = torch.from_numpy(np.asarray(pixels)).to(device)
    first = load_checkpoint(path, parts, epochs)
    for epoch in range(first, epochs):
        generator = torch.Generator(device).manual_seed(seed * 1000 + epoch)
        order = torch.randperm(len(pixels), generator=generator, device=device)
        started, total = time.monotonic(), torch.zeros((), device=device)
        backbone.train()
        for step in progress(range(steps), f"simclr {epoch + 1}/{epochs}"):
            images = to_tensor(held[order[step * batch : (step + 1) * batch].sort().values], MEAN, STD)
            views = [
                jitter_levels(random_crop_and_flip(images, size, (0.3, 1.0), generator), generator, 0.4, 0.4)
                for _ in range(2)
            ]
            with mixed_precision():
                embedded = projection(backbone(torch.cat(views)))
            pairs = torch.arange(len(images), device=device).repeat(2)
            loss = loss_function(embedded.float(), pairs)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        save_checkpoint(path, parts, epoch + 1, epochs)
        log.info("simclr epoch %d/%d: NT-Xent %.3f, %.0f s", epoch + 1, epochs, total.item() / steps, time.monotonic() - started)
    return backbone.cpu().eval()
