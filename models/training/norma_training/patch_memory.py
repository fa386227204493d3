"""A memory of norm patches: how far is a patch of lung from any patch of norm lung (after PatchCore, Roth 2022)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .aggregation import patch_coverage
from .backbone import EfficientNetLite0, to_tensor
from .progress import progress

GRID = 14
LEAST_LUNG = 0.5


class PatchFeatures(nn.Module):
    """Image `(batch, 1, 224, 224)` → `features (batch, c, 14, 14)`: chosen blocks of the backbone, standardised.

    Blocks with a finer grid are averaged to 14 × 14. Each channel is standardised by its mean and deviation over
    norm lung patches and each block weighs the same, so that plain L2 distance is meaningful.
    """

    def __init__(self, backbone: EfficientNetLite0, blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.backbone = backbone
        self.blocks = blocks
        widths = [backbone._blocks[b]._project_conv.out_channels for b in blocks]
        # What lies behind the last block is not exported.
        backbone._blocks = backbone._blocks[: max(blocks) + 1]
        for name in ("_conv_head", "_bn1"):
            if hasattr(backbone, name):
                delattr(backbone, name)
        self.widths = widths
        self.register_buffer("offset", torch.zeros(1, sum(widths), 1, 1))
        self.register_buffer("scale", torch.ones(1, sum(widths), 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        outputs = self.backbone.features(image, max(self.blocks))
        maps = []
        for block in self.blocks:
            x = outputs[block]
            factor = x.shape[-1] // GRID
            if factor > 1:
                x = F.avg_pool2d(x, int(factor))
            maps.append(x)
        return (torch.cat(maps, 1) - self.offset) * self.scale

    def fit_scale(self, patches: np.ndarray) -> None:
        """Sets the standardisation from unscaled norm patches `(m, c)`."""
        deviation = np.maximum(patches.std(0), 1e-3)
        share = np.concatenate([np.full(width, (width * len(self.widths)) ** -0.5) for width in self.widths])
        self.offset.copy_(torch.from_numpy(patches.mean(0)).float().view(1, -1, 1, 1))
        self.scale.copy_(torch.from_numpy(share / deviation).float().view(1, -1, 1, 1))


@torch.inference_mode()
def compute_features(network: nn.Module, pixels: np.ndarray, batch: int = 32, title: str = "features") -> np.ndarray:
    """uint8 slices → `(n, 14, 14, c)` float16."""
    network.eval()
    result = []
    for start in progress(range(0, len(pixels), batch), title):
        maps = network(to_tensor(pixels[start : start + batch]))
        result.append(maps.permute(0, 2, 3, 1).half().numpy())
    return np.concatenate(result)


@dataclass
class LungPatches:
    """Patches inside the lungs of many slices, flat: `slice_index[p]`, `y[p]`, `x[p]`."""

    slice_index: np.ndarray
    y: np.ndarray
    x: np.ndarray
    coverage: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, lung_mask: np.ndarray, least: float = LEAST_LUNG) -> "LungPatches":
        coverage = np.concatenate([patch_coverage(lung_mask[i : i + 256], GRID) for i in range(0, len(lung_mask), 256)])
        return cls(*np.where(coverage >= least), coverage)

    def of_slices(self, chosen: np.ndarray) -> np.ndarray:
        """Indices of the patches whose slice is chosen (boolean per slice)."""
        return np.flatnonzero(chosen[self.slice_index])


def nearest_distance(query: np.ndarray, memory: np.ndarray, neighbours: int = 3, chunk: int = 8192) -> np.ndarray:
    """Mean L2 distance of each query row to its nearest memory rows."""
    bank = torch.from_numpy(np.asarray(memory, dtype=np.float32))
    squares = (bank**2).sum(1)
    neighbours = min(neighbours, len(bank))
    result = np.empty(len(query), dtype=np.float32)
    for start in range(0, len(query), chunk):
        rows = torch.from_numpy(np.asarray(query[start : start + chunk], dtype=np.float32))
        distance = (rows**2).sum(1, keepdim=True) + squares - 2 * rows @ bank.T
        nearest = distance.topk(neighbours, 1, largest=False).values.clamp_min(0).sqrt()
        result[start : start + chunk] = nearest.mean(1).numpy()
    return result


def balanced_sample(rng: np.random.Generator, patches: np.ndarray, source: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` patch indices, the same number from each source."""
    names = np.unique(source[patches])
    chosen = []
    for name in names:
        own = patches[source[patches] == name]
        chosen.append(rng.choice(own, min(len(own), count // len(names)), replace=False))
    return np.concatenate(chosen)


def coreset(points: np.ndarray, count: int, seed: int = 0, projected: int = 48) -> np.ndarray:
    """Greedy k-centre selection on a random projection: indices of `count` rows that cover the others."""
    if len(points) <= count:
        return np.arange(len(points))
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(points.shape[1], min(projected, points.shape[1]))).astype(np.float32)
    low = torch.from_numpy(np.asarray(points, dtype=np.float32) @ matrix / np.sqrt(matrix.shape[1]))
    chosen = np.empty(count, dtype=np.int64)
    chosen[0] = rng.integers(len(points))
    distance = ((low - low[chosen[0]]) ** 2).sum(1)
    for i in range(1, count):
        chosen[i] = int(distance.argmax())
        distance = torch.minimum(distance, ((low - low[chosen[i]]) ** 2).sum(1))
    return chosen


def distance_maps(features: np.ndarray, patches: LungPatches, memory: np.ndarray, neighbours: int = 3, rows: np.ndarray | None = None) -> np.ndarray:
    """`(n, 14, 14)` distances inside the lungs, 0 outside; only for slices chosen by `rows` (boolean)."""
    maps = np.zeros(patches.coverage.shape, dtype=np.float32)
    own = np.arange(len(patches.slice_index)) if rows is None else patches.of_slices(rows)
    s, y, x = patches.slice_index[own], patches.y[own], patches.x[own]
    maps[s, y, x] = nearest_distance(features[s, y, x], memory, neighbours)
    return maps
