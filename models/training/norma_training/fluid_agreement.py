"""Pleural fluid against masks: those of readers, and synthetic effusions whose volume is known, in chests that hold none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import center_of_mass, label

from .host_chests import Chests
from .kept_answers import ask_for_all
from .markdown import table
from .nifti import read_nifti, write_nifti
from .norma_prepare import PreparationError
from .progress import log
from .synthetic_lesions import FLUID_SHAPES, LEFT, RIGHT, add_fluid
from .synthetic_nodules import NoPlace

ALLOWED_SHARE, ALLOWED_ML = 0.25, 25.0
SIZES_ML = (15, 25, 50, 100, 200, 400, 600)
RAISED_MM = 40.0
BATCH = 8
BODY_HU = -400
SEED = 11


class Volumes(NamedTuple):
    """Fluid of one side of one study: true and measured, ml."""

    study: str
    side: str
    what: str
    true_ml: float
    measured_ml: float

    @property
    def agrees(self) -> bool:
        return abs(self.measured_ml - self.true_ml) <= max(ALLOWED_ML, ALLOWED_SHARE * self.true_ml)


class Effusion(NamedTuple):
    """One synthetic effusion that is to be made."""

    host: str
    side: str
    shape: str
    millilitres: float
    collapsed: bool
    raised_mm: float
    seed: int

    @property
    def key(self) -> str:
        return "|".join(map(str, self))


def find_measured_masks(workspace: Path) -> Path:
    """`NORMA_MEASURED_MASKS`, else the newer of the workspace's builds of the example `measured_masks`."""
    named = os.environ.get("NORMA_MEASURED_MASKS")
    paths = [Path(named)] if named else [workspace / "target" / kind / "examples" / "measured_masks" for kind in ("release", "debug")]
    built = [path for path in paths if path.is_file()]
    if not built:
        raise PreparationError("measured_masks is not built: cargo build --release --workspace --example measured_masks")
    return max(built, key=lambda path: path.stat().st_mtime)


def measured_masks(program: Path, studies: list[Path], out: Path | None = None) -> list[dict]:
    """What is measured of each study; with `out` the volumes and their masks as `N.nii` and `N-masks.nii`."""
    finished = subprocess.run([str(program), *(["--out", str(out)] if out else []), *map(str, studies)], check=False, stdout=subprocess.PIPE)
    if finished.returncode:
        raise PreparationError(f"measured_masks ended with {finished.returncode}")
    return [json.loads(line) for line in finished.stdout.splitlines()]


def fluid_by_side(answer: dict) -> list[float] | None:
    """Right and left, ml; None where it is not measurable."""
    return next(of["by_side"] for of in answer["measures"] if of["code"] == "pleural_fluid")


def true_by_side(volume: Path, mask: Path) -> list[float]:
    """A reader's mask, right and left, ml: each piece on the side of the body's middle on which its own middle lies, as fluid beside the spine crosses that line."""
    chest = read_nifti(volume)
    pieces, count = label(read_nifti(mask).hounsfield > 0, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:] * np.prod(chest.spacing_mm) / 1000
    columns = center_of_mass(pieces > 0, pieces, range(1, count + 1)) if count else []
    is_right = np.array([column < body_middle(chest.hounsfield) for _, _, column in columns], bool)
    return [float(sizes[is_right].sum()), float(sizes[~is_right].sum())]


def body_middle(hounsfield: np.ndarray) -> float:
    """Column between the body's ends, the median over slices."""
    is_body = (hounsfield > BODY_HU).mean(1) >= 0.1
    ends = [np.flatnonzero(columns)[[0, -1]].mean() for columns in is_body if columns.any()]
    return float(np.median(ends)) if ends else hounsfield.shape[2] / 2


def against_readers(program: Path, volumes: list[Path]) -> list[Volumes]:
    """Every volume beside which lies a mask, named `…_effusion_mask`."""
    rows = []
    for volume in volumes:
        mask = volume.with_name(volume.stem + "_effusion_mask.nii")
        if not mask.is_file():
            continue
        measured = fluid_by_side(measured_masks(program, [volume])[0]) or [float("nan")] * 2
        rows += [Volumes(volume.stem, side, "a reader's mask", true, found) for side, true, found in zip((RIGHT, LEFT), true_by_side(volume, mask), measured)]
    return rows


def wanted_effusions(hosts: list[str]) -> list[Effusion]:
    """Every shape and size on each side, without and with collapsed lung beside it; and over a raised diaphragm."""
    made = []
    for position, host in enumerate(hosts):
        for number, millilitres in enumerate(SIZES_ML):
            for of, shape in enumerate(FLUID_SHAPES):
                for collapsed in (False, True):
                    side = (RIGHT, LEFT)[(number + of + position + collapsed) % 2]
                    made.append(Effusion(host, side, shape, float(millilitres), collapsed, 0.0, SEED * 1000 + 100 * position + 10 * number + of))
            made.append(Effusion(host, (RIGHT, LEFT)[(number + position) % 2], "layer", float(millilitres), False, RAISED_MM, SEED * 1000 + 100 * position + 10 * number + 5))
    return made


def against_synthetic(program: Path, hosts: dict[str, Path], run: Path, key: str) -> list[Volumes]:
    """Synthetic effusions in hosts without fluid, some at a time; what a program (`key`) has measured is kept."""
    chests = Chests(hosts)

    def ask(of: list[Effusion], number: int) -> list[dict]:
        folder = run / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        paths, lesions = {}, {}
        for index, effusion in enumerate(of):
            path = folder / f"{index}.nii"
            try:
                volume, lesions[effusion], _ = add_fluid(chests.of(effusion.host), effusion.side, effusion.millilitres, effusion.shape, effusion.collapsed, effusion.seed, effusion.raised_mm)
            except NoPlace as error:
                log.info("%s: %s", effusion.key, error)
                continue
            write_nifti(path, volume)
            paths[effusion] = path
        measured = measured_masks(program, list(paths.values())) if paths else []
        shutil.rmtree(folder)
        return [{"key": of.key, "true_ml": lesions[of].volume_ml, "detail": lesions[of].detail, "measured": fluid_by_side(answer)} for of, answer in zip(paths, measured)]

    wanted = wanted_effusions(list(hosts))
    known = ask_for_all(run / f"fluid-{key}.jsonl", wanted, lambda effusion: effusion.key, ask, BATCH, "effusions")
    rows = []
    for effusion in wanted:
        if (of := known.get(effusion.key)) is None:
            continue
        by_side = of["measured"] or [float("nan")] * 2
        for side, measured in zip((RIGHT, LEFT), by_side):
            rows.append(Volumes(effusion.host, side, of["detail"] if side == effusion.side else "the other side", of["true_ml"] if side == effusion.side else 0.0, measured))
    return rows


def nearest_size(millilitres: float) -> int:
    return min(SIZES_ML, key=lambda size: abs(np.log(max(millilitres, 1.0) / size)))


def fluid_section(readers: list[Volumes], synthetic: list[Volumes]) -> list[str]:
    """The lines of models/MEASURES.md."""
    lines = [
        "## Pleural fluid against masks", "",
        f"Agreement: within {ALLOWED_SHARE:.0%} or {ALLOWED_ML:.0f} ml of the mask, whichever is more.", "",
        table(["study", "side", "mask, ml", "measured, ml", "agrees"], [[of.study, of.side, f"{of.true_ml:.0f}", f"{of.measured_ml:.0f}", "yes" if of.agrees else "**no**"] for of in readers]), "",
    ]
    lines += [
        "**Synthetic effusions** (`synthetic_lesions.py`, seeded; 0 to 20 HU, in the norm series), a row for each kind and true volume: how many agree, and measured by true "
        "volume (mean, least to most). They replace lung instead of pushing it aside; they are no reader's masks and count for none.", "",
    ]
    drawn = [of for of in synthetic if of.what != "the other side"]
    rows = []
    for what in dict.fromkeys(of.what for of in drawn):
        cells = []
        for size in SIZES_ML:
            of_size = [of for of in drawn if of.what == what and nearest_size(of.true_ml) == size]
            if not of_size:
                cells.append("–")
                continue
            ratios = [of.measured_ml / of.true_ml for of in of_size]
            cells.append(f"{sum(of.agrees for of in of_size)} of {len(of_size)}; {np.mean(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})")
        rows.append([what, *cells])
    others = [of for of in synthetic if of.what == "the other side"]
    lines += [table(["kind", *(f"{size} ml" for size in SIZES_ML)], rows), ""]
    lines += [
        f"All together: {sum(of.agrees for of in drawn)} of {len(drawn)} agree; over 50 ml true, {sum(of.measured_ml > 50 for of in drawn if of.true_ml > 60)} of {sum(of.true_ml > 60 for of in drawn)} are measured over 50 ml, from where fluid "
        f"decides. On the other side, where nothing was drawn, at most {max((of.measured_ml for of in others), default=0):.0f} ml are measured ({len(others)} sides)."
    ]
    return lines
