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
# Steps of both sides under one name; what only one side does is counted in its whole alone.
STEPS = {
    "open": (["open"], ["read"]),
    "decode": (["decode"], ["decode"]),
    "lungs": (["lungs"], ["lungs"]),
    "slices": (["quality", "prepare"], ["prepare"]),
    "preprocessing": (["open", "decode", "lungs", "quality", "prepare"], ["read", "decode", "lungs", "prepare"]),
    "store": (["store"], []),
    "shared network": (["shared"], []),
    "anomaly": (["anomaly", "anomaly map"], ["anomaly"]),
    "classifier": (["classifier", "classifier map"], ["classifier"]),
    "typing": (["typing"], ["typing"]),
    # The peer reads the network when the first model asks for it.
    "models": (["shared", "anomaly", "anomaly map", "classifier", "classifier map", "typing"], ["anomaly", "classifier", "typing"]),
}
STAGES = ["shared", "anomaly", "classifier", "typing"]


def measure_steps(path, arguments):
    """Norma's steps by themselves, in a process without service: medians in milliseconds."""
    command = [NORMA, "measure", "--repeat", str(arguments.repeat + 1), str(path)]
    environment = {**os.environ, **norma_environment(arguments.threads)}
    output = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout
    (measured,) = json.loads(output)
    # The first reading meets models that have not run yet.
    steps = {name: statistics.median(times[1:]) for name, times in measured["step_ms"].items()}
    runtime = {name: statistics.median(times[1:]) for name, times in measured["in_onnxruntime_ms"].items()}
    return steps, runtime


def machine():
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end"


def ratio(theirs, ours):
    return f"{theirs / ours:7.2f}" if theirs and ours >= 0.5 else f"{'':>7}"


def print_series(name, ours, theirs, runtime):
    print(f"\n{name}")
    print(f"  {'':16} {'norma':>8} {'peer':>8} {'ratio':>7}")
    for step, (own, other) in STEPS.items():
        mine, peer = sum(ours.get(part, 0) for part in own), sum(theirs[part] for part in other)
        print(f"  {step:16} {mine:8.0f} {peer:8.0f} {ratio(peer, mine)}")
    for name in ("whole", "whole, processor"):
        print(f"  {name:16} {ours[name]:8.0f} {theirs[name]:8.0f} {ratio(theirs[name], ours[name])}")
    inside = sum(runtime.values())
    alone = sum(ours[step] for step in STEPS["preprocessing"][0]) + sum(ours[stage] for stage in STAGES)
    parts = ", ".join(f"{stage} {runtime[stage]:.0f}" for stage in STAGES)
    print(f"  inside ONNX Runtime {inside:.0f} ({parts})")
    print(f"  steps one after the other {alone:.0f} = {alone / inside:.2f} x that; whole {ours['whole'] / inside:.2f} x")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    print(f"medians of {arguments.repeat}, {arguments.threads} threads each, milliseconds; ratio = peer / norma")
    whole_ratios, processor_ratios, preparation_ratios = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        norma, norma_url = start_norma(folder, arguments.threads)
        peer, peer_url = start_peer(arguments.threads)
        try:
            for server, url in ((norma, norma_url), (peer, peer_url)):
                server.predict(url, DATA / "series" / SERIES[0])
            for name in SERIES:
                path = DATA / "series" / name
                norma_runs, peer_runs, scores = [], [], {}
                for _ in range(arguments.repeat):
                    answer, milliseconds, processor = norma.predict(norma_url, path)
                    norma_runs.append({"whole": milliseconds, "whole, processor": processor})
                    report = answer["studies"][0]["report"]
                    scores["norma"] = {stage["stage"]: stage["score"] for stage in report["stages"] if stage["score"] is not None}
                    answer, milliseconds, processor = peer.predict(peer_url, path)
                    peer_runs.append({**answer["timings_ms"], "whole": milliseconds, "whole, processor": processor})
                    scores["peer"] = {stage: answer[stage] for stage in ("anomaly", "classifier")}
                theirs = {step: statistics.median(run[step] for run in peer_runs) for step in peer_runs[0]}
                ours, runtime = measure_steps(path, arguments)
                ours |= {name: statistics.median(run[name] for run in norma_runs) for name in norma_runs[0]}
                print_series(name, ours, theirs, runtime)
                for side, values in scores.items():
                    print(f"  scores of {side}: " + ", ".join(f"{stage} {value:.3f}" for stage, value in values.items()))
                whole_ratios.append(theirs["whole"] / ours["whole"])
                processor_ratios.append(theirs["whole, processor"] / ours["whole, processor"])
                own, other = STEPS["preprocessing"]
                preparation_ratios.append(sum(theirs[s] for s in other) / sum(ours[s] for s in own))
        finally:
            norma.stop()
            peer.stop()
    print(f"\npreprocessing {min(preparation_ratios):.2f} to {max(preparation_ratios):.2f} times as fast as the peer, ", end="")
    print(f"the whole {min(whole_ratios):.2f} to {max(whole_ratios):.2f} times, ", end="")
    print(f"at {min(processor_ratios):.2f} to {max(processor_ratios):.2f} times less processor time")
    print(f"peak memory, MiB: norma {norma.peak_kib / 1024:.0f} (children included), peer {peer.peak_kib / 1024:.0f}")
    print(machine())


if __name__ == "__main__":
    main()
