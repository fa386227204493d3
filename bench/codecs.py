"""Decoding alone: the same slices in five transfer syntaxes, Norma against pydicom with pylibjpeg."""

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
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from servers import DATA, NORMA, ROOT, norma_environment

sys.path.insert(0, str(ROOT / "bench/peer"))
import preparation

# Comes in JPEG Lossless; the others are made of it.
SOURCE = "covid-ct-md_normal001.zip"
SYNTAXES = {
    "raw": ExplicitVRLittleEndian,
    "RLE": RLELossless,
    "JPEG Lossless": JPEGLosslessSV1,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
}


def write_series(series, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for index, dataset in enumerate(series):
            file = io.BytesIO()
            dataset.save_as(file)
            archive.writestr(f"{index:04}.dcm", file.getvalue())


def transcode(syntax, path, count):
    series = preparation.read_series(DATA / "series" / SOURCE)[:count]
    for dataset in series:
        if syntax == dataset.file_meta.TransferSyntaxUID:
            continue
        dataset.decompress()
        if syntax != ExplicitVRLittleEndian:
            dataset.compress(syntax, generate_instance_uid=False)
    write_series(series, path)


def decode_here(path, threads):
    """Milliseconds of the peer's decoding."""
    series = preparation.read_series(path)
    started = time.perf_counter()
    preparation.decode(series, threads)
    return 1000 * (time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--slices", type=int, default=64)
    arguments = parser.parse_args()
    print(f"\ndecoding {arguments.slices} slices, medians of {arguments.repeat}, {arguments.threads} threads, slices/s")
    print(f"  {'':16} {'norma':>8} {'peer':>8} {'ratio':>7}")
    for name, syntax in SYNTAXES.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "series.zip"
            transcode(syntax, path, arguments.slices)
            theirs = statistics.median(decode_here(path, arguments.threads) for _ in range(arguments.repeat))
            command = [NORMA, "measure", "--decode-only", "--repeat", str(arguments.repeat), str(path)]
            environment = {**os.environ, **norma_environment(arguments.threads)}
            output = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout
            (measured,) = json.loads(output)
            assert measured["slices"] == arguments.slices, measured["slices"]
            ours = statistics.median(measured["step_ms"]["decode"])
        rate = 1000 * arguments.slices
        print(f"  {name:16} {rate / ours:8.0f} {rate / theirs:8.0f} {theirs / ours:7.2f}")


if __name__ == "__main__":
    main()
