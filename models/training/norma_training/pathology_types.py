"""The pathology types that training data hold, and what is known of each slice."""

from __future__ import annotations

import numpy as np

from .adapters.ct_rate import ABNORMALITIES
from .prepared import PreparedSet

#: (key, en, ru) of the types that slices.tar holds.
LABELS = (
    ("emphysema", "Emphysema", "Эмфизема"),
    ("lung_nodule", "Lung nodule or tumour", "Узел или опухоль лёгкого"),
    ("viral_pneumonia", "Viral pneumonia (ground-glass opacity)", "Вирусная пневмония («матовое стекло»)"),
)
#: What data sets call them.
KEY_OF_TYPE = {"tumour": "lung_nodule", "nodule": "lung_nodule", "covid_pneumonia": "viral_pneumonia"}
_KNOWN = {key: (key, en, ru) for key, en, ru in (*ABNORMALITIES.values(), *LABELS)}


def keys_of(types: str) -> list[str]:
    """The label keys of a row's types (separated by spaces)."""
    return [KEY_OF_TYPE.get(name, name) for name in types.split()]


def labels_of(data: PreparedSet) -> list[tuple[str, str, str]]:
    """The types that the data hold, in a fixed order: the logits' order of a typing model trained on them."""
    present = {key for types in np.unique(data.type).tolist() for key in keys_of(types)}
    order = [key for key in _KNOWN if key in present] + sorted(present - set(_KNOWN))
    return [_KNOWN.get(key, (key, key, key)) for key in order]


def typing_targets(data: PreparedSet, keys: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Targets and what is known of them, both `(n, labels)`.

    A slice of norm has none of the types. A slice of pathology has its types; where its data set does not say
    which types it was read for, the others are taken as absent: the slices' sources were labelled for one
    disease each, so a second one that nobody noted is noise in the targets. "Not infected" slices are known
    only not to be viral pneumonia.
    """
    targets = np.zeros((len(data), len(keys)), dtype=np.float32)
    known = np.ones_like(targets)
    place = {key: i for i, key in enumerate(keys)}
    for i, (types, read_for) in enumerate(zip(data.type.tolist(), data.known_types.tolist())):
        for key in keys_of(types):
            targets[i, place[key]] = 1
        if read_for:
            known[i] = 0
            known[i, [place[key] for key in keys_of(read_for) if key in place]] = 1
        elif data.label[i] == "noncovid":
            known[i] = 0
            if "viral_pneumonia" in place:
                known[i, place["viral_pneumonia"]] = 1
    return targets, known
