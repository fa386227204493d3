"""The command line on the GPU machine: `python3 -m norma_training.gpu run | measure`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..progress import start_log
from .plan import FULL, MINIATURE

HERE = Path(__file__).resolve().parents[2]


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="gpu", description="Train the reference method from packed slices (research use only).")
    root.add_argument("verb", choices=("run", "measure"))
    root.add_argument("--pack", type=Path, default=HERE, help="folder of slices.npz")
    root.add_argument("--out", type=Path, required=True, help="where scores, weights and the log go")
    root.add_argument("--miniature", action="store_true", help="an epoch of each: proves that every step works")
    root.add_argument("--simclr-epochs", type=int)
    root.add_argument("--simclr-size", type=int)
    root.add_argument("--classifier-epochs", type=int)
    root.add_argument("--workers", type=int, default=3, help="jobs side by side")
    root.add_argument("--jobs", nargs="+", help="only these (what an earlier run left undone)")
    root.add_argument("--sizes", type=int, nargs="+", default=[96, 112, 128], help="of SimCLR, to be measured")
    return root


def main() -> None:
    arguments = parser().parse_args()
    start_log(arguments.out / "log.txt")
    # PyTorch takes seconds to come: after the arguments are known to be right.
    from .measure import measure_speed
    from .training_run import run_jobs

    wanted = {name: getattr(arguments, name) for name in ("simclr_epochs", "simclr_size", "classifier_epochs")}
    plan = replace(MINIATURE if arguments.miniature else FULL, **{name: value for name, value in wanted.items() if value is not None})
    if arguments.verb == "measure":
        measure_speed(arguments.pack, plan, arguments.sizes, arguments.workers)
    else:
        run_jobs(arguments.pack, arguments.out, plan, arguments.workers, arguments.jobs)


if __name__ == "__main__":
    main()
