"""The optional int8 variant of the shipped bundle: its graph, its manifest, its own calibration and thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
import yaml
from torch import nn

from .backbone import to_tensor
from .export import sha256_of
from .int8 import features_of, int8_assembly
from .linear_head import WIDTH, LinearHead, fit_classifier_head
from .manifest import write_bundle, write_yaml
from .progress import log
from .quantise import run_in_batches
from .resnet import MapClassifier
from .run import Run
from .shared_network import copy_models
from .ship import auc_of_assembly, fitted_bundle, fitted_classifier, fitted_memory, update_manifest
from .steps import Material

#: Largest difference of a logit between the joined graph and the head on the features it was fitted on.
TOLERANCE = 1e-3


def ship_int8(material: Material, run: Run, scores: dict[str, np.ndarray], int8: dict[str, np.ndarray], fusion: str, models: Path, out: Path, resamples: int) -> None:
    """Copies the bundle in `models` to `out`, with the classifier in int8 and rules, bounds, calibration and operating
    points fitted on its held-out scores. Raises `RuntimeError` where the graph does not give the head's logits."""
    out.mkdir(parents=True, exist_ok=True)
    bundle = yaml.safe_load((models / "bundle.yaml").read_text(encoding="utf-8"))
    copy_models(models, [*bundle["models"]["anomaly"], bundle["models"]["classifier"], bundle["models"]["typing"]], out)
    found = np.load(run.folder / "int8_features.npz")
    features = features_of(material, {name: found[name] for name in ("pooled", "mirrored")})
    head = fit_classifier_head(features, material.data.source, material.data.is_pathology)
    folder = out / bundle["models"]["classifier"]
    write_int8_graph(run, head, folder / "model.onnx")
    logits = run_in_batches(folder / "model.onnx", to_tensor(material.data.pixels[:16]).numpy())[0]
    difference = float(np.abs(logits - head.logits(features.pooled[:16])).max())
    if difference > TOLERANCE * max(1.0, float(np.abs(logits).max())):
        raise RuntimeError(f"the int8 graph differs from its head by {difference:.4f}")
    assembly = int8_assembly(material, scores, int8, fusion, resamples)
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    manifest.pop("network", None)
    manifest |= {"sha256": sha256_of(folder / "model.onnx"), **fitted_classifier(assembly)}
    manifest["provenance"]["figures"] = []
    write_yaml(folder / "manifest.yaml", manifest)
    bundle |= {"name": f"{bundle['name']}-int8", **fitted_bundle(assembly)}
    bundle["provenance"]["auc"] = auc_of_assembly(assembly, resamples).as_manifest()
    update_manifest(out / bundle["models"]["anomaly"][0], fitted_memory(assembly))
    write_bundle(out, bundle)
    log.info("int8 bundle in %s: largest difference of a logit to its head %.6f", out, difference)


def write_int8_graph(run: Run, head: LinearHead, path: Path) -> None:
    """The int8 backbone joined to its float32 head: `logit` and `activation_map`, as the float graph has them."""
    network = MapClassifier(nn.Identity(), WIDTH)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(head.weight)[None])
        network.head.bias.fill_(head.bias)
    top_path = run.folder / "int8" / "head.onnx"
    torch.onnx.export(
        network.eval(), (torch.zeros(2, WIDTH, 7, 7),), str(top_path), input_names=["head_maps"], output_names=["logit", "activation_map"],
        dynamic_axes={name: {0: "batch"} for name in ("head_maps", "logit", "activation_map")}, opset_version=17, dynamo=False,
    )
    bottom, top = onnx.load(str(run.folder / "int8" / "int8.onnx")), onnx.load(str(top_path))
    top.ir_version = bottom.ir_version
    del top.opset_import[:]
    top.opset_import.extend(bottom.opset_import)
    joined = onnx.compose.merge_models(
        bottom, onnx.compose.add_prefix(top, "head_", rename_inputs=False, rename_outputs=False),
        io_map=[("maps", "head_maps")], outputs=["logit", "activation_map"],
    )
    onnx.checker.check_model(joined)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(joined, str(path))
    log.info("int8 classifier: %.1f MiB", path.stat().st_size / 2**20)
