"""Questions to a program that takes minutes: what was answered is kept as JSON lines, so that a run that was ended goes on where it stood,
and two batches are asked at a time."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Callable, Iterable, TypeVar

from .progress import log, progress

AT_A_TIME = 2
T = TypeVar("T")


def kept_answers(file: Path) -> dict[str, dict]:
    """By key. A line that was not written to its end is none."""
    found = {}
    for line in file.read_text().splitlines() if file.is_file() else ():
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[answer["key"]] = answer
    return found


def ask_for_all(file: Path, wanted: list[T], key: Callable[[T], str], ask: Callable[[list[T], int], Iterable[dict]], batch: int, what: str) -> dict[str, dict]:
    """The answers by key, those in `file` and what `ask` gives for the rest. It is given some of the wanted and the number of the batch; each answer
    names its `key` and is appended to the file when its batch is there. Answers may be fewer than what was asked for. A batch that fails
    ends the run; what was kept stays."""
    known = kept_answers(file)
    left = [of for of in wanted if key(of) not in known]
    file.parent.mkdir(parents=True, exist_ok=True)
    if known:
        log.info("%s: %d of %d are known", what, len(wanted) - len(left), len(wanted))
    if file.is_file() and not file.read_bytes().endswith(b"\n"):
        with file.open("a") as kept:
            kept.write("\n")
    batches = [left[start : start + batch] for start in range(0, len(left), batch)]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        asked = [pool.submit(ask, of, number) for number, of in enumerate(batches)]
        try:
            for done in progress(as_completed(asked), what, total=len(asked)):
                answers = list(done.result())
                with file.open("a") as kept:
                    kept.writelines(json.dumps(answer) + "\n" for answer in answers)
                known |= {answer["key"]: answer for answer in answers}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return known


def program_hash(program: Path) -> str:
    """Of a program's file: another build is asked anew."""
    return hashlib.sha256(program.read_bytes()).hexdigest()[:12]
