"""The model stages in Python: the same ONNX files, manifests and bundle, ONNX Runtime and NumPy."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import yaml


class Network:
    """An ONNX file, opened once for all models that name it. `SHARED`: what it says of a study is remembered until the next one
    (`forget`), so that models that name the same file read each slice once. Otherwise each model runs it for itself, up to
    the outputs that it reads, as graphs of their own would."""

    SHARED = True
    opened = {}

    def __init__(self, path, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.known = {}

    @classmethod
    def of(cls, path, threads):
        path = path.resolve()
        if path not in cls.opened:
            cls.opened[path] = cls(path, threads)
        return cls.opened[path]

    @classmethod
    def forget(cls):
        for network in cls.opened.values():
            network.known.clear()

    def run(self, feed, names):
        if not self.SHARED:
            options = onnxruntime.RunOptions()
            options.only_execute_path_to_fetches = True
            return dict(zip(names, self.session.run(names, feed, options)))
        key = tuple(hashlib.blake2b(np.ascontiguousarray(values)).digest() for values in feed.values())
        if key not in self.known:
            every = [output.name for output in self.session.get_outputs()]
            self.known[key] = dict(zip(every, self.session.run(every, feed)))
        return {name: self.known[key][name] for name in names}


class Model:
    """A model folder: manifest and session."""

    def __init__(self, folder, threads):
        self.folder = Path(folder)
        self.manifest = yaml.safe_load((self.folder / "manifest.yaml").read_text())
        network = self.manifest.get("network")
        folder = self.folder.parent / network if network else self.folder
        self.network = Network.of(folder / self.manifest["file"], threads)
        memory = self.manifest.get("memory")
        self.memory = np.load(self.folder / memory["file"]).astype(np.float32) if memory else None

    def run(self, pixels, batch=8):
        """uint8 (n, h, w) to the outputs by meaning."""
        spec = self.manifest["input"]
        size, channels = spec["size"], spec["channels"]
        names = [output["name"] for output in self.manifest["outputs"]]
        collected = []
        for start in range(0, len(pixels), batch):
            part = pixels[start : start + batch]
            if part.shape[1] != size:
                part = np.stack([cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA) for plane in part])
            tensor = part[:, None].astype(np.float32) / 255.0
            tensor = np.repeat(tensor, channels, axis=1)
            mean = np.asarray(spec["mean"], np.float32).reshape(1, -1, 1, 1)
            std = np.asarray(spec["std"], np.float32).reshape(1, -1, 1, 1)
            collected.append(self.network.run({spec["name"]: (tensor - mean) / std}, names))
        return {
            output["meaning"]: np.concatenate([part[output["name"]] for part in collected])
            for output in self.manifest["outputs"]
        }

    def aggregate(self, scores):
        rule = self.manifest.get("aggregation", {"method": "maximum"})
        k = 1 if rule["method"] == "maximum" else min(rule["k"], len(scores))
        return float(np.sort(scores)[-k:].mean())


def cells(masks, height, width):
    """Share of lung in each cell of a coarser grid, (n, height, width)."""
    return np.stack([cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) for mask in masks])


def pool(values, rule):
    """Cells of one slice to its score."""
    if not len(values):
        return 0.0
    if rule["method"] == "mean":
        return float(values.mean())
    return float(np.sort(values)[-rule["k"] :].mean())


def augmented(pixels, names):
    """The test-time augmentations that the manifest names."""
    generator = np.random.default_rng(0)
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    for name in names or ["identity"]:
        if name == "identity":
            yield pixels
        elif name == "horizontal_flip":
            yield pixels[:, :, ::-1]
        elif name == "noise":
            noisy = pixels + generator.normal(0, 5, pixels.shape).astype(np.float32)
            yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        elif name == "blur":
            yield np.stack([cv2.GaussianBlur(plane, (0, 0), 0.7) for plane in pixels])
        elif name == "clahe":
            yield np.stack([clahe.apply(plane) for plane in pixels])


def sigmoid(value):
    return 1.0 / (1.0 + np.exp(-value))


def anomaly(model, pixels, masks):
    outputs = model.run(pixels)
    rule = model.manifest.get("within_slice", {"method": "mean"})
    if model.manifest["task"] == "patch_memory":
        features = outputs["patch_features"]
        count, channels, height, width = features.shape
        lungs = cells(masks, height, width) >= 0.5
        memory = model.memory[:, :channels]
        squared = (memory**2).sum(axis=1)
        k = model.manifest["memory"].get("neighbours", 3)
        scores = []
        for plane, lung in zip(features, lungs):
            patches = plane.reshape(channels, -1).T[lung.ravel()]
            if not len(patches):
                scores.append(0.0)
                continue
            distance = (patches**2).sum(axis=1)[:, None] + squared - 2 * patches @ memory.T
            nearest = np.sqrt(np.maximum(np.partition(distance, k, axis=1)[:, :k], 0)).mean(axis=1)
            scores.append(pool(nearest, rule))
    else:
        errors = outputs["reconstruction_error_map"]
        lungs = cells(masks, *errors.shape[1:]) >= 0.5
        scores = [pool(error[lung], rule) for error, lung in zip(errors, lungs)]
    bounds = model.manifest["normalisation"]
    raw = model.aggregate(np.asarray(scores))
    return float(np.clip((raw - bounds["low"]) / (bounds["high"] - bounds["low"]), 0, 1))


def classify(model, pixels):
    names = model.manifest.get("test_time_augmentation")
    probabilities = [sigmoid(model.run(part)["logit"].ravel()) for part in augmented(pixels, names)]
    return model.aggregate(np.mean(probabilities, axis=0))


def types(model, pixels):
    names = model.manifest.get("test_time_augmentation")
    probabilities = np.mean([sigmoid(model.run(part)["logits"]) for part in augmented(pixels, names)], axis=0)
    return {label["key"]: model.aggregate(column) for label, column in zip(model.manifest["labels"], probabilities.T)}
