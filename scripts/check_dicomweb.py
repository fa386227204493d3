"""What dicomweb-client can do, done against a running Norma: store, search, retrieve, metadata, frames, rendered, bulk data."""

import io
import sys
import time
import zipfile

import numpy as np
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage, SecondaryCaptureImageStorage, generate_uid

URL, KEY, PHANTOM = sys.argv[1:4]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {KEY}"


def upload_and_analyse():
    """Uploads the phantom and waits for its answer; whether it has one (models may be missing)."""
    with open(PHANTOM, "rb") as file:
        answer = session.post(f"{URL}/api/scans", files={"file": ("phantom.zip", file)})
    answer.raise_for_status()
    scan = answer.json()["id"]
    asked = session.post(f"{URL}/api/scans/{scan}/analyze", headers={"Prefer": "respond-async"})
    asked.raise_for_status()
    for _ in range(600):
        state = session.get(f"{URL}/api/analyses/{asked.json()['id']}").json()
        if state["status"] in ("completed", "failed"):
            return state["status"] == "completed"
        time.sleep(1)
    raise SystemExit("the analysis did not end")


def files_of(archive):
    with zipfile.ZipFile(archive) as names:
        for name in names.namelist():
            data = names.read(name)
            yield dcmread(io.BytesIO(data)), data


sent = {str(data_set.SOPInstanceUID): (data_set, data) for data_set, data in files_of(PHANTOM)}
one = next(iter(sent.values()))[0]
study, series = str(one.StudyInstanceUID), str(one.SeriesInstanceUID)
is_answered = upload_and_analyse()
client = DICOMwebClient(f"{URL}/dicom-web", session=session)


def store():
    """Stores three slices as a study of their own, and one more that belongs to another."""
    slices = [dcmread(io.BytesIO(data)) for _, data in list(sent.values())[:4]]
    own, own_series = generate_uid(), generate_uid()
    for data_set in slices[:3]:
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = own, own_series
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data_set.PatientID, data_set.PatientName = "STORED", "STORED^BY^STOW"
    answer = client.store_instances(slices[:3], study_instance_uid=own)
    stored = {str(item.ReferencedSOPInstanceUID) for item in answer.ReferencedSOPSequence}
    assert stored == {str(data_set.SOPInstanceUID) for data_set in slices[:3]}, answer
    assert answer.RetrieveURL.endswith(f"/dicom-web/studies/{own}"), answer
    assert "FailedSOPSequence" not in answer
    for data_set in client.retrieve_series(own, own_series):
        original = next(item for item in slices if item.SOPInstanceUID == data_set.SOPInstanceUID)
        assert np.array_equal(data_set.pixel_array, original.pixel_array)
    answer = client.store_instances(slices[2:], study_instance_uid=own)
    assert [item.FailureReason for item in answer.FailedSOPSequence] == [0xA900], answer
    assert len(answer.ReferencedSOPSequence) == 1
    found = client.search_for_studies(search_filters={"PatientID": "STORED"})
    assert [str(Dataset.from_json(item).StudyInstanceUID) for item in found] == [own]
    for scan in session.get(f"{URL}/api/scans?dicom_patient_id=STORED").json()["items"]:
        assert scan["latest_analysis_id"], "a stored study is analysed"
        assert session.delete(f"{URL}/api/scans/{scan['id']}").status_code == 204
    print("store: a study, and an instance of another refused")


store()

for filters in (
    {},
    {"PatientID": str(one.PatientID)},
    {"PatientName": "PHANTOM*"},
    {"StudyInstanceUID": study, "ModalitiesInStudy": "CT"},
):
    found = [Dataset.from_json(item) for item in client.search_for_studies(search_filters=filters)]
    assert [str(item.StudyInstanceUID) for item in found] == [study], (filters, found)
    assert found[0].NumberOfStudyRelatedInstances == len(sent)
assert client.search_for_studies(search_filters={"PatientName": "NOBODY*"}) == []
assert client.search_for_studies(fuzzymatching=True, limit=1, offset=0, fields=["StudyDescription"])
assert client.search_for_studies(offset=1) == []
found = [Dataset.from_json(item) for item in client.search_for_series(study)]
modalities = {str(item.Modality) for item in found}
assert modalities == ({"CT", "SR", "SEG", "KO", "OT"} if is_answered else {"CT"}), modalities
assert client.search_for_series(search_filters={"Modality": "CT"})
found = [Dataset.from_json(item) for item in client.search_for_instances(study, series)]
assert {str(item.SOPInstanceUID) for item in found} == set(sent)
assert len(client.search_for_instances(search_filters={"InstanceNumber": "1"}, fields=["KVP"])) == 1
print("search: studies, series, instances")

metadata = [Dataset.from_json(item, bulk_data_uri_handler=lambda *_: b"") for item in client.retrieve_series_metadata(study, series)]
assert len(metadata) == len(sent)
for item in metadata:
    original = sent[str(item.SOPInstanceUID)][0]
    for element in original:
        if element.tag.group < 0x7FE0 and element.keyword != "SpecificCharacterSet":
            assert item[element.tag].value == element.value, (element, item[element.tag])
assert len(client.retrieve_study_metadata(study)) >= len(sent)
instance = str(metadata[0].SOPInstanceUID)
raw = client.retrieve_instance_metadata(study, series, instance)
print("metadata: every attribute as in the files")

for retrieved in (
    client.retrieve_series(study, series),
    client.retrieve_series(study, series, media_types=(("application/dicom", "*"),)),
    list(client.iter_series(study, series)),
):
    assert {str(item.SOPInstanceUID) for item in retrieved} == set(sent)
assert len(client.retrieve_study(study)) >= len(sent)
single = client.retrieve_instance(study, series, instance)
original = sent[instance][0]
assert np.array_equal(single.pixel_array, original.pixel_array)
answer = session.get(f"{URL}/dicom-web/studies/{study}/series/{series}/instances/{instance}", headers={"Accept": "application/dicom"})
assert answer.content == sent[instance][1], "the bytes are not those that were sent"
print("retrieve: study, series, instance, byte for byte")

for media_types in (None, ("application/octet-stream",), (("application/octet-stream", "1.2.840.10008.1.2.1"),)):
    frames = client.retrieve_instance_frames(study, series, instance, [1], media_types=media_types)
    assert frames == [original.PixelData], media_types
uri = raw["7FE00010"]["BulkDataURI"]
assert b"".join(client.retrieve_bulkdata(uri)) == original.PixelData
print("frames, bulk data")

for media_type, magic in (("image/jpeg", b"\xff\xd8"), ("image/png", b"\x89PNG")):
    picture = client.retrieve_instance_rendered(study, series, instance, media_types=(media_type,), params={"window": "40,400,linear"})
    assert picture.startswith(magic)
    picture = client.retrieve_instance_frames_rendered(study, series, instance, [1], media_types=(media_type,))
    assert picture.startswith(magic)
answer = session.get(f"{URL}/dicom-web/studies/{study}/series/{series}/thumbnail")
assert answer.content.startswith(b"\xff\xd8")
print("rendered, thumbnail")

if is_answered:
    results = [item for item in client.retrieve_study(study) if item.Modality in ("SR", "SEG", "KO", "OT")]
    assert any(item.Modality == "SR" and item.ContentSequence for item in results)
    assert any(item.Modality == "SEG" and item.pixel_array.any() for item in results)
    assert any(item.Modality == "KO" and item.ContentSequence for item in results)
    pictures = [item for item in results if item.SOPClassUID == SecondaryCaptureImageStorage]
    assert pictures and all(item.pixel_array.shape[2] == 3 for item in pictures)
    maps = [item for item in results if item.SOPClassUID == ParametricMapStorage]
    assert maps and all(item.pixel_array.shape == (item.NumberOfFrames, item.Rows, item.Columns) for item in maps)
    print(f"results: {len(results)} objects of the answer")
