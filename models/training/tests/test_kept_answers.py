"""A run that was ended goes on where it stood, and asks nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from norma_training.kept_answers import ask_for_all, kept_answers, program_hash


def test_what_was_answered_is_not_asked_again(tmp_path):
    file = tmp_path / "run" / "answers.jsonl"
    asked: list[str] = []

    def ask(of: list[str], number: int) -> list[dict]:
        asked.extend(of)
        if "e" in of:
            raise RuntimeError("the program failed")
        return [{"key": one, "number": number} for one in of if one != "b"]

    with pytest.raises(RuntimeError):
        ask_for_all(file, list("abcdef"), str, ask, 2, "letters")
    kept = kept_answers(file)
    assert set(kept) <= set("acd") and "e" not in kept
    # Ended in the middle of a line.
    with file.open("a") as torn:
        torn.write('{"key": "f", "num')
    asked.clear()
    found = ask_for_all(file, list("abcdf"), str, ask, 1, "letters")
    assert set(found) == set("acdf"), "nothing was said of b"
    assert sorted(asked) == sorted(set("abcdf") - set(kept))
    assert [json.loads(line)["key"] for line in file.read_text().splitlines() if line.endswith("}")].count("f") == 1
    asked.clear()
    assert set(ask_for_all(file, list("acdf"), str, ask, 1, "letters")) == set("acdf") and not asked


def test_another_build_has_answers_of_its_own(tmp_path):
    for name in ("one", "two"):
        Path(tmp_path / name).write_bytes(name.encode())
    assert program_hash(tmp_path / "one") != program_hash(tmp_path / "two")
