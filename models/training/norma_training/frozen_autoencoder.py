"""Autoencoders on the frozen SimCLR encoder, trained on norm only: the reference method's anomaly stage.

Three of them are measured: the picture drawn again from the whole encoder, the picture drawn again from the encoder cut
before its last stage, and the cut encoder's features drawn again through a narrow layer.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .aggregation import Aggregation, patch_coverage, slice_scores
from .autoencoder import Autoencoder
from .backbone import to_tensor
from .device import mixed_precision, training_device
from .progress import log
from .resnet import MEAN, STD, ResNetBackbone

#: Stages of the encoder that are kept, the side of its grid on 224 pixels, and its channels.
DEPTHS = {"whole": (4, 7, 512), "cut": (3, 14, 256)}
#: Name of an autoencoder → depth of its encoder and what it draws.
KINDS = {"whole_picture": ("whole", "picture"), "cut_picture": ("cut", "picture"), "cut_features": ("cut", "features")}
#: From the places of a map to the slice.
WITHIN = {"picture": Aggregation("top_k_mean", 64), "features": Aggregation("mean")}
CODE, FEATURE_CODE = 64, 32


class CutBackbone(nn.Module):
    """The first `stages` stages: `(batch, 1, 224, 224)` → `(batch, c, g, g)`."""

    def __init__(self, backbone: ResNetBackbone, stages: int) -> None:
        super().__init__()
        self.stem, self.stages = backbone.stem, backbone.stages[:stages]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.stages(self.stem(image))


class PictureDecoder(nn.Module):
    """Features of a frozen encoder → the picture `(batch, 1, 112, 112)` in grey 0..1, through 64 × 7 × 7 numbers."""

    def __init__(self, channels: int, grid: int) -> None:
        super().__init__()
        self.code = nn.Conv2d(channels, CODE, 1) if grid == 7 else nn.Conv2d(channels, CODE, 3, 2, 1)
        self.decoder = Autoencoder(code=CODE).decoder

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.code(features))


class FeatureAutoencoder(nn.Module):
    """Features `(batch, c, g, g)`, standardised by norm's, → the same through 32 numbers at each place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("offset", torch.zeros(1, channels, 1, 1))
        self.register_buffer("scale", torch.ones(1, channels, 1, 1))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 128, 1), nn.ReLU(inplace=True), nn.Conv2d(128, FEATURE_CODE, 1), nn.ReLU(inplace=True),
            nn.Conv2d(FEATURE_CODE, 128, 1), nn.ReLU(inplace=True), nn.Conv2d(128, channels, 1),
        )

    def standardised(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self.offset) * self.scale

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(self.standardised(features))

    def fit_scale(self, features: torch.Tensor) -> None:
        """By norm's features."""
        self.offset.copy_(features.mean((0, 2, 3), keepdim=True))
        self.scale.copy_(1.0 / features.std((0, 2, 3), keepdim=True).clamp_min(1e-2))


class FrozenErrorMap(nn.Module):
    """Image `(batch, 1, 224, 224)`, normalised as the encoder's → the error of what is drawn again: `(batch, 56, 56)` of grey
    levels 0..1 averaged over 2 × 2 pixels, or `(batch, 14, 14)` of the features' mean square."""

    def __init__(self, encoder: nn.Module, decoder: PictureDecoder | FeatureAutoencoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.encoder(image)
        if isinstance(self.decoder, FeatureAutoencoder):
            return (self.decoder(features) - self.decoder.standardised(features)).square().mean(1)
        grey = F.avg_pool2d(image * STD + MEAN, 2)
        return F.avg_pool2d((self.decoder(features) - grey).abs(), 2)[:, 0]


def new_decoder(kind: str) -> PictureDecoder | FeatureAutoencoder:
    depth, drawn = KINDS[kind]
    _, grid, channels = DEPTHS[depth]
    return PictureDecoder(channels, grid) if drawn == "picture" else FeatureAutoencoder(channels)


def error_map_of(backbone: ResNetBackbone, kind: str, decoder: nn.Module) -> FrozenErrorMap:
    """The whole of encoder and decoder, with copies of both."""
    cut = CutBackbone(copy.deepcopy(backbone), DEPTHS[KINDS[kind][0]][0])
    return FrozenErrorMap(cut, copy.deepcopy(decoder)).eval().requires_grad_(False)


@torch.no_grad()
def encode(backbone: ResNetBackbone, pixels: torch.Tensor, depth: str, batch: int = 128) -> torch.Tensor:
    """Features of slices and of their mirror images, `(2, n, c, g, g)`, in half precision, where `pixels` lie."""
    cut = CutBackbone(backbone, DEPTHS[depth][0])
    found = []
    for mirrored in (False, True):
        for start in range(0, len(pixels), batch):
            images = to_tensor(pixels[start : start + batch], MEAN, STD)
            found.append(cut(images.flip(3) if mirrored else images).half())
    return torch.cat(found).view(2, len(pixels), *found[0].shape[1:])


def train_decoders(backbone: ResNetBackbone, pixels: np.ndarray, lung_mask: np.ndarray, epochs: int, batch: int = 64, learning_rate: float = 2e-3, seed: int = 0) -> dict[str, nn.Module]:
    """An autoencoder of each kind on the frozen `backbone`, from slices of norm `(n, 224, 224)`. What is drawn wrongly inside
    the lungs weighs four times what is outside."""
    device = training_device()
    backbone = backbone.to(device).eval()
    held = torch.from_numpy(np.asarray(pixels)).to(device)
    grey = F.avg_pool2d(to_tensor(held, 0.0, 1.0), 2)
    weight = 1 + 3 * F.avg_pool2d(torch.from_numpy(np.asarray(lung_mask)).to(device).float()[:, None], 2)
    batch = min(batch, len(pixels))
    steps = len(pixels) // batch
    trained = {}
    for depth, (_, grid, _) in DEPTHS.items():
        features = encode(backbone, held, depth)
        for kind in (name for name, (own, _) in KINDS.items() if own == depth):
            torch.manual_seed(seed)
            network = new_decoder(kind).to(device)
            drawn_is_picture = isinstance(network, PictureDecoder)
            if not drawn_is_picture:
                network.fit_scale(features[0].float())
            target_weight = weight if drawn_is_picture else F.adaptive_avg_pool2d(weight, grid)
            optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-5)
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * steps)
            generator = torch.Generator(device).manual_seed(seed)
            choice = np.random.default_rng(seed)
            total = torch.zeros((), device=device)
            network.train()
            for _ in range(epochs):
                order = torch.randperm(len(held), generator=generator, device=device)
                total.zero_()
                for step in range(steps):
                    rows, mirrored = order[step * batch : (step + 1) * batch], int(choice.integers(2))
                    known, counts = features[mirrored, rows].float(), target_weight[rows]
                    counts = counts.flip(3) if mirrored else counts
                    with mixed_precision():
                        drawn = network(known)
                    if drawn_is_picture:
                        wanted = grey[rows].flip(3) if mirrored else grey[rows]
                        loss = ((drawn.float() - wanted).abs() * counts).mean()
                    else:
                        loss = ((drawn.float() - network.standardised(known)).square() * counts).mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    schedule.step()
                    total += loss.detach()
            log.info("autoencoder %s: %d epochs, weighted loss %.4f", kind, epochs, total.item() / max(steps, 1))
            trained[kind] = network.cpu().eval()
    backbone.cpu()
    return trained


@torch.inference_mode()
def score_slices(backbone: ResNetBackbone, kind: str, decoder: nn.Module, pixels: np.ndarray, lung_mask: np.ndarray, batch: int = 128) -> np.ndarray:
    """The error of every slice `(n)` inside its lungs, as the model's manifest aggregates it; NaN without lung."""
    device = training_device()
    module = error_map_of(backbone, kind, decoder).to(device)
    maps = np.concatenate([
        module(to_tensor(torch.from_numpy(np.array(pixels[i : i + batch])).to(device), MEAN, STD)).float().cpu().numpy()
        for i in range(0, len(pixels), batch)
    ])
    return slice_scores(maps, patch_coverage(np.array(lung_mask), maps.shape[-1]), WITHIN[KINDS[kind][1]])
