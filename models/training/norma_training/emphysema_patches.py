"""`models/training/run emphysema-patches`: how well the share below −950 HU tells the expert patches of emphysema from normal ones;
models/EMPHYSEMA_PATCHES.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .bootstrap import Estimate, auc, bootstrap
from .markdown import table
from .progress import log

LIMIT_HU = -950
# Emphysema decides from here on, of both lungs (crates/quantification/src/ranges.rs).
DECIDES = 0.14
NORMAL = "NT"
CLASSES = {
    "CL1": "centrilobular, mild", "CL2": "centrilobular, moderate", "CL3": "centrilobular, severe", "PL": "panlobular", "PS": "paraseptal",
}


def low_attenuation(patches: np.ndarray) -> np.ndarray:
    """The share below −950 HU of each patch. `patches` (rows, columns, n) in HU; each pixel is the mean of 3 × 3, as the grid of 2 mm
    averages pixels, to the patch's border (as far as `np.pad` repeats it)."""
    padded = np.pad(patches.astype(float), ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns, _ = patches.shape
    mean = sum(padded[y:y + rows, x:x + columns] for y in range(3) for x in range(3)) / 9
    return (mean < LIMIT_HU).mean(axis=(0, 1))


def separation(normal: np.ndarray, sick: np.ndarray) -> Estimate:
    """AUC with an interval over patches: whose patches they are is not known."""
    truth = np.repeat([False, True], [len(normal), len(sick)])
    return bootstrap(auc, truth, np.concatenate([normal, sick]), groups=np.arange(len(truth)))


def measure_patches(archive: Path, out: Path) -> None:
    with np.load(archive) as arrays:
        shares = {name: low_attenuation(arrays[name]) for name in (NORMAL, *CLASSES)}
    out.write_text(document(shares))
    log.info("%s", out)


def document(shares: dict[str, np.ndarray]) -> str:
    def row(name: str, words: str) -> list[str]:
        share = shares[name]
        told = "–" if name == NORMAL else str(separation(shares[NORMAL], share))
        return [words, str(len(share)), f"{100 * np.median(share):.1f} %", f"{100 * (share > DECIDES).mean():.0f} %", told]

    rows = [row(NORMAL, "normal"), *(row(name, words) for name, words in CLASSES.items())]
    lines = [
        "# Low attenuation against expert patches",
        "",
        "Made by `models/training/run emphysema-patches`. **Research use only.** The share of a patch (31 × 31 pixels) below −950 HU, each pixel the mean of 3 × 3, "
        f"against normal patches. *Over {100 * DECIDES:.0f} %*: what would decide if both lungs were like the patch. Intervals are over patches, since nobody "
        "says whose they are: too narrow where a patient gave several.",
        "",
        table(["class", "patches", "below −950 HU, median", f"over {100 * DECIDES:.0f} %", "AUC against normal"], rows),
    ]
    return "\n".join(lines) + "\n"
