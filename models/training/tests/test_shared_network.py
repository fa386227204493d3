"""Graphs that have something in common, joined."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from norma_training.export import export_onnx, halve_weights
from norma_training.manifest import write_manifest
from norma_training.shared_network import copy_models, difference_to, graph_of, join_graphs, share_network


class Headed(nn.Module):
    """A backbone and a head of one output."""

    def __init__(self, backbone: nn.Module, seed: int, width: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.backbone, self.head = backbone, nn.Linear(32, width)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(image).mean((2, 3)))


def backbone(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU())


@pytest.fixture
def exported(tmp_path):
    def export(network, output):
        full = export_onnx(network, 32, [output], tmp_path / f"{output}.float32.onnx")
        return halve_weights(full, tmp_path / f"{output}.onnx")

    return export


def joined(paths, tmp_path):
    path = tmp_path / "joined.onnx"
    onnx.save(join_graphs([onnx.load(str(p)) for p in paths]), str(path))
    return path


def convolutions(path):
    return sum(node.op_type == "Conv" for node in onnx.load(str(path)).graph.node)


def test_what_is_the_same_is_there_once_and_gives_the_same(exported, tmp_path):
    shared = backbone(1)
    paths = [exported(Headed(shared, 2, 3), "types"), exported(Headed(shared, 3, 1), "logit"), exported(shared, "features")]
    path = joined(paths, tmp_path)
    # The last of the features is an output, so it stands by itself.
    assert convolutions(path) == 2
    assert path.stat().st_size < 0.5 * sum(p.stat().st_size for p in paths)
    images = np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float32)
    assert [difference_to(p, path, images) for p in paths] == [0.0, 0.0, 0.0]


def test_what_differs_by_one_weight_stays_apart(exported, tmp_path):
    one, other = backbone(1), backbone(1)
    with torch.no_grad():
        other[0].weight[0, 0, 0, 0] += 0.5
    paths = [exported(Headed(one, 2, 3), "types"), exported(Headed(other, 2, 3), "others")]
    path = joined(paths, tmp_path)
    assert convolutions(path) == 4
    images = np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float32)
    assert max(difference_to(p, path, images) for p in paths) == 0.0


def test_graphs_that_cannot_be_joined_are_refused(exported):
    shared = backbone(1)
    graph = onnx.load(str(exported(Headed(shared, 2, 3), "types")))
    with pytest.raises(ValueError, match="same name"):
        join_graphs([graph, graph])
    renamed = onnx.load(str(exported(Headed(shared, 2, 3), "others")))
    renamed.graph.input[0].name = "picture"
    with pytest.raises(ValueError, match="same input"):
        join_graphs([graph, renamed])


def test_models_are_copied_with_the_network_that_they_share_now(tmp_path):
    models, out = tmp_path / "models", tmp_path / "out"
    images = np.zeros((1, 1, 32, 32), dtype=np.float32)
    for seed in (1, 2):
        for name, head in (("one", 3), ("other", 4)):
            export_onnx(Headed(backbone(seed), head, 2), 32, [name], models / name / "model.onnx")
            write_manifest(models / name, "typing", "1.0.0", input={"name": "image"})
        share_network(models, ["one", "other"], images)
        # Also over an earlier copy.
        copy_models(models, ["one", "other"], out)
        assert graph_of(out / "one") == graph_of(out / "other") == out / "network" / "model.onnx"
        assert graph_of(out / "one").read_bytes() == graph_of(models / "one").read_bytes()
        assert not (out / "one" / "model.onnx").exists()
