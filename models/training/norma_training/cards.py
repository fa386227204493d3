"""Model cards: one README.md beside each shipped model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from . import recipes
from .frozen_features import PATCH_BLOCK
from .linear_head import RIDGE
from .prepared import PreparedSet
from .shared_network import graph_path
from .ship import LICENCE, SOURCES

if TYPE_CHECKING:
    from .train import Outcome

RESEARCH = "**Research use only. Not a medical device; not for diagnosis or treatment.**"


def _table(outcome: Outcome, rows: list[tuple[str, str]]) -> str:
    from .steps import two_class_sources

    sources = two_class_sources(outcome.material.data)
    lines = ["| AUC of slices (95 % interval by block) | " + " | ".join(sources) + " |", "|---|" + "---|" * len(sources)]
    for title, key in rows:
        if key in outcome.scores:
            lines.append(f"| {title} | " + " | ".join(str(outcome.auc_of(key, s)) for s in sources) + " |")
    return "\n".join(lines)


def _data(data: PreparedSet) -> str:
    lines = []
    for name in sorted(set(data.source.tolist())):
        own = data.source == name
        labels = ", ".join(f"{int((data.label[own] == label).sum())} {label}" for label in sorted(set(data.label[own].tolist())))
        lines.append(f"- {SOURCES.get(name, name)}: {labels} slices")
    return "\n".join(lines)


def data_and_splits(data: PreparedSet, splits: str = "../splits.csv", results: str = "../RESULTS.md") -> str:
    """What every card says of the data, their licence and the splits; paths as seen from the card."""
    return f"""## Data and licence

{_data(data)}

Licence of the weights: {LICENCE}.

## Splits

Five folds by block (about ten neighbouring slices, taken as one patient), blocks joined where they hold near
duplicates, neighbouring blocks kept together; `{splits}`. A leak check fails the training where a block, a
near duplicate or a picture lies in two folds. The shipped weights were fitted on all folds; every figure is of
slices that the fitted model did not see. All figures, failure cases and plots: [RESULTS.md]({results}).
"""


def write_card(folder: Path, title: str, body: str) -> None:
    """`README.md` of a model's folder: what its manifest says of it, then `body`."""
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    files = {graph_path(folder, manifest), *(path for path in folder.iterdir() if path.suffix == ".npy")}
    size = sum(path.stat().st_size for path in files) / 2**20
    network = f", graph in `../{manifest['network']}`" if "network" in manifest else ""
    head = f"# {title}\n\n{RESEARCH}\n\nVersion {manifest['version']}, {size:.1f} MiB{network}, `{manifest['sha256'][:12]}…`. Input: `{manifest['input']['preprocessing']}`.\n\n"
    (folder / "README.md").write_text(head + body.strip() + "\n", encoding="utf-8")


def write_cards(outcome: Outcome, models: Path) -> None:
    trivial_rows = [("trivial features, blocks held out", "trivial_oof"), ("trivial features, source never trained on", "trivial_loso")]
    common = data_and_splits(outcome.material.data)
    write_card(models / "patch-memory", "Patch memory: how far is lung from norm lung", f"""
Features of an ImageNet network (EfficientNet-Lite0, block {PATCH_BLOCK}, Apache-2.0) on a 14 × 14 grid; per patch inside the lungs the
mean distance to its {recipes.NEIGHBOURS} nearest among {outcome.budget.shipped_memory_patches} norm patches, the same number from each source. No pathology was seen.
Scores are means of that distance. Maps show it in deviations from what norm has at the same place of the crop in slices with as much
lung (`expected.npy`, from held-out distances), smoothed: hila, diaphragm and apices are far from any memory in every chest.
A site fits its own norm, here and of the classifier's scores, by `norma models fit-norm`.

## Figures

{_table(outcome, [("patch memory, blocks held out", "memory_oof"), ("patch memory, source never trained on", "memory_loso"), *trivial_rows])}

{common}
## Limits

"Norm" here includes slices labelled only "not infected", and nodule-free volumes that no radiologist called norm.
Slices of unusual technique (very noisy, strongly smoothed, outside the levels that the preparation can fix) are
far from the memory though nothing is wrong. Small nodules change few patches and are diluted in the mean.
""")
    write_card(models / "classifier", "Classifier: norm or pathology, with a map", f"""
EfficientNet-Lite0 (ImageNet, frozen) and a logistic head on its pooled features (1,280 weights, ridge C = {RIDGE}), each source
and each class within a source weighing the same. The class-activation map is exact: the logit is its mean plus the
bias. It is shipped instead of the fine-tuned ResNet-18 because it measured better on blocks held out (RESULTS.md).

## Figures

{_table(outcome, [("classifier, blocks held out", "head_oof"), ("classifier, source never trained on", "head_loso"), ("ResNet-18 from SimCLR (not shipped), validation and test blocks", "resnet_held_out"), *trivial_rows])}

{common}
## Limits

On a source never trained on it is much weaker than on those it knows, for the diseases differ and scanners do; it
decides only together with the patch memory. It has seen emphysema, tumours and nodules, and COVID pneumonia.
""")
    write_card(models / "typing", "Typing: which pathology", f"""
One logistic head per type on the classifier's frozen features. Each type comes from one source, so a figure over
all sources would mostly measure the source: RESULTS.md gives each type against norm of its own source. A pathology
for which no label passes its threshold is *of a type not known to this model*.

{common}
""")
    if (models / "autoencoder").exists():
        write_card(models / "autoencoder", "Autoencoder: what it cannot draw", f"""
A convolutional autoencoder (112 × 112, code 64 × 7 × 7) trained on clean norm of the training side only; absolute error
inside the lungs. It is weak, as reconstruction error of pixels is known to be: its weight in the shipped bundle is 0,
it is a row of every table and a baseline to beat.

## Figures

{_table(outcome, [("reconstruction error, validation and test blocks", "autoencoder_held_out"), *trivial_rows])}

{common}
""")
