"""Reading alone: the same slices in seven transfer syntaxes, Norma against each library that Python has for them.

Both sides are timed from the zip on the disk to Hounsfield units, in as many threads. Of the peer's libraries the quickest counts,
and is named. What Norma checks of the values it has read (whether they can be a scan's, whether slices are foreign, mirrored or
cut) is in its time; the peer checks nothing.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from servers import DATA, NORMA, ROOT, norma_environment

sys.path.insert(0, str(ROOT / "bench/peer"))
import preparation

# Comes in JPEG Lossless; the others are made of it.
SOURCE = "covid-ct-md_normal001.zip"
SYNTAXES = {
    "raw": ExplicitVRLittleEndian,
    "raw, deflated zip": ExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG Lossless": JPEGLosslessSV1,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
    "HTJ2K": HTJ2KLossless,
}
IMAGECODECS = {
    JPEGLosslessSV1: imagecodecs.ljpeg_decode,
    JPEGLSLossless: imagecodecs.jpegls_decode,
    JPEG2000Lossless: imagecodecs.jpeg2k_decode,
    HTJ2KLossless: imagecodecs.htj2k_decode,
}


def write_series(series, path, packing):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for index, dataset in enumerate(series):
            file = io.BytesIO()
            dataset.save_as(file)
            archive.writestr(f"{index:04}.dcm", file.getvalue())


def to_htj2k(dataset):
    """No encoder of pydicom's writes it."""
    frame = imagecodecs.htj2k_encode(np.ascontiguousarray(dataset.pixel_array), reversible=True)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = HTJ2KLossless


def transcode(name, syntax, path, count):
    series = preparation.read_series(DATA / "series" / SOURCE)[:count]
    for dataset in series:
        if syntax == dataset.file_meta.TransferSyntaxUID:
            continue
        dataset.decompress()
        if syntax == HTJ2KLossless:
            to_htj2k(dataset)
        elif syntax != ExplicitVRLittleEndian:
            dataset.compress(syntax, generate_instance_uid=False)
    write_series(series, path, zipfile.ZIP_DEFLATED if "deflated" in name else zipfile.ZIP_STORED)


def libraries(syntax):
    """Ways of getting the stored values of a dataset, by name."""
    if syntax == ExplicitVRLittleEndian:
        return {"pydicom": lambda dataset: dataset.pixel_array}
    ways = {
        plugin: lambda dataset, plugin=plugin: get_decoder(syntax).as_array(dataset, decoding_plugin=plugin)[0]
        for plugin in get_decoder(syntax).available_plugins
    }
    decode = IMAGECODECS.get(syntax)
    if decode:
        ways["imagecodecs"] = lambda dataset: decode(get_frame(dataset.PixelData, 0, number_of_frames=1))
    return ways


def read_here(path, threads, way):
    """Milliseconds of the peer, and the volume."""
    started = time.perf_counter()
    series = preparation.read_series(path)

    def hounsfield(dataset):
        return np.rint(way(dataset) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)).astype(np.int16)

    with ThreadPoolExecutor(threads) as pool:
        volume = np.stack(list(pool.map(hounsfield, series)))
    return 1000 * (time.perf_counter() - started), volume


def quickest(path, arguments, syntax, expected):
    """Milliseconds and name of the library that takes least; those that do not give the same values are left out."""
    found = {}
    for name, way in libraries(syntax).items():
        try:
            runs = [read_here(path, arguments.threads, way) for _ in range(arguments.repeat)]
        except Exception as error:
            print(f"  ({name} does not read it: {type(error).__name__})")
            continue
        if expected is not None and not np.array_equal(runs[0][1], expected):
            print(f"  ({name} gives other values)")
            continue
        found[statistics.median(milliseconds for milliseconds, _ in runs)] = name
    best = min(found)
    return best, found[best]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--slices", type=int, default=64)
    arguments = parser.parse_args()
    print(f"\nreading {arguments.slices} slices, medians of {arguments.repeat}, {arguments.threads} threads, slices/s")
    print(f"  {'':18} {'norma':>8} {'peer':>8} {'ratio':>7}")
    expected = None
    for name, syntax in SYNTAXES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "series.zip"
            transcode(name, syntax, path, arguments.slices)
            if expected is None:
                expected = read_here(path, arguments.threads, lambda dataset: dataset.pixel_array)[1]
            theirs, library = quickest(path, arguments, syntax, expected)
            command = [NORMA, "measure", "--decode-only", "--repeat", str(arguments.repeat), str(path)]
            environment = {**os.environ, **norma_environment(arguments.threads)}
            output = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout
            (measured,) = json.loads(output)
            assert measured["slices"] == arguments.slices, measured["slices"]
            ours = statistics.median(map(sum, zip(measured["step_ms"]["open"], measured["step_ms"]["decode"])))
        rate = 1000 * arguments.slices
        print(f"  {name:18} {rate / ours:8.0f} {rate / theirs:8.0f} {theirs / ours:7.2f}  {library}")


if __name__ == "__main__":
    main()
