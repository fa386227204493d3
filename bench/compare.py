"""Norma and the peer side by side: every series goes to both in turn, so that both meet the same machine."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
from pathlib import Path

from servers import DATA, NORMA, ROOT, norma_environment, start_norma, start_peer

SERIES = ["covid-ct-md_normal001.zip", "covid-ct-md_covid-P001.zip", "lidc-idri-0001_mass.zip"]
PREPARATION = (["open", "decode", "lungs", "quality", "prepare"], ["read", "decode", "lungs", "prepare"])
# The peer reads the network when the first model asks for it, so only the sum of the models can be held against it.
MODELS = (["shared", "anomaly", "anomaly map", "classifier", "classifier map", "typing"], ["anomaly", "classifier", "typing"])
# Steps of both sides under one name; what only one side does has no other.
STEPS = {
    "open": (["open"], ["read"]),
    "decode": (["decode"], ["decode"]),
    "open and decode": (["open", "decode"], ["read", "decode"]),
    "lungs": (["lungs"], ["lungs"]),
    "slices": (["quality", "prepare"], ["prepare"]),
    "preprocessing": PREPARATION,
    "models": MODELS,
    "preprocessing and models": tuple(one + other for one, other in zip(PREPARATION, MODELS)),
    "shared network": (["shared"], []),
    "anomaly by itself": (["anomaly", "anomaly map"], []),
    "measures and nodules": (["measures"], []),
    "store": (["store"], []),
}
STAGES = ["shared", "anomaly", "classifier", "typing"]


def measure_steps(path, arguments):
    """Norma's steps by themselves, in a process without service: milliseconds as they passed and of processor time, and the
    part inside ONNX Runtime."""
    command = [NORMA, "measure", "--repeat", str(arguments.repeat + 1), str(path)]
    environment = {**os.environ, **norma_environment(arguments.threads)}
    output = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout
    (measured,) = json.loads(output)

    # The first reading meets models that have not run yet.
    def usual(key, of_readings):
        return {name: of_readings(times[1:]) for name, times in measured[key].items()}

    # Processor time is told in steps of 10 ms, which a median would keep.
    return usual("step_ms", statistics.median), usual("processor_ms", statistics.mean), usual("in_onnxruntime_ms", statistics.median)


def machine():
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"


class Side:
    """A service under measurement and its runs on one series."""

    def __init__(self, name, server, url):
        self.name, self.server, self.url = name, server, url
        self.runs, self.answers = [], []

    def predict(self, path):
        answer, milliseconds, processor = self.server.predict(self.url, path)
        self.answers.append(answer)
        self.runs.append((milliseconds, processor))

    def whole(self):
        """As it passed, and of processor time."""
        return [statistics.median(run[kind] for run in self.runs) for kind in (0, 1)]

    def steps(self):
        """Of a peer: by step, as they passed and of processor time."""
        return [
            {step: statistics.median(answer[kind][step] for answer in self.answers) for step in self.answers[0][kind]}
            for kind in ("timings_ms", "processor_ms")
        ]

    def begin(self):
        self.runs, self.answers = [], []


def line(name, ours, theirs):
    """`ours` and `theirs`: as it passed, and of processor time; None where a side does no such thing."""
    cells = []
    for mine, other in zip(ours, theirs):
        ratio = f"{other / mine:7.2f}" if mine and other else f"{'':>7}"
        cells.append(f"{mine:8.0f} {other:8.0f} {ratio}" if other is not None else f"{mine:8.0f} {'':8} {'':7}")
    print(f"  {name:42}" + "   ".join(cells))


def sums(kinds, parts):
    return [sum(steps.get(part, 0) for part in parts) if parts else None for steps in kinds]


def print_series(name, norma, shared, own, arguments):
    *kinds, runtime = measure_steps(DATA / "series" / name, arguments)
    theirs, of_own = shared.steps(), own.steps()
    print(f"\n{name:44}{'passed: norma, peer, ratio':>25}   {'processor: norma, peer, ratio':>25}")
    for step, (mine, others) in STEPS.items():
        line(step, sums(kinds, mine), sums(theirs, others))
    line("models, peer reads its network for each", sums(kinds, MODELS[0]), sums(of_own, MODELS[1]))
    whole, of_peer, of_own_peer = norma.whole(), shared.whole(), own.whole()
    less = [one - steps["measures"] for one, steps in zip(whole, kinds)]
    line("whole", whole, of_peer)
    line("whole less measures and nodules", less, of_peer)
    line("whole, peer reads its network for each", whole, of_own_peer)
    line("whole less measures and nodules, likewise", less, of_own_peer)
    inside = sum(runtime.values())
    alone = sum(kinds[0][step] for step in PREPARATION[0]) + sum(kinds[0][stage] for stage in STAGES)
    print(f"  inside ONNX Runtime {inside:.0f}; preparation and models {alone / inside:.2f} x that; whole {whole[0] / inside:.2f} x")
    report = norma.answers[-1]["studies"][0]["report"]
    scores = {stage["stage"]: stage["score"] for stage in report["stages"] if stage["score"] is not None}
    for side, values in (("norma", scores), ("peer", shared.answers[-1])):
        print(f"  scores of {side}: " + ", ".join(f"{stage} {values[stage]:.3f}" for stage in ("anomaly", "classifier")))
    prepared = [sums(one, parts)[0] for one, parts in zip((kinds, theirs), PREPARATION)]
    return {
        "preprocessing": prepared[1] / prepared[0],
        "the whole": of_peer[0] / whole[0],
        "the whole in processor time": of_peer[1] / whole[1],
        "the whole less measures and nodules in processor time": of_peer[1] / less[1],
        "that, where the peer reads its network for each model": of_own_peer[1] / less[1],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    print(f"medians of {arguments.repeat}, {arguments.threads} threads each, milliseconds; ratio = peer / norma")
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        sides = [Side("norma", *start_norma(folder, arguments.threads))]
        try:
            for networks in ("shared", "own"):
                sides.append(Side(f"peer, {networks}", *start_peer(arguments.threads, networks)))
            for side in sides:
                side.predict(DATA / "series" / SERIES[0])
            for name in SERIES:
                for side in sides:
                    side.begin()
                for _ in range(arguments.repeat):
                    for side in sides:
                        side.predict(DATA / "series" / name)
                ratios.append(print_series(name, *sides, arguments))
        finally:
            for side in sides:
                side.server.stop()
    print()
    for what in ratios[0]:
        values = [of_series[what] for of_series in ratios]
        print(f"{what}: {min(values):.2f} to {max(values):.2f} x as fast as the peer")
    print("peak memory, MiB, children included: " + ", ".join(f"{side.name} {side.server.peak_kib / 1024:.0f}" for side in sides))
    print(machine())


if __name__ == "__main__":
    main()
