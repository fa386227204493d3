"""Prepared slices as one small file, for a machine that has neither the archive nor `norma prepare`."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from ..prepared import PreparedSet
from ..progress import log

FILE = "slices.npz"
#: WebP quality of the packed slices: at the same error a quarter smaller than JPEG (docs/adr/1722).
QUALITY = 88
TABLE = ("file", "source", "label", "type", "block", "near_duplicates", "known_types", "slice_number")


def pack_slices(data: PreparedSet, fold: np.ndarray, path: Path, quality: int = QUALITY) -> None:
    """Slices as WebP, lung masks as bits, what is known of each slice and its fold."""
    pictures = [_encode(data.pixels[i], quality) for i in range(len(data))]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path, pictures=np.frombuffer(b"".join(pictures), dtype=np.uint8), lengths=np.array([len(picture) for picture in pictures]),
        lung_mask=np.packbits(np.asarray(data.lung_mask).reshape(len(data), -1).astype(bool), axis=1), size=np.array(data.pixels.shape[1:]), fold=fold,
        **{f"of_{name}": getattr(data, name) for name in TABLE},
    )
    log.info("%d slices in %.1f MiB", len(data), path.stat().st_size / 2**20)


def unpack_slices(path: Path) -> tuple[PreparedSet, np.ndarray]:
    """What `pack_slices` wrote, and the folds."""
    with np.load(path) as stored:
        ends = np.cumsum(stored["lengths"])
        whole = stored["pictures"].tobytes()
        pixels = np.stack([_decode(whole[end - length : end]) for end, length in zip(ends, stored["lengths"])])
        size = tuple(int(side) for side in stored["size"])
        masks = np.unpackbits(stored["lung_mask"], axis=1, count=size[0] * size[1]).reshape(-1, *size)
        return PreparedSet(pixels, masks, *(stored[f"of_{name}"] for name in TABLE)), stored["fold"]


def pack_program(training: Path, folder: Path) -> None:
    """Copies this package, the script that starts it and the one pure Python package that a GPU machine may lack."""
    import pytorch_metric_learning

    skip = shutil.ignore_patterns("__pycache__")
    for source in (training / "norma_training", Path(pytorch_metric_learning.__file__).parent):
        shutil.copytree(source, folder / source.name, ignore=skip, dirs_exist_ok=True)
    shutil.copy(training / "gpu", folder / "gpu")


def cost_of_packing(data: PreparedSet, packed: PreparedSet) -> dict[str, float]:
    """Differences of the packed pictures to the exact ones, in grey levels (one is 4.7 HU): mean, 99th percentile, and
    the mean inside the lungs."""
    differences = np.abs(np.asarray(data.pixels, dtype=np.int16) - packed.pixels)
    inside = np.asarray(data.lung_mask).astype(bool)
    return {"mean": float(differences.mean()), "percentile_99": float(np.percentile(differences[:: max(len(data) // 400, 1)], 99)), "lung_mean": float(differences[inside].mean())}


def _encode(grey: np.ndarray, quality: int) -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(written, "WEBP", quality=quality, method=4)
    return written.getvalue()


def _decode(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
