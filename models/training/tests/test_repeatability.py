"""What other protocols move is told by the most that fell and rose, beside the range's width."""

from __future__ import annotations

from norma_training.repeatability import document, rows_of, width_of

RANGE = {"low": None, "high": 10.0, "outside_low": None, "outside_high": 15.0}


def answer(path: str, variant: str, value: float | None, state: str = "within") -> dict:
    measures = [
        {"code": "largest_opacity", "unit": "ml", "value": value, "state": state, "range": RANGE},
        {"code": "blood_pool", "unit": "HU", "value": 40.0, "state": "described", "range": None},
    ]
    return {"path": path, "variant": variant, "measures": measures}


def test_movements_are_told_with_their_width():
    answers = [
        answer("/a/one.zip", "as it is", 3.0), answer("/a/one.zip", "thick", 7.5), answer("/a/one.zip", "noisy", 2.0),
        answer("/a/two.nii", "as it is", 30.0), answer("/a/two.nii", "thick", 46.5, "outside"), answer("/a/two.nii", "noisy", 20.0, "not_measurable"),
    ]
    text = document(rows_of(answers))
    assert "| largest opacity | 15.0 ml | +0.0 ml … +16.5 ml ✱ | -10.0 ml … +0.0 ml |" in text
    assert "| two | 30.0 ml | 46.5 ml ! | 20.0 ml ◦ |" in text
    assert "| blood pool | – | +0.0 HU … +0.0 HU | +0.0 HU … +0.0 HU |" in text


def test_what_has_no_value_moves_nothing():
    rows = rows_of([answer("one", "as it is", None), answer("one", "thick", 5.0), answer("two", "as it is", 5.0), answer("two", "thick", None)])
    assert {row.code for row in rows} == {"blood_pool"}


def test_a_range_that_is_open_above_has_no_width():
    assert width_of({"outside_low": -955.0, "outside_high": None}) is None
    assert width_of({"outside_low": -920.0, "outside_high": -650.0}) == 270.0
    assert width_of(None) is None
