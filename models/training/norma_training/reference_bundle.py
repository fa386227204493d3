"""The `reference` bundle, written from the weights that a GPU run brought back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import yaml

from .assemble import Assembly
from .backbone import to_tensor
from .bootstrap import auc_by_block
from .cards import data_and_splits, write_card
from .frozen_autoencoder import KINDS, WITHIN, FrozenErrorMap, error_map_of, new_decoder
from .gpu.job import CLASSIFIER, probabilities
from .gpu.results import read_network
from .manifest import input_tensor, write_bundle, write_manifest
from .prepared import PreparedSet
from .progress import log
from .reference import ANOMALY, KIND
from .resnet import MEAN, STD, MapClassifier, ResNetBackbone
from .shared_network import copy_models
from .ship import VERSION, auc_of_assembly, figure, fitted_bundle, fitted_classifier, fitted_memory, provenance, write_classifier_manifest, write_graph
from .steps import two_class_sources
from .test_time_views import FIVE_VIEWS

NAME = "norma-reference"


def load_networks(results: Path) -> tuple[MapClassifier, FrozenErrorMap]:
    """The final classifier and the autoencoder on its frozen encoder, from a GPU run's folder."""
    classifier, encoder, decoder = MapClassifier(ResNetBackbone()), ResNetBackbone(), new_decoder(KIND)
    classifier.load_state_dict(read_network(results, "classifier"))
    encoder.load_state_dict(read_network(results, "encoder"))
    decoder.load_state_dict(read_network(results, "decoders")[KIND])
    return classifier.eval(), error_map_of(encoder.eval(), KIND, decoder.eval())


def packing_note(classifier: MapClassifier, exact: np.ndarray, packed: np.ndarray) -> str:
    """What the packed pictures change of the final classifier's answers, against the exact ones."""
    size = exact.shape[-1]
    difference = np.abs(probabilities(classifier, exact, size) - probabilities(classifier, packed, size))
    return f"{len(exact)} slices: the final classifier's probability differs by {difference.mean():.4f} on average, at most by {difference.max():.3f}"


def ship_reference(data: PreparedSet, results: Path, scores: dict[str, np.ndarray], assembly: Assembly, models: Path, out: Path, plan: str, resamples: int) -> None:
    """Writes the bundle `out`; typing is that of the bundle in `models`, copied."""
    classifier, anomaly = load_networks(results)
    images = to_tensor(data.pixels[:4], MEAN, STD)
    image = input_tensor(224, MEAN, STD)

    def origin(key: str) -> dict:
        rows = [(source, data.source == source) for source in two_class_sources(data)]
        figures = [
            figure(f"slice AUC, {source}, {title}", auc_by_block(data.is_pathology[own], scores[f"{key}_{held}"][own], data.block[own], resamples))
            for held, title in (("oof", "blocks held out"), ("loso", "source never trained on")) for source, own in rows
        ]
        return provenance(data, figures, None) | {"training": plan}

    write_graph(classifier, 224, ["logit", "activation_map"], out / "classifier", images)
    write_classifier_manifest(out / "classifier", image, 7, fitted_classifier(assembly), origin(CLASSIFIER), FIVE_VIEWS)
    write_graph(anomaly, 224, ["error_map"], out / "autoencoder", images)
    fitted = fitted_memory(assembly)
    write_manifest(
        out / "autoencoder", "reconstruction", VERSION, input=image,
        outputs=[{"name": "error_map", "meaning": "reconstruction_error_map", "shape": ["batch", 14, 14]}],
        slice_selection={"count": 64}, aggregation=fitted["aggregation"], within_slice=WITHIN[KINDS[KIND][1]].as_manifest(),
        normalisation=fitted["normalisation"], provenance=origin(ANOMALY),
    )
    typing = yaml.safe_load((models / "bundle.yaml").read_text(encoding="utf-8"))["models"]["typing"]
    copy_models(models, [typing], out)
    # The copied card lies a folder deeper.
    card = out / typing / "README.md"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("../RESULTS.md", "../../RESULTS.md").replace("../splits.csv", "../../splits.csv"), encoding="utf-8")
    write_bundle(out, {
        "name": NAME, "version": VERSION, "models": {"anomaly": ["autoencoder"], "classifier": "classifier", "typing": typing},
        "anomaly_combination": {"method": "maximum"}, **fitted_bundle(assembly), "default_operating_point": "sensitivity_95",
        "provenance": {
            "operating_points_measured_on": f"{len(assembly.held_out.studies)} pseudo-studies (blocks of slices) that the fitted models did not see; intervals: bootstrap by block",
            "auc": auc_of_assembly(assembly, resamples).as_manifest(), "training": plan, "intended_use": "research only, no medical device",
        },
    })
    _write_cards(data, out, plan)
    log.info("reference bundle in %s", out)


def _write_cards(data: PreparedSet, out: Path, plan: str) -> None:
    results = "../../RESULTS.md"
    common = f"""
Part of the reference method's own chain, trained by `models/training/gpu` ({plan}). Not the default: on sources never
trained on the shipped bundle ranks better (["The reference method, whole"]({results}#the-reference-method-whole) has both beside the trivial
features, with intervals). Figures of this model: its manifest.

{data_and_splits(data, "../../splits.csv", results)}"""
    write_card(out / "classifier", "Reference classifier: ResNet-18 from SimCLR, read in five views", f"""
ResNet-18 with one input channel, pretrained by SimCLR without labels and fine-tuned on norm / pathology at 224 px. The probability is the
mean over identity, mirror image, slight noise, slight blur and CLAHE. The class-activation map is exact: the logit is its mean plus the bias.
{common}
## Limits

It learns scanners: far weaker on a source that it never saw than on those it knows. Five views cost five readings of a slice.
""")
    write_card(out / "autoencoder", "Reference autoencoder on the frozen encoder", f"""
The SimCLR encoder, frozen and cut before its last stage, and an autoencoder of its features (256 → 32 → 256 at each of 14 × 14 places), trained
on clean norm only; the mean square of what it does not draw again, inside the lungs. The method's autoencoder draws the picture from
the whole encoder: measured too, weaker on every source never trained on, and too large to be shipped beside the classifier.
{common}
## Limits

Weak on its own; on COVID pneumonia and emphysema not far from chance.
""")
