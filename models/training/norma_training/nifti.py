"""NIfTI-1 files of one int16 volume, as synthetic studies are kept: read and written without a library."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

HEADER_BYTES = 348
VOXELS_AT = 352
INT16, UINT8 = 4, 2


class NiftiError(ValueError):
    """A file that is not what `write_nifti` or Norma's export writes."""


class NiftiVolume(NamedTuple):
    """Axes `(z, y, x)`: towards the head, the back and the patient's left."""

    hounsfield: np.ndarray
    spacing_mm: tuple[float, float, float]


def write_nifti(path: Path, volume: NiftiVolume) -> None:
    """int16 Hounsfield units, shape `(z, y, x)`."""
    slices, rows, columns = volume.hounsfield.shape
    z, y, x = volume.spacing_mm
    header = bytearray(VOXELS_AT)
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, INT16, 16)
    struct.pack_into("<4f", header, 76, 1.0, x, y, z)
    struct.pack_into("<2f", header, 108, VOXELS_AT, 1.0)
    header[123] = 2
    struct.pack_into("<h", header, 254, 1)
    for offset, value in ((280, -x), (300, -y), (320, z)):
        struct.pack_into("<f", header, offset, value)
    header[344:348] = b"n+1\0"
    path.write_bytes(bytes(header) + np.ascontiguousarray(volume.hounsfield, dtype="<i2").tobytes())


def read_nifti(path: Path) -> NiftiVolume:
    """Volumes of the orientation that is written here, and masks of uint8; others are refused."""
    data = path.read_bytes()
    kind = struct.unpack_from("<h", data, 70)[0] if len(data) >= VOXELS_AT else 0
    if kind not in (INT16, UINT8) or struct.unpack_from("<i", data)[0] != HEADER_BYTES:
        raise NiftiError("not a little-endian NIfTI-1 file of int16 or uint8")
    columns, rows, slices = struct.unpack_from("<3h", data, 42)
    x, y, z = struct.unpack_from("<3f", data, 80)
    first = [struct.unpack_from("<f", data, offset)[0] for offset in (280, 300, 320)]
    if not (first[0] < 0 and first[1] < 0 and first[2] > 0):
        raise NiftiError("the axes do not point to the left, the back and the head")
    start = int(struct.unpack_from("<f", data, 108)[0])
    voxels = np.frombuffer(data, dtype="<i2" if kind == INT16 else "u1", count=columns * rows * slices, offset=start)
    return NiftiVolume(voxels.reshape(slices, rows, columns).astype(np.int16), (z, y, x))
