"""One graph for models that read the same pixels through the same network: what several of them compute is computed once."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from .export import open_session, sha256_of
from .manifest import write_yaml
from .progress import log

#: The folder beside the models in which their common graph lies.
FOLDER = "network"
#: Largest difference of any output between a model's own graph and the joined one, relative to the output's largest value.
TOLERANCE = 1e-5


def join_graphs(graphs: list[ModelProto]) -> ModelProto:
    """One graph with the outputs of all, in which every computation that several contain stands once.

    Two tensors are the same where they hold the same values, or where the same operator with the same attributes makes
    them of the same tensors: nothing is taken as alike that is only nearly so. The graphs read one input of the same name
    and shape; their outputs have different names. Raises `ValueError` where they do not.
    """
    first = graphs[0]
    for graph in graphs[1:]:
        if graph.graph.input != first.graph.input or graph.opset_import != first.opset_import:
            raise ValueError("the graphs do not read the same input by the same operators")
    outputs = [output for graph in graphs for output in graph.graph.output]
    names = [output.name for output in outputs]
    if len(set(names)) != len(names):
        raise ValueError(f"two graphs have an output of the same name: {names}")

    # What a tensor is → the name of it in the joined graph.
    known: dict[object, str] = {}
    initializers: list[TensorProto] = []
    nodes: list[NodeProto] = []
    for place, model in enumerate(graphs):
        renamed = {value.name: value.name for value in model.graph.input} | {"": ""}
        for tensor in model.graph.initializer:
            key = _values(tensor)
            if key not in known:
                known[key] = f"weights_{len(initializers)}"
                kept = TensorProto()
                kept.CopyFrom(tensor)
                kept.name = known[key]
                initializers.append(kept)
            renamed[tensor.name] = known[key]
        own_outputs = {output.name for output in model.graph.output}
        for node in model.graph.node:
            inputs = [renamed[name] for name in node.input]
            key = (node.op_type, node.domain, tuple(inputs), tuple(sorted(_attribute(item) for item in node.attribute)))
            if any(name in own_outputs for name in node.output):
                # An output keeps its name, so its node stands by itself.
                key = (place, *key)
            if key not in known:
                kept = NodeProto()
                kept.CopyFrom(node)
                number = len(nodes)
                made = [name if name in own_outputs else f"t{number}_{index}" for index, name in enumerate(node.output)]
                kept.name = f"{node.op_type}_{number}"
                kept.input[:], kept.output[:] = inputs, made
                nodes.append(kept)
                known[key] = made
            renamed |= dict(zip(node.output, known[key]))

    graph = onnx.helper.make_graph(nodes, "network", list(first.graph.input), outputs, initializers)
    # Of the exporter's names for open dimensions only the batch means the same in all graphs.
    joined = onnx.helper.make_model(graph, opset_imports=list(first.opset_import), producer_name="norma_training")
    joined.ir_version = first.ir_version
    onnx.checker.check_model(joined, full_check=True)
    return joined


def _values(tensor: TensorProto) -> tuple:
    values = numpy_helper.to_array(tensor)
    return ("values", tensor.data_type, values.shape, hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest())


def _attribute(attribute: onnx.AttributeProto) -> bytes:
    if attribute.type == onnx.AttributeProto.TENSOR:
        return repr((attribute.name, _values(attribute.t))).encode()
    return attribute.SerializeToString(deterministic=True)


def graph_of(folder: Path) -> Path:
    """Where the graph of the model in `folder` lies."""
    return graph_path(folder, yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8")))


def copy_models(models: Path, names: list[str], out: Path) -> None:
    """Copies the folders of the models to `out`, and the graphs that they have in common."""
    for name in names:
        shutil.copytree(models / name, out / name, dirs_exist_ok=True)
        copied = graph_of(out / name)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(graph_of(models / name), copied)


def graph_path(folder: Path, manifest: dict) -> Path:
    """The same, where its manifest is at hand."""
    network = manifest.get("network")
    return (folder if network is None else folder.parent / network) / manifest["file"]


def share_network(models: Path, names: list[str], images: np.ndarray | None = None) -> None:
    """Joins the graphs of the models `names` into `models/network/model.onnx`, names it in their manifests and removes
    their own. `images` `(n, channels, size, size)` are what the outputs are compared on; noise where none are given.

    Raises `RuntimeError` where an output of the joined graph differs from that of the model's own.
    """
    folders = [models / name for name in names]
    manifests = [yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8")) for folder in folders]
    paths = [graph_path(folder, manifest) for folder, manifest in zip(folders, manifests)]
    if any("network" in manifest for manifest in manifests) or any(m["input"] != manifests[0]["input"] for m in manifests):
        raise ValueError(f"only models with graphs of their own and the same input are joined: {names}")
    if images is None:
        entry = manifests[0]["input"]
        images = np.random.default_rng(0).uniform(-1, 1, (4, entry["channels"], entry["size"], entry["size"])).astype(np.float32)
    target = models / FOLDER / "model.onnx"
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(join_graphs([onnx.load(str(path)) for path in paths]), str(target))
    difference = max(difference_to(path, target, images) for path in paths)
    before, after = (sum(path.stat().st_size for path in files) / 2**20 for files in (paths, [target]))
    log.info("joined %s: %.1f instead of %.1f MiB, largest relative difference %.2g", ", ".join(names), after, before, difference)
    if difference > TOLERANCE:
        raise RuntimeError(f"the joined graph differs from the models' own by {difference:.2g}")
    for folder, manifest, path in zip(folders, manifests, paths):
        changed = {}
        for key, value in manifest.items():
            if key == "file":
                changed["network"] = FOLDER
            changed[key] = value
        write_yaml(folder / "manifest.yaml", changed | {"sha256": sha256_of(target)})
        path.unlink()


def difference_to(own: Path, joined: Path, images: np.ndarray) -> float:
    """Largest difference of any output of `own` between both graphs, relative to the output's largest value."""
    session = open_session(own)
    names = [output.name for output in session.get_outputs()]
    other = open_session(joined)
    expected, found = (graph.run(names, {"image": images}) for graph in (session, other))
    return max(float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-6)) for a, b in zip(expected, found))
