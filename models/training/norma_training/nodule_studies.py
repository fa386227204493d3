"""The studies that nodule detection is measured on: norm hosts, the same with nodules pasted in, and Norma's candidates."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from .nifti import NiftiVolume, read_nifti, write_nifti
from .nodule_transplants import read_cubes, transplant
from .norma_prepare import PreparationError
from .progress import log, progress
from .synthetic_nodules import PastedNodule, paste_nodules

# Spacing of the rendered LUNA16 volumes, which is not stated: lungs of 6 litres.
RENDERED_MM = (1.0, 0.95, 0.95)
RENDERED_LOW_HU, RENDERED_WIDTH_HU = -1350.0, 1500.0
SIZES_MM = (4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0)
PER_STUDY = {"solid": 3, "juxta_vascular": 3, "juxta_pleural": 3, "part_solid": 2, "ground_glass": 2}
MASSES_MM = (35.0, 45.0, 55.0)
CUBES_PER_STUDY = 17


class PastedStudy(NamedTuple):
    host: str
    path: Path
    nodules: list[PastedNodule]


class Found(NamedTuple):
    """Norma's candidates in one study; centres `(z, y, x)` in voxels."""

    spacing_mm: np.ndarray
    centres: np.ndarray
    diameters_mm: np.ndarray
    features: list[dict]
    candidates: list[dict]


def find_program(workspace: Path) -> Path:
    """`NORMA_FIND_NODULES`, else the newer of the workspace's builds of the example `find_nodules`."""
    named = os.environ.get("NORMA_FIND_NODULES")
    paths = [Path(named)] if named else [workspace / "target" / kind / "examples" / "find_nodules" for kind in ("release", "debug")]
    built = [path for path in paths if path.is_file()]
    if not built:
        raise PreparationError("find_nodules is not built: cargo build --release -p norma-quantification --example find_nodules")
    return max(built, key=lambda path: path.stat().st_mtime)


def find_candidates(program: Path, studies: list[Path], answers: Path, export: Path | None = None) -> dict[Path, Found]:
    """Norma's candidates in each study. Answers are kept as JSON lines and used again for the same studies."""
    if not answers.is_file():
        command = [str(program), *(["--export", str(export)] if export else []), *map(str, studies)]
        log.info("find_nodules: %d studies", len(studies))
        finished = subprocess.run(command, check=False, stdout=subprocess.PIPE)
        if finished.returncode:
            raise PreparationError(f"find_nodules ended with {finished.returncode}")
        answers.write_bytes(finished.stdout)
    return {Path(answer["path"]): _found(answer) for answer in map(json.loads, answers.read_text().splitlines())}


def _found(answer: dict) -> Found:
    candidates = answer["candidates"]
    return Found(
        spacing_mm=np.array(answer["spacing_mm"]),
        centres=np.array([candidate["centre_voxel"] for candidate in candidates]).reshape(-1, 3),
        diameters_mm=np.array([candidate["diameter_mm"] for candidate in candidates]),
        features=[candidate["features"] for candidate in candidates],
        candidates=candidates,
    )


def make_hosts(program: Path, norm_series: list[Path], slices: Path, folder: Path) -> dict[str, Path]:
    """Norm volumes as NIfTI: whole series as Norma reads them, and the rendered nodule-free volumes of `slices`."""
    return export_series(program, norm_series, folder) | render_norms(slices, folder)


def export_series(program: Path, series: list[Path], folder: Path) -> dict[str, Path]:
    """Whole series as NIfTI, as Norma reads them, by name; made once for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    volumes = {one.stem: folder / f"{number}.nii" for number, one in enumerate(series)}
    if not all(path.is_file() for path in volumes.values()):
        find_candidates(program, series, folder / "series.jsonl", export=folder)
    return volumes


def render_norms(slices: Path, folder: Path) -> dict[str, Path]:
    """The nodule-free volumes of `slices`, back in Hounsfield units, as NIfTI by name; made once for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    norms = {}
    for patient in sorted((slices / "luna16_nodule_free").glob("patient_*")):
        path = folder / f"luna16_{patient.name}.nii"
        if not path.is_file():
            grey = np.stack([np.asarray(Image.open(file).convert("L")) for file in sorted(patient.glob("*.jpg"))])
            hounsfield = grey.astype(np.float32) / 255 * RENDERED_WIDTH_HU + RENDERED_LOW_HU
            write_nifti(path, NiftiVolume(np.round(hounsfield).astype(np.int16), RENDERED_MM))
        norms[path.stem] = path
    return norms


def wanted_nodules(generator: np.random.Generator, number: int) -> list[tuple[str, float]]:
    """Kinds and diameters for one study: every kind, sizes drawn, in every other study a mass."""
    wanted = [(kind, float(generator.choice(SIZES_MM) * generator.uniform(0.95, 1.05))) for kind, count in PER_STUDY.items() for _ in range(count)]
    # Larger than 20 mm few fit beside each other.
    wanted = [(kind, size if index % 3 == 0 else min(size, 16.0)) for index, (kind, size) in enumerate(wanted)]
    return wanted + ([("mass", float(MASSES_MM[number // 2 % len(MASSES_MM)]))] if number % 2 else [])


def paste_studies(hosts: dict[str, Path], folder: Path, per_host: int, seed: int) -> list[PastedStudy]:
    """`per_host` studies of each host with synthetic nodules; made once for a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    studies = []
    for position, (host, source) in enumerate(progress(list(hosts.items()), "pasting")):
        for number in range(per_host):
            path = folder / f"{host}_{number}.nii"
            listed = path.with_suffix(".json")
            if not listed.is_file():
                own_seed = seed * 10_000 + position * 100 + number
                wanted = wanted_nodules(np.random.default_rng(own_seed), number)
                pasted, nodules = paste_as_many(read_nifti(source), wanted, own_seed)
                write_nifti(path, pasted)
                listed.write_text(json.dumps([nodule.as_json() for nodule in nodules]))
            studies.append(PastedStudy(host, path, _listed(listed)))
    return studies


def paste_as_many(volume: NiftiVolume, wanted: list[tuple[str, float]], seed: int) -> tuple[NiftiVolume, list[PastedNodule]]:
    """As `paste_nodules`, with the largest left out until all find a place."""
    wanted = sorted(wanted, key=lambda pair: -pair[1])
    while True:
        try:
            return paste_nodules(volume, wanted, seed)
        except ValueError:
            wanted = wanted[1:]
            if not wanted:
                raise


def transplant_studies(hosts: dict[str, Path], cubes_file: Path, folder: Path, seed: int) -> list[PastedStudy]:
    """Studies that hold the real nodules of the cubes, spread over the hosts."""
    folder.mkdir(parents=True, exist_ok=True)
    cubes, masks, texture = read_cubes(cubes_file)
    order = np.random.default_rng(seed).permutation(len(cubes))
    names = list(hosts)
    studies = []
    for number, start in enumerate(range(0, len(order), CUBES_PER_STUDY)):
        host = names[number % len(names)]
        path = folder / f"{host}_{number}.nii"
        listed = path.with_suffix(".json")
        if not listed.is_file():
            chosen = order[start : start + CUBES_PER_STUDY]
            pasted, nodules = transplant(read_nifti(hosts[host]), cubes[chosen], masks[chosen], texture[chosen], seed + number)
            write_nifti(path, pasted)
            listed.write_text(json.dumps([nodule.as_json() for nodule in nodules]))
        studies.append(PastedStudy(host, path, _listed(listed)))
    return studies


def _listed(path: Path) -> list[PastedNodule]:
    return [PastedNodule(**{**item, "centre_voxel": tuple(item["centre_voxel"])}) for item in json.loads(path.read_text())]
