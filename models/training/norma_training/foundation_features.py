"""Features of the optional chest-CT encoder, cut where they were best, for all slices: what `foundation` is built of.

The encoder is Astra's (see `chest_ct_encoder`), read as a slab without end and cut inside its third stage: 14 × 14
cells of 1,024 channels, with the rows and columns of the picture. The patches are projected to 256 channels by a
fixed random matrix, which keeps distances (Johnson-Lindenstrauss) and a memory small.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet

from .backbone import to_tensor
from .chest_ct_encoder import load_encoder
from .export import export_onnx, halve_weights, open_session
from .frozen_features import FrozenFeatures, read_views
from .progress import log, progress

#: Blocks of the third stage that are kept; figures of other depths stand in NOTES.md.
BLOCKS = 24
CHANNELS, PROJECTED = 1024, 256
#: Levels of the input: the encoder's own (0..1 is -1000..200 HU).
MEAN, STD = 0.0, 1.0
CHUNK = 64


class CutEncoder(nn.Module):
    """`(batch, 1, 224, 224)` in 0..1 → `(batch, 1024, 14, 14)`.

    The encoder was trained with x towards the patient's right and y towards the front; the picture is turned
    inside the graph and the maps are turned back.
    """

    def __init__(self, network: ResNet, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        self.stages = nn.Sequential(network.layer1, network.layer2, network.layer3[:blocks])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.stages(self.stem(image.flip(2).flip(3).transpose(2, 3)))
        return maps.transpose(2, 3).flip(2).flip(3)


class Patches(nn.Module):
    """`features (batch, 256, 14, 14)`, projected and standardised."""

    def __init__(self, encoder: CutEncoder, seed: int = 0) -> None:
        super().__init__()
        self.encoder = encoder
        self.project = nn.Conv2d(CHANNELS, PROJECTED, 1, bias=False)
        drawn = torch.randn(PROJECTED, CHANNELS, 1, 1, generator=torch.Generator().manual_seed(seed))
        self.project.weight = nn.Parameter(drawn / CHANNELS**0.5, requires_grad=False)
        self.register_buffer("offset", torch.zeros(1, PROJECTED, 1, 1))
        self.register_buffer("scale", torch.ones(1, PROJECTED, 1, 1))

    def standardise(self, offset: np.ndarray, scale: np.ndarray) -> None:
        self.offset.copy_(torch.from_numpy(offset).float().view(1, -1, 1, 1))
        self.scale.copy_(torch.from_numpy(scale).float().view(1, -1, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return (self.project(self.encoder(image)) - self.offset) * self.scale


class _Outputs(nn.Module):
    def __init__(self, encoder: CutEncoder) -> None:
        super().__init__()
        self.patches = Patches(encoder)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.patches.encoder(image)
        return self.patches.project(maps), maps.mean((2, 3))


def load_cut_encoder() -> CutEncoder:
    """Raises `EncoderError` where the weights' package (requirements-encoder.txt) is not installed."""
    return CutEncoder(load_encoder(0).network).eval()


def random_cut_encoder(seed: int = 0) -> CutEncoder:
    """Untrained and shallow, for tests without the weights' package."""
    torch.manual_seed(seed)
    network = ResNet(Bottleneck, [1, 1, 2, 1])
    network.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    return CutEncoder(network).eval()


def foundation_features(encoder: CutEncoder, pixels: np.ndarray, folder: Path, batch: int = 16) -> FrozenFeatures:
    """Computed by the graph with the weights that are shipped (float16), chunk by chunk: a stop costs one chunk.

    `patches` `(n, 14, 14, 256)` float16 as projected, `pooled` and `mirrored` `(n, 1024)`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    graph, session = folder / "features.onnx", None
    paths = [folder / f"{start:05d}.npz" for start in range(0, len(pixels), CHUNK)]
    for number, path in enumerate(progress(paths, "foundation features")):
        if path.exists():
            continue
        if session is None:
            halve_weights(export_onnx(_Outputs(encoder), pixels.shape[-1], ["patches", "pooled"], folder / "float32.onnx"), graph)
            session = open_session(graph)
        chunk = pixels[number * CHUNK : (number + 1) * CHUNK]
        views = [read_views(session, to_tensor(chunk[i : i + batch], MEAN, STD).numpy()) for i in range(0, len(chunk), batch)]
        patches, pooled, mirrored = (np.concatenate(values) for values in zip(*views))
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, patches=patches, pooled=pooled, mirrored=mirrored)
        unfinished.rename(path)
        if number % 8 == 0:
            log.info("foundation features: %d of %d slices", min((number + 1) * CHUNK, len(pixels)), len(pixels))
    parts = [np.load(path) for path in paths]
    return FrozenFeatures(*(np.concatenate([part[name] for part in parts]) for name in ("patches", "pooled", "mirrored")))
