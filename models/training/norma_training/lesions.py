"""`models/training/run lesions`: synthetic lesions of every kind that the verdict claims to look for, laid into norm volumes one at a time, and
what the whole product (`norma predict`) says of each; models/LESIONS.md."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np

from .host_chests import Chests
from .kept_answers import ask_for_all, program_hash
from .markdown import table
from .nifti import NiftiVolume, write_nifti
from .nodule_froc import sensitivity
from .nodule_studies import find_program, make_hosts
from .norma_prepare import find_norma, predict
from .progress import log
from .synthetic_lesions import AT_MEDIASTINUM, AT_WALL, LEFT, LOBE, ON_DIAPHRAGM, RIGHT, Chest, add_emphysema, add_fluid, add_gas, add_opacity
from .synthetic_nodules import NoPlace, paste_nodules

POINT = "sensitivity_95"
BATCH = 6
SEED = 7
SIDES = (RIGHT, LEFT)
THIRDS = ("lower", "middle", "upper")
NODULES = {"solid": (6, 8, 10, 15, 20, 30), "part_solid": (8, 12, 20, 30), "juxta_pleural": (12, 20, 30)}
OPACITY_ML = (10, 20, 40, 80)
# Where a consolidation touches what is as dense.
TOUCHING = (ON_DIAPHRAGM, AT_WALL, AT_MEDIASTINUM, LOBE)
TOUCHING_ML = (40, 100)
FLUID_ML = (50, 100, 200)
FLUID_SHAPES = ("crescent", "layer")
GAS_ML = (20, 50, 200)
EMPHYSEMA_SHARES = (0.10, 0.20, 0.30)
# The measure that shows a kind; nodules are findings of their own.
SHOWN_BY = {
    "ground glass": "largest_opacity", "consolidation": "largest_opacity", "effusion": "pleural_fluid", "pneumothorax": "pleural_gas",
    "emphysema, centrilobular": "low_attenuation950", "emphysema, panlobular": "low_attenuation950",
} | {f"consolidation, {at}": "largest_opacity" for at in TOUCHING}


class Case(NamedTuple):
    """One lesion in one host. `size` is what the table says of it; `make` lays it in."""

    kind: str
    size: str
    host: str
    make: Callable[[Chest], NiftiVolume]

    @property
    def key(self) -> str:
        return f"{self.kind}|{self.size}|{self.host}"


class Said(NamedTuple):
    """What the product said of a case."""

    kind: str
    size: str
    host: str
    verdict: str
    probability: float | None
    # By the measure or the nodules that would show it: outside or deciding; `why` it was not measurable.
    shown: bool
    value: float | None
    not_measurable: str | None


def cases(hosts: list[str]) -> list[Case]:
    """Every kind and size in each host, places and shapes by seed."""
    made = []
    for position, host in enumerate(hosts):
        def seeded(number: int) -> int:
            return SEED * 100_000 + position * 1_000 + number

        for kind, sizes in NODULES.items():
            for number, size in enumerate(sizes):
                seed = seeded(100 * list(NODULES).index(kind) + number)
                made.append(Case(f"nodule, {kind.replace('_', ' ')}", f"{size} mm", host, lambda chest, k=kind, mm=size, s=seed: paste_nodules(chest.volume, [(k, float(mm))], s)[0]))
        for kind in ("ground_glass_area", "consolidation"):
            for number, size in enumerate(OPACITY_ML):
                side, third = SIDES[(number + position) % 2], THIRDS[(number + position) % 3]
                seed = seeded(300 + number + 50 * (kind == "consolidation"))
                name = "ground glass" if kind == "ground_glass_area" else kind
                made.append(Case(name, f"{size} ml", host, lambda chest, k=kind, s=side, t=third, ml=size, of=seed: add_opacity(chest, k, s, t, ml, of)[0]))
        for place, at in enumerate(TOUCHING):
            for number, size in enumerate(TOUCHING_ML):
                side, seed = SIDES[(number + place + position) % 2], seeded(400 + 10 * place + number)
                made.append(Case(f"consolidation, {at}", f"{size} ml", host, lambda chest, s=side, ml=size, of=at, seed=seed: add_opacity(chest, "consolidation", s, "lower", ml, seed, of)[0]))
        for number, size in enumerate(FLUID_ML):
            side, shape = SIDES[(number + position) % 2], FLUID_SHAPES[(number + position // 2) % 2]
            made.append(Case("effusion", f"{size} ml", host, lambda chest, s=side, ml=size, of=shape, seed=seeded(500 + number): add_fluid(chest, s, ml, of, ml >= 100, seed)[0]))
        for number, size in enumerate(GAS_ML):
            side = SIDES[(number + position) % 2]
            made.append(Case("pneumothorax", f"{size} ml", host, lambda chest, s=side, ml=size, seed=seeded(600 + number): add_gas(chest, s, ml, seed)[0]))
        for kind in ("centrilobular", "panlobular"):
            for number, share in enumerate(EMPHYSEMA_SHARES):
                seed = seeded(700 + number + 50 * (kind == "panlobular"))
                made.append(Case(f"emphysema, {kind}", f"{share:.0%}", host, lambda chest, k=kind, of=share, s=seed: add_emphysema(chest, k, of, s)[0]))
    return made


def measure_lesions(data: Path, slices: Path, run: Path, workspace: Path, out: Path, only: str = "") -> None:
    """Every case through `norma predict`, some at a time; what a program has said is kept and not asked again. `only` takes the kinds that hold it."""
    series = [path for path in sorted((data / "series").glob("*.zip")) if "normal" in path.stem]
    hosts = make_hosts(find_program(workspace), series, slices, run / "norms")
    all_cases = cases(list(hosts))
    chests = Chests(hosts)

    def ask(of: list[Case], number: int) -> list[dict]:
        folder = run / "studies" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        for index, case in enumerate(of):
            path = folder / f"{index}.nii"
            try:
                write_nifti(path, case.make(chests.of(case.host)))
            except NoPlace as error:
                log.info("%s: %s", case.key, error)
                continue
            paths[case] = path
        reports = predict(list(paths.values()), POINT, run / "reports" / str(number), workspace) if paths else {}
        shutil.rmtree(folder)
        return [{"key": case.key, "kind": case.kind, "size": case.size, "host": case.host, "report": short(reports[path])} for case, path in paths.items()]

    answers = run / f"answers-{program_hash(find_norma(workspace))}.jsonl"
    known = ask_for_all(answers, [case for case in all_cases if only in case.kind], lambda case: case.key, ask, BATCH, "lesions")
    out.write_text(document([said_of(known[case.key]) for case in all_cases if case.key in known]))
    log.info("%s", out)


def short(report: dict) -> dict:
    """What the tables need of a report."""
    if "row" in report:
        return {"verdict": "failed", "why": report["row"].get("reason")}
    wanted = ("verdict", "probability_of_pathology", "measures", "measured_findings", "limitations", "reasons", "grounds")
    return {name: report.get(name) for name in wanted}


def said_of(answer: dict) -> Said:
    report = answer["report"]
    kind = answer["kind"]
    shown, value, why = False, None, None
    if kind in SHOWN_BY:
        measure = next((of for of in report.get("measures") or () if of["code"] == SHOWN_BY[kind]), None)
        if measure:
            shown, value, why = measure["state"] == "outside", measure["value"], measure["why"]
    else:
        nodules = [found for found in report.get("measured_findings") or () if found.get("nodule")]
        shown = any(found["decides"] for found in nodules)
        value = max((found["nodule"]["score"] for found in nodules), default=None)
    return Said(kind, answer["size"], answer["host"], report["verdict"], report.get("probability_of_pathology"), shown, value, why)


def document(said: list[Said]) -> str:
    hosts = list(dict.fromkeys(of.host for of in said))
    lines = [
        "# Synthetic lesions in norm volumes: found, or called norm",
        "",
        "Made by `models/training/run lesions`. **Research use only; nothing here is real pathology.** One lesion at a time, with a seed, in each norm volume at hand "
        f"({', '.join(hosts)}; the latter two are rendered from 8 bits and hold no bone, so that fluid is not measurable there), through the whole product (`norma predict`, operating point "
        f"`{POINT}`). *By its measure*: the measure or the nodule that is to show this kind decides by itself. The others are found by the models' score or by another measure. "
        "A lesion drawn by computation has sharper borders and plainer densities than a real one, so these are not sensitivities; they show what is surely not found.",
        "",
        "| kind | size | studies | pathology | by its measure | undetermined | norm | measured (mean; of nodules the best score) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Said]] = {}
    for of in said:
        groups.setdefault((of.kind, of.size), []).append(of)
    for (kind, size), of in groups.items():
        values = [one.value for one in of if one.value is not None]
        mean = sum(values) / len(values) if values else None
        cell = "–" if mean is None else f"{mean:.0%}" if kind.startswith("emphysema") else f"{mean:.2f}" if kind.startswith("nodule") else f"{mean:.0f} ml"
        counts = [sum(one.verdict == verdict for one in of) for verdict in ("pathology", "undetermined", "norm")]
        lines.append(f"| {kind} | {size} | {len(of)} | {counts[0]} | {sum(one.shown for one in of)} | {counts[1]} | {'**' + str(counts[2]) + '**' if counts[2] else 0} | {cell} |")
    lines += ["", "## Called norm, one by one", "", table(["kind", "size", "host", "probability", "its measure says"], [
        [of.kind, of.size, of.host, "–" if of.probability is None else f"{of.probability:.2f}", measured_words(of)] for of in said if of.verdict == "norm"
    ])]
    kinds = list(dict.fromkeys(of.kind for of in said))
    lines += ["", "## By kind", "", table(["kind", "pathology", "by its measure"], [kind_row(kind, [of for of in said if of.kind == kind]) for kind in kinds])]
    return "\n".join(lines) + "\n"


def measured_words(of: Said) -> str:
    if of.not_measurable:
        return "not measurable: " + of.not_measurable.replace("_", " ")
    if of.value is None:
        return "nothing"
    return f"{of.value:.1%}" if of.kind.startswith("emphysema") else f"score {of.value:.2f}" if of.kind.startswith("nodule") else f"{of.value:.1f} ml"


def kind_row(kind: str, of: list[Said]) -> list[str]:
    hits = [np.array([float(hit) for hit in found]) for found in ([one.verdict == "pathology" for one in of], [one.shown for one in of])]
    return [kind, *(str(sensitivity(of_kind, 0.5)) for of_kind in hits)]
