"""How fast instances are received by C-STORE, beside Orthanc.

    python3 bench/dicom_intake.py NORMA ORTHANC [--rounds N]
"""

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import generate_uid

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))
from peers import free_port, start_orthanc, wait_for  # noqa: E402

STORESCU = "/usr/bin/storescu"
PEERS = 20
SLICES = 60
#: So that senders that kept theirs open and what is done with studies later are no part of it.
QUIET_SECONDS = 3600


def make_studies(norma: str, folder: Path) -> int:
    """A folder for each peer with a study of its own; gives the bytes of all."""
    phantom = folder / "phantom.zip"
    subprocess.run([norma, "phantom", "norm", "--out", phantom], check=True, stderr=subprocess.DEVNULL)
    with zipfile.ZipFile(phantom) as archive:
        files = [archive.read(name) for name in sorted(archive.namelist())[:SLICES]]
    size = 0
    for peer in range(PEERS):
        of_peer = folder / "studies" / str(peer)
        of_peer.mkdir(parents=True)
        study, series = generate_uid(), generate_uid()
        for number, file in enumerate(files):
            image = dcmread(io.BytesIO(file))
            image.StudyInstanceUID, image.SeriesInstanceUID = study, series
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            image.PatientID = f"BENCH{peer}"
            path = of_peer / f"{number:04}.dcm"
            image.save_as(path)
            size += path.stat().st_size
    return size


class Memory(threading.Thread):
    """The most memory that a process and its children have held, in MiB."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.most, self.is_over = pid, 0.0, False

    def run(self) -> None:
        while not self.is_over:
            self.most = max(self.most, sum(resident(pid) for pid in family(self.pid)))
            time.sleep(0.1)


def family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [child for text in task.read_text().split() for child in family(int(text))]
        except OSError:
            continue
    return found


def resident(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0


def start_norma(norma: str, folder: Path) -> tuple[subprocess.Popen, int]:
    http, node = free_port(), free_port()
    environment = os.environ | {
        "NORMA__PACS__ENABLED": "true",
        "NORMA__PACS__PORT": str(node),
        "NORMA__PACS__QUIET_SECONDS": str(QUIET_SECONDS),
        "NORMA__GATEWAY__STORAGE__FREE_FLOOR_BYTES": "0",
    }
    command = [norma, "serve", "--data", f"{folder}/data", "--listen", f"127.0.0.1:{http}"]
    with open(folder / "norma.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    wait_for(f"http://127.0.0.1:{http}/healthz", process)
    return process, node


def start_archive(orthanc: str, folder: Path) -> tuple[subprocess.Popen, int]:
    node = free_port()
    settings = {"SyncStorageArea": True, "DicomThreadsCount": PEERS}
    return start_orthanc(orthanc, folder, "NORMA", http=free_port(), dicom=node, settings=settings), node


def send(port: int, studies: Path) -> float:
    """Seconds until every peer was answered with success for all of its study."""
    started = time.perf_counter()
    senders = [
        subprocess.Popen(
            [STORESCU, "-R", "+sd", "-aet", f"CT{peer}", "-aec", "NORMA", "127.0.0.1", str(port), studies / str(peer)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for peer in range(PEERS)
    ]
    for sender in senders:
        told, _ = sender.communicate()
        if sender.returncode != 0:
            raise SystemExit(f"a study was not sent:\n{told.decode(errors='replace')[-2000:]}")
    return time.perf_counter() - started


def measure(start, binary: str, studies: Path) -> tuple[float, float, float]:
    """Seconds; the memory before and the most while they came."""
    with tempfile.TemporaryDirectory() as folder:
        process, port = start(binary, Path(folder))
        try:
            before = sum(resident(pid) for pid in family(process.pid))
            memory = Memory(process.pid)
            memory.start()
            seconds = send(port, studies)
            memory.is_over = True
            memory.join()
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return seconds, before, memory.most


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("norma")
    parser.add_argument("orthanc")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if not shutil.which(STORESCU):
        sys.exit("DCMTK is not installed")
    with tempfile.TemporaryDirectory() as folder:
        size = make_studies(arguments.norma, Path(folder))
        studies, count = Path(folder) / "studies", PEERS * SLICES
        print(f"{PEERS} peers, {count} instances, {size / 2**20:.0f} MiB, {arguments.rounds} rounds in turn")
        seen = {"Norma": [], "Orthanc": []}
        for _ in range(arguments.rounds):
            for name, start, binary in (
                ("Norma", start_norma, arguments.norma),
                ("Orthanc", start_archive, arguments.orthanc),
            ):
                seen[name].append(measure(start, binary, studies))
        rates, peaks = {}, {}
        for name, measured in seen.items():
            rates[name] = statistics.median(count / seconds for seconds, _, _ in measured)
            peaks[name] = max(most for _, _, most in measured)
            before = statistics.median(before for _, before, _ in measured)
            all_rates = ", ".join(f"{count / seconds:.0f}" for seconds, _, _ in measured)
            print(
                f"{name:8} {rates[name]:6.0f} instances/s (median of {all_rates}), "
                f"memory {before:.0f} MiB before, {peaks[name]:.0f} MiB at most"
            )
        print(
            f"Norma / Orthanc: {rates['Norma'] / rates['Orthanc']:.2f} × instances/s, "
            f"{peaks['Norma'] / peaks['Orthanc']:.2f} × memory"
        )


main()
