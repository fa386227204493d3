"""The work of Norma's preprocess stage in the usual Python stack: zip of a DICOM series to prepared slices.

Written as a careful Python programmer would: pydicom with pylibjpeg for decoding, in a thread pool; scipy.ndimage for
the lung mask; Pillow's triangle filter for the resampling. The same steps on the same number of slices; not the same
code, so the masks differ in detail.
"""

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
from PIL import Image
from scipy import ndimage

SIZE = 224
HU_LOW, HU_HIGH = -1000.0, 200.0
LUNG_THRESHOLD_HU = -400
COUNT = 64
MARGIN = 0.12
LEAST_SIDE_OF_BODY = 0.45


def read_series(path):
    """Zip to the datasets of its largest axial series, pixel data still encoded, ascending along the normal."""
    datasets = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("/") or "__MACOSX" in name:
                continue
            try:
                dataset = pydicom.dcmread(io.BytesIO(archive.read(name)))
            except pydicom.errors.InvalidDicomError:
                continue
            if getattr(dataset, "Modality", "") == "CT" and "PixelData" in dataset and "ImagePositionPatient" in dataset:
                datasets.append(dataset)
    groups = {}
    for dataset in datasets:
        groups.setdefault((dataset.SeriesInstanceUID, dataset.Rows, dataset.Columns), []).append(dataset)
    series = max(groups.values(), key=len)
    return sorted(series, key=lambda dataset: float(dataset.ImagePositionPatient[2]))


def decode(series, threads):
    """HU volume (z, y, x) int16 and the spacing (z, y, x) in mm."""

    def hounsfield(dataset):
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        return np.rint(dataset.pixel_array * slope + intercept).astype(np.int16)

    with ThreadPoolExecutor(threads) as pool:
        volume = np.stack(list(pool.map(hounsfield, series)))
    step = abs(float(series[1].ImagePositionPatient[2]) - float(series[0].ImagePositionPatient[2]))
    row, column = (float(value) for value in series[0].PixelSpacing)
    return volume, (step, row, column)


def segment_lungs(volume, spacing, threads):
    """Thresholding, 3D connected components, airways out, closing and filling per slice. Returns bool (z, y, x)."""
    labels, count = ndimage.label(volume < LUNG_THRESHOLD_HU)
    voxels = np.bincount(labels.ravel(), minlength=count + 1)
    edges = (labels[:, 0, :], labels[:, -1, :], labels[:, :, 0], labels[:, :, -1])
    outside = np.unique(np.concatenate([edge.ravel() for edge in edges]))
    keep = voxels * np.prod(spacing) / 1000.0 >= 20.0
    keep[0] = False
    keep[outside] = False
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero(keep):
        box = boxes[label - 1]
        height, width = ((box[axis].stop - box[axis].start) * spacing[axis] for axis in (1, 2))
        if height < 0.4 * width and width > 250:
            keep[label] = False  # the table
            continue
        keep[label] = -975 < np.median(volume[box][labels[box] == label]) < -430
    if keep.any():
        # What lies behind the back is no lung.
        main = boxes[np.argmax(np.where(keep, voxels, 0)) - 1]
        for label in np.flatnonzero(keep):
            rows = boxes[label - 1][1]
            keep[label] = (rows.start + rows.stop) / 2 <= main[1].stop
    mask = keep[labels]
    radius = max(1, round(4.0 / spacing[1]))
    disc = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius

    def finish(z):
        rows, columns = np.flatnonzero(mask[z].any(axis=1)), np.flatnonzero(mask[z].any(axis=0))
        if not len(rows):
            return
        window = (
            slice(max(0, rows[0] - radius), rows[-1] + radius + 1),
            slice(max(0, columns[0] - radius), columns[-1] + radius + 1),
        )
        plane, hounsfield = mask[z][window], volume[z][window]
        pieces, number = ndimage.label(plane)
        areas = np.bincount(pieces.ravel(), minlength=number + 1) * spacing[1] * spacing[2]
        means = ndimage.mean(hounsfield, pieces, np.arange(number + 1))
        airway = (areas < 1100) & (means < -900)
        airway[0] = False
        plane &= ~airway[pieces]
        plane |= ndimage.binary_fill_holes(ndimage.binary_closing(plane, disc))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(finish, range(len(mask))))
    return mask


def prepare(volume, mask):
    """Pixels uint8 and lung mask uint8 (n, 224, 224) of slices spread over those with lung."""
    area = mask.reshape(len(mask), -1).sum(axis=1)
    with_lung = np.flatnonzero(area >= max(1, 0.1 * area.max()))
    if len(with_lung) > COUNT:
        with_lung = with_lung[(2 * np.arange(COUNT) + 1) * len(with_lung) // (2 * COUNT)]
    pixels = np.empty((len(with_lung), SIZE, SIZE), np.uint8)
    masks = np.empty_like(pixels)
    for index, z in enumerate(with_lung):
        rows, columns = np.flatnonzero(mask[z].any(axis=1)), np.flatnonzero(mask[z].any(axis=0))
        left, right = columns[0], columns[-1] + 1
        body = np.flatnonzero((volume[z] > LUNG_THRESHOLD_HU).sum(axis=0) * 10 >= volume.shape[1])
        middle = (body[0] + body[-1] + 1) / 2
        # Where one side shows no lung, it is taken in as well.
        if middle - left < 0.4 * (right - middle):
            left = max(2 * middle - right, body[0])
        elif right - middle < 0.4 * (middle - left):
            right = min(2 * middle - left, body[-1] + 1)
        side = max(rows[-1] + 1 - rows[0], right - left) * (1 + MARGIN)
        side = max(side, LEAST_SIDE_OF_BODY * (body[-1] + 1 - body[0]))
        middle_y, middle_x = (rows[0] + rows[-1] + 1) / 2, (left + right) / 2
        box = [middle_x - side / 2, middle_y - side / 2, middle_x + side / 2, middle_y + side / 2]
        pad = int(max(0, -min(box), box[2] - volume.shape[2], box[3] - volume.shape[1])) + 1
        slice_hu = np.pad(volume[z].astype(np.float32), pad, mode="edge")
        framed = np.pad(mask[z].astype(np.float32), pad)
        box = [edge + pad for edge in box]
        crop = Image.fromarray(slice_hu).resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box)
        cover = Image.fromarray(framed).resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box)
        grey = (np.asarray(crop) - HU_LOW) / (HU_HIGH - HU_LOW)
        pixels[index] = np.rint(np.clip(grey, 0, 1) * 255)
        masks[index] = np.asarray(cover) >= 0.5
    return pixels, masks
