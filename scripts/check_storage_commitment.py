"""Storage commitment between Norma and others.

    python3 scripts/check_storage_commitment.py NORMA [ORTHANC]
"""

import io
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

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    MRImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from peers import free_port, start_orthanc, wait_for

NORMA, ORTHANC = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)


def reference(sop_class: str, instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
    return item


def request(items: list[Dataset]) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = items
    return asked


class Peer:
    """A modality that sends, asks, and listens for reports."""

    def __init__(self, port: int):
        self.port, self.told, self.heard, self.roles = port, {}, threading.Event(), []
        self.status = 0x0000

    def on_report(self, event) -> tuple[int, None]:
        if self.status != 0x0000:
            status, self.status = self.status, 0x0000
            return status, None
        report = event.event_information
        assert event.request.AffectedSOPInstanceUID == StorageCommitmentPushModelInstance
        self.told[str(report.TransactionUID)] = (event.event_type, report)
        self.heard.set()
        return 0x0000, None

    def on_accepted(self, event) -> None:
        for context in event.assoc.accepted_contexts:
            self.roles.append((context.as_scu, context.as_scp))

    def listen(self):
        listener = AE("CT1")
        # Of the two roles this peer is the user, whoever begins the association.
        listener.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self.on_report), (evt.EVT_ACCEPTED, self.on_accepted)]
        return listener.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def associate(self, port: int):
        ae = AE("CT1")
        for sop_class in (CTImageStorage, StorageCommitmentPushModel):
            ae.add_requested_context(sop_class)
        role = build_role(StorageCommitmentPushModel, scu_role=True)
        association = ae.associate(
            "127.0.0.1", port, ae_title="NORMA", ext_neg=[role], evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.on_report)]
        )
        assert association.is_established
        return association

    def ask(self, association, items: list[Dataset]) -> str:
        asked = request(items)
        self.heard.clear()
        status, _ = association.send_n_action(
            asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        assert status.Status == 0x0000, hex(status.Status)
        return str(asked.TransactionUID)

    def wait(self, transaction: str) -> tuple[int, set[str], dict[str, int]]:
        assert self.heard.wait(60), "no report"
        event_type, report = self.told[transaction]
        stored = {str(item.ReferencedSOPInstanceUID) for item in report.get("ReferencedSOPSequence", [])}
        failed = {
            str(item.ReferencedSOPInstanceUID): item.FailureReason for item in report.get("FailedSOPSequence", [])
        }
        return event_type, stored, failed


def check_pynetdicom(images: list[Dataset], node: int, peer: Peer) -> None:
    uids = {str(image.SOPInstanceUID) for image in images}
    items = [reference(CTImageStorage, uid) for uid in sorted(uids)]
    association = peer.associate(node)
    for image in images:
        assert association.send_c_store(image).Status == 0x0000
    wrong = [reference(MRImageStorage, items[0].ReferencedSOPInstanceUID), reference(CTImageStorage, "1.2.3.4.5")]
    transaction = peer.ask(association, items)
    assert peer.wait(transaction) == (1, uids, {})
    transaction = peer.ask(association, items[1:] + wrong)
    failed = {str(wrong[0].ReferencedSOPInstanceUID): 0x0119, "1.2.3.4.5": 0x0112}
    assert peer.wait(transaction) == (2, uids - {str(wrong[0].ReferencedSOPInstanceUID)}, failed)
    association.release()
    print("pynetdicom: told over its association, of what is stored and what is not")

    # Who does not wait is told over another association, in the end.
    association = peer.associate(node)
    transaction = peer.ask(association, items)
    association.release()
    time.sleep(3)
    assert transaction not in peer.told, "nobody listens"
    peer.status = 0x0110
    server = peer.listen()
    assert peer.wait(transaction) == (1, uids, {})
    # Without role selection the one that is called would be the provider.
    assert peer.roles and all(roles == (True, False) for roles in peer.roles), peer.roles
    server.shutdown()
    print("pynetdicom: told over an association of Norma's, with its role selected, after absence and a refusal")


def ask_orthanc(url: str, body: object) -> dict:
    data = json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:
        return json.load(answer)


def check_orthanc(images: list[bytes], orthanc_http: int) -> None:
    url = f"http://127.0.0.1:{orthanc_http}"
    for image in images:
        urllib.request.urlopen(urllib.request.Request(f"{url}/instances", image), timeout=60)
    ids = json.load(urllib.request.urlopen(f"{url}/instances"))
    ask_orthanc(f"{url}/modalities/norma/store", ids)
    missing = {"SOPClassUID": str(CTImageStorage), "SOPInstanceUID": "1.2.3.4.5"}
    for asked, status in (({"Resources": ids}, "Success"), ({"DicomInstances": [missing]}, "Failure")):
        transaction = ask_orthanc(f"{url}/modalities/norma/storage-commitment", asked)["ID"]
        for _ in range(120):
            report = json.load(urllib.request.urlopen(f"{url}/storage-commitment/{transaction}"))
            if report["Status"] != "Pending":
                break
            time.sleep(0.5)
        assert report["Status"] == status, report
        stored = {item["SOPInstanceUID"] for item in report.get("Success", [])}
        failed = {item["SOPInstanceUID"]: item["FailureReason"] for item in report.get("Failures", [])}
        if status == "Success":
            assert len(stored) == len(ids) and not failed, report
        else:
            assert failed == {"1.2.3.4.5": 0x0112}, report
    print("Orthanc: told of what is stored and what is not")


with tempfile.TemporaryDirectory() as folder:
    phantom = Path(folder) / "phantom.zip"
    subprocess.run([NORMA, "phantom", "norm", "--out", phantom], check=True, stderr=subprocess.DEVNULL)
    with zipfile.ZipFile(phantom) as archive:
        files = [archive.read(name) for name in sorted(archive.namelist())[:6]]
    http, node, own = free_port(), free_port(), free_port()
    orthanc_http, orthanc_dicom = free_port(), free_port()
    environment = os.environ | {
        "NORMA__PACS__ENABLED": "true",
        "NORMA__PACS__PORT": str(node),
    }
    for name, title, port in (("CT", "CT1", own), ("ORTHANC", "ORTHANC", orthanc_dicom)):
        prefix = f"NORMA__PACS__STORAGE_COMMITMENT__{name}"
        environment |= {f"{prefix}__AE_TITLE": title, f"{prefix}__HOST": "127.0.0.1", f"{prefix}__PORT": str(port)}
    command = [NORMA, "serve", "--data", f"{folder}/data", "--listen", f"127.0.0.1:{http}"]
    processes = []
    try:
        with open(f"{folder}/serve.log", "wb") as log:
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        wait_for(f"http://127.0.0.1:{http}/healthz", processes[0])
        check_pynetdicom([dcmread(io.BytesIO(file)) for file in files], node, Peer(own))
        if ORTHANC is None:
            print("Orthanc is not installed: not asked")
        else:
            modality = {"AET": "NORMA", "Host": "127.0.0.1", "Port": node, "AllowStorageCommitment": True}
            settings = {"DicomModalities": {"norma": modality}}
            processes.append(
                start_orthanc(ORTHANC, folder, "ORTHANC", http=orthanc_http, dicom=orthanc_dicom, settings=settings)
            )
            check_orthanc(files, orthanc_http)
    except BaseException:
        print(Path(f"{folder}/serve.log").read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
