"""Makes studies that lie otherwise of a phantom's: tilted, with pixels that are not square, feet first, enhanced.

    python3 scripts/dicom_variants.py PHANTOM.zip FOLDER
"""

import io
import math
import sys
import zipfile
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

DEGREES = 12.0


def read(path: Path) -> list[Dataset]:
    with zipfile.ZipFile(path) as archive:
        images = [dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    return sorted(images, key=lambda image: float(image.ImagePositionPatient[2]))


def decimals(numbers) -> list[str]:
    return [f"{number:.10g}" for number in numbers]


def put_pixels(image: Dataset, pixels: np.ndarray) -> None:
    image.Rows, image.Columns = pixels.shape
    image.PixelData = np.ascontiguousarray(pixels).tobytes()


def tilted(image: Dataset) -> None:
    x, y, z = map(float, image.ImagePositionPatient)
    cosine, sine = math.cos(math.radians(DEGREES)), math.sin(math.radians(DEGREES))
    image.ImagePositionPatient = decimals([x, y * cosine, z + y * sine])
    image.ImageOrientationPatient = decimals([1, 0, 0, 0, cosine, sine])
    image.GantryDetectorTilt = f"{DEGREES}"


def not_square(image: Dataset) -> None:
    row, column = map(float, image.PixelSpacing)
    put_pixels(image, image.pixel_array[::2])
    image.PixelSpacing = decimals([2 * row, column])


def feet_first(image: Dataset) -> None:
    x, y, z = map(float, image.ImagePositionPatient)
    row, column = map(float, image.PixelSpacing)
    put_pixels(image, image.pixel_array[::-1, ::-1])
    image.ImagePositionPatient = decimals(
        [x + column * (image.Columns - 1), y + row * (image.Rows - 1), z]
    )
    image.ImageOrientationPatient = decimals([-1, 0, 0, 0, -1, 0])
    image.PatientPosition = "FFP"


def write(path: Path, images: list[Dataset]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, image in enumerate(images):
            file = io.BytesIO()
            image.save_as(file, enforce_file_format=True)
            archive.writestr(f"{number:04}.dcm", file.getvalue())


def renamed(images: list[Dataset]) -> list[Dataset]:
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for image in images:
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return images


def main(phantom: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for change in (tilted, not_square, feet_first):
        images = renamed(read(phantom))
        for image in images:
            change(image)
        write(out / f"{change.__name__}.zip", images)
    images = renamed(read(phantom))
    enhanced = hd.legacy.LegacyConvertedEnhancedCTImage(
        legacy_datasets=images,
        series_instance_uid=generate_uid(),
        series_number=3,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    write(out / "enhanced.zip", [enhanced])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
