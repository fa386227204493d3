"""The optional `foundation` bundle, written: the shipped one, its classifier joined with the encoder's, one memory more.

The encoder's weights are not shipped: `make foundation` fetches and converts them.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from . import backbone as lite0
from . import foundation_features as chest
from .assemble import Assembly
from .backbone import EfficientNetLite0, to_tensor
from .bootstrap import Estimate, auc_by_block
from .budget import Budget
from .cards import write_card
from .chest_ct_encoder import LICENCE as ENCODER_LICENCE
from .export import open_session
from .foundation import CLASSIFIER, MEMORY, Foundation, PairedHeadRecipe
from .foundation_features import CutEncoder, Patches
from .linear_head import LinearHead
from .manifest import input_tensor, write_bundle
from .prepared import PreparedSet
from .progress import log
from .recipes import PatchMemoryRecipe
from .shared_network import copy_models, graph_of
from .ship import (
    auc_of_assembly, figure, fitted_bundle, fitted_classifier, fitted_memory, provenance, update_manifest, write_classifier_manifest, write_graph, write_memory_manifest,
)
from .steps import Material, two_class_sources

#: The folder of its memory, beside the shipped models' folders.
MEMORY_FOLDER = "foundation-memory"
TIMED_SLICES = 16


class PairedClassifier(nn.Module):
    """Image in 0..1 → `logit (batch)`, the mean of both heads' logits, and its class-activation map `(batch, 14, 14)`.

    The logit is the mean of the map plus a bias; the backbone's 7 × 7 map counts for four cells each.
    """

    def __init__(self, backbone: EfficientNetLite0, encoder: CutEncoder, heads: list[LinearHead]) -> None:
        super().__init__()
        self.backbone, self.encoder = backbone, encoder
        for name, head in zip(("shipped", "chest"), heads):
            self.register_buffer(name, torch.from_numpy(np.asarray(head.weight, dtype=np.float32) / 2)[None, :, None, None])
        self.bias = sum(head.bias for head in heads) / 2

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        coarse = F.conv2d(self.backbone((image - lite0.MEAN) / lite0.STD), self.shipped)
        fine = F.conv2d(self.encoder(image), self.chest)
        activation = (F.interpolate(coarse, scale_factor=2.0, mode="nearest") + fine)[:, 0]
        return activation.mean((1, 2)) + self.bias, activation


def ship_foundation(material: Material, found: Foundation, encoder: CutEncoder, assembly: Assembly, models: Path, out: Path, budget: Budget) -> None:
    """Writes the bundle `out` from the one in `models`, with its own memory, classifier and everything behind them."""
    out.mkdir(parents=True, exist_ok=True)
    bundle = yaml.safe_load((models / "bundle.yaml").read_text(encoding="utf-8"))
    shipped = bundle["models"]
    copy_models(models, [*shipped["anomaly"], shipped["typing"]], out)
    data, everything = material.data, np.ones(len(material.data), dtype=bool)
    images = to_tensor(data.pixels[:4], chest.MEAN, chest.STD)

    def figures(key: str) -> list:
        return [
            figure(f"slice AUC, {source}, {title}", _auc(data, found.scores[f"{key}_{held}"], data.source == source, budget.resamples))
            for held, title in (("oof", "blocks held out"), ("loso", "source never trained on")) for source in two_class_sources(data)
        ]

    memory, offset, scale = PatchMemoryRecipe(data, found.features, material.patches, budget.shipped_memory_patches).fit(everything)
    network = Patches(copy.deepcopy(encoder))
    network.standardise(offset, scale)
    folder = out / MEMORY_FOLDER
    write_graph(network, 224, ["features"], folder, images)
    image = input_tensor(224, chest.MEAN, chest.STD)
    write_memory_manifest(folder, image, memory, found.expected, fitted_memory(assembly, 1), provenance(data, figures(MEMORY), ENCODER_LICENCE))
    heads = PairedHeadRecipe(data, material.features, found.features).fit(np.flatnonzero(everything))
    folder = out / shipped["classifier"]
    write_graph(PairedClassifier(material.backbone, encoder, heads).eval(), 224, ["logit", "activation_map"], folder, images)
    write_classifier_manifest(
        folder, image, 14, fitted_classifier(assembly), provenance(data, figures(CLASSIFIER), f"{lite0.LICENCE}; {ENCODER_LICENCE}")
    )
    update_manifest(out / shipped["anomaly"][0], fitted_memory(assembly))
    others = shipped["anomaly"][1:]
    bundle |= {
        "name": bundle["name"] + "-foundation",
        "models": shipped | {"anomaly": [shipped["anomaly"][0], MEMORY_FOLDER, *others]},
        "anomaly_combination": {"method": "weighted_mean", "weights": [0.5, 0.5, *(0.0 for _ in others)]},
        **fitted_bundle(assembly),
    }
    bundle["provenance"]["auc"] = auc_of_assembly(assembly, budget.resamples).as_manifest()
    write_bundle(out, bundle)
    _write_cards(out, shipped["classifier"])
    log.info("foundation bundle in %s", out)


def _write_cards(out: Path, classifier: str) -> None:
    common = f"""
Built by `make foundation`; third-party weights ({ENCODER_LICENCE}) are part of it, so it is not committed. Fitted on the shipped
models' data and splits, whose licences allow research use only. Figures with intervals: this folder's manifest, and "The foundation bundle" in
the project's models/RESULTS.md, beside the shipped models, the trivial features and sources never trained on.
"""
    write_card(out / MEMORY_FOLDER, "Patch memory on a chest-CT encoder", f"""
How far lung is from norm lung in the features of Astra's image encoder, cut after {chest.BLOCKS} blocks of its third stage and projected to
{chest.PROJECTED} channels; its normalised distance counts half of the anomaly score, the shipped memory's the other half. No pathology was seen.
{common}
## Limits

Much better than the shipped memory on COVID pneumonia, worse on tumours, whose few patches the mean dilutes.
""")
    write_card(out / classifier, "Classifier on two backbones", f"""
The mean of the logits of two linear heads: on the shipped EfficientNet-Lite0 and on the chest-CT encoder. The map is the mean of both maps.
{common}
## Limits

On a source never trained on it is far weaker than on those it knows; it decides only together with the memories.
""")


def _auc(data: PreparedSet, values: np.ndarray, rows: np.ndarray, resamples: int) -> Estimate:
    rows = rows & np.isfinite(values)
    return auc_by_block(data.is_pathology[rows], values[rows], data.block[rows], resamples)


def cost_of(out: Path, models: Path, pixels: np.ndarray) -> str:
    """Size and processor time per slice of this bundle's memory and classifier beside the shipped ones', taken in turn."""
    said = []
    for title, own, other in (("memory", MEMORY_FOLDER, "patch-memory"), ("classifier", "classifier", "classifier")):
        graphs = [graph_of(out / own), graph_of(models / other)]
        sessions = [open_session(graph) for graph in graphs]
        spent = [0.0, 0.0]
        for start in range(0, min(TIMED_SLICES, len(pixels)), 4):
            images = to_tensor(pixels[start : start + 4]).numpy()
            for i, session in enumerate(sessions):
                before = time.process_time()
                session.run(None, {"image": images})
                spent[i] += time.process_time() - before
        count = min(TIMED_SLICES, len(pixels))
        said.append(
            f"{title}'s graph {graphs[0].stat().st_size / 2**20:.0f} MiB and {1000 * spent[0] / count:.0f} ms of processor time per slice "
            f"(shipped: {graphs[1].stat().st_size / 2**20:.1f} MiB, {1000 * spent[1] / count:.0f} ms)"
        )
    return "; ".join(said)
