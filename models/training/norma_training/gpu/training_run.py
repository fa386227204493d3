"""All jobs of the plan, some side by side on the one GPU; what is done is written at once."""

from __future__ import annotations

import os
import queue
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing as multiprocessing

from ..device import training_device
from ..progress import log, start_log
from ..test_time_views import FIVE_VIEWS, view_slices
from .job import Done, do_job
from .pack import FILE, unpack_slices
from .plan import FINAL, Plan, check_jobs, jobs_of
from .results import write_networks, write_scores


class JobFailed(RuntimeError):
    """A job, or the process that did it, ended with an error."""


def run_jobs(pack: Path, out: Path, plan: Plan, workers: int, chosen: list[str] | None = None) -> list[Done]:
    """Trains everything (or the `chosen` jobs) with `workers` processes; writes scores and final weights to `out` as they come.

    Raises `LeakError`, or `ValueError` where a chosen job is not in the plan, before anything is learnt, and `JobFailed`
    after all other jobs are done.
    """
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    waiting, finished = context.Queue(), context.Queue()
    processes = [context.Process(target=_work, args=(pack, plan, max((os.cpu_count() or 1) // workers, 1), waiting, finished), daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    found: list[Done] = []
    try:
        data, fold = unpack_slices(pack / FILE)
        known = jobs_of(data, fold)
        unknown = sorted(set(chosen or ()) - {job.name for job in known})
        if unknown:
            raise ValueError(f"no such jobs: {', '.join(unknown)}; there are {', '.join(job.name for job in known)}")
        jobs = [job for job in known if chosen is None or job.name in chosen]
        check_jobs(data, fold, jobs)
        # The final job brings the weights, so it is the first; the others by their work.
        jobs.sort(key=lambda job: (job.name != FINAL, -sum(int(part.train.sum()) for part in job.parts)))
        for name in (*(job.name for job in jobs), *(None for _ in processes)):
            waiting.put(name)
        log.info("%d slices on %s: %s", len(data), _device_name(), ", ".join(job.name for job in jobs))
        failed = []
        for _ in jobs:
            done = _next(finished, processes)
            if done.error:
                log.error("%s: %s", done.job, done.error)
                failed.append(done.job)
                continue
            found.append(done)
            write_scores(out, data, found, str(plan))
            write_networks(out, {name: {key: torch.from_numpy(value) for key, value in state.items()} for name, state in done.networks.items()})
            log.info("%s after %.0f s: %s", done.job, time.monotonic() - started, {what: round(seconds) for what, seconds in done.seconds.items()})
        if failed:
            raise JobFailed(f"failed: {', '.join(failed)}")
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return found


def _next(finished, processes: list) -> Done:
    """What a worker has done. Raises `JobFailed` where one is gone without a word."""
    while True:
        try:
            return finished.get(timeout=5)
        except queue.Empty:
            gone = [process.exitcode for process in processes if process.exitcode]
            if gone:
                raise JobFailed(f"a worker ended with {gone[0]}") from None


def _work(pack: Path, plan: Plan, threads: int, waiting, finished) -> None:
    """Takes jobs until there are none."""
    start_log()
    # More threads than cores wait for each other.
    torch.set_num_threads(threads)
    data, fold = unpack_slices(pack / FILE)
    jobs = {job.name: job for job in jobs_of(data, fold)}
    # Pictures are changed on the processor while the first encoder trains.
    with ThreadPoolExecutor(1) as beside:
        views = beside.submit(all_views, data.pixels)
        while (name := waiting.get()) is not None:
            try:
                done = do_job(jobs[name], data, views, plan)
            except Exception:  # noqa: BLE001 - whatever failed is told, and the next job is done
                done = Done(name, error=traceback.format_exc())
            # Arrays travel whole; tensors would lie in this process's shared memory.
            done.networks = {key: {k: v.numpy() for k, v in state.items()} for key, state in done.networks.items()}
            finished.put(done)


def all_views(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """All slices in each of the five views."""
    return {view: view_slices(pixels, view) for view in FIVE_VIEWS}


def _device_name() -> str:
    return torch.cuda.get_device_name() if training_device() == "cuda" else "the processor"
