"""`models/training/run nodules`: nodules pasted into norm lungs, the rule over candidates' features fitted and measured with
each host held out, and models/NODULES.md written."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np

from .markdown import table
from .nodule_froc import best_scores, match, sensitivity, threshold_for
from .nodule_network import ScoredStudy, held_out_scores
from .nodule_rule import FEATURES, Rule, feature_row, fit_rule
from .nodule_studies import Found, PastedStudy, find_candidates, find_program, make_hosts, paste_studies, transplant_studies
from .progress import log
from .tar_archives import open_tar

PER_HOST = 4
SEED = 1
ALARMS = (0.5, 1.0, 2.0, 4.0)
SHOWN_SCORE, SURE_SCORE, MASS_SCORE = 0.55, 0.90, 0.85
LEAST_MASS_MM = 20.0
LEAST_SOLID_MM = 5.95
ROUNDING = 0.02

Scores = Callable[[str, Found], np.ndarray]


class Material(NamedTuple):
    """Norm hosts by name, studies with synthetic and with transplanted nodules, and Norma's candidates in each."""

    hosts: dict[str, Found]
    host_paths: dict[str, Path]
    pasted: list[tuple[PastedStudy, Found]]
    transplanted: list[tuple[PastedStudy, Found]]
    real: dict[str, Found]


def measure_nodules(data: Path, slices: Path, run: Path, workspace: Path, out: Path, per_host: int = PER_HOST) -> None:
    """All steps; studies and candidates are kept in the run's folder and used again."""
    material = gather(data, slices, run, find_program(workspace), per_host)
    rules = {host: fit_without(material, host) for host in material.hosts}
    whole = fit_without(material, None)
    out.write_text(report(material, rules, whole, network_scores(material, run)))
    log.info("%s", out)


def gather(data: Path, slices: Path, run: Path, program: Path, per_host: int) -> Material:
    series = sorted((data / "series").glob("*.zip"))
    hosts = make_hosts(program, [path for path in series if "normal" in path.stem], slices, run / "hosts")
    pasted = paste_studies(hosts, run / "pasted", per_host, SEED)
    transplanted = transplant_studies(hosts, data / "lidc_nodules.npz", run / "transplants", SEED)
    in_hosts = find_candidates(program, list(hosts.values()), run / "hosts.jsonl")
    in_pasted = find_candidates(program, [study.path for study in pasted], run / "pasted.jsonl")
    in_transplanted = find_candidates(program, [study.path for study in transplanted], run / "transplants.jsonl")
    if not (run / "volumes").is_dir():
        with open_tar(data / "volumes.tar.xz") as archive:
            archive.extractall(run)
    volumes = [path for path in sorted((run / "volumes").rglob("*.nii")) if "mask" not in path.stem]
    real = find_candidates(program, [*series, *volumes], run / "real.jsonl")
    return Material(
        hosts={host: in_hosts[path] for host, path in hosts.items()},
        host_paths=hosts,
        pasted=[(study, in_pasted[study.path]) for study in pasted],
        transplanted=[(study, in_transplanted[study.path]) for study in transplanted],
        real={path.stem: found for path, found in real.items()},
    )


def rows_of(found: Found) -> np.ndarray:
    return np.array([feature_row(candidate) for candidate in found.candidates]).reshape(-1, len(FEATURES))


def fit_without(material: Material, left_out: str | None) -> Rule:
    """The rule of all hosts but one: their candidates against those that stand for synthetic nodules."""
    rows = [rows_of(found) for host, found in material.hosts.items() if host != left_out]
    truth = [np.zeros(len(negative)) for negative in rows]
    for study, found in material.pasted:
        if study.host != left_out:
            hits = rows_of(found)[match(found, study.nodules).hit >= 0]
            rows.append(hits)
            truth.append(np.ones(len(hits)))
    return fit_rule(np.concatenate(rows), np.concatenate(truth))


def strength(_: str, found: Found) -> np.ndarray:
    """The trivial baseline: the filter's response times its roundness."""
    return np.array([features["response_hu"] * features["roundness"] for features in found.features])


def network_scores(material: Material, run: Path) -> Scores:
    """The network's logits, each study by the network that its host was held out of."""
    studies = [ScoredStudy(host, material.host_paths[host], [], found, True) for host, found in material.hosts.items()]
    studies += [ScoredStudy(study.host, study.path, study.nodules, found, True) for study, found in material.pasted]
    studies += [ScoredStudy(study.host, study.path, study.nodules, found, False) for study, found in material.transplanted]
    scores = held_out_scores(studies, run / "network_scores.npz")
    of_found = {id(study.found): score for study, score in zip(studies, scores)}
    return lambda _, found: of_found[id(found)]


def collect(studies: list[tuple[PastedStudy, Found]], scores: Scores) -> list[tuple[str, float, bool, float]]:
    """Kind, diameter, whether solid, and best score of every nodule."""
    return [
        (nodule.kind, nodule.diameter_mm, nodule.solid, float(best))
        for study, found in studies
        for nodule, best in zip(study.nodules, best_scores(match(found, study.nodules), scores(study.host, found), len(study.nodules)))
    ]


def report(material: Material, rules: dict[str, Rule], whole: Rule, by_network: Scores) -> str:
    by_rule: Scores = lambda host, found: rules[host].score(rows_of(found))
    methods = (by_rule, strength, by_network)
    false_alarms = [np.concatenate([scores(host, found) for host, found in material.hosts.items()]) for scores in methods]
    studies = len(material.hosts)
    lines = [
        "# Nodules and masses: what the detector finds",
        "",
        "Made by `models/training/run nodules`. Synthetic nodules are pasted with a seed into norm volumes (two of LUNA16 without "
        "nodules, rendered in 8 bits and of unstated spacing; one of COVID-CT-MD) and are never counted as real. The rule is "
        "fitted with the host held out; transplanted nodules (LIDC-IDRI, real, laid into the same hosts; spacing taken as 1 mm) "
        "are only measured. False alarms are candidates in the norm volumes themselves. "
        "Three norm volumes are few: no false alarm in three studies still allows one per study (95 %).",
        "",
        "## Solid nodules and masses of at least 6 mm",
        "",
    ]
    rows = []
    for alarms in ALARMS:
        row = [f"{alarms:g}"]
        for scores, of_norm in zip(methods, false_alarms):
            threshold = threshold_for(of_norm, studies, alarms)
            for group in (material.pasted, material.transplanted):
                found = [best for _, size, solid, best in collect(group, scores) if solid and size >= LEAST_SOLID_MM]
                row.append(str(sensitivity(np.array(found), threshold)))
        rows.append(row)
    lines.append(table(["false alarms a study", "rule, synthetic", "rule, transplanted", "filter strength alone, synthetic", "filter strength alone, transplanted", "3D network, synthetic", "3D network, transplanted"], rows))
    lines += [
        "",
        "The rule is what ships. The 3D network (nodule_network.py: cubes of the same candidates and the rule's features) finds more at "
        "fewer false alarms, up to what the candidates hold, and is not served yet. Its figures are to be read with care: what is "
        "pasted, real nodules too, is blended in, norm candidates are not, and a network may learn the blending. It is served "
        "when it is shown on nodules that were never pasted.",
    ]
    lines += ["", "## By kind and size, by the shipped thresholds", ""]
    lines.append(table(["kind", "mm", f"shown (≥ {SHOWN_SCORE})", f"sure (≥ {SURE_SCORE})", "candidate at any score"], _by_kind(material, by_rule)))
    lines += ["", "## False alarms in norm volumes (host held out)", ""]
    lines.append(table(["volume", "shown", "sure", "counts as pathology", "highest score", "highest from 20 mm on"], [_norm_row(host, found, by_rule(host, found)) for host, found in material.hosts.items()]))
    lines += ["", "## Whole series, the three likeliest candidates (norm series by the rule without it)", ""]
    lines.append(table(["series", "shown", "counts as pathology", "likeliest: score, diameter, density, place"], [_real_row(name, found, rules.get(name, whole)) for name, found in material.real.items()]))
    lines += ["", "## The rule", "", f"Intercept {whole.intercept:.2f}."]
    lines += ["", table(["feature", "weight"], [[name, f"{weight:.2f}"] for name, weight in zip(FEATURES, whole.weights)])]
    apart = max(float(np.abs(whole.score(rows_of(found)) - [candidate["score"] for candidate in found.candidates]).max()) for found in material.real.values())
    lines += ["", f"Largest difference between this rule's scores and those of the code: {apart:.3f}" + ("." if apart < ROUNDING else "; **the code holds another rule**.")]
    return "\n".join(lines) + "\n"


def _by_kind(material: Material, scores: Scores) -> list[list[str]]:
    sizes = ((0.0, LEAST_SOLID_MM, "< 6"), (LEAST_SOLID_MM, 10.0, "6–10"), (10.0, 30.5, "10–30"), (30.5, 99.0, "> 30"))
    nodules = collect(material.pasted, scores) + [
        ("transplanted, " + ("solid" if solid else "subsolid"), size, solid, best) for _, size, solid, best in collect(material.transplanted, scores)
    ]
    rows = []
    for kind in sorted({kind for kind, *_ in nodules}):
        for low, high, name in sizes:
            best = np.array([best for of, size, _, best in nodules if of == kind and low <= size < high])
            if len(best):
                rows.append([kind.replace("_", " "), name, *(str(sensitivity(best, threshold)) for threshold in (SHOWN_SCORE, SURE_SCORE, 0.0))])
    return rows


def counts(candidate: dict, score: float) -> bool:
    """Whether a candidate is pathology by itself: solid, and a sure nodule or a mass."""
    size = candidate["diameter_mm"]
    return candidate["density"] == "solid" and ((score >= SURE_SCORE and size >= 6.0) or (score >= MASS_SCORE and size >= LEAST_MASS_MM))


def _norm_row(host: str, found: Found, scores: np.ndarray) -> list[str]:
    counted = sum(counts(candidate, score) for candidate, score in zip(found.candidates, scores))
    return [host, str(int((scores >= SHOWN_SCORE).sum())), str(int((scores >= SURE_SCORE).sum())), str(counted), f"{scores.max(initial=0):.2f}", f"{scores[found.diameters_mm >= LEAST_MASS_MM].max(initial=0):.2f}"]


def _real_row(name: str, found: Found, rule: Rule) -> list[str]:
    scores = rule.score(rows_of(found))
    order = np.argsort(-scores)
    said = [
        f"{scores[index]:.2f}: {found.candidates[index]['diameter_mm']:.0f} mm {found.candidates[index]['density'].replace('_', ' ')}, "
        f"{found.candidates[index]['side']} {found.candidates[index]['third']}, slice {found.candidates[index]['centre_voxel'][0]:.0f}"
        for index in order[:3]
    ]
    counted = sum(counts(candidate, score) for candidate, score in zip(found.candidates, scores))
    return [name, str(int((scores >= SHOWN_SCORE).sum())), str(counted), "; ".join(said)]
