"""Starts Norma and the peer one after the other, sends both the same series, prints the ratios."""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERIES = ["covid-ct-md_normal001.zip", "covid-ct-md_covid-P001.zip", "lidc-idri-0001_mass.zip"]


def free_port():
    for port in range(21000, 32000, 7):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    sys.exit("no free port")


def post(url, path):
    """Multipart upload of one file; the parsed JSON answer and the seconds it took."""
    boundary = uuid.uuid4().hex
    head = (
        f"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{path.name}\"\r\n"
        "Content-Type: application/zip\r\n\r\n"
    ).encode()
    body = head + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(url, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=600) as answer:
        content = json.load(answer)
    return content, time.perf_counter() - started


def descendants(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += descendants(int(child))
    return found


class Server:
    """A server process and the most memory that it and its children held at once (sampled every 20 ms)."""

    def __init__(self, command, environment, ready_url):
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.peak_kib = 0
        for _ in range(600):
            if self.process.poll() is not None:
                sys.exit(f"{command[0]} ended at its start")
            try:
                urllib.request.urlopen(ready_url, timeout=1)
                break
            except (OSError, urllib.error.HTTPError) as error:
                if isinstance(error, urllib.error.HTTPError) and error.code == 404:
                    break
                time.sleep(0.2)
        import threading

        self.watching = True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def watch(self):
        while self.watching:
            total = 0
            try:
                for pid in descendants(self.process.pid):
                    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                        if line.startswith("VmRSS:"):
                            total += int(line.split()[1])
            except OSError:
                pass
            self.peak_kib = max(self.peak_kib, total)
            time.sleep(0.02)

    def stop(self):
        self.watching = False
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def norma_timings(answer):
    report = answer["studies"][0]["report"]
    stages = dict(report["timings"]["stage_duration_ms"])
    return stages, report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    data = Path(os.environ["NORMA_DATA"]) / "series"
    binary = os.environ.get("NORMA_BINARY", str(ROOT / "target/release/norma"))
    results = {"norma": {}, "peer": {}}
    peaks = {}

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(
            [binary, "serve", "--data", folder, "--listen", f"127.0.0.1:{port}"],
            {"NORMA__IDENTITY__AUTHENTICATION": "off", "NORMA__MODELS__THREADS": str(arguments.threads), "RAYON_NUM_THREADS": str(arguments.threads)},
            f"http://127.0.0.1:{port}/readyz",
        )
        for name in SERIES:
            for _ in range(arguments.repeat):
                answer, seconds = post(f"http://127.0.0.1:{port}/inference/predict", data / name)
                stages, _ = norma_timings(answer)
                results["norma"].setdefault(name, []).append({**stages, "whole": 1000 * seconds})
        server.stop()
        peaks["norma"] = server.peak_kib / 1024

    port = free_port()
    server = Server(
        [sys.executable, "bench/peer/server.py", str(port)],
        {"PEER_THREADS": str(arguments.threads), "PEER_MODELS": str(ROOT / "models"), "OMP_NUM_THREADS": str(arguments.threads)},
        f"http://127.0.0.1:{port}/docs",
    )
    for name in SERIES:
        for _ in range(arguments.repeat):
            answer, seconds = post(f"http://127.0.0.1:{port}/predict", data / name)
            stages = answer["timings_ms"]
            stages["preprocess"] = sum(stages[step] for step in ("read", "decode", "lungs", "prepare"))
            results["peer"].setdefault(name, []).append({**stages, "whole": 1000 * seconds})
    server.stop()
    peaks["peer"] = server.peak_kib / 1024

    print(f"median of {arguments.repeat}, {arguments.threads} threads, milliseconds; ratio = peer / norma")
    print(f"{'series':32} {'stage':12} {'norma':>8} {'peer':>8} {'ratio':>7}")
    for name in SERIES:
        for stage in ("preprocess", "anomaly", "classifier", "typing", "whole"):
            ours, theirs = (
                statistics.median(run[stage] for run in results[side][name]) for side in ("norma", "peer")
            )
            print(f"{name:32} {stage:12} {ours:8.0f} {theirs:8.0f} {theirs / max(ours, 1):7.2f}")
    print(f"peak memory, MiB: norma {peaks['norma']:.0f} (children included), peer {peaks['peer']:.0f}")


if __name__ == "__main__":
    main()
