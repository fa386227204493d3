"""Imports a YOLO11 classification checkpoint (`.pt`) as ONNX and a manifest.

The ultralytics package (AGPL-3.0) is no dependency of the product: it is asked for only here, only if the
person who imports has installed it, and it only exports.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .export import open_session
from .manifest import input_tensor, write_manifest


class ImportError_(RuntimeError):
    """The checkpoint cannot be imported; the message says what is missing."""


def key_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "label"


def convert_yolo(checkpoint: Path, folder: Path, size: int = 512, threshold: float = 0.5) -> Path:
    """Writes `folder/model.onnx` and `folder/manifest.yaml`; labels are the checkpoint's own names.

    Raises `ImportError_` where ultralytics is not installed or the file is no classifier.
    """
    try:
        from ultralytics import YOLO  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError_("importing a YOLO checkpoint needs the package ultralytics (AGPL-3.0): pip install ultralytics") from error
    model = YOLO(str(checkpoint))
    if model.task != "classify":
        raise ImportError_(f"the checkpoint's task is {model.task}, not classify")
    folder.mkdir(parents=True, exist_ok=True)
    exported = Path(model.export(format="onnx", imgsz=size, dynamic=True, opset=17, simplify=False))
    shutil.move(exported, folder / "model.onnx")
    session = open_session(folder / "model.onnx")
    entry, output = session.get_inputs()[0], session.get_outputs()[0]
    names = [model.names[i] for i in sorted(model.names)]
    tensor = {**input_tensor(size, 0.0, 1.0, channels=3), "name": entry.name}
    write_manifest(
        folder, "typing", "0.0.0-imported", input=tensor,
        # The graph of a YOLO classifier ends in a softmax.
        outputs=[{"name": output.name, "meaning": "probabilities", "shape": ["batch", len(names)]}],
        labels=[{"key": key_of(name), "en": name, "ru": name, "threshold": threshold} for name in names],
        slice_selection={"count": 12}, aggregation={"method": "maximum"},
        provenance={"training_data": ["foreign weights, unknown"], "licence": "unknown: not to be distributed", "intended_use": "research"},
    )
    return folder
