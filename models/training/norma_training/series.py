"""Whole series, prepared by the same chain: looked at and reported, never fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .prepared import load_prepared
from .progress import log
from .served import Reading, ServedBundle


@dataclass
class SeriesReading:
    name: str
    slice_number: np.ndarray
    reading: Reading
    pixels: np.ndarray


def read_series(prepared: Path, models: Path) -> list[SeriesReading]:
    """Reads every study of a folder of `norma prepare` with the bundle in `models`."""
    data = load_prepared(prepared)
    bundle = ServedBundle(models)
    found = []
    for name in np.unique(data.block):
        rows = np.flatnonzero(data.block == name)
        pixels, mask = np.array(data.pixels[rows]), np.array(data.lung_mask[rows])
        reading = bundle.read(pixels, mask)
        # A study inside an archive is named by its path below it; the archive's name tells it better.
        parts = Path(str(name)).parts
        short = Path(next((part for part in parts if part.endswith(".zip")), parts[-1])).stem
        found.append(SeriesReading(short, data.slice_number[rows].astype(int), reading, pixels))
        log.info(
            "series %s: anomaly %.3f, classifier %.3f, probability %.3f, types %s", short, reading.anomaly, reading.classifier,
            reading.probability, {k: round(v, 2) for k, v in reading.types.items()},
        )
    return sorted(found, key=lambda item: item.reading.probability)
