"""Writes htj2k_ramp.j2c: a grey 16-bit frame of 48 rows and 64 columns in High-Throughput JPEG 2000, lossless.

    pip install imagecodecs numpy
    python htj2k_fixture.py htj2k_ramp.j2c

The value at (row, column) is (row * 64 + column) * 13 mod 4096; no kept Rust library writes this format.
"""

import sys

import imagecodecs
import numpy as np

rows, columns = np.mgrid[0:48, 0:64]
frame = ((rows * 64 + columns) * 13 % 4096).astype(np.uint16)
encoded = imagecodecs.htj2k_encode(frame, reversible=True)
assert (imagecodecs.htj2k_decode(encoded) == frame).all()
with open(sys.argv[1], "wb") as file:
    file.write(encoded)
