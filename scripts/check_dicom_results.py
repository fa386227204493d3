"""Reads the DICOM objects of studies with highdicom and pydicom, and holds segmentations against the images.

    python3 scripts/check_dicom_results.py STUDY.zip=FOLDER…     FOLDER holds the objects of the study
"""

import collections
import io
import sys
import zipfile
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.pm.sop import pmread
from pydicom import Dataset, dcmread

counts: collections.Counter = collections.Counter()


def read_study(path: Path) -> dict[str, Dataset]:
    with zipfile.ZipFile(path) as archive:
        images = [dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    return {str(image.SOPInstanceUID): image for image in images}


def check_report(path: Path) -> None:
    report = hd.sr.srread(path)
    assert isinstance(report, hd.sr.Comprehensive3DSR), path
    groups = report.content.get_planar_roi_measurement_groups()
    for group in groups:
        assert group.reference_type.value == "111030", path
        assert group.roi.graphic_type == hd.sr.GraphicTypeValues.POLYLINE, path
        assert group.roi.value.shape == (5, 2), path
    counts["regions"] += len(groups)


def frame_of(image: Dataset, number: int | None) -> tuple[np.ndarray, Dataset]:
    """The Hounsfield units of a frame, and where it lies."""
    if number is None:
        plane = image
        hounsfield = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        return hounsfield, plane
    pixels = image.pixel_array[number - 1]
    frame = image.PerFrameFunctionalGroupsSequence[number - 1]
    shared = image.SharedFunctionalGroupsSequence[0]
    groups = frame if "PixelValueTransformationSequence" in frame else shared
    rescale = groups.PixelValueTransformationSequence[0]
    position = frame.PlanePositionSequence[0]
    return pixels * float(rescale.RescaleSlope) + float(rescale.RescaleIntercept), position


def check_segmentation(path: Path, study: dict[str, Dataset]) -> None:
    segmentation = hd.seg.segread(path)
    pixels = segmentation.pixel_array
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    by_segment = collections.defaultdict(list)
    for frame, mask in zip(segmentation.PerFrameFunctionalGroupsSequence, pixels):
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        image = study[str(source.ReferencedSOPInstanceUID)]
        number = source.get("ReferencedFrameNumber")
        hounsfield, plane = frame_of(image, None if number is None else int(number))
        assert mask.shape == hounsfield.shape, path
        assert mask.any(), f"{path}: an empty frame"
        own = frame.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(own, plane.ImagePositionPatient, atol=1e-6), (path, own, plane.ImagePositionPatient)
        by_segment[frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber].append(hounsfield[mask > 0])
    for number in segmentation.segment_numbers:
        described = segmentation.get_segment_description(number)
        mean = np.concatenate(by_segment[number]).mean()
        if described.segmented_property_type.meaning == "Lung":
            # Lung is air with vessels: the mask lies on it, whichever way the patient lies.
            assert -1000 < mean < -650, (path, described.segment_label, mean)
        elif "effusion" in described.segmented_property_type.meaning:
            assert -60 < mean < 60, (path, described.segment_label, mean)
        assert described.tracking_uid and described.algorithm_identification.name == "Norma", path
        counts[f"segments: {described.segmented_property_type.meaning}"] += 1
    if not path.parent.name.startswith("tilted"):
        # A volume with axes at right angles; a leaning gantry's is none.
        volume = segmentation.get_volume(combine_segments=False, allow_missing_positions=True)
        assert volume.array.any(), path
        counts["volumes"] += 1


def check_parametric_map(path: Path, study: dict[str, Dataset]) -> None:
    parametric_map = pmread(path)
    pixels = parametric_map.pixel_array
    pixels = pixels if pixels.ndim == 3 else pixels[None]
    # Through the mapping that the object has.
    real = parametric_map.get_frames(apply_real_world_transform=True)
    assert pixels.max() <= 255 and np.isclose(real.max(), pixels.max() / 255), path
    assert real.any(), f"{path}: a map without a value"
    for frame, values in zip(parametric_map.PerFrameFunctionalGroupsSequence, real):
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        image = study[str(source.ReferencedSOPInstanceUID)]
        number = source.get("ReferencedFrameNumber")
        hounsfield, plane = frame_of(image, None if number is None else int(number))
        assert values.shape == hounsfield.shape, path
        own = frame.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(own, plane.ImagePositionPatient, atol=1e-6), (path, own, plane.ImagePositionPatient)
        # Maps end at the skin: the air outside of the patient, at the corners of the picture, has none.
        air = np.concatenate([values[:8, :8].ravel(), values[:8, -8:].ravel()])
        assert not air.any(), path
        counts["frames of maps"] += 1


def check_key_objects(path: Path, study: dict[str, Dataset]) -> None:
    data_set = dcmread(path)
    document = hd.ko.KeyObjectSelectionDocument.from_dataset(data_set)
    references = document.content.get_references()
    assert references, path
    for reference in references:
        item = reference.ReferencedSOPSequence[0]
        assert str(item.ReferencedSOPInstanceUID) in study, path
        frames = item.get("ReferencedFrameNumber")
        number_of_frames = int(study[str(item.ReferencedSOPInstanceUID)].get("NumberOfFrames", 1))
        assert (frames is not None) == (number_of_frames > 1), path
    counts["key images"] += len(references)


def check_picture(path: Path) -> None:
    data_set = dcmread(path)
    pixels = data_set.pixel_array
    assert pixels.shape == (data_set.Rows, data_set.Columns, 3), path
    assert pixels.std() > 0, path


for argument in sys.argv[1:]:
    archive, folder = argument.split("=", 1)
    study = read_study(Path(archive))
    for path in sorted(Path(folder).glob("*.dcm")):
        modality = dcmread(path, stop_before_pixels=True).Modality
        counts[modality] += 1
        if modality == "SR":
            check_report(path)
        elif modality == "SEG":
            check_segmentation(path, study)
        elif path.name == "anomaly-map.dcm":
            check_parametric_map(path, study)
            counts["PM"] += 1
        elif modality == "KO":
            check_key_objects(path, study)
        else:
            check_picture(path)
print("highdicom:", ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
assert all(counts[modality] for modality in ("SR", "SEG", "PM", "KO", "OT")), counts
