"""Peers say how many instances a study has: a modality by MPPS, archives by C-FIND.

    python3 scripts/check_instance_counts.py NORMA [ORTHANC]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    ModalityPerformedProcedureStep,
    StudyRootQueryRetrieveInformationModelFind,
)

from peers import free_port, start_orthanc, wait_for

NORMA, ORTHANC = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else None)
QUIET, LONGEST = 40, 120


class Modality:
    """A scanner of pynetdicom: begins a step, sends, and says what it has made."""

    def __init__(self, title: str, node: int):
        self.title, self.node = title, node

    def associate(self, sop_class: str):
        ae = AE(self.title)
        # Built without optimisation, beside other work, Norma takes its time.
        ae.dimse_timeout = ae.network_timeout = ae.acse_timeout = 300
        ae.add_requested_context(sop_class, ["1.2.840.10008.1.2.1"])
        association = ae.associate("127.0.0.1", self.node, ae_title="NORMA")
        assert association.is_established and association.accepted_contexts, f"Norma takes no {sop_class}"
        return association

    def begin(self, uid: str, images: list[Dataset]) -> None:
        step, scheduled = Dataset(), Dataset()
        scheduled.StudyInstanceUID = images[0].StudyInstanceUID
        scheduled.AccessionNumber = "A1"
        step.ScheduledStepAttributesSequence = [scheduled]
        step.PatientName, step.PatientID = "DOE^JANE", "P-17"
        step.PerformedProcedureStepID = "1"
        step.PerformedStationAETitle = self.title
        step.PerformedProcedureStepStartDate, step.PerformedProcedureStepStartTime = "20261128", "130000"
        step.PerformedProcedureStepStatus = "IN PROGRESS"
        step.Modality = "CT"
        step.PerformedSeriesSequence = []
        association = self.associate(ModalityPerformedProcedureStep)
        status, _ = association.send_n_create(step, ModalityPerformedProcedureStep, uid)
        assert status.Status == 0, status
        status, _ = association.send_n_create(step, ModalityPerformedProcedureStep, uid)
        assert status.Status == 0x0111, status
        association.release()

    def complete(self, uid: str, images: list[Dataset]) -> None:
        series, change = Dataset(), Dataset()
        series.SeriesInstanceUID = images[0].SeriesInstanceUID
        series.ProtocolName = "CHEST"
        references = []
        for image in images:
            reference = Dataset()
            reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
            references.append(reference)
        series.ReferencedImageSequence = references
        series.ReferencedNonImageCompositeSOPInstanceSequence = []
        change.PerformedSeriesSequence = [series]
        change.PerformedProcedureStepStatus = "COMPLETED"
        change.PerformedProcedureStepEndDate, change.PerformedProcedureStepEndTime = "20261128", "130500"
        association = self.associate(ModalityPerformedProcedureStep)
        status, _ = association.send_n_set(change, ModalityPerformedProcedureStep, uid)
        assert status.Status == 0, status
        status, _ = association.send_n_set(change, ModalityPerformedProcedureStep, uid)
        assert (status.Status, status.get("ErrorID")) == (0x0110, 0xA710), status
        association.release()

    def send(self, images: list[Dataset]) -> None:
        association = self.associate(CTImageStorage)
        for image in images:
            assert association.send_c_store(image).Status == 0
        association.release()


class Archive:
    """Answers searches for series with how many instances it has of each, results of Norma's own included."""

    def __init__(self, images: list[Dataset]):
        self.images, self.asked = images, 0

    def on_find(self, event):
        self.asked += 1
        assert event.identifier.QueryRetrieveLevel == "SERIES", event.identifier
        assert event.identifier.StudyInstanceUID == self.images[0].StudyInstanceUID
        series = [(self.images[0].SeriesInstanceUID, len(self.images))]
        # UUID of version 8: as series of results have.
        series.append(("2.25.24197857200150890073892579874101880713", 3))
        for uid, count in series:
            answer = Dataset()
            answer.QueryRetrieveLevel, answer.SeriesInstanceUID = "SERIES", uid
            answer.StudyInstanceUID = self.images[0].StudyInstanceUID
            answer.NumberOfSeriesRelatedInstances = count
            yield 0xFF00, answer

    def listen(self, port: int):
        ae = AE("ARCHIVE")
        ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        return ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, self.on_find)])


def study(folder: Path, at: int) -> list[Dataset]:
    """A small study of its own UIDs."""
    archive = folder / f"phantom-{at}.zip"
    subprocess.run([NORMA, "phantom", "norm", "--out", archive], check=True, stderr=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-m", "zipfile", "-e", archive, folder / f"study-{at}"], check=True)
    images = [dcmread(file) for file in sorted((folder / f"study-{at}").rglob("*")) if file.is_file()]
    study_uid, series_uid = generate_uid(), generate_uid()
    for image in images:
        image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return images


def taken_over(http: int, study_uid: str) -> float:
    """The seconds until a study is a scan."""
    began = time.monotonic()
    while time.monotonic() - began < 3 * LONGEST:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/api/scans?limit=100") as answer:
            if any(scan.get("study_uid") == study_uid for scan in json.load(answer)["items"]):
                return time.monotonic() - began
        time.sleep(0.5)
    raise SystemExit("a study was never taken over")


def answered(http: int, study_uid: str, patience: int = 900) -> dict:
    """The report of the newest scan of a study."""
    for _ in range(patience):
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/api/scans?limit=100") as answer:
            scans = [scan for scan in json.load(answer)["items"] if scan.get("study_uid") == study_uid]
        if scans:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{http}/api/scans/{scans[0]['id']}/report") as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                # Not asked for yet, or under way.
                assert error.code in (404, 409), error
        time.sleep(1)
    raise SystemExit("a study was never answered")


def count_of(report: dict) -> tuple[bool, float, float | None]:
    [check] = [check for check in report["quality"] if check["code"] in ("study_incomplete", "study_not_counted")]
    assert check["consequence"] == "limits_view"
    return check["passed"], check["measured"], check.get("limit")


with tempfile.TemporaryDirectory() as temporary:
    folder = Path(temporary)
    http, node, source, orthanc_http, orthanc_dicom = (free_port() for _ in range(5))
    prefix = "NORMA__PACS__"
    environment = os.environ | {
        f"{prefix}ENABLED": "true",
        f"{prefix}PORT": str(node),
        f"{prefix}QUIET_SECONDS": str(QUIET),
        f"{prefix}SOURCES__ARCHIVE__AE_TITLE": "ARCHIVE",
        f"{prefix}SOURCES__ARCHIVE__HOST": "127.0.0.1",
        f"{prefix}SOURCES__ARCHIVE__PORT": str(source),
        f"{prefix}SOURCES__ORTHANC__AE_TITLE": "ORTHANC",
        f"{prefix}SOURCES__ORTHANC__HOST": "127.0.0.1",
        f"{prefix}SOURCES__ORTHANC__PORT": str(orthanc_dicom),
        f"{prefix}EXPECTED__CT__CALLERS": "CT1",
        f"{prefix}EXPECTED__CT__BY": "mpps",
        f"{prefix}EXPECTED__CT__LONGEST_WAIT_SECONDS": str(LONGEST),
        f"{prefix}EXPECTED__ROUTED__CALLERS": "ROUTER",
        f"{prefix}EXPECTED__ROUTED__BY": "source",
        f"{prefix}EXPECTED__ROUTED__SOURCE": "archive",
        f"{prefix}EXPECTED__ROUTED__LONGEST_WAIT_SECONDS": str(LONGEST),
        f"{prefix}EXPECTED__ORTHANC__CALLERS": "ORTHANC",
        f"{prefix}EXPECTED__ORTHANC__BY": "source",
        f"{prefix}EXPECTED__ORTHANC__SOURCE": "orthanc",
        f"{prefix}EXPECTED__ORTHANC__LONGEST_WAIT_SECONDS": str(LONGEST),
        "NORMA__GATEWAY__STORAGE__FREE_FLOOR_BYTES": "0",
        "NORMA__IDENTITY__AUTHENTICATION": "off",
        "NORMA__MODELS__CUDA": "off",
    }
    log_file = folder / "serve.log"
    processes, servers = [], []
    try:
        made, routed, of_orthanc = (study(folder, at) for at in range(3))
        archive = Archive(routed)
        servers.append(archive.listen(source))
        if ORTHANC is not None:
            modality = {"norma": ["NORMA", "127.0.0.1", node]}
            processes.append(
                start_orthanc(
                    ORTHANC, folder, "ORTHANC", http=orthanc_http, dicom=orthanc_dicom, settings={
                        "DicomModalities": modality, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowStore": True,
                    },
                )
            )
        with open(log_file, "wb") as log:
            command = [NORMA, "serve", "--data", f"{folder}/data", "--listen", f"127.0.0.1:{http}"]
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        wait_for(f"http://127.0.0.1:{http}/readyz", processes[-1])

        modality, router, step = Modality("CT1", node), Modality("ROUTER", node), generate_uid()
        modality.begin(step, made)
        modality.send(made)
        modality.complete(step, made)
        waited = taken_over(http, made[0].StudyInstanceUID)
        assert waited < QUIET, f"the quiet period was waited for: {waited} s"
        passed = count_of(answered(http, made[0].StudyInstanceUID))
        assert passed == (True, len(made), len(made)), passed
        print(f"pynetdicom, MPPS: {len(made)} of {len(made)} instances, taken over {waited:.0f} s after COMPLETED")

        router.send(routed[2:])
        waited = taken_over(http, routed[0].StudyInstanceUID)
        short = answered(http, routed[0].StudyInstanceUID)
        assert count_of(short) == (False, len(routed) - 2, len(routed)), count_of(short)
        assert short["verdict"] != "norm" and waited > LONGEST / 2, waited
        print(f"pynetdicom, C-FIND: {len(routed) - 2} of {len(routed)} instances, {short['verdict']}, asked {archive.asked} times")
        router.send(routed[:2])
        for _ in range(200):
            whole = count_of(answered(http, routed[0].StudyInstanceUID))
            if whole[0]:
                break
            time.sleep(1)
        assert whole == (True, len(routed), len(routed)), whole
        print(f"pynetdicom, C-FIND: the late ones make it whole: {whole[1]:.0f} of {whole[2]:.0f}")

        if ORTHANC is None:
            print("Orthanc is not installed: not asked")
        else:
            sender = AE("CT9")
            sender.add_requested_context(CTImageStorage, ["1.2.840.10008.1.2.1"])
            association = sender.associate("127.0.0.1", orthanc_dicom, ae_title="ORTHANC")
            for image in of_orthanc:
                assert association.send_c_store(image).Status == 0
            association.release()
            with urllib.request.urlopen(f"http://127.0.0.1:{orthanc_http}/instances") as answer:
                instances = json.load(answer)
            # All but one: Orthanc has more than it sends.
            request = urllib.request.Request(
                f"http://127.0.0.1:{orthanc_http}/modalities/norma/store", json.dumps(instances[1:]).encode(), method="POST"
            )
            urllib.request.urlopen(request, timeout=300).read()
            short = answered(http, of_orthanc[0].StudyInstanceUID)
            assert count_of(short) == (False, len(of_orthanc) - 1, len(of_orthanc)), count_of(short)
            print(f"Orthanc, C-FIND: {len(of_orthanc) - 1} of {len(of_orthanc)} instances, {short['verdict']}")
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
