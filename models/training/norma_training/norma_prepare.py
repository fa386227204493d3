"""Calls `norma prepare`: the one image chain, in training as in service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .progress import log


class PreparationError(RuntimeError):
    """`norma prepare` is missing or failed."""


def find_norma(workspace: Path) -> Path:
    """`NORMA_BINARY`, else the newer of the workspace's release and debug builds, else `norma` on the PATH."""
    named = os.environ.get("NORMA_BINARY")
    candidates = [Path(named)] if named else [workspace / "target" / kind / "norma" for kind in ("release", "debug")]
    built = [candidate for candidate in candidates if candidate.is_file()]
    if built:
        return max(built, key=lambda path: path.stat().st_mtime)
    found = shutil.which("norma") if not named else None
    if found is None:
        raise PreparationError("the norma binary is not built: run `make build`, or set NORMA_BINARY")
    return Path(found)


def _run(command: list[str], accepted: tuple[int, ...] = (0,), folder: Path | None = None) -> None:
    log.info("%s", " ".join(Path(part).name if os.sep in part else part for part in command[:4]))
    finished = subprocess.run(command, check=False, cwd=folder)
    if finished.returncode not in accepted:
        raise PreparationError(f"norma {command[1]} ended with {finished.returncode}")


def prepare_slices(index: Path, out: Path, workspace: Path) -> Path:
    """Plain image slices of an index → `out/{pixels,lung_mask}.npy, index.csv`."""
    _run([str(find_norma(workspace)), "prepare", "--slices", str(index), "--out", str(out)])
    return out


def prepare_studies(paths: list[Path], out: Path, workspace: Path) -> Path:
    """Whole studies → the same files, a row per slice. Studies that were rejected are rows with a reason (the
    exit status 2 says that there are some)."""
    _run([str(find_norma(workspace)), "prepare", "--out", str(out), *map(str, paths)], accepted=(0, 2))
    return out


PHANTOMS = ("norm", "nodule", "effusion", "consolidation", "incomplete")


def predict(paths: list[Path], operating_point: str, out: Path, workspace: Path) -> dict[Path, dict]:
    """The report of each path's one study; where it got none, its row under the key `row`."""
    studies = {path: path.absolute() for path in paths}
    options = ["--operating-point", operating_point, "--out", str(out.absolute())]
    # The settings name bundle and runtime from where the program is run.
    _run([str(find_norma(workspace).absolute()), "predict", *options, *map(str, studies.values())], accepted=(0, 2), folder=workspace)
    answers = read_answer(out / "norma.json", list(studies.values()))
    return {path: answers[study] for path, study in studies.items()}


def read_answer(file: Path, paths: list[Path]) -> dict[Path, dict]:
    """What `norma predict` wrote. It calls a study by the path and the place within an archive."""
    answer = json.loads(file.read_text())
    found = {row["path_to_study"]: {"row": row} for row in answer["rows"]}
    found |= {report["rows"][0]["path_to_study"]: report for report in answer["reports"]}
    of_path = {path: [of for name, of in found.items() if name == str(path) or name.startswith(f"{path}/")] for path in paths}
    several = [path.name for path, of in of_path.items() if len(of) != 1]
    if several:
        raise PreparationError(f"not one study each: {', '.join(several)}")
    return {path: of[0] for path, of in of_path.items()}


def write_phantoms(folder: Path, workspace: Path, kinds: tuple[str, ...] = ("norm", "nodule", "effusion")) -> list[Path]:
    """The program's phantom studies as `folder/phantom-<kind>.zip`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in kinds:
        paths.append(folder / f"phantom-{kind}.zip")
        _run([str(find_norma(workspace)), "phantom", kind, "--out", str(paths[-1])])
    return paths
