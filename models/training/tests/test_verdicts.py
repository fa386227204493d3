"""What each rule says of a study, by its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from norma_training.verdicts import WITHIN as WITHIN_RANGE
from norma_training.verdicts import ALL_POINTS, NOT_OUTSIDE, RULES, UNLIKE_KNOWN, Answers, Study, answers_of, before_and_after, lost_norms, verdicts_of

OPACITY = {"code": "largest_opacity", "decides": True, "state": "outside"}
WITHIN = {**OPACITY, "state": "within"}
NODULE = {"nodule": {"score": 0.95, "diameter_mm": 9.0}, "decides": True}
CANDIDATE = {"nodule": {"score": 0.6, "diameter_mm": 9.0}, "decides": False}
MISSING, GAP = {"code": "measures_missing"}, {"code": "slice_gap"}
THRESHOLD = 0.5


def report(verdict: str, probability: float | None = 0.1, limitations=(), measures=(WITHIN,), found=(CANDIDATE,), untrusted=()) -> dict:
    limitations = list(limitations)
    reasons = [*untrusted, *limitations] if verdict == "undetermined" else []
    return {
        "verdict": verdict, "probability_of_pathology": probability, "limitations": limitations, "measures": list(measures),
        "measured_findings": list(found), "reasons": reasons,
    }


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (report("norm"), ("norm", "norm", "norm", "norm")),
        (report("pathology", 0.5), ("pathology", "pathology", "pathology", "pathology")),
        # Reported at a lower threshold.
        (report("pathology", 0.49), ("norm", "norm", "norm", "norm")),
        (report("pathology", measures=[OPACITY]), ("norm", "pathology", "pathology", "pathology")),
        (report("pathology", found=[NODULE]), ("norm", "norm", "pathology", "pathology")),
        (report("pathology", limitations=[GAP], measures=[OPACITY]), ("undetermined", "pathology", "pathology", "pathology")),
        (report("undetermined", limitations=[MISSING]), ("norm", "undetermined", "undetermined", "undetermined")),
        (report("undetermined", limitations=[GAP]), ("undetermined", "undetermined", "undetermined", "undetermined")),
        # No model answered.
        (report("pathology", None, [GAP], found=[NODULE]), ("undetermined", "undetermined", "pathology", "pathology")),
        # Nothing is said of a volume that is not to be trusted, whatever was measured.
        (report("undetermined", 0.9, measures=[OPACITY], untrusted=[{"code": "spacing_varies"}]), ("undetermined",) * 4),
    ],
)
def test_a_report_says_what_each_rule_says(of, expected):
    assert verdicts_of(of, THRESHOLD) == dict(zip(RULES, expected))


def alone(probability: float, verified: bool = False, nodules=(), unlike: bool = False, changed: str = "") -> dict:
    """A report of a study whose measures all speak for norm, but for one."""
    measures = [{"code": code, "decides": True, "state": "borderline" if code == changed else "within"} for code in (*WITHIN_RANGE, *NOT_OUTSIDE)]
    limitations = [{"code": UNLIKE_KNOWN}] if unlike else []
    return {
        **report("pathology", probability, limitations, measures, nodules),
        "threshold_verification": {"verified": verified}, "coverage": [{"pathology": "lung_nodule", "looked_for": "both"}],
    }


@pytest.mark.parametrize(
    ("of", "served"),
    [
        (alone(0.6), "undetermined"),
        (alone(0.4), "norm"),
        (alone(0.6, verified=True), "pathology"),
        (alone(0.6, changed="pleural_fluid"), "pathology"),
        (alone(0.6, changed="opacity_volume"), "undetermined"),
        (alone(0.6, nodules=[{"nodule": {"score": 0.7, "diameter_mm": 9.0}, "decides": False}]), "undetermined"),
        (alone(0.6, nodules=[{"nodule": {"score": 0.8, "diameter_mm": 9.0}, "decides": False}]), "pathology"),
        (alone(0.6, nodules=[{"nodule": {"score": 0.74, "diameter_mm": 21.0}, "decides": False}]), "undetermined"),
        (alone(0.6, nodules=[{"nodule": {"score": 0.75, "diameter_mm": 20.0}, "decides": False}]), "pathology"),
        (alone(0.6, verified=True, unlike=True), "undetermined"),
        (alone(0.4, unlike=True), "undetermined"),
    ],
)
def test_a_score_alone_says_nothing_where_its_threshold_was_not_verified(of, served):
    said = verdicts_of(of, THRESHOLD)
    assert said[RULES[-1]] == served
    assert said[RULES[0]] == ("pathology" if of["probability_of_pathology"] >= THRESHOLD else "norm")


def test_a_norm_that_a_measure_takes_is_told():
    norm, sick = (Study(truth, Path(truth), truth) for truth in ("norm", "pathology"))
    taken = answers_of(report("pathology", measures=[OPACITY]), [THRESHOLD, 0.6])
    assert {line.split(" (")[0] for line in lost_norms({norm: taken, sick: taken})} == {"norm"}
    assert lost_norms({norm: answers_of(report("norm"), [THRESHOLD])}) == []


def test_a_study_that_failed_has_no_verdict():
    failed = answers_of({"row": {"reason": "no_lungs: none"}}, [THRESHOLD])
    assert isinstance(failed, Answers) and failed.report is None and failed.refused == "no_lungs: none"


def test_before_and_after_are_counted_at_each_point():
    """Models alone call the pathology norm above 0.1; its opacity does not."""
    studies = {Study("sick", Path("s"), "pathology"): report("pathology", 0.1, measures=[OPACITY]), Study("well", Path("w"), "norm"): report("norm", 0.3)}
    answers = {study: answers_of(of, [THRESHOLD]) for study, of in studies.items()}
    text = "\n".join(before_and_after(answers, dict(zip(ALL_POINTS, (0.05, 0.2, 0.4, 0.6)))))
    assert "| whole series and volumes | sensitivity_99 (0.050) | 1 of 1 | 0 of 1 | 1 of 1 | 0 of 1 | 0 of 1 | 0 of 1 | 0 of 1 | 1 of 1 |" in text
    assert "| whole series and volumes | sensitivity_95 (0.200) | 0 of 1 | 0 of 1 | 1 of 1 | 0 of 1 | 0 of 1 | 0 of 1 | 0 of 1 | 1 of 1 |" in text
    assert "| whole series and volumes | youden (0.600) | 0 of 1 | 1 of 1 | 1 of 1 | 0 of 1 | 0 of 1 | 1 of 1 | 0 of 1 | 0 of 1 |" in text
