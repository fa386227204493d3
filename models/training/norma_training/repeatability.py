"""`models/training/run repeatability`: how far other protocols (thicker slices, noise, a sharp kernel) move each measure over
every whole volume at hand, beside the width of its range; models/REPEATABILITY.md."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from .kept_answers import ask_for_all, program_hash
from .markdown import table
from .norma_prepare import PreparationError
from .progress import log

AS_IT_IS = "as it is"
# What is shown as percent.
PERCENT = "fraction"


class Row(NamedTuple):
    """One measure of a volume as it is and as another protocol gives it."""

    study: str
    code: str
    variant: str
    unit: str
    before: float
    after: float
    state: str
    width: float | None


def measure_repeatability(program: Path, volumes: list[Path], run: Path, out: Path) -> None:
    """Runs the program over the volumes that it has not answered for, and writes the tables."""
    def ask(of: list[Path], _: int) -> list[dict]:
        finished = subprocess.run([str(program), *map(str, of)], check=False, stdout=subprocess.PIPE)
        if finished.returncode:
            raise PreparationError(f"repeat_measures ended with {finished.returncode}")
        answers = [json.loads(line) for line in finished.stdout.splitlines()]
        return [{"key": str(path), "variants": [answer for answer in answers if answer["path"] == str(path)]} for path in of]

    known = ask_for_all(run / f"repeatability-{program_hash(program)}.jsonl", volumes, str, ask, 1, "volumes")
    out.write_text(document(rows_of([answer for path in volumes for answer in known[str(path)]["variants"]])))
    log.info("%s", out)


def find_repeat_measures(workspace: Path) -> Path:
    """`NORMA_REPEAT_MEASURES`, else the newer of the workspace's builds of the example `repeat_measures`."""
    named = os.environ.get("NORMA_REPEAT_MEASURES")
    paths = [Path(named)] if named else [workspace / "target" / kind / "examples" / "repeat_measures" for kind in ("release", "debug")]
    built = [path for path in paths if path.is_file()]
    if not built:
        raise PreparationError("repeat_measures is not built: cargo build --release --workspace --example repeat_measures")
    return max(built, key=lambda path: path.stat().st_mtime)


def rows_of(answers: list[dict]) -> list[Row]:
    """Every value of every variant that has one in the volume as it is."""
    before = {(of["path"], measure["code"]): measure for of in answers if of["variant"] == AS_IT_IS for measure in of["measures"]}
    rows = []
    for of in answers:
        for measure in of["measures"]:
            known = before[of["path"], measure["code"]]
            if of["variant"] == AS_IT_IS or None in (known["value"], measure["value"]):
                continue
            rows.append(Row(
                Path(of["path"]).stem, measure["code"], of["variant"], measure["unit"], known["value"], measure["value"],
                measure["state"], width_of(measure["range"]),
            ))
    return rows


def width_of(norm: dict | None) -> float | None:
    """From one end of what is not outside to the other; a range that is open below begins at 0, one that is open above has no width."""
    if norm is None or norm["outside_high"] is None:
        return None
    return norm["outside_high"] - (norm["outside_low"] or 0.0)


def document(rows: list[Row]) -> str:
    codes = list(dict.fromkeys(row.code for row in rows))
    variants = list(dict.fromkeys(row.variant for row in rows))
    lines = [
        "# How far a protocol moves a measure",
        "",
        "Made by `models/training/run repeatability`. **Research use only.** Every whole volume at hand, as it is and as computed into another protocol: slices that are "
        "means over slabs, white noise on the voxels, high frequencies in plane raised as a sharp kernel does. Each cell: the most that a value fell and rose, "
        "over all volumes that have both. *Width* is that of what is not outside the range. A ✱ marks a movement over more than the width. "
        "Noise and sharpness that are computed into a volume are not those of a scanner.",
        "",
        table(["measure", "width", *variants], [movement_row(code, variants, rows) for code in codes]),
        "",
        "## Study by study",
        "",
        "Value as it is → in the protocol; ◦ not measurable there, ! outside its range.",
    ]
    for code in ("largest_opacity", "low_attenuation950", "pleural_fluid", "pleural_gas", "cardiothoracic_ratio", "trabecular_density", "aortic_calcium"):
        of_code = [row for row in rows if row.code == code]
        studies = list(dict.fromkeys(row.study for row in of_code))
        lines += ["", f"### {code.replace('_', ' ')}", "", table(["study", "as it is", *variants], [study_row(study, variants, of_code) for study in studies])]
    return "\n".join(lines) + "\n"


def movement_row(code: str, variants: list[str], rows: list[Row]) -> list[str]:
    of_code = [row for row in rows if row.code == code]
    width, unit = of_code[0].width, of_code[0].unit
    cells = []
    for variant in variants:
        moved = [row.after - row.before for row in of_code if row.variant == variant]
        if not moved:
            cells.append("–")
            continue
        fallen, risen = min(0.0, *moved), max(0.0, *moved)
        star = " ✱" if width is not None and risen - fallen > width else ""
        cells.append(f"{said(fallen, unit, signed=True)} … {said(risen, unit, signed=True)}{star}")
    return [code.replace("_", " "), "–" if width is None else said(width, unit), *cells]


def study_row(study: str, variants: list[str], rows: list[Row]) -> list[str]:
    of_study = {row.variant: row for row in rows if row.study == study}
    first = next(iter(of_study.values()))
    marks = {"not_measurable": " ◦", "outside": " !"}
    cells = [said(of_study[variant].after, first.unit) + marks.get(of_study[variant].state, "") if variant in of_study else "–" for variant in variants]
    return [study, said(first.before, first.unit), *cells]


def said(value: float, unit: str, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if unit == PERCENT:
        return f"{value * 100:{sign}.1f} %"
    return f"{value:{sign}.0f} {unit}" if abs(value) >= 100 else f"{value:{sign}.1f} {unit}"
