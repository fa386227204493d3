"""What the tables of synthetic lesions, of fluid against masks and of affected slices say, and which slices are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from norma_training.fluid_agreement import SIZES_ML, Volumes, fluid_section, wanted_effusions
from norma_training.lesions import cases, document, said_of, short
from norma_training.measure_pictures import chosen_slices
from norma_training.verdicts import Answers, Study, affected_slices, grounds

OPACITY = {"pathology": "lung_opacity", "side": "right", "third": "middle", "volume_ml": 34.6, "key_slice": 50, "decides": True, "nodule": None, "region": {"z_min": 36, "z_max": 69}}
NODULE = {"pathology": "lung_nodule", "side": "left", "third": "lower", "volume_ml": 1.0, "key_slice": 9, "decides": False, "nodule": {"score": 0.7, "diameter_mm": 8.0, "density": "solid"}, "region": {"z_min": 7, "z_max": 11}}


@pytest.mark.parametrize(
    ("true_ml", "measured_ml", "agrees"),
    [(17, 0, True), (30, 0, False), (99, 60, False), (99, 76, True), (191, 177, True), (680, 511, True), (680, 509, False), (0, 26, False), (100, float("nan"), False)],
)
def test_fluid_agrees_within_a_quarter_or_25_ml(true_ml, measured_ml, agrees):
    assert Volumes("study", "right", "mask", true_ml, measured_ml).agrees is agrees


def test_the_table_of_fluid_counts_what_agrees_and_what_is_false():
    synthetic = [
        Volumes("a", "right", "layer", 100.0, 90.0), Volumes("a", "left", "the other side", 0.0, 7.0),
        Volumes("b", "left", "layer", 101.0, 40.0), Volumes("b", "right", "the other side", 0.0, 0.0),
    ]
    text = "\n".join(fluid_section([Volumes("c", "left", "a reader's mask", 191.0, 177.0)], synthetic))
    assert "| c | left | 191 | 177 | yes |" in text
    assert "1 of 2; 0.65 (0.40–0.90)" in text
    assert "1 of 2 agree; over 50 ml true, 1 of 2 are measured over 50 ml" in text and "at most 7 ml are measured (2 sides)" in text


def test_every_size_is_drawn_on_both_sides_in_every_shape():
    wanted = wanted_effusions(["one", "two"])
    for size in SIZES_ML:
        of_size = [of for of in wanted if of.millilitres == size]
        assert {of.side for of in of_size} == {"right", "left"} and len({of.shape for of in of_size}) == 3
    assert len({of.key for of in wanted}) == len(wanted)


def test_every_kind_is_laid_into_every_host_once():
    made = cases(["one", "two"])
    assert len({of.key for of in made}) == len(made)
    for host in ("one", "two"):
        kinds = {of.kind for of in made if of.host == host}
        assert {"ground glass", "consolidation", "effusion", "pneumothorax", "nodule, solid", "nodule, part solid", "emphysema, centrilobular"} <= kinds


def test_what_was_called_norm_is_told_one_by_one():
    def answer(verdict: str, state: str, value: float, score: float) -> dict:
        measure = {"code": "largest_opacity", "state": state, "value": value, "why": None}
        report = {"verdict": verdict, "probability_of_pathology": score, "measures": [measure], "measured_findings": [], "limitations": [], "reasons": [], "grounds": [], "rows": []}
        return {"key": "k", "kind": "consolidation", "size": "20 ml", "host": verdict, "report": short(report)}

    text = document([said_of(answer("norm", "within", 6.3, 0.04)), said_of(answer("pathology", "outside", 21.0, 0.1))])
    assert "| consolidation | 20 ml | 2 | 1 | 1 | 0 | **1** | 14 ml |" in text
    assert "| consolidation | 20 ml | norm | 0.04 | 6.3 ml |" in text
    assert said_of({"key": "k", "kind": "effusion", "size": "25 ml", "host": "h", "report": short({"row": {"reason": "no_lungs: none"}})}).verdict == "failed"


def test_affected_slices_are_those_of_the_opacities():
    study = Study("covid-ct-md_covid-P001", Path("p"), "pathology")
    again = {**OPACITY, "region": {"z_min": 60, "z_max": 72}, "volume_ml": 12.0, "side": "left"}
    report = {"verdict": "pathology", "measured_findings": [OPACITY, again, NODULE]}
    text = "\n".join(affected_slices({study: Answers({}, report, "")}))
    assert "lie in 37: 35 ml on the right in 36 to 69; 12 ml on the left in 60 to 72" in text
    assert affected_slices({}) == []
    assert grounds(report).startswith("lung opacity, right middle third, 35 ml, slice 50") and "nodule" not in grounds(report)


def test_slices_are_drawn_where_most_of_each_kind_lies():
    masks = np.zeros((20, 8, 8), np.int16)
    masks[2:18, 1:7, 1:7] = 1
    masks[4:6, 2, 2] |= 8
    masks[5, 3, 2] |= 8
    masks[12:15, 2:5, 2] |= 4
    masks[13, 2:5, 3] |= 4
    assert chosen_slices(masks) == [13, 5, 9]
    assert chosen_slices(np.zeros((6, 2, 2), np.int16)) == [3]
