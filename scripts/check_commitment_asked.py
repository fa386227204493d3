"""Norma asks destinations whether they have stored its results.

    python3 scripts/check_commitment_asked.py NORMA [ORTHANC]
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, build_role, evt
from pynetdicom.presentation import StoragePresentationContexts
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from peers import free_port, start_orthanc, wait_for

NORMA, ORTHANC = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)


class Archive:
    """A PACS of pynetdicom. `manner`: it tells over the association that asked, over one of its own, or first that one was lost."""

    def __init__(self, title: str, manner: str, norma: int):
        self.title, self.manner, self.norma = title, manner, norma
        self.stored, self.asked, self.told = [], 0, []

    def on_store(self, event) -> int:
        self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    def on_action(self, event) -> tuple[int, None]:
        asked = event.action_information
        assert event.request.RequestedSOPInstanceUID == StorageCommitmentPushModelInstance
        self.asked += 1
        report = Dataset()
        report.TransactionUID = asked.TransactionUID
        items = list(asked.ReferencedSOPSequence)
        failed = []
        if self.manner == "loses" and self.asked == 1:
            lost = items.pop()
            lost.FailureReason = 0x0112
            self.stored.remove(str(lost.ReferencedSOPInstanceUID))
            failed = [lost]
            report.FailedSOPSequence = failed
        assert all(str(item.ReferencedSOPInstanceUID) in self.stored for item in items), "it asks of what it has not sent"
        if items:
            report.ReferencedSOPSequence = items
        kind = 2 if failed else 1
        over = event.assoc if self.manner == "at once" else None
        threading.Thread(target=self.tell, args=(report, kind, over), daemon=True).start()
        return 0x0000, None

    def tell(self, report: Dataset, kind: int, association) -> None:
        # After the answer to the request.
        time.sleep(0.5 if association else 8)
        if association is None:
            ae = AE(self.title)
            ae.add_requested_context(StorageCommitmentPushModel)
            role = build_role(StorageCommitmentPushModel, scp_role=True)
            own = ae.associate("127.0.0.1", self.norma, ae_title="NORMA", ext_neg=[role])
            assert own.is_established, "Norma takes no report"
        else:
            own = association
        status, _ = own.send_n_event_report(
            report, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        self.told.append(status.get("Status"))
        if association is None:
            own.release()

    def listen(self, port: int):
        ae = AE(self.title)
        for context in StoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
        for sop_class in ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.30"):
            ae.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
        ae.add_supported_context(StorageCommitmentPushModel)
        handlers = [(evt.EVT_C_STORE, self.on_store), (evt.EVT_N_ACTION, self.on_action)]
        return ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)


def delivered(http: int, count: int, logs: Path) -> list[dict]:
    last = []
    for _ in range(600):
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/api/deliveries?limit=100", timeout=60) as answer:
            last = json.load(answer)["items"]
        if sum(delivery["state"] == "delivered" for delivery in last) == count:
            return last
        time.sleep(1)
    raise SystemExit(f"not delivered: {json.dumps(last, indent=1)}\n{logs.read_text()[-3000:]}")


with tempfile.TemporaryDirectory() as folder:
    phantom = Path(folder) / "phantom.zip"
    subprocess.run([NORMA, "phantom", "norm", "--out", phantom], check=True, stderr=subprocess.DEVNULL)
    study = Path(folder) / "study"
    with zipfile.ZipFile(phantom) as archive:
        archive.extractall(study)
    http, node = free_port(), free_port()
    archives = [
        (Archive("ATONCE", "at once", node), free_port()),
        (Archive("LATER", "later", node), free_port()),
        (Archive("LOSES", "loses", node), free_port()),
    ]
    orthanc_http, orthanc_dicom = free_port(), free_port()
    environment = os.environ | {
        "NORMA__PACS__ENABLED": "true",
        "NORMA__PACS__PORT": str(node),
        "NORMA__PACS__QUIET_SECONDS": "2",
        "NORMA__GATEWAY__STORAGE__FREE_FLOOR_BYTES": "0",
        "NORMA__IDENTITY__AUTHENTICATION": "off",
        "NORMA__MODELS__CUDA": "off",
    }
    destinations = [(archive.title, port) for archive, port in archives]
    if ORTHANC is not None:
        destinations.append(("ORTHANC", orthanc_dicom))
    for title, port in destinations:
        prefix = f"NORMA__PACS__DESTINATIONS__{title}"
        environment |= {
            f"{prefix}__AE_TITLE": title,
            f"{prefix}__HOST": "127.0.0.1",
            f"{prefix}__PORT": str(port),
            f"{prefix}__COMMITMENT": "true",
        }
    processes, servers = [], [archive.listen(port) for archive, port in archives]
    log_file = Path(folder) / "serve.log"
    try:
        if ORTHANC is not None:
            modality = {"AET": "NORMA", "Host": "127.0.0.1", "Port": node, "AllowStorageCommitment": True}
            settings = {"DicomModalities": {"norma": modality}}
            processes.append(
                start_orthanc(ORTHANC, folder, "ORTHANC", http=orthanc_http, dicom=orthanc_dicom, settings=settings)
            )
        command = [NORMA, "serve", "--data", f"{folder}/data", "--listen", f"127.0.0.1:{http}"]
        with open(log_file, "wb") as log:
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        wait_for(f"http://127.0.0.1:{http}/readyz", processes[-1])
        subprocess.run(
            [NORMA, "pacs", "send", "--called", "NORMA", f"127.0.0.1:{node}", study], check=True, capture_output=True
        )
        deliveries = delivered(http, len(destinations), log_file)
        assert len(deliveries) == len(destinations), deliveries
        for archive, _ in archives:
            assert archive.asked >= 1 and archive.told and set(archive.told) == {0}, (archive.title, archive.told)
            # What was lost came once more; nothing else did.
            assert len(set(archive.stored)) == len(archive.stored), f"{archive.title} got something twice"
            assert archive.asked == (2 if archive.manner == "loses" else 1), (archive.title, archive.asked)
            print(f"pynetdicom, {archive.manner}: {len(archive.stored)} objects stored, asked {archive.asked} times")
        if ORTHANC is None:
            print("Orthanc is not installed: not asked")
        else:
            with urllib.request.urlopen(f"http://127.0.0.1:{orthanc_http}/instances") as answer:
                stored = json.load(answer)
            assert len(stored) == len(archives[0][0].stored), (len(stored), len(archives[0][0].stored))
            print(f"Orthanc: {len(stored)} objects stored, and told so")
    except BaseException:
        print(log_file.read_text()[-4000:] if log_file.exists() else "", file=sys.stderr)
        raise
    finally:
        for server in servers:
            server.shutdown()
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
