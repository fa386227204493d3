"""YOLO11's classification network, as published, and a reader of its checkpoints.

An own implementation: the ultralytics package (AGPL-3.0) is not needed. A checkpoint is a pickle of whole
modules; it is read with an unpickler that knows a short list of names and refuses every other, so that a
foreign file can bring weights and nothing else.
"""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn


class CheckpointError(RuntimeError):
    """The file is no YOLO11 classification checkpoint that can be read; the message says why."""


class Conv(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.cv2(self.cv1(x))
        return x + found if self.add else found


class C3k2(nn.Module):
    """Splits the channels, passes one half through its blocks and joins all that arose on the way."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            parts.append(block(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


class C3k(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


class Attention(nn.Module):
    """Multi-head self-attention over the places of the map, with a depthwise convolution for position."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        heads, key, value = self.num_heads, self.key_dim, self.head_dim
        q, k, v = self.qkv(x).view(batch, heads, 2 * key + value, height * width).split([key, key, value], 2)
        weights = ((q.transpose(-2, -1) @ k) * self.scale).softmax(-1)
        mixed = (v @ weights.transpose(-2, -1)).view(batch, channels, height, width)
        return self.proj(mixed + self.pe(v.reshape(batch, channels, height, width)))


class PSABlock(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(x) if self.add else self.attn(x)
        return x + self.ffn(x) if self.add else self.ffn(x)


class C2PSA(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept, passed = self.cv1(x).split((self.c, self.c), 1)
        return self.cv2(torch.cat((kept, self.m(passed)), 1))


class Classify(nn.Module):
    """Probabilities: the softmax is part of the network when it is not training."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.drop(self.pool(self.conv(x)).flatten(1))).softmax(1)


class ClassificationModel(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image
        for layer in self.model:
            x = layer(x)
        return x


class _Ignored:
    """Stands for the training's picture transforms, which are not needed."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


_OWN = {c.__name__: c for c in (Conv, Bottleneck, C3k2, C3k, Attention, PSABlock, C2PSA, Classify, ClassificationModel)}
_TORCH = {
    ("torch.nn.modules.container", "Sequential"), ("torch.nn.modules.container", "ModuleList"),
    ("torch.nn.modules.conv", "Conv2d"), ("torch.nn.modules.batchnorm", "BatchNorm2d"),
    ("torch.nn.modules.activation", "SiLU"), ("torch.nn.modules.linear", "Identity"), ("torch.nn.modules.linear", "Linear"),
    ("torch.nn.modules.pooling", "AdaptiveAvgPool2d"), ("torch.nn.modules.dropout", "Dropout"),
    ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_tensor_v2"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if module.startswith("ultralytics.") and name in _OWN:
            return _OWN[name]
        if (module, name) in _TORCH:
            return super().find_class(module, name)
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) in (("__builtin__", "set"), ("builtins", "set")):
            return set
        if module.startswith("torchvision.transforms"):
            return _Ignored
        raise CheckpointError(f"the checkpoint wants {module}.{name}, which is not part of a YOLO11 classifier")


def read_checkpoint(path: Path) -> tuple[ClassificationModel, list[str], int]:
    """The network in float32, its labels in the order of its outputs, and the picture size of its training.

    Raises `CheckpointError`.
    """
    reader = SimpleNamespace(Unpickler=_Unpickler, load=lambda file, **options: _Unpickler(file, **options).load(), __name__="pickle")
    try:
        saved = torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"not a PyTorch checkpoint: {error}") from error
    network = (saved.get("ema") or saved.get("model")) if isinstance(saved, dict) else None
    if not isinstance(network, ClassificationModel) or not hasattr(network, "names"):
        raise CheckpointError("holds no classification network")
    names = [str(network.names[i]) for i in sorted(network.names)]
    size = (saved.get("train_args") or {}).get("imgsz", 224)
    return network.float().eval(), names, int(size)
