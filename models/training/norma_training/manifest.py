"""Writing `norma.model/v1` manifests and `norma.bundle/v1` bundles, in the words that the service reads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from . import HOUNSFIELD_RANGE, PREPARATION
from .expected_distance import LUNG_SHARES, ExpectedDistance
from .export import sha256_of


def plain(value: Any) -> Any:
    """NumPy's numbers and tuples as YAML's own."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def write_yaml(path: Path, content: dict) -> None:
    path.write_text(yaml.safe_dump(plain(content), sort_keys=False, allow_unicode=True, width=110), encoding="utf-8")


def input_tensor(size: int, mean: float, std: float, channels: int = 1) -> dict:
    return {
        "name": "image", "channels": channels, "size": size, "preprocessing": PREPARATION,
        "hounsfield_range": [int(bound) for bound in HOUNSFIELD_RANGE], "mean": [round(mean, 8)], "std": [round(std, 8)],
    }


def write_manifest(folder: Path, task: str, version: str, **rest: Any) -> dict:
    """Writes `folder/manifest.yaml` for `folder/model.onnx`; `rest` are the manifest's other fields in order."""
    content = {
        "schema": "norma.model/v1", "name": folder.name, "version": version, "task": task, "file": "model.onnx",
        "sha256": sha256_of(folder / "model.onnx"), **rest,
    }
    write_yaml(folder / "manifest.yaml", content)
    return content


def write_memory(folder: Path, memory: np.ndarray, neighbours: int, expected: ExpectedDistance) -> dict:
    """Writes `memory.npy` (float16, `(m, c)`) and `expected.npy` (float16) and returns the manifest's entry."""
    np.save(folder / "memory.npy", memory.astype(np.float16))
    np.save(folder / "expected.npy", expected.stored().astype(np.float16))
    return {
        "file": "memory.npy", "sha256": sha256_of(folder / "memory.npy"), "neighbours": neighbours, "position_weight": 0.0,
        "expected": {
            "file": "expected.npy", "sha256": sha256_of(folder / "expected.npy"), "grid": list(expected.mean.shape[1:]),
            "lung_shares": LUNG_SHARES.tolist(),
        },
    }


def new_version(base: str) -> str:
    """`base` without what an earlier writing added, and the time: no other writing of a bundle has the same version."""
    written = time.time_ns()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(written // 10**9))
    return f"{base.split('+')[0]}+{stamp}.{written % 10**9:09d}Z"


def write_bundle(folder: Path, content: dict) -> None:
    """Writes `folder/bundle.yaml` under a new version: reports tell one bundle from another by it."""
    write_yaml(folder / "bundle.yaml", {"schema": "norma.bundle/v1", **content, "version": new_version(content["version"])})
