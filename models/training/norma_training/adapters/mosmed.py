"""MosMedData COVID19_1110 (Morozov 2020): `studies/CT-0 … CT-4/study_NNNN.nii[.gz]`, one study per patient.

CT-0 is norm or without signs of viral pneumonia; CT-1 to CT-4 are growing shares of affected lung.
"""

from __future__ import annotations

from pathlib import Path

from .studies import DatasetError, Study, StudyList, study_name

SOURCE = "mosmed"
TYPE = "covid_pneumonia"
CATEGORIES = ("CT-0", "CT-1", "CT-2", "CT-3", "CT-4")


def read_mosmed(folder: Path, ct0_is_norm: bool = False) -> StudyList:
    """CT-0 says nothing of other disease, so it counts as weak norm (`noncovid`) unless told otherwise.

    Raises `DatasetError` where no category folder is found.
    """
    root = folder / "studies" if (folder / "studies").is_dir() else folder
    present = [name for name in CATEGORIES if (root / name).is_dir()]
    if not present:
        raise DatasetError("no folder CT-0 … CT-4")
    result = StudyList()
    for category in present:
        for path in sorted((root / category).iterdir()):
            if not path.name.lower().endswith((".nii", ".nii.gz")):
                continue
            name = study_name(path)
            if category == "CT-0":
                label, types = ("normal" if ct0_is_norm else "noncovid"), ()
            else:
                label, types = "pathology", (TYPE,)
            result.studies.append(Study(path, f"{category}/{name}", name, SOURCE, label, types, (TYPE,)))
    return result
