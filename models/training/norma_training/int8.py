"""What static int8 costs and gains: the shipped classifier's graph, float and int8, on the same slices."""

from __future__ import annotations

import time

import numpy as np

from .backbone import to_tensor
from .bootstrap import auc
from .export import export_onnx
from .linear_head import fit_classifier_head, map_classifier, sigmoid
from .quantise import quantise, run_in_batches
from .run import Run
from .steps import Material

#: Pictures that set the ranges, and pictures that are compared.
CALIBRATION_SLICES, COMPARED_SLICES = 48, 240


def measure_int8(material: Material, run: Run, seed: int = 0) -> dict[str, np.ndarray]:
    """AUC per source and pooled, largest and mean difference of the probability, milliseconds per slice, MiB.

    The head is fitted without the test side; ranges come from the training side; the test side is compared.
    """

    def compute() -> dict[str, np.ndarray]:
        data, rng = material.data, np.random.default_rng(seed)
        learnt = np.flatnonzero(material.side != "test")
        test = np.flatnonzero(material.side == "test")
        if len(test) == 0 or len(np.unique(data.is_pathology[test])) < 2:
            return {}
        test = np.sort(rng.choice(test, min(COMPARED_SLICES, len(test)), replace=False))
        head = fit_classifier_head(material.features.subset(learnt), data.source[learnt], data.is_pathology[learnt])
        folder = run.folder / "int8"
        plain = export_onnx(map_classifier(material.backbone, head), 224, ["logit", "activation_map"], folder / "float32.onnx")
        train = np.flatnonzero(material.side == "train")
        calibration = np.sort(rng.choice(train, min(CALIBRATION_SLICES, len(train)), replace=False))
        small = quantise(plain, folder / "int8.onnx", to_tensor(data.pixels[calibration]).numpy())
        images = to_tensor(data.pixels[test]).numpy()
        found: dict[str, np.ndarray] = {"rows": test}
        for name, path in (("float32", plain), ("int8", small)):
            started = time.process_time()
            logits = run_in_batches(path, images)[0]
            found[f"{name}_probability"] = sigmoid(logits)
            found[f"{name}_cpu_ms"] = np.array(1000 * (time.process_time() - started) / len(images))
            found[f"{name}_mib"] = np.array(path.stat().st_size / 2**20)
        return found

    return run.arrays("int8", compute)


def int8_table(material: Material, found: dict[str, np.ndarray]) -> str:
    if not found:
        return "Not measured: the test side has one class only."
    data, rows = material.data, found["rows"]
    truth = data.is_pathology[rows]
    difference = np.abs(found["float32_probability"] - found["int8_probability"])
    lines = ["| classifier graph | MiB | CPU ms per slice | AUC of the compared slices |", "|---|---|---|---|"]
    for name in ("float32", "int8"):
        area = auc(truth, found[f"{name}_probability"])
        lines.append(f"| {name} | {float(found[f'{name}_mib']):.1f} | {float(found[f'{name}_cpu_ms']):.0f} | {area:.3f} |")
    lines.append(
        f"\n{len(rows)} slices of the test side; probabilities differ by {difference.mean():.3f} on average, {difference.max():.3f} at most."
    )
    return "\n".join(lines)
