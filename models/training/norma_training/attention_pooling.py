"""Attention pooling (Ilse 2018): a study's logit from a learnt weighting of its slices' frozen features.

Compared with the rules that weigh slices by nothing but their score (maximum, mean of the highest) on the same
pseudo-studies, each read by a network and a head that saw none of its slices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .aggregation import Aggregation
from .bootstrap import Estimate, auc_by_block
from .budget import Budget
from .run import Run
from .ensemble import mixed_studies, study_weights
from .steps import Material, two_class_sources

SHARES = (0.1, 0.25, 0.5)
#: Made-up studies per source and share that are learnt from, and that are measured on (per fold, or per source left out).
LEARNT_STUDIES, MEASURED_STUDIES = 60, 24
WIDTH = 64


class AttentionPooling(nn.Module):
    """Slices `(n, 1280)` of several studies, `study` `(n)` saying whose they are → a logit per study, by gated attention."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.Dropout(0.25), nn.Linear(features, WIDTH), nn.ReLU(), nn.Dropout(0.25))
        self.content, self.gate, self.attention = nn.Linear(WIDTH, WIDTH // 2), nn.Linear(WIDTH, WIDTH // 2), nn.Linear(WIDTH // 2, 1)
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, slices: torch.Tensor, study: torch.Tensor) -> torch.Tensor:
        reduced = self.reduce(slices)
        attention = self.attention(torch.tanh(self.content(reduced)) * torch.sigmoid(self.gate(reduced)))[:, 0]
        weight = torch.exp(attention.clamp(-20, 20))
        total = torch.zeros(int(study[-1]) + 1).index_add(0, study, weight)
        pooled = torch.zeros(len(total), reduced.shape[1]).index_add(0, study, (weight / total[study])[:, None] * reduced)
        return self.head(pooled)[:, 0]


def gathered(features: np.ndarray, studies: list[MadeStudy]) -> tuple[torch.Tensor, torch.Tensor]:
    """The studies' slices one after the other, and whose each is."""
    rows = np.concatenate([study.rows for study in studies])
    return torch.from_numpy(features[rows]), torch.from_numpy(np.repeat(np.arange(len(studies)), [len(study.rows) for study in studies]))


@dataclass
class MadeStudy:
    """Rows of slices that stand for a study. `group` is what intervals are drawn by."""

    kind: str
    source: str
    truth: int
    group: str
    rows: np.ndarray


def blocks_and_mixed(material: Material, usable: np.ndarray, count: int, seed: int) -> list[MadeStudy]:
    """Every usable block, and made-up studies in which a share of the slices comes from one block of pathology.

    A mixed study's group is that block; norm ones share slices, so all of a source and fold are one group.
    """
    data, found = material.data, []
    for block in np.unique(data.block[usable]):
        rows = np.flatnonzero(usable & (data.block == block))
        found.append(MadeStudy("blocks", data.source[rows[0]], int(data.is_pathology[rows[0]]), str(block), rows))
    for share in SHARES:
        for truth, source, rows in mixed_studies(data.block, data.source, data.is_pathology, usable, share, count=count, seed=seed):
            sick = rows[data.is_pathology[rows] == 1]
            group = str(data.block[sick[0]]) if truth else f"{source} norm {material.fold[rows[0]]}"
            found.append(MadeStudy(f"{share:.0%} of slices", source, truth, group, rows))
    return found


def fit_attention(features: np.ndarray, studies: list[MadeStudy], epochs: int, seed: int = 0) -> tuple[AttentionPooling, np.ndarray, np.ndarray]:
    """The trained network with the offset and scale of its input; each source and class weighs the same."""
    torch.manual_seed(seed)
    rows = np.unique(np.concatenate([study.rows for study in studies]))
    offset, scale = features[rows].mean(0), 1.0 / (features[rows].std(0) + 1e-3)
    network = AttentionPooling(features.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-4, weight_decay=1e-2)
    truth = np.array([study.truth for study in studies])
    weight = study_weights(np.array([study.source for study in studies]), truth)
    rng = np.random.default_rng(seed)
    standard = ((features - offset) * scale).astype(np.float32)
    for _ in range(epochs):
        for chosen in np.array_split(rng.permutation(len(studies)), max(len(studies) // 16, 1)):
            logits = network(*gathered(standard, [studies[i] for i in chosen]))
            target = torch.from_numpy(truth[chosen]).float()
            losses = F.binary_cross_entropy_with_logits(logits, target * 0.96 + 0.02, reduction="none")
            loss = (losses * torch.from_numpy(weight[chosen]).float()).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval(), offset, scale


@torch.inference_mode()
def read_studies(network: AttentionPooling, offset: np.ndarray, scale: np.ndarray, features: np.ndarray, studies: list[MadeStudy]) -> np.ndarray:
    """A logit per study."""
    return network(*gathered(((features - offset) * scale).astype(np.float32), studies)).numpy()


def compare_attention(material: Material, scores: dict[str, np.ndarray], rules: dict[str, Aggregation], run: Run, budget: Budget) -> dict[str, np.ndarray]:
    """Every pseudo-study with what attention and each rule say of it; `held` is `blocks held out` or `source never
    trained on`. The rules aggregate the classifier's slice scores, held out in the same way."""
    data, tiny = material.data, budget.slices is not None
    epochs, learnt_studies, measured_studies = (1, 2, 4) if tiny else (20, LEARNT_STUDIES, MEASURED_STUDIES)
    features = ((material.features.pooled + material.features.mirrored) / 2).astype(np.float32)
    splits = [("blocks held out", material.fold == fold, "head_oof") for fold in np.unique(material.fold)]
    splits += [("source never trained on", data.source == source, "head_loso") for source in two_class_sources(data)]

    def compute() -> dict[str, np.ndarray]:
        columns: dict[str, list] = {name: [] for name in ("held", "kind", "source", "truth", "group", "attention", *rules)}
        for number, (held, test, key) in enumerate(splits):
            learnt = blocks_and_mixed(material, ~test, learnt_studies, seed=number)
            measured = blocks_and_mixed(material, test & np.isfinite(scores[key]), measured_studies, seed=100 + number)
            fitted = fit_attention(features, learnt, epochs)
            columns["attention"] += read_studies(*fitted, features, measured).tolist()
            columns["held"] += [held] * len(measured)
            for name in ("kind", "source", "truth", "group"):
                columns[name] += [getattr(study, name) for study in measured]
            for name, rule in rules.items():
                columns[name] += [rule.for_count(len(study.rows))(scores[key][study.rows]) for study in measured]
        return {name: np.array(values) for name, values in columns.items()}

    return run.arrays("attention", compute)


def mean_over_sources(found: dict[str, np.ndarray], key: str, chosen: np.ndarray, sources: list[str], resamples: int) -> Estimate:
    """The mean of the sources' AUC; its interval from that of each, taken as independent."""
    parts = [chosen & (found["source"] == source) for source in sources]
    each = [auc_by_block(found["truth"][rows], found[key][rows], found["group"][rows], resamples) for rows in parts]
    each = [estimate for estimate in each if np.isfinite(estimate.value)]
    if not each:
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = float(np.mean([estimate.value for estimate in each]))
    low, high = (np.sqrt(sum((estimate.value - bound) ** 2 for estimate, bound in zip(each, bounds))) / len(each)
                 for bounds in zip(*((estimate.low, estimate.high) for estimate in each)))
    return Estimate(value, value - float(low), min(value + float(high), 1.0))


def attention_rows(found: dict[str, np.ndarray], held: str, sources: list[str], resamples: int) -> tuple[list[str], list[list]]:
    """Head and rows of the table: attention beside the rules, per kind of pseudo-study."""
    kinds = ["blocks", *(f"{share:.0%} of slices" for share in SHARES)]
    names = [name for name in found if name not in ("held", "kind", "source", "truth", "group")]
    rows = []
    for name in names:
        chosen = [(found["held"] == held) & (found["kind"] == kind) for kind in kinds]
        rows.append([name, *(mean_over_sources(found, name, part, sources, resamples) for part in chosen)])
    return [f"classifier, {held}: mean AUC of the sources", *kinds], rows
