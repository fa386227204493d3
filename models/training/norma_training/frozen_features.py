"""Features of the frozen backbone for all slices, computed once by ONNX Runtime and kept with the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from .backbone import EfficientNetLite0, to_tensor
from .export import export_onnx, open_session
from .progress import log, progress

#: The block whose 14 × 14 grid of 112 channels is the patches' feature space.
PATCH_BLOCK = 10


class _Outputs(nn.Module):
    def __init__(self, backbone: EfficientNetLite0) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = self.backbone.features(image, len(self.backbone._blocks))
        return outputs[PATCH_BLOCK], outputs[-1].mean((2, 3))


@dataclass
class FrozenFeatures:
    """`patches` `(n, 14, 14, 112)` float16; `pooled` `(n, 1280)` float32 of the slices, `mirrored` of the
    slices flipped left to right."""

    patches: np.ndarray
    pooled: np.ndarray
    mirrored: np.ndarray

    def subset(self, rows: np.ndarray) -> "FrozenFeatures":
        return FrozenFeatures(self.patches[rows], self.pooled[rows], self.mirrored[rows])


def read_views(session: onnxruntime.InferenceSession, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`patches` (float16, channels last) and `pooled` of a batch, and `pooled` of its mirror."""
    maps, pooled = session.run(["patches", "pooled"], {"image": images})
    mirrored = session.run(["pooled"], {"image": np.ascontiguousarray(images[..., ::-1])})[0]
    return maps.transpose(0, 2, 3, 1).astype(np.float16), pooled, mirrored


def frozen_features(backbone: EfficientNetLite0, pixels: np.ndarray, run: Path, batch: int = 16, tag: str = "") -> FrozenFeatures:
    """Reads the features from `run` where they stand there for as many slices, else computes them."""
    paths = {name: run / f"frozen{tag}_{name}.npy" for name in ("patches", "pooled", "mirrored")}
    if all(path.exists() for path in paths.values()):
        found = FrozenFeatures(*(np.load(path) for path in paths.values()))
        if len(found.pooled) == len(pixels) == len(found.patches) == len(found.mirrored):
            return found
    graph = export_onnx(_Outputs(backbone), pixels.shape[-1], ["patches", "pooled"], run / "frozen_features.onnx")
    session = open_session(graph)
    parts = []
    log.info("frozen features of %d slices", len(pixels))
    for start in progress(range(0, len(pixels), batch), "frozen features"):
        parts.append(read_views(session, to_tensor(pixels[start : start + batch]).numpy()))
    found = FrozenFeatures(*(np.concatenate(values) for values in zip(*parts)))
    for name, path in paths.items():
        np.save(path, getattr(found, name))
    return found
