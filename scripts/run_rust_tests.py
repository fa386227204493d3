#!/usr/bin/env python3
"""Runs the built Rust tests of the workspace, several binaries at a time: most of their time they wait for servers.

    scripts/run_rust_tests.py [NAME...]    all of them, or the test targets of these names

Builds what is not built. The output of a binary is printed whole when it ends; a binary that hangs is stopped and
counts as failed. NORMA_TEST_JOBS: how many at a time (default: one more than there are processors, at most 4).
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

LIMIT_SECONDS = 30 * 60
# They take minutes: begun last, they would be waited for alone.
LONGEST = ("distributed", "api", "demo", "fit_norm", "pacs_many", "contract")


@dataclass(frozen=True)
class TestBinary:
    package: str
    target: str
    kind: str
    executable: Path
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.package} {self.target} ({self.kind})"


def build(targets: list[str]) -> list[TestBinary]:
    """What `cargo test` would run, in its order."""
    chosen = [argument for target in targets for argument in ("--test", target)]
    command = ["cargo", "test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"]
    build = subprocess.run([*command, *chosen], stdout=subprocess.PIPE, check=True)
    messages = (json.loads(line) for line in build.stdout.splitlines() if line.startswith(b"{"))
    return [
        TestBinary(
            package=Path(message["manifest_path"]).parent.name,
            target=message["target"]["name"],
            kind=message["target"]["kind"][0],
            executable=Path(message["executable"]),
            folder=Path(message["manifest_path"]).parent,
        )
        for message in messages
        if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]
    ]


def run(binary: TestBinary) -> tuple[bool, float]:
    """Whether it passed, and the seconds that it took."""
    started = time.monotonic()
    # A file and no pipe: a server that outlives its test would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [binary.executable],
            cwd=binary.folder,
            env={**os.environ, "CARGO_MANIFEST_DIR": str(binary.folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            ended = f"status {process.wait(LIMIT_SECONDS)}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            ended = f"stopped after {LIMIT_SECONDS} s"
            process.wait()
        seconds = time.monotonic() - started
        output.seek(0)
        sys.stdout.buffer.write(f"\n-- {binary.name}: {ended}, {seconds:.0f} s\n".encode() + output.read())
        sys.stdout.flush()
    return process.returncode == 0, seconds


def main() -> int:
    binaries = build(sys.argv[1:])
    binaries.sort(key=lambda binary: binary.target not in LONGEST)
    jobs = int(os.environ.get("NORMA_TEST_JOBS") or min(4, (os.cpu_count() or 1) + 1))
    failed, seconds = [], {}
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run, binary): binary for binary in binaries}
        for ended in as_completed(running):
            passed, seconds[running[ended].name] = ended.result()
            if not passed:
                failed.append(running[ended].name)
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:10]
    print(f"\n{len(binaries)} test binaries, {jobs} at a time; the slowest:")
    for name, taken in slowest:
        print(f"{taken:6.0f} s  {name}")
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
