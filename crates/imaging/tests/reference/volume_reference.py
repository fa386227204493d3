"""Prints what pydicom with pylibjpeg and numpy make of the three whole series: sum and middle voxel.

    pip install pydicom pylibjpeg pylibjpeg-libjpeg numpy
    python volume_reference.py SERIES_FOLDER
"""

import io
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pydicom

for path in sorted(Path(sys.argv[1]).glob("*.zip")):
    begin = time.process_time()
    slices = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                slices.append(pydicom.dcmread(io.BytesIO(archive.read(name))))
    slices.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    volume = np.stack([
        np.maximum(np.rint(dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)), -1024)
        for dataset in slices
    ]).astype(np.int16)
    seconds = time.process_time() - begin
    z, y, x = (count // 2 for count in volume.shape)
    print(path.name, volume.shape, "sum", volume.sum(dtype=np.int64), "middle", volume[z, y, x], f"{seconds:.2f} s")
