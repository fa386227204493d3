"""Static int8 (QDQ, per channel) for processors, calibrated on training slices."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Iterator

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from .export import open_session


class _Pictures(CalibrationDataReader):
    def __init__(self, images: np.ndarray, batch: int) -> None:
        self._batches: Iterator[np.ndarray] = iter(np.array_split(images, max(len(images) // batch, 1)))

    def get_next(self) -> dict | None:
        images = next(self._batches, None)
        return None if images is None else {"image": images}


def quantise(source: Path, target: Path, images: np.ndarray, batch: int = 8) -> Path:
    """Writes the int8 variant of the float32 graph `source`; `images` is float32 `(n, channels, s, s)`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(target), _Pictures(images, batch), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
        )
    return target


def run_in_batches(path: Path, images: np.ndarray, batch: int = 16) -> list[np.ndarray]:
    """All outputs of a graph over many pictures."""
    session = open_session(path)
    parts = [session.run(None, {"image": images[i : i + batch]}) for i in range(0, len(images), batch)]
    return [np.concatenate(outputs) for outputs in zip(*parts)]
