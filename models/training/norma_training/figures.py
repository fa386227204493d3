"""Plots for RESULTS.md: curves and histograms only. Pictures of patients are never committed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.metrics import roc_curve  # noqa: E402

if TYPE_CHECKING:
    from .series import SeriesReading
    from .train import Outcome

DPI = 80
COLOURS = ("#4477aa", "#cc6677", "#228833", "#ccbb44")


def _save(figure: plt.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    plt.close(figure)


def plot_roc(outcome: Outcome, path: Path) -> None:
    """ROC of the ensemble on pseudo-studies: blocks held out, and each source never trained on."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2))
    held_out = outcome.assembly.held_out
    studies, probability = held_out.studies, outcome.assembly.probability
    for colour, source in zip(COLOURS, np.unique(studies.source)):
        own = studies.source == source
        if len(np.unique(studies.truth[own])) == 2:
            x, y, _ = roc_curve(studies.truth[own], probability[own])
            axes[0].plot(x, y, color=colour, label=source)
    for colour, row in zip(COLOURS, outcome.assembly.left_out[outcome.assembly.chosen]):
        x, y, _ = roc_curve(row.scores.studies.truth, row.probability)
        axes[1].plot(x, y, color=colour, label=row.source)
    for axis, title in zip(axes, ("Blocks held out", "Source never trained on")):
        axis.plot([0, 1], [0, 1], color="0.7", linestyle=":")
        axis.set(title=title, xlabel="1 − specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01))
        axis.legend(frameon=False, fontsize=8)
    _save(figure, path)


def plot_calibration(outcome: Outcome, path: Path, bins: int = 8) -> None:
    """Predicted against observed frequency in bins of equal size."""
    truth, probability = outcome.assembly.held_out.studies.truth, outcome.assembly.probability
    figure, axis = plt.subplots(figsize=(4.4, 4.2))
    parts = np.array_split(np.argsort(probability), min(bins, len(probability)))
    axis.plot([0, 1], [0, 1], color="0.7", linestyle=":")
    axis.plot([probability[p].mean() for p in parts], [truth[p].mean() for p in parts], marker="o", color=COLOURS[0])
    axis.set(xlabel="mean calibrated probability", ylabel="share of pathology", title="Calibration, pseudo-studies", xlim=(0, 1), ylim=(0, 1))
    _save(figure, path)


def plot_histograms(outcome: Outcome, path: Path) -> None:
    """Calibrated probability of norm and pathology per source."""
    studies, probability = outcome.assembly.held_out.studies, outcome.assembly.probability
    names = np.unique(studies.source)
    figure, axes = plt.subplots(1, len(names), figsize=(3.1 * len(names), 3), sharex=True, squeeze=False)
    for axis, source in zip(axes[0], names):
        for value, colour, label in ((0, COLOURS[0], "norm"), (1, COLOURS[1], "pathology")):
            own = (studies.source == source) & (studies.truth == value)
            axis.hist(probability[own], bins=np.linspace(0, 1, 21), color=colour, alpha=0.6, label=label)
        for point in outcome.assembly.points:
            axis.axvline(point.threshold, color="0.5", linewidth=0.8)
        axis.set(title=source, xlabel="calibrated probability")
    axes[0][0].legend(frameon=False, fontsize=8)
    _save(figure, path)


def plot_series(readings: list[SeriesReading], path: Path) -> None:
    """Per-slice curves of the whole series, from the first slice (bottom or top as stored) to the last."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6))
    for colour, item in zip(COLOURS, readings):
        position = item.slice_number / max(item.slice_number.max(), 1)
        axes[0].plot(position, item.reading.anomaly_slices, color=colour, label=item.name)
        axes[1].plot(position, item.reading.classifier_slices, color=colour, label=item.name)
    for axis, title in zip(axes, ("Patch memory: distance to norm", "Classifier: probability")):
        axis.set(title=title, xlabel="position along z, share of the series")
        axis.legend(frameon=False, fontsize=7)
    _save(figure, path)


def strongest_slices(maps: np.ndarray, count: int, apart: int = 6) -> np.ndarray:
    """Indices, ascending, of the slices where a map `(n, h, w)` is strongest, at least `apart` slices from each other."""
    strength, found = maps.max((1, 2)).astype(float), []
    for _ in range(min(count, len(maps))):
        best = int(strength.argmax())
        if not np.isfinite(strength[best]):
            break
        found.append(best)
        strength[max(0, best - apart + 1) : best + apart] = -np.inf
    return np.sort(np.array(found))


def write_overlays(readings: list[SeriesReading], folder: Path, per_series: int = 4) -> None:
    """Real pictures where the anomaly map is strongest: bare, with the anomaly map (deviations from norm at the same
    place, 0 to 4 in every study) and with the class-activation map. For looking at, in an ignored folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in readings:
        chosen = strongest_slices(np.nan_to_num(item.reading.anomaly_map), per_series)
        figure, axes = plt.subplots(3, len(chosen), figsize=(3 * len(chosen), 9.2), squeeze=False)
        for column, index in enumerate(chosen):
            for row, (maps, limits) in enumerate(((None, None), (item.reading.anomaly_map, (0, 4)), (item.reading.activation_map, None))):
                axis = axes[row][column]
                axis.imshow(item.pixels[index], cmap="gray", vmin=0, vmax=255)
                if maps is not None:
                    axis.imshow(maps[index], cmap="inferno", alpha=0.4, extent=(0, 224, 224, 0), interpolation="bilinear", clim=limits)
                strength = f", {maps[index].max():.1f}" if row == 1 else ""
                axis.set_title(f"slice {item.slice_number[index]}{strength}", fontsize=8)
                axis.axis("off")
        _save(figure, folder / f"{item.name}.png")
