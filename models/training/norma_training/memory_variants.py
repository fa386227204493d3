"""Other readings of the patch memory's distances: relative to the place, upper parts of a slice."""

from __future__ import annotations

import numpy as np

from .budget import Budget
from .recipes import PatchMemoryRecipe
from .steps import Material, memory_recipe, memory_scores, two_class_sources


def upper_part(recipe: PatchMemoryRecipe, values: np.ndarray, part: float) -> np.ndarray:
    """Per slice the mean of the highest `part` of its patches' values (below 1), or of the highest `part` patches."""
    order = np.argsort(recipe.patches.slice_index, kind="stable")
    bounds = np.searchsorted(recipe.patches.slice_index[order], np.arange(len(recipe.data) + 1))
    found = np.full(len(recipe.data), np.nan)
    for i in range(len(recipe.data)):
        own = values[order[bounds[i] : bounds[i + 1]]]
        own = own[np.isfinite(own)]
        if len(own):
            kept = max(1, int(part * len(own))) if part < 1 else min(int(part), len(own))
            found[i] = np.sort(own)[-kept:].mean()
    return found


def memory_variants(material: Material, budget: Budget, distances: dict[str, np.ndarray]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    recipe, data, everything = memory_recipe(material, budget), material.data, np.ones(len(material.data), dtype=bool)
    scores, _ = memory_scores(material, recipe, distances)
    relative = {"oof": recipe.relative_out_of_fold(distances["oof"], material.fold, everything)}
    relative["loso"] = np.full_like(relative["oof"], np.nan)
    for source in two_class_sources(data):
        test = data.source == source
        own = recipe.patches.of_slices(test)
        relative["loso"][own] = recipe.relative(recipe.expected(distances[f"inner_{source}"], ~test), distances["loso"], test)[own]
    cases = [("distance, mean over the lungs (shipped)", scores["memory_oof"], scores["memory_loso"])]
    for title, values, part in (
        ("distance, upper half of the slice", distances, 0.5), ("distance, ten worst patches", distances, 10),
        ("relative to the place, mean", relative, 0.999999), ("relative to the place, upper 30 %", relative, 0.3),
    ):
        cases.append((title, upper_part(recipe, values["oof"], part), upper_part(recipe, values["loso"], part)))
    return cases
