"""PyTorch → ONNX with a dynamic batch, checked against PyTorch."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn

OPSET = 17


def export_onnx(network: nn.Module, size: int, outputs: list[str], path: Path, channels: int = 1) -> Path:
    """Writes `path`: input `image (batch, channels, size, size)`, the named outputs, weights inside the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    network = network.eval()
    # The classic exporter: the new one writes the weights to a second file.
    torch.onnx.export(
        network, (torch.zeros(2, channels, size, size),), str(path), input_names=["image"], output_names=outputs,
        dynamic_axes={name: {0: "batch"} for name in ["image", *outputs]}, opset_version=OPSET, dynamo=False,
        do_constant_folding=True,
    )
    onnx.checker.check_model(onnx.load(str(path)))
    return path


def halve_weights(source: Path, path: Path, least: int = 1024) -> Path:
    """Stores large float32 weights as float16 with a cast to float32 behind each: half the file, float32 sums.

    The runtime folds the casts when it opens the session, so speed is unchanged.
    """
    model = onnx.load(str(source))
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < least or np.abs(values).max() > np.finfo(np.float16).max:
            kept.append(tensor)
            continue
        half = values.astype(np.float16)
        kept.append(numpy_helper.from_array(half, tensor.name + "_half"))
        casts.append(onnx.helper.make_node("Cast", [tensor.name + "_half"], [tensor.name], to=onnx.TensorProto.FLOAT))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def open_session(path: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting threads sleep: a busy machine has better things to do.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def largest_difference(network: nn.Module, path: Path, images: torch.Tensor) -> float:
    """Largest absolute difference of any output between PyTorch and the exported graph, relative to the
    largest absolute value of that output."""
    with torch.inference_mode():
        expected = network.eval()(images)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = open_session(path).run(None, {"image": images.numpy()})
    return max(
        float(np.abs(a.numpy() - b).max() / max(float(a.abs().max()), 1e-6)) for a, b in zip(expected, found)
    )


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
