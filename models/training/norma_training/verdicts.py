"""`models/training/run measures`: what the measures in Hounsfield units and the nodules do to the verdict, over the phantoms,
every whole series at hand and norm volumes made harder; models/MEASURES.md."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

from .fluid_agreement import Volumes, against_readers, against_synthetic, find_measured_masks, fluid_section
from .kept_answers import ask_for_all, program_hash
from .markdown import table
from .nodule_studies import export_series, find_program, make_hosts, render_norms
from .norm_bodies import write_bodies
from .norm_variants import write_variants
from .norma_prepare import PHANTOMS, PreparationError, find_norma, predict, write_phantoms
from .progress import log
from .tar_archives import open_tar

POINTS = ("sensitivity_95", "youden")
ALL_POINTS = ("sensitivity_99", "sensitivity_95", "f1", "youden")
MEASURES_MISSING = "measures_missing"
# Studies that one call of the program reads.
BATCH = 4
# Of COVID-CT-MD's P001: how many of how many slices its readers marked; which ones is not among the data.
AFFECTED = ("covid-ct-md_covid-P001", 80, 148)
RULES = ("models alone", "with measures", "with measures and nodules", "as it is served")
# As in crates/pipeline/src/merge/score_alone.rs.
UNLIKE_KNOWN = "unlike_known"
BY_MEASURES = {MEASURES_MISSING, UNLIKE_KNOWN, "score_alone"}
WITHIN, NOT_OUTSIDE = ("largest_opacity", "low_attenuation950", "pleural_fluid", "pleural_gas"), ("opacity_volume", "high_attenuation")
SUPPORTING_SCORE, SUPPORTING_SCORE_OF_MASS, MASS_MM = 0.80, 0.75, 20.0
# What is known of each; volumes with effusions and pneumonias are all pathology.
PHANTOM_TRUTH = {"norm": "norm", "incomplete": "undetermined"}


class Study(NamedTuple):
    name: str
    path: Path
    truth: str


class Answers(NamedTuple):
    """Verdicts by rule at each operating point, and the report at the first."""

    verdicts: dict[str, list[str]]
    report: dict | None
    refused: str


def measure_verdicts(data: Path, slices: Path, run: Path, workspace: Path, out: Path, variants: bool = True) -> bool:
    """Writes the tables; whether no norm became anything else by a measure or a nodule."""
    studies = gather(data, slices, run, workspace, variants)
    by_point = thresholds_of(workspace / "models" / "bundle.yaml")
    thresholds = [by_point[name] for name in POINTS]
    reports = ask_norma(studies, run, workspace)
    answers = {study: answers_of(reports[study.name]["report"], thresholds) for study in studies}
    for study, answer in answers.items():
        if answer.report and answer.verdicts[RULES[-1]][0] != answer.report["verdict"]:
            raise PreparationError(f"{study.name}: the rules here are not those that are served")
    out.write_text(document(answers, by_point, *fluid_agreement(data, run, workspace, variants)))
    log.info("%s", out)
    return not lost_norms(answers)


def ask_norma(studies: list[Study], run: Path, workspace: Path) -> dict[str, dict]:
    """What `norma predict` reports of each study, by its name; a program is asked once for each."""
    def ask(of: list[Study], number: int) -> list[dict]:
        reports = predict([study.path for study in of], POINTS[0], run / f"reports-{number}", workspace)
        return [{"key": study.name, "report": reports[study.path]} for study in of]

    return ask_for_all(run / f"reports-{program_hash(find_norma(workspace))}.jsonl", studies, lambda study: study.name, ask, BATCH, "studies")


def fluid_agreement(data: Path, run: Path, workspace: Path, synthetic: bool) -> tuple[list[Volumes], list[Volumes]]:
    """Fluid against readers' masks and, where wanted, against effusions drawn into the norm series; rendered norms hold no bone, so that fluid is not measurable there."""
    program = find_measured_masks(workspace)
    readers = against_readers(program, [path for path in sorted((run / "volumes").rglob("*.nii")) if "mask" not in path.stem])
    if not synthetic:
        return readers, []
    series = [path for path in sorted((data / "series").glob("*.zip")) if "normal" in path.stem]
    norms = export_series(find_program(workspace), series, run / "norms")
    return readers, against_synthetic(program, norms, run / "effusions", program_hash(program))


def thresholds_of(bundle: Path) -> dict[str, float]:
    """Of each operating point."""
    return {point["name"]: point["threshold"] for point in yaml.safe_load(bundle.read_text())["operating_points"]}


def gather(data: Path, slices: Path, run: Path, workspace: Path, variants: bool) -> list[Study]:
    phantoms = write_phantoms(run / "phantoms", workspace, PHANTOMS)
    series = sorted((data / "series").glob("*.zip"))
    if not (run / "volumes").is_dir():
        with open_tar(data / "volumes.tar.xz") as archive:
            archive.extractall(run)
    volumes = [path for path in sorted((run / "volumes").rglob("*.nii")) if "mask" not in path.stem]
    rendered = render_norms(slices, run / "norms")
    studies = [Study(f"phantom {kind}", path, PHANTOM_TRUTH.get(kind, "pathology")) for kind, path in zip(PHANTOMS, phantoms)]
    studies += [Study(path.stem, path, "norm" if "normal" in path.stem else "pathology") for path in series]
    studies += [Study(path.stem, path, "pathology") for path in volumes]
    studies += [Study(name, path, "norm") for name, path in rendered.items()]
    if variants:
        hosts = make_hosts(find_program(workspace), [path for path in series if "normal" in path.stem], slices, run / "norms")
        studies += [Study(name, path, "norm") for name, path in write_variants(hosts, run / "variants").items()]
        with_ribs = {name: path for name, path in hosts.items() if name not in rendered}
        studies += [Study(name, path, "norm") for name, path in write_bodies(with_ribs, run / "variants").items()]
        sick = export_series(find_program(workspace), [path for path in series if "normal" not in path.stem], run / "sick")
        sick |= {path.stem: path for path in volumes}
        studies += [Study(name, path, "pathology") for name, path in write_variants(sick, run / "variants").items()]
    return studies


def answers_of(report: dict, thresholds: list[float]) -> Answers:
    """What each rule says of a study at each threshold, by its report at the first."""
    if "row" in report:
        return Answers({rule: ["failed"] * len(thresholds) for rule in RULES}, None, str(report["row"].get("reason")))
    at = [verdicts_of(report, threshold) for threshold in thresholds]
    return Answers({rule: [verdicts[rule] for verdicts in at] for rule in RULES}, report, "")


def verdicts_of(report: dict, threshold: float) -> dict[str, str]:
    """What each rule says of a study at a threshold, by its report at any. Of a volume that is not to be trusted all say
    undetermined: only there are there more reasons than limitations."""
    if report["verdict"] == "undetermined" and len(report["reasons"]) > len(report["limitations"]):
        return dict.fromkeys(RULES, "undetermined")
    codes = {reason["code"] for reason in report["limitations"]}
    other_limits = codes - BY_MEASURES
    is_missing, is_unlike = MEASURES_MISSING in codes, UNLIKE_KNOWN in codes
    probability = report["probability_of_pathology"]
    by_score = probability is not None and probability >= threshold
    is_outside = any(measure["decides"] and measure["state"] == "outside" for measure in report["measures"])
    has_nodule = any(found.get("nodule") and found["decides"] for found in report["measured_findings"])
    is_supported = not speaks_for_norm(report)

    def said(is_pathology: bool, is_limited: bool) -> str:
        return "pathology" if is_pathology else "undetermined" if is_limited else "norm"

    is_limited = bool(other_limits) or is_missing
    has_say = by_score and not is_unlike and is_supported
    leaves_open = is_limited or is_unlike or by_score
    verdicts = (
        said(by_score, bool(other_limits)),
        said(by_score or is_outside, is_limited),
        said(by_score or is_outside or has_nodule, is_limited),
        said(has_say or is_outside or has_nodule, leaves_open),
    )
    return dict(zip(RULES, verdicts))


def speaks_for_norm(report: dict) -> bool:
    """Whether a score is alone: its threshold is not verified on the scanner, all that it is held against lies within its range, and no nodule supports it."""
    if (report.get("threshold_verification") or {}).get("verified"):
        return False
    states = {measure["code"]: measure["state"] for measure in report["measures"]}
    sought = any(of["pathology"] == "lung_nodule" and of["looked_for"] in ("measured", "both") for of in report.get("coverage") or ())
    nodules = [found["nodule"] for found in report["measured_findings"] if found.get("nodule")]
    supporting = any(nodule["score"] >= (SUPPORTING_SCORE_OF_MASS if nodule["diameter_mm"] >= MASS_MM else SUPPORTING_SCORE) for nodule in nodules)
    return sought and not supporting and all(states.get(code) == "within" for code in WITHIN) and all(states.get(code) in ("within", "borderline") for code in NOT_OUTSIDE)


def lost_norms(answers: dict[Study, Answers]) -> list[str]:
    """Norms that the models call norm and a rule after them does not, at any operating point."""
    return [
        f"{study.name} ({rule}: {verdict})"
        for study, answer in answers.items()
        if study.truth == "norm"
        for rule in RULES[1:]
        for verdict, by_models in zip(answer.verdicts[rule], answer.verdicts[RULES[0]])
        if by_models == "norm" and verdict != "norm"
    ]


def document(answers: dict[Study, Answers], thresholds: dict[str, float], readers: list[Volumes], synthetic: list[Volumes]) -> str:
    lost = lost_norms(answers)
    made = [study.name for study, answer in answers.items() if study.truth == "norm" and answer.report and own_grounds(answer.report)]
    lines = [
        "# Measures and nodules in the verdict",
        "",
        "Made by `models/training/run measures`. **Research use only.** Each cell: the verdict at the default operating point "
        f"(`{POINTS[0]}`) / at `{POINTS[1]}`. *Models alone*: calibrated score against the threshold. *With measures*: also pathology where the "
        "largest opacity is over 15 ml, fluid over 50 ml or gas over 10 ml in one pleural space, or over 14 % of the lungs lie below −950 HU; no norm where opacity "
        "or low attenuation could not be measured. *With nodules*: also pathology where a solid nodule of at least 6 mm reaches 0.90 or one of "
        "20 mm reaches 0.85. *As it is served*: also undetermined where the study is unlike any that is known by the texture of its lungs, and where the score alone reaches a threshold that was not "
        "verified on the scanner (docs/adr/1724). The limits were chosen while looking at the whole series among these, so this is no measurement of a "
        "sensitivity; of norm there is one whole series, two volumes rendered from 8 bits, and, where listed, these made harder by computation, as the pathology series are by the other protocols.",
        "",
        "## Verdicts",
        "",
        table(["study", "known", "probability", *RULES, "what measures and nodules say"], [verdict_row(study, answer) for study, answer in answers.items()]),
        "",
        f"Norms that the models call norm and measures or nodules do not: **{', '.join(lost) if lost else 'none'}**. "
        f"Norms in which a measure or a nodule decides by itself: **{', '.join(made) if made else 'none'}**.",
        "",
        *before_and_after(answers, thresholds),
        "## Measures",
        "",
        table(
            ["study", "largest opacity, ml", "fluid right / left, ml", "gas right / left, ml", "LAA−950", "LAA−910", "mean, HU", "blood, HU", "heart : chest", "vertebrae, HU", "aorta's calcium, ml", "texture, HU", "nodules shown, deciding", "likeliest nodule"],
            [measure_row(study, answer.report) for study, answer in answers.items() if answer.report],
        ),
        "",
        "Heart, bone and calcium inform and decide nothing (docs/adr/1704, 1705). ✱ not measurable in this study: what was found stands beside the reason in the report.",
        "",
        "## What decided",
        "",
        f"At `{POINTS[0]}`, the weightiest first; the score alone where nothing is named.",
        "",
        table(["study", "verdict", "grounds"], [[study.name, answer.report["verdict"], grounds(answer.report)] for study, answer in answers.items() if answer.report and is_whole(study)]),
        "",
        *affected_slices(answers),
        *fluid_section(readers, synthetic),
    ]
    return "\n".join(lines) + "\n"


def before_and_after(answers: dict[Study, Answers], thresholds: dict[str, float]) -> list[str]:
    """The lines on what models alone and what the rule that is served say at each operating point."""
    groups = {"whole series and volumes": is_whole, "the same, made harder by computation": lambda study: "," in study.name}
    rows = []
    for group, is_of in groups.items():
        of_group = [(study.truth, answer.report) for study, answer in answers.items() if answer.report and is_of(study)]
        for point in ALL_POINTS if of_group else ():
            by_rule = [[(truth, verdicts_of(report, thresholds[point])[rule]) for truth, report in of_group] for rule in (RULES[0], RULES[-1])]
            cells = [counted(said, truth, truth) for said in by_rule[:1] for truth in ("pathology", "norm")]
            cells += [counted(by_rule[1], truth, verdict) for truth, verdicts in (("pathology", ("pathology", "undetermined", "norm")), ("norm", ("norm", "undetermined", "pathology"))) for verdict in verdicts]
            rows.append([group, f"{point} ({thresholds[point]:.3f})", *cells])
    head = ["studies", "operating point", "models alone: pathology found", "norm kept", "as it is served: pathology found", "pathology undetermined", "pathology called norm", "norm kept", "norm undetermined", "norm called pathology"]
    return [
        "## Before and after, at each operating point", "",
        "None of these was ever trained on; the measures' limits were chosen while looking at the whole ones, so theirs is no measurement. The slices of the four sources (models/RESULTS.md) have 8 bits and no "
        "Hounsfield units, so that measures say nothing there: with a source left out the models' table stands as it is.", "",
        table(head, rows), "",
    ]


def counted(said: list[tuple[str, str]], truth: str, verdict: str) -> str:
    of_truth = [of for known, of in said if known == truth]
    return f"{of_truth.count(verdict)} of {len(of_truth)}"


def is_whole(study: Study) -> bool:
    """Neither a phantom nor made harder by computation."""
    return not study.name.startswith("phantom") and "," not in study.name


def grounds(report: dict) -> str:
    words = [finding_words(found) for found in report["measured_findings"] if found["decides"]]
    return "; ".join(words) or ("the score" if report["verdict"] == "pathology" else "–")


def finding_words(found: dict) -> str:
    if found.get("nodule"):
        return nodule_words(found)
    return f"{found['pathology'].replace('_', ' ')}, {found['side']} {found['third']} third, {found['volume_ml']:.0f} ml, slice {found['key_slice']}"


def affected_slices(answers: dict[Study, Answers]) -> list[str]:
    """The lines on the one study of which it is known how many slices are affected."""
    name, affected, slices = AFFECTED
    report = next((answer.report for study, answer in answers.items() if study.name == name), None)
    if report is None:
        return []
    opacities = [found for found in report["measured_findings"] if found["pathology"] == "lung_opacity"]
    ends = [(found["region"]["z_min"], found["region"]["z_max"]) for found in opacities]
    held = {number for first, last in ends for number in range(first, last + 1)}
    parts = [f"{found['volume_ml']:.0f} ml on the {found['side']} in {first} to {last}" for found, (first, last) in zip(opacities, ends)]
    return [
        f"## Opacities against what is known of {name}", "",
        f"{affected} of its {slices} slices are known to be affected. Its opacities of at least 10 ml lie in {len(held)}: {'; '.join(parts) or 'none'}. Which slices the readers marked is not among the data, so "
        "that overlap cannot be told.", "",
    ]


def own_grounds(report: dict) -> list[dict]:
    """What measures and nodules found that decides by itself, whatever the models say."""
    outside = [measure["code"].replace("_", " ") for measure in report["measures"] if measure["decides"] and measure["state"] == "outside"]
    return outside + [nodule_words(found) for found in report["measured_findings"] if found.get("nodule") and found["decides"]]


def verdict_row(study: Study, answer: Answers) -> list[str]:
    cells = [" / ".join(answer.verdicts[rule]) for rule in RULES]
    if answer.report is None:
        return [study.name, study.truth, "–", *cells, answer.refused]
    report = answer.report
    missing = [f"{measure['code'].replace('_', ' ')} not measurable: {(measure['why'] or '').replace('_', ' ')}" for measure in report["measures"] if measure["decides"] and measure["state"] == "not_measurable"]
    limits = [reason["code"] for reason in report["limitations"] + report["reasons"] if reason["code"] != MEASURES_MISSING]
    probability = report["probability_of_pathology"]
    words = own_grounds(report) + missing + list(dict.fromkeys(limits))
    return [study.name, study.truth, "–" if probability is None else f"{probability:.2f}", *cells, "; ".join(words) or "–"]


def measure_row(study: Study, report: dict) -> list[str]:
    by_code = {measure["code"]: measure for measure in report["measures"]}

    def said(code: str, form: str, factor: float = 1.0) -> str:
        value = by_code[code]["value"]
        star = " ✱" if by_code[code]["state"] == "not_measurable" else ""
        return ("–" if value is None else format(value * factor, form)) + star

    def sides(code: str) -> str:
        by_side = by_code[code]["by_side"]
        return "–" if by_side is None else f"{by_side[0]:.0f} / {by_side[1]:.0f}"

    nodules = [found for found in report["measured_findings"] if found.get("nodule")]
    return [
        study.name,
        said("largest_opacity", ".1f"),
        sides("pleural_fluid"),
        sides("pleural_gas"),
        said("low_attenuation950", ".2f", 100) + " %",
        said("low_attenuation910", ".1f", 100) + " %",
        said("mean_density", ".0f"),
        said("blood_pool", ".0f"),
        said("cardiothoracic_ratio", ".2f"),
        said("trabecular_density", ".0f"),
        said("aortic_calcium", ".2f"),
        said("lung_texture", ".0f"),
        f"{len(nodules)}, {sum(found['decides'] for found in nodules)}",
        nodule_words(nodules[0]) if nodules else "–",
    ]


def nodule_words(found: dict) -> str:
    nodule = found["nodule"]
    return f"{nodule['score']:.2f}: {nodule['diameter_mm']:.0f} mm {nodule['density'].replace('_', ' ')} nodule, {found['side']} {found['third']}, slice {found['key_slice']}"
