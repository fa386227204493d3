"""Writes decoded.csv: what pydicom with pylibjpeg makes of the grey frames of the robustness files.

    pip install pydicom pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg numpy
    python decode_reference.py ROBUSTNESS_FOLDER > decoded.csv

For each file: transfer syntax, first frame's shape, and of its stored values the sum, the minimum, the maximum
and nine samples on a grid. The samples tell rows from columns; the sum tells one wrong value in a lossless frame.
"""

import sys
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import pixel_array

folder = Path(sys.argv[1])
print("file,transfer_syntax,rows,columns,sum,min,max,samples")
for path in sorted(folder.rglob("*.dcm")):
    try:
        dataset = pydicom.dcmread(path, force=True)
        if dataset.get("SamplesPerPixel", 1) != 1 or dataset.BitsAllocated not in (8, 16):
            continue
        frame = pixel_array(path, index=0, raw=True).astype(np.int64)
    except Exception as error:
        print(path.name, type(error).__name__, error, file=sys.stderr)
        continue
    if frame.ndim != 2:
        continue
    rows, columns = frame.shape
    grid = [
        int(frame[rows * down // 4, columns * across // 4]) for down in (1, 2, 3) for across in (1, 2, 3)
    ]
    values = [
        path.relative_to(folder).as_posix(),
        dataset.file_meta.TransferSyntaxUID,
        rows,
        columns,
        frame.sum(),
        frame.min(),
        frame.max(),
        " ".join(map(str, grid)),
    ]
    print(",".join(map(str, values)))
