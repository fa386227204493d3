"""CT-RATE (Hamamci 2024): `train_1_a_1.nii.gz` in nested folders and a CSV of eighteen abnormalities.

`{split}_{patient}_{scan}_{reconstruction}`: all reconstructions and scans of a patient stay on one side.
"""

from __future__ import annotations

import csv
from pathlib import Path

from .studies import DatasetError, Study, StudyList, study_name

SOURCE = "ct_rate"
#: Column of the multi-abnormality CSV → (key, en, ru). The reference's sixteen types and two that are no disease.
ABNORMALITIES = {
    "Arterial wall calcification": ("arterial_wall_calcification", "Arterial wall calcification", "Кальциноз стенки артерий"),
    "Cardiomegaly": ("cardiomegaly", "Cardiomegaly", "Кардиомегалия"),
    "Pericardial effusion": ("pericardial_effusion", "Pericardial effusion", "Перикардиальный выпот"),
    "Coronary artery wall calcification": ("coronary_artery_wall_calcification", "Coronary artery wall calcification", "Кальциноз коронарных артерий"),
    "Hiatal hernia": ("hiatal_hernia", "Hiatal hernia", "Грыжа пищеводного отверстия диафрагмы"),
    "Lymphadenopathy": ("lymphadenopathy", "Lymphadenopathy", "Лимфаденопатия"),
    "Emphysema": ("emphysema", "Emphysema", "Эмфизема"),
    "Atelectasis": ("atelectasis", "Atelectasis", "Ателектаз"),
    "Lung nodule": ("lung_nodule", "Lung nodule", "Узел в лёгком"),
    "Lung opacity": ("lung_opacity", "Lung opacity", "Затемнение в лёгком"),
    "Pulmonary fibrotic sequela": ("pulmonary_fibrotic_sequela", "Pulmonary fibrotic sequela", "Фиброзные изменения лёгких"),
    "Pleural effusion": ("pleural_effusion", "Pleural effusion", "Плевральный выпот"),
    "Mosaic attenuation pattern": ("mosaic_attenuation_pattern", "Mosaic attenuation pattern", "Мозаичная плотность лёгких"),
    "Peribronchial thickening": ("peribronchial_thickening", "Peribronchial thickening", "Перибронхиальное утолщение"),
    "Consolidation": ("consolidation", "Consolidation", "Консолидация"),
    "Bronchiectasis": ("bronchiectasis", "Bronchiectasis", "Бронхоэктазы"),
}
NOT_A_TYPE = ("Medical material", "Interlobular septal thickening")


def read_ct_rate(folder: Path, labels: Path) -> StudyList:
    """Studies below `folder` whose `VolumeName` stands in `labels`. Norm: none of the eighteen columns is 1.

    Raises `DatasetError` where a column of an abnormality is missing.
    """
    with open(labels, newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        names = reader.fieldnames or []
        missing = [name for name in ("VolumeName", *ABNORMALITIES) if name not in names]
        if missing:
            raise DatasetError(f"{labels.name} lacks the columns {', '.join(missing)}")
        rows = {study_name(Path(row["VolumeName"])): row for row in reader}
    any_finding = [name for name in (*ABNORMALITIES, *NOT_A_TYPE) if name in names]
    known = tuple(key for key, _, _ in ABNORMALITIES.values())
    result = StudyList()
    files = {study_name(path): path for path in sorted(folder.rglob("*.nii.gz"))}
    for name, path in files.items():
        row = rows.get(name)
        if row is None:
            result.without_label.append(name)
            continue
        present = [column for column in any_finding if float(row[column] or 0) > 0.5]
        types = tuple(ABNORMALITIES[column][0] for column in present if column in ABNORMALITIES)
        patient = "_".join(name.split("_")[:2])
        label = "pathology" if present else "normal"
        result.studies.append(Study(path, name, patient, SOURCE, label, types, known))
    result.without_file = sorted(set(rows) - set(files))
    return result
