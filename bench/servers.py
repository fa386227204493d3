"""The two services under measurement, and uploads to them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NORMA = os.environ.get("NORMA_BINARY", str(ROOT / "target/release/norma"))
DATA = Path(os.environ["NORMA_DATA"])


def free_port():
    for port in range(21000, 32000, 7):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    sys.exit("no free port")


def post(url, path, headers=None):
    """Multipart upload of one file; the parsed JSON answer and the milliseconds it took."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    ).encode()
    body = head + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})}
    request = urllib.request.Request(url, body, headers)
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=600) as answer:
        content = json.load(answer)
    return content, 1000 * (time.perf_counter() - started)


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


def resident_kib(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def cpu_ms(pid):
    """Processor time of a process and of the children that it has waited for, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return 1000 * sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class Server:
    """A server process, and the most memory that it and its children held at once (looked at every 20 ms)."""

    def __init__(self, command, environment, ready_url):
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait_until_ready(ready_url)
        self.peak_kib = 0
        self.watching = True
        threading.Thread(target=self.watch, daemon=True).start()

    def wait_until_ready(self, url):
        for _ in range(600):
            if self.process.poll() is not None:
                sys.exit(f"{self.process.args[0]} ended at its start")
            try:
                urllib.request.urlopen(url, timeout=1)
                return
            except OSError:
                time.sleep(0.2)
        sys.exit(f"{url} never answers")

    def watch(self):
        while self.watching:
            self.peak_kib = max(self.peak_kib, sum(map(resident_kib, descendants(self.process.pid))))
            time.sleep(0.02)

    def predict(self, url, path):
        """The answer to an upload, the milliseconds that it took, and those of processor time."""
        before = cpu_ms(self.process.pid)
        content, milliseconds = post(url, path)
        return content, milliseconds, cpu_ms(self.process.pid) - before

    def stop(self):
        self.watching = False
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def start_norma(folder, threads):
    """The service, and the address that predicts."""
    address = f"127.0.0.1:{free_port()}"
    server = Server(
        [NORMA, "serve", "--data", folder, "--listen", address],
        {**norma_environment(threads), "NORMA__IDENTITY__AUTHENTICATION": "off"},
        f"http://{address}/readyz",
    )
    return server, f"http://{address}/inference/predict"


def norma_environment(threads):
    return {
        "NORMA__MODELS__THREADS": str(threads),
        "NORMA__SANDBOX__THREADS": str(threads),
        "RAYON_NUM_THREADS": str(threads),
    }


def start_peer(threads, networks="shared"):
    """The peer, and the address that predicts. `networks`: `shared`, one reading of a network for all models, or `own`."""
    port = free_port()
    environment = {
        "PEER_THREADS": str(threads),
        "PEER_MODELS": str(ROOT / "models"),
        "PEER_NETWORKS": networks,
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }
    server = Server([sys.executable, "bench/peer/server.py", str(port)], environment, f"http://127.0.0.1:{port}/docs")
    return server, f"http://127.0.0.1:{port}/predict"
