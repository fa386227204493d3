"""Norma pulls studies from archives of others.

    python3 scripts/check_pulls.py NORMA [ORTHANC]
"""

import io
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from peers import free_port, start_orthanc, wait_for

NORMA, ORTHANC = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)


class Archive:
    """Holds images; what it lacks of a study it says is there fails the first time that it is asked for."""

    def __init__(self, images: list[Dataset], node: int):
        self.images, self.node, self.short = images, node, 0

    def of_study(self, identifier: Dataset) -> list[Dataset]:
        asked = identifier.get("StudyInstanceUID") or ""
        patient = identifier.get("PatientID") or ""
        return [
            image
            for image in self.images
            if asked in ("", image.StudyInstanceUID) and patient in ("", image.PatientID)
        ]

    def on_find(self, event):
        studies = {str(image.StudyInstanceUID): image for image in self.of_study(event.identifier)}
        for uid, image in studies.items():
            answer = Dataset()
            answer.QueryRetrieveLevel = "STUDY"
            answer.SpecificCharacterSet = image.SpecificCharacterSet
            for name in ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate", "AccessionNumber"):
                setattr(answer, name, image.get(name))
            answer.NumberOfStudyRelatedInstances = sum(image.StudyInstanceUID == uid for image in self.images)
            yield 0xFF00, answer
        # Of nobody who was asked for.
        other = Dataset()
        other.QueryRetrieveLevel, other.StudyInstanceUID, other.PatientID = "STUDY", generate_uid(), "OTHER"
        yield 0xFF00, other

    def sent(self, event) -> list[Dataset]:
        images = self.of_study(event.identifier)
        if self.short:
            self.short -= 1
            return images[:-1]
        return images

    def on_move(self, event):
        assert event.move_destination.strip() == "NORMA", event.move_destination
        yield "127.0.0.1", self.node
        images = self.sent(event)
        yield len(images)
        for image in images:
            yield 0xFF00, image

    def on_get(self, event):
        images = self.sent(event)
        yield len(images)
        for image in images:
            yield 0xFF00, image

    def listen(self, port: int):
        ae = AE("ARCHIVE")
        for sop_class in (
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelGet,
            StudyRootQueryRetrieveInformationModelMove,
        ):
            ae.add_supported_context(sop_class)
        ae.add_supported_context(CTImageStorage, scu_role=True, scp_role=True)
        ae.add_requested_context(CTImageStorage)
        handlers = [(evt.EVT_C_FIND, self.on_find), (evt.EVT_C_MOVE, self.on_move), (evt.EVT_C_GET, self.on_get)]
        return ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)


class Norma:
    def __init__(self, folder: str, sources: dict[str, tuple[str, int, str]]):
        self.folder, self.http, self.node = folder, free_port(), free_port()
        self.environment = os.environ | {"NORMA__PACS__ENABLED": "true", "NORMA__PACS__PORT": str(self.node)}
        for name, (title, port, retrieve) in sources.items():
            prefix = f"NORMA__PACS__SOURCES__{name.upper()}"
            self.environment |= {
                f"{prefix}__AE_TITLE": title,
                f"{prefix}__HOST": "127.0.0.1",
                f"{prefix}__PORT": str(port),
                f"{prefix}__RETRIEVE": retrieve,
            }

    def start(self) -> subprocess.Popen:
        command = [NORMA, "serve", "--data", f"{self.folder}/data", "--listen", f"127.0.0.1:{self.http}"]
        with open(f"{self.folder}/serve.log", "ab") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        wait_for(f"http://127.0.0.1:{self.http}/healthz", process)
        return process

    def pacs(self, *arguments: str) -> tuple[int, str]:
        command = [NORMA, "pacs", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    def pull(self, source: str, *keys: str) -> tuple[int, str]:
        return self.pacs("pull", "--wait", "--data", f"{self.folder}/data", "--source", source, *keys)

    def kept(self) -> set[str]:
        """Instances in the spool; without models none leaves it."""
        spool = Path(self.folder) / "data" / "pacs"
        return {path.stem for path in [*spool.glob("incoming/*/*.dcm"), *spool.glob("taken/*/*.dcm")]}


def ask_orthanc(url: str, data: bytes) -> None:
    urllib.request.urlopen(urllib.request.Request(url, data), timeout=60)


def check(norma: Norma, archive: Archive | None, names: list[str], uids: set[str], patient: str) -> None:
    for name in names:
        code, told = norma.pacs("find", "--source", name, "--patient", patient)
        assert code == 0 and "1 studies" in told, told
        if archive is not None:
            assert "1 answers were not what was asked for" in told, told
            archive.short = 1
        code, told = norma.pull(name, "--patient", patient)
        assert code == 0 and f"1 of 1 studies, {len(uids)} instances" in told, told
        # What the archive said it had sent all of the first time was asked for once more.
        assert archive is None or "tries 2" in told, told
        assert uids <= norma.kept(), "not all of it is here"
        code, told = norma.pull(name, "--accession", "NONE")
        assert code == 2 and ("no_such_study" in told or "unusable_answers" in told), told
        print(f"{name}: found and pulled")


with tempfile.TemporaryDirectory() as folder:
    phantom = Path(folder) / "phantom.zip"
    subprocess.run([NORMA, "phantom", "norm", "--out", phantom], check=True, stderr=subprocess.DEVNULL)
    with zipfile.ZipFile(phantom) as archive:
        files = [archive.read(name) for name in sorted(archive.namelist())[:6]]
    images = [dcmread(io.BytesIO(file)) for file in files]
    uids, patient = {str(image.SOPInstanceUID) for image in images}, str(images[0].PatientID)
    own, orthanc_http, orthanc_dicom = free_port(), free_port(), free_port()
    sources = {
        "pynetdicom_move": ("ARCHIVE", own, "move"),
        "pynetdicom_get": ("ARCHIVE", own, "get"),
        "orthanc_move": ("ORTHANC", orthanc_dicom, "move"),
        "orthanc_get": ("ORTHANC", orthanc_dicom, "get"),
    }
    norma, processes = Norma(folder, sources), []
    peer = Archive(images, norma.node)
    server = peer.listen(own)
    try:
        processes.append(norma.start())
        check(norma, peer, ["pynetdicom_move", "pynetdicom_get"], uids, patient)
        if ORTHANC is None:
            print("Orthanc is not installed: not asked")
        else:
            settings = {
                "DicomAlwaysAllowGet": True,
                "DicomModalities": {"norma": {"AET": "NORMA", "Host": "127.0.0.1", "Port": norma.node}},
            }
            processes.append(
                start_orthanc(ORTHANC, folder, "ORTHANC", http=orthanc_http, dicom=orthanc_dicom, settings=settings)
            )
            for file in files:
                ask_orthanc(f"http://127.0.0.1:{orthanc_http}/instances", file)
            check(norma, None, ["orthanc_move", "orthanc_get"], uids, patient)
    except BaseException:
        print(Path(f"{folder}/serve.log").read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        server.shutdown()
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
