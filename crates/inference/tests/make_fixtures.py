"""Makes the small models and reference outputs that the tests of norma-inference compare with.

    python crates/inference/tests/make_fixtures.py

Needs torch, onnx, onnxruntime, numpy, scipy, PyYAML and opencv-python-headless. Weights are random (seeded):
the models mean nothing. Everything that the Rust code computes around ONNX Runtime is computed here a second
time with the libraries that training uses: torch for resizing and pooling, OpenCV for CLAHE, SciPy for blur.
"""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import scipy.ndimage
import torch
import yaml
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent / "fixtures"
BUNDLE = HERE / "bundle"
SLICES = 5
SIZE = 224
HOUNSFIELD_RANGE = [-1000, 200]


def pixels():
    """The same formula stands in reference.rs."""
    z, y, x = np.indices((SLICES, SIZE, SIZE))
    return (((x * 7 + y * 3) // 4 + z * 29 + (x * y) // 64) % 256).astype(np.uint8)


def lung_mask():
    z, y, x = np.indices((SLICES, SIZE, SIZE))
    left = ((x - 60) ** 2) / 40**2 + ((y - 110) ** 2) / (70 + 4 * z) ** 2 <= 1
    right = ((x - 160) ** 2) / 44**2 + ((y - 115) ** 2) / (60 + 4 * z) ** 2 <= 1
    return (left | right).astype(np.uint8)


def tensor(images, size, channels, mean=0.5, std=0.25):
    grey = torch.from_numpy(images.astype(np.float32)).unsqueeze(1)
    if size < SIZE:
        grey = functional.interpolate(grey, size=(size, size), mode="area")
    elif size > SIZE:
        grey = functional.interpolate(grey, size=(size, size), mode="bilinear", align_corners=False)
    return (((grey / 255) - mean) / std).repeat(1, channels, 1, 1)


def cells(masks, height, width):
    """Cells of which at least half is lung."""
    fraction = functional.adaptive_avg_pool2d(torch.from_numpy(masks.astype(np.float32)).unsqueeze(1), (height, width))
    return (fraction >= 0.5).squeeze(1).numpy()


class Reconstruction(nn.Module):
    def forward(self, image):
        blurred = functional.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)
        return (image - blurred).abs().squeeze(1)


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 4, stride=4)
        self.second = nn.Conv2d(8, 6, 3, padding=1)

    def forward(self, image):
        return torch.tanh(self.second(torch.relu(self.first(image))))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(1, 8, 8, stride=8)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, image):
        activation_map = self.head(torch.relu(self.features(image))).squeeze(1)
        return activation_map.mean(dim=(1, 2)), activation_map


class NotFinite(nn.Module):
    """What a graph with an overflow answers: no number."""

    def forward(self, image):
        mean = image.abs().mean(dim=(1, 2, 3))
        return torch.log(-1 - mean)


class Typing(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 8, 8, stride=8)
        self.head = nn.Linear(8, 3)

    def forward(self, image):
        return self.head(torch.relu(self.features(image)).mean(dim=(2, 3))) * 3


def export(model, name, size, channels, outputs, manifest, memory=None, parent=BUNDLE):
    folder = parent / name
    folder.mkdir(parents=True, exist_ok=True)
    model.eval()
    file = folder / "model.onnx"
    torch.onnx.export(
        model,
        torch.zeros(2, channels, size, size),
        str(file),
        input_names=["image"],
        output_names=outputs,
        dynamic_axes={key: {0: "batch"} for key in ["image", *outputs]},
        opset_version=17,
        dynamo=False,
    )
    if memory is not None:
        np.save(folder / "memory.npy", memory.astype(np.float16))
        manifest["memory"]["sha256"] = digest(folder / "memory.npy")
    document = {
        "schema": "norma.model/v1",
        "name": name,
        "version": "0.0.1",
        **manifest,
        "file": "model.onnx",
        "sha256": digest(file),
        "input": {
            "name": "image",
            "channels": channels,
            "size": size,
            "preprocessing": "norma.prepare/v1",
            "hounsfield_range": HOUNSFIELD_RANGE,
            "mean": [0.5],
            "std": [0.25],
        },
        "slice_selection": {"count": 64},
        "provenance": {"licence": "Apache-2.0", "intended_use": "tests only: random weights"},
    }
    (folder / "manifest.yaml").write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def top_k_mean(values, k):
    return float(np.mean(np.sort(values)[::-1][:k]))


def sigmoid(values):
    return 1 / (1 + np.exp(-values.astype(np.float64)))


def reference_reconstruction(images, masks):
    session = export(
        Reconstruction(), "autoencoder", 48, 1, ["error_map"],
        {
            "task": "reconstruction",
            "outputs": [{"name": "error_map", "meaning": "reconstruction_error_map", "shape": ["batch", 48, 48]}],
            "aggregation": {"method": "top_k_mean", "k": 2},
            "within_slice": {"method": "top_k_mean", "k": 40},
            "normalisation": {"low": 0.2, "high": 1.4},
        },
    )
    maps = session.run(None, {"image": tensor(images, 48, 1).numpy()})[0]
    inside = cells(masks, 48, 48)
    scores = [top_k_mean(m[i], 40) for m, i in zip(maps, inside)]
    return {"slice_scores": scores, "raw": top_k_mean(scores, 2), "map_sum": float((maps * inside).sum())}


def reference_patches(images, masks):
    model = Patches()
    with torch.no_grad():
        norm = model(tensor((images[:, ::-1] // 2 + 20).copy(), 56, 1)).permute(0, 2, 3, 1).numpy()
    ys, xs = np.indices((14, 14))
    positions = np.stack([(ys + 0.5) / 14, (xs + 0.5) / 14], axis=-1)
    positions = np.broadcast_to(positions, (SLICES, 14, 14, 2))
    memory = np.concatenate([norm, positions], axis=-1).reshape(-1, 8)[::3].astype(np.float16)
    weight = 0.25
    session = export(
        model, "patch-memory", 56, 1, ["features"],
        {
            "task": "patch_memory",
            "outputs": [{"name": "features", "meaning": "patch_features", "shape": ["batch", "c", "h", "w"]}],
            "aggregation": {"method": "maximum"},
            "within_slice": {"method": "mean"},
            "normalisation": {"low": 0.05, "high": 0.9},
            "norm_scores": {"mean": 0.22, "standard_deviation": 0.1275},
            "memory": {"file": "memory.npy", "neighbours": 3, "position_weight": weight},
        },
        memory,
    )
    features = session.run(None, {"image": tensor(images, 56, 1).numpy()})[0].transpose(0, 2, 3, 1)
    inside = cells(masks, 14, 14)
    stored = memory.astype(np.float64) * np.array([1.0] * 6 + [weight] * 2)
    queries = np.concatenate([features, positions * weight], axis=-1).astype(np.float64)
    distance = np.sqrt(((queries[:, :, :, None, :] - stored) ** 2).sum(axis=-1))
    maps = np.sort(distance, axis=-1)[..., :3].mean(axis=-1)
    scores = [float(m[i].mean()) for m, i in zip(maps, inside)]
    return {"slice_scores": scores, "raw": max(scores), "map_sum": float((maps * inside).sum())}


def blurred(images):
    once = scipy.ndimage.gaussian_filter1d(images.astype(np.float64), 0.7, axis=2, radius=2, mode="nearest")
    twice = scipy.ndimage.gaussian_filter1d(once, 0.7, axis=1, radius=2, mode="nearest")
    return np.round(twice).clip(0, 255).astype(np.uint8)


def equalised(images):
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    return np.stack([clahe.apply(image) for image in images])


def reference_classifier(images):
    session = export(
        Classifier(), "classifier", 56, 1, ["logit", "activation_map"],
        {
            "task": "classifier",
            "outputs": [
                {"name": "logit", "meaning": "logit", "shape": ["batch"]},
                {"name": "activation_map", "meaning": "class_activation_map", "shape": ["batch", 7, 7]},
            ],
            "test_time_augmentation": ["identity", "horizontal_flip", "blur", "clahe"],
            "aggregation": {"method": "top_k_mean", "k": 3},
            "norm_scores": {"mean": -1.0, "standard_deviation": 0.8},
        },
    )
    probabilities, maps = [], []
    for seen in [images, images[:, :, ::-1].copy(), blurred(images), equalised(images)]:
        logits, activation = session.run(None, {"image": tensor(seen, 56, 1).numpy()})
        probabilities.append(sigmoid(logits))
        maps.append(activation)
    maps[1] = maps[1][:, :, ::-1]
    scores = np.mean(probabilities, axis=0)
    return {
        "slice_scores": scores.tolist(),
        "score": top_k_mean(scores, 3),
        "first_map": np.mean(maps, axis=0)[0].astype(float).tolist(),
    }


def reference_typing(images):
    labels = [
        ("emphysema", "Emphysema", "Эмфизема", 0.5),
        ("lung_nodule", "Lung nodule", "Узелок в лёгком", 0.3),
        ("consolidation", "Consolidation", "Консолидация", 0.9),
    ]
    session = export(
        Typing(), "typing", 256, 3, ["logits"],
        {
            "task": "typing",
            "outputs": [{"name": "logits", "meaning": "logits", "shape": ["batch", "labels"]}],
            "labels": [dict(zip(("key", "en", "ru", "threshold"), label)) for label in labels],
            "aggregation": {"method": "maximum"},
        },
    )
    logits = session.run(None, {"image": tensor(images, 256, 3).numpy()})[0]
    probabilities = sigmoid(logits)
    return {
        "labels": [label[0] for label in labels],
        "probabilities": probabilities.max(axis=0).tolist(),
        "key_indices": probabilities.argmax(axis=0).tolist(),
        "slice_scores": probabilities.max(axis=1).tolist(),
    }


def write_model_without_numbers():
    export(
        NotFinite(), "not-finite", 32, 1, ["logit"],
        {
            "task": "classifier",
            "outputs": [{"name": "logit", "meaning": "logit", "shape": ["batch"]}],
            "aggregation": {"method": "maximum"},
        },
        parent=HERE,
    )


def write_bundle():
    document = {
        "schema": "norma.bundle/v1",
        "name": "fixture",
        "version": "0.0.1",
        "models": {"anomaly": ["patch-memory", "autoencoder"], "classifier": "classifier", "typing": "typing"},
        "anomaly_combination": {"method": "maximum"},
        "fusion": {"method": "maximum"},
        "calibration": {"method": "platt", "coefficient": 5.85, "intercept": -3.72},
        "operating_points": [
            {
                "name": "youden",
                "threshold": 0.5,
                "sensitivity": {"value": 0.8, "ci95": [0.7, 0.9]},
                "specificity": {"value": 0.7, "ci95": [0.6, 0.8]},
            },
            {"name": "sensitivity_95", "threshold": 0.3},
        ],
        "default_operating_point": "youden",
        "provenance": {"intended_use": "tests only: random weights"},
    }
    (BUNDLE / "bundle.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def main():
    torch.manual_seed(20260101)
    images, masks = pixels(), lung_mask()
    reference = {
        "pixel_sum": int(images.astype(np.int64).sum()),
        "mask_sum": int(masks.astype(np.int64).sum()),
        "autoencoder": reference_reconstruction(images, masks),
        "patch_memory": reference_patches(images, masks),
        "classifier": reference_classifier(images),
        "typing": reference_typing(images),
        "clahe_sha256": hashlib.sha256(equalised(images[:2, :200, :184]).tobytes()).hexdigest(),
        "blur_sha256": hashlib.sha256(blurred(images[:1]).tobytes()).hexdigest(),
    }
    write_bundle()
    write_model_without_numbers()
    (HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
