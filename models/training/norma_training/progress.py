"""Progress bars on a terminal, plain lines in a log."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Iterable, TypeVar

from tqdm import tqdm

T = TypeVar("T")
log = logging.getLogger("norma_training")


def progress(items: Iterable[T], title: str, total: int | None = None) -> Iterable[T]:
    return tqdm(items, desc=title, total=total, disable=not sys.stderr.isatty(), leave=False)


def start_log(path: Path | None = None) -> None:
    """Logs to stderr and, where given, to a file that is appended to."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True)
