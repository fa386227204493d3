"""`models/training/run measure-pictures`: what is measured, drawn over the slices in which it is largest; models/figures/measures.png of phantoms.
Pictures of patients are for looking at, in an ignored folder."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402

from .fluid_agreement import find_measured_masks, measured_masks  # noqa: E402
from .nifti import NiftiVolume, read_nifti  # noqa: E402
from .norma_prepare import PHANTOMS, write_phantoms  # noqa: E402
from .progress import log  # noqa: E402

# Bits of `measured_masks`, and colours that differ to colour-blind eyes.
DRAWN = {"right lung": (1, "#bbbbbb"), "left lung": (2, "#bbbbbb"), "opacity": (4, "#ee7733"), "pleural fluid": (8, "#33bbee"), "pleural gas": (16, "#ee3377"), "nodule": (32, "#ccbb44")}
LUNG_WINDOW, TISSUE_WINDOW = (-600, 1500), (40, 400)
PER_STUDY = 3
DPI = 70


def draw_measures(studies: list[Path], run: Path, workspace: Path, out: Path) -> None:
    """A row for each study: the slices in which most of each kind lies, in a lung and a soft tissue window."""
    run.mkdir(parents=True, exist_ok=True)
    studies = studies or write_phantoms(run / "phantoms", workspace, PHANTOMS)
    measured_masks(find_measured_masks(workspace), studies, run)
    figure, axes = plt.subplots(len(studies), 2 * PER_STUDY, figsize=(5 * PER_STUDY, 2.6 * len(studies)), squeeze=False)
    for number, (study, row) in enumerate(zip(studies, axes)):
        volume, masks = read_nifti(run / f"{number}.nii"), read_nifti(run / f"{number}-masks.nii").hounsfield
        chosen = chosen_slices(masks)
        for axis in row:
            axis.axis("off")
        for place, index in enumerate(chosen):
            for axis, window in zip(row[2 * place : 2 * place + 2], (LUNG_WINDOW, TISSUE_WINDOW)):
                draw_slice(axis, volume, masks, index, window)
        row[0].set_title(f"{study.stem}, slice {chosen[0]}", fontsize=8, loc="left")
    lines = [Line2D([], [], color=colour, label=name.replace("right ", "")) for name, (bit, colour) in DRAWN.items() if bit != 2]
    figure.legend(handles=lines, loc="lower center", ncols=len(lines), frameon=False, fontsize=8)
    figure.tight_layout(rect=(0, 0.02, 1, 1), pad=0.4)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=DPI, metadata={"Software": None})
    plt.close(figure)
    log.info("%s", out)


def chosen_slices(masks: np.ndarray) -> list[int]:
    """Where most of each kind that is there lies, the largest kinds first; the middle of the lungs where nothing is."""
    findings = [bit for bit, _ in DRAWN.values() if bit > 2 and (masks & bit).any()]
    of_kind = [((masks & bit) > 0).sum((1, 2)) for bit in findings]
    found = [int(counts.argmax()) for counts in sorted(of_kind, key=lambda counts: -counts.sum())]
    lungs = np.flatnonzero((masks & 3).any((1, 2)))
    return list(dict.fromkeys([*found, int(np.median(lungs)) if len(lungs) else len(masks) // 2]))[:PER_STUDY]


def draw_slice(axis: plt.Axes, volume: NiftiVolume, masks: np.ndarray, index: int, window: tuple[float, float]) -> None:
    """A slice as it is looked at, from the feet: the patient's right on the left."""
    level, width = window
    aspect = volume.spacing_mm[1] / volume.spacing_mm[2]
    axis.imshow(volume.hounsfield[index], cmap="gray", vmin=level - width / 2, vmax=level + width / 2, aspect=aspect, interpolation="nearest")
    for bit, colour in DRAWN.values():
        held = (masks[index] & bit) > 0
        if held.any():
            axis.contour(held.astype(float), levels=[0.5], colors=[colour], linewidths=0.9)
    axis.set_title(f"slice {index}", fontsize=7, loc="right")
