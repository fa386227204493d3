"""Measures a clinician's work without and with floods (scripts/measure-flood starts it, scripts/flood.py floods)."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from flood import Client

KINDS = ("list", "report", "slice", "upload")
TICKS = os.sysconf("SC_CLK_TCK")


def read_json(client, path):
    status, body = client.ask("GET", path)
    if status != 200:
        raise SystemExit(f"measure-flood: GET {path} was answered {status}: {body[:300]!r}")
    return json.loads(body)


def prepare(url, key, content):
    """A study that is analysed, for the clinician to look at; gives its scan's id and its number of slices."""
    client = Client(url, key)
    status, body = client.upload("/api/scans", content)
    if status != 201:
        raise SystemExit(f"measure-flood: the upload was answered {status}: {body[:300]!r}")
    scan = json.loads(body)["id"]
    client.ask("POST", f"/api/scans/{scan}/analyze", b"{}", Content_Type="application/json")
    for _ in range(600):
        status, _ = client.ask("GET", f"/api/scans/{scan}/report")
        if status == 200:
            return scan, len(read_json(client, f"/api/scans/{scan}/volume")["slices"])
        time.sleep(1)
    raise SystemExit("measure-flood: the analysis did not end")


class Used:
    """What a process and its children used between two looks."""

    def __init__(self, process):
        self.process = Path(f"/proc/{process}")
        self.at = self.look()

    def look(self):
        # Fields 14 to 17 of proc(5): user and system time, and that of children that have ended.
        fields = (self.process / "stat").read_text().rpartition(")")[2].split()
        own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        switches = 0
        for thread in (self.process / "task").iterdir():
            try:
                lines = (thread / "status").read_text().splitlines()
            except OSError:
                continue
            switches += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
        return time.monotonic(), own / TICKS, children / TICKS, switches

    def since(self):
        """Shares of one processor, and switches between threads a second."""
        now = self.look()
        seconds, own, children, switches = (after - before for after, before in zip(now, self.at, strict=True))
        return f"service {own / seconds:.0%}, its children {children / seconds:.0%} of a processor, {switches / seconds:.0f} switches/s"


def work(url, key, study, content, seconds):
    """What a clinician does, again and again: seconds of each request, by its kind."""
    client = Client(url, key)
    scan, slices = study
    taken = defaultdict(list)

    def timed(kind, ask):
        began = time.monotonic()
        status, body = ask()
        taken[kind].append(time.monotonic() - began)
        if status not in (200, 201):
            taken[f"{kind} refused"].append(status)
            print(f"    {kind}: {status} {body[:200]!r}", file=sys.stderr)

    until = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < until:
        timed("list", lambda: client.ask("GET", "/api/studies?limit=50"))
        timed("report", lambda: client.ask("GET", f"/api/scans/{scan}/report"))
        for step in range(8):
            index = (turn * 8 + step) % slices
            timed("slice", lambda: client.ask("GET", f"/api/scans/{scan}/slices/{index}"))
        if turn % 4 == 0:
            timed("upload", lambda: client.upload("/api/scans?duplicate=keep", content))
        turn += 1
        time.sleep(0.2)
    return taken


def p95(values):
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def line(name, quiet, flooded):
    cells = []
    for of in (statistics.median, p95):
        before, after = of(quiet), of(flooded)
        cells.append(f"{before * 1000:9.1f} → {after * 1000:7.1f} ms {after / before:6.2f}×")
    return f"  {name:7}{cells[0]}   {cells[1]}   {len(quiet)} / {len(flooded)}"


def main():
    url, clinician, archive, seconds, server, there, *keys = sys.argv[1:]
    seconds = float(seconds)
    content = Path(archive).read_bytes()
    study = prepare(url, clinician, content)
    work(url, clinician, study, content, 3)

    def measure(length):
        return work(url, clinician, study, content, length)

    used = Used(server)
    quiet = measure(seconds)
    print(f"quiet: {used.since()}")
    print(f"{'':12}{'median':>24}{'':10}{'95th percentile':>24}{'':10}requests")
    worst = 0.0
    for kind, key in (pair.rsplit("=", 1) for pair in keys):
        # The machine has its moods: quiet is measured again before each flood.
        for name, values in measure(max(5, seconds / 4)).items():
            quiet[name] += values
        command = [*there.split(), sys.executable, str(Path(__file__).with_name("flood.py"))]
        command += [kind, url, key, archive, str(seconds + 2)]
        flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if flood.stdout.readline().strip() != "begins":
            raise SystemExit(f"measure-flood: the flood of {kind} did not begin")
        time.sleep(1)
        used = Used(server)
        flooded = measure(seconds)
        spent = used.since()
        answers, _ = flood.communicate()
        counts = ", ".join(f"{what}: {count}" for what, count in sorted(json.loads(answers).items()))
        print(f"{kind}: {spent}; answered {counts}")
        for name in KINDS:
            print(line(name, quiet[name], flooded[name]), flush=True)
            worst = max(worst, p95(flooded[name]) / p95(quiet[name]))
        refused = {name: len(values) for name, values in flooded.items() if name.endswith("refused")}
        if refused:
            print("  refused to the clinician:", refused)
        time.sleep(3)
    print(f"the clinician's 95th percentile is at most {worst:.2f} times the quiet one")


main()
