"""ResNet-18 with one input channel, its projection head for SimCLR and its classification head with a map."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

#: The manifest's input normalisation of everything built on this backbone.
MEAN, STD = 0.5, 0.25
FEATURES = 512


class ResNetBackbone(nn.Module):
    """`(batch, 1, s, s)` → `(batch, 512, s/32, s/32)`."""

    def __init__(self) -> None:
        super().__init__()
        network = resnet18(weights=None)
        network.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        self.stages = nn.Sequential(network.layer1, network.layer2, network.layer3, network.layer4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.stages(self.stem(image))


class Projection(nn.Module):
    """SimCLR's head: 512 → 128 on the unit sphere (the loss normalises)."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(inplace=True), nn.Linear(FEATURES, width))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.layers(maps.mean((2, 3)))


class MapClassifier(nn.Module):
    """Backbone and one linear layer: `logit (batch)` and its class activation map `(batch, h, w)`.

    The logit is the mean of the map plus the bias (Zhou 2016), so the map says exactly where it comes from.
    """

    def __init__(self, backbone: nn.Module, width: int = FEATURES) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, 1)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.backbone(image)
        activation = F.conv2d(maps, self.head.weight.view(1, -1, 1, 1))[:, 0]
        return activation.mean((1, 2)) + self.head.bias, activation


class LabelClassifier(nn.Module):
    """Backbone and one logit per label: `(batch, labels)`."""

    def __init__(self, backbone: nn.Module, labels: int, width: int = FEATURES) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, labels)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(image).mean((2, 3)))
