"""What checks against other programs have in common: ports, servers that are waited for, and Orthanc."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

FREE_PORT = Path(__file__).resolve().parent / "free-port"


def free_port() -> int:
    return int(subprocess.check_output([FREE_PORT], text=True))


def wait_for(url: str, process: subprocess.Popen) -> None:
    """Until a server answers: some minutes at most, since programs that are not optimised load models so long."""
    for _ in range(480):
        if process.poll() is not None:
            raise SystemExit(f"{url}: its server ended")
        try:
            urllib.request.urlopen(url, timeout=5)
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise SystemExit(f"{url} does not answer")


def start_orthanc(
    binary: str, folder: Path, title: str, *, http: int, dicom: int, settings: dict
) -> subprocess.Popen:
    """An Orthanc of its own folder, once it answers. `settings`: beyond where it listens."""
    own = {
        "StorageDirectory": f"{folder}/orthanc",
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": title,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    file = Path(folder) / "orthanc.json"
    file.write_text(json.dumps(own | settings))
    with open(Path(folder) / "orthanc.log", "wb") as log:
        process = subprocess.Popen([binary, str(file)], stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{http}/system", process)
    except BaseException:
        process.kill()
        raise
    return process
