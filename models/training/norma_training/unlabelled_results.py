"""models/UNLABELLED.md: the simulation of thresholds without labels."""

from __future__ import annotations

from functools import partial
from typing import Callable

import numpy as np

from .markdown import table
from .unlabelled import (
    CONFIDENCE, DEFAULT_POINT, MAXIMAL_PREVALENCE, PREVALENCES, STREAM_SIZES, STREAMS, TOLERANCE, Outcome, Site, Told, all_but_labels_known,
    allowed_below, as_shipped, interval, lower_part_as_norm, order_at, order_threshold, simulate,
)

TARGETS = (0.95, 0.8)
#: Of the comparison of before and after.
USUAL_PREVALENCE = 0.3
#: Of so many streams a share is estimated within two of these.
LEEWAY = 2 * float(np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / STREAMS))


def order_rule(target: float, studies: int) -> Callable[[np.ndarray], Told | None]:
    return partial(order_threshold, target=target, allowed=allowed_below(studies, target))


def holds(outcome: Outcome) -> bool:
    """Whether what was told was broken no more often than the confidence allows."""
    return np.isnan(outcome.broken) or outcome.broken <= 1 - CONFIDENCE + LEEWAY


def keeps_or_refuses(outcome: Outcome) -> bool:
    """Whether nothing is told, or the sensitivity lies within `TOLERANCE` of what is told, no more streams aside than the confidence allows."""
    return outcome.refused == outcome.streams or outcome.off <= 1 - CONFIDENCE + LEEWAY


def report(sites: list[Site], whole_norms: int, whole_pathologies: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    cases = [(site, prevalence, studies) for site in sites for prevalence in PREVALENCES for studies in STREAM_SIZES]
    taken = {target: [(case, simulate(case[0], order_rule(target, case[2]), case[2], case[1], rng)) for case in cases] for target in TARGETS}
    at_default = [(case, simulate(case[0], partial(order_at, threshold=case[0].threshold), case[2], case[1], rng)) for case in cases]
    others: dict[str, Callable[[Site, float], Callable[[np.ndarray], Told]]] = {
        "as shipped, nothing fitted": lambda site, _: partial(as_shipped, site),
        "lower part as norm, mapped onto the others' norm": lambda site, _: partial(lower_part_as_norm, site),
        "prevalence and norm known without error": lambda site, prevalence: partial(all_but_labels_known, site, prevalence=prevalence),
    }
    rivals = {name: [(case, simulate(case[0], rule(case[0], case[1]), case[2], case[1], rng)) for case in cases] for name, rule in others.items()}
    worst = {target: max((outcome.broken for _, outcome in rows if outcome.refused < outcome.streams), default=float("nan")) for target, rows in taken.items()}
    return "\n\n".join([
        "# Thresholds without labels: what a stream can tell",
        f"""Made by `models/training/run unlabelled`; `norma calibrate --unlabelled` follows the rule that is taken here. Each source in turn is a site
that nothing was fitted on; {STREAMS} streams of each kind are drawn from its pseudo-studies with replacement, so the truth is the source's own.
Pathologies and norms of the sources: {"; ".join(f"{site.name} {len(site.pathology)} and {len(site.norm)}" for site in sites)}: too few to tell the
truth of the source itself, enough to tell whether a rule keeps its word.""",
        "## The default point, before and after",
        _before_and_after(
            [(case, before, after) for (case, before), (_, after) in zip(at_default, taken[TARGETS[0]]) if case[1] == USUAL_PREVALENCE],
        ),
        f"""Of whole series {whole_norms} {"norm is" if whole_norms == 1 else "norms are"} at hand and {whole_pathologies}
{"pathology" if whole_pathologies == 1 else "pathologies"}: from so few no stream can be drawn. What each is answered stands in RESULTS.md.""",
        "## The rule that is taken",
        f"""**Assumed: of pathologies no larger share scores below the threshold than of norms.** The share of pathologies below it is then at most that of
the stream, at any prevalence, and the threshold is the highest below which at most 1 − target of the stream lies, with confidence
{CONFIDENCE:.0%} (Clopper–Pearson on an order statistic). Of norms no more are released than the stream's share over 1 − the maximal
prevalence ({MAXIMAL_PREVALENCE:.0%}). *Broken*: streams after which the true sensitivity is below what was told, of those that got a threshold; at most
{1 - CONFIDENCE:.0%} may be (with {STREAMS} streams up to {1 - CONFIDENCE + LEEWAY:.3f} is chance). It was {"kept" if all(holds(o) for rows in taken.values() for _, o in rows) else "**not kept**"} in every
case: at worst {", ".join(f"{share:.3f} for {target:.0%}" for target, share in worst.items())}. Forty studies are refused at 95%; later refusals are of
streams whose lowest scores are equal, since they are drawn with replacement from few.""",
        *(f"Sensitivity ≥ {target:.0%} asked for:\n\n{_taken(rows)}" for target, rows in taken.items()),
        "## The default point before a fit",
        f"""What the same assumption says of `sensitivity_95` as shipped: a bound, told beside the truth. *Promised*: what the
point has on the sources that it was fitted on.""",
        _default(at_default),
        "## Rules that are not taken",
        f"""Each tells one figure for the sensitivity. *Off*: streams after which it is further than {TOLERANCE} from the truth. The lower part of the stream
taken for norm moves the threshold too high on each source. Even with the prevalence and the norm's distribution known without error, which no site
has, streams of these sizes tell the sensitivity only where hardly anything lies below the threshold. So no figure is told but a bound,
and where the bound would release nothing the fit refuses.""",
        table(
            ["site", "prevalence", "studies", *(f"{name}: told, true, off" for name in rivals)],
            [[*_head(case), *(f"{rows[i][1].told:.2f}, {rows[i][1].truth:.2f}, {rows[i][1].off:.2f}" for rows in rivals.values())] for i, case in enumerate(cases)],
        ),
    ]) + "\n"


def _before_and_after(rows: list[tuple[tuple[Site, float, int], Outcome, Outcome]]) -> str:
    def of(values: tuple[float, float]) -> str:
        return "–".join(f"{value:.2f}" for value in values)

    def sensitivity(site: Site) -> str:
        found = int((site.pathology >= site.threshold).sum())
        return f"{site.sensitivity(site.threshold):.2f} ({of(interval(found, len(site.pathology)))})"

    def after_fit(after: Outcome) -> list[str]:
        if after.refused == after.streams:
            return ["refused", "–", "–", "–"]
        return [f"{after.refused / after.streams:.2f}", f"{after.told:.3f}", f"{after.truth:.3f} ({of(after.truth_range)})", f"{after.released:.2f}"]

    smallest = [(case, after) for case, _, after in rows if case[2] == min(STREAM_SIZES)]
    broken = [case[0].name for case, after in smallest if not keeps_or_refuses(after)]
    refused = [case[0].name for case, after in smallest if after.refused == after.streams]
    kept = f"not so on {', '.join(broken)}" if broken else "so on each source"
    why = f"; on {', '.join(refused)} it refuses, since a bound at 95% needs {_studies_needed(TARGETS[0])} studies" if refused else ""
    return "\n\n".join([
        f"""Of {USUAL_PREVALENCE:.0%} pathologies. Before: what `{DEFAULT_POINT}` as shipped finds of the source's pathologies (with the interval that so few allow), and the bound that
the stream tells of it, on average. After: the share of the streams that are refused; of the others the bound that is told, what the fitted threshold finds
(on average, and within which it lies after 95 of 100 streams), and the norms that are released. After a fit on {min(STREAM_SIZES)} studies the sensitivity is to lie within
{TOLERANCE} of what is told, or nothing is told: {kept}{why}.""",
        table(
            ["site", "studies", "before: sensitivity", "before: told to be at least", "before: norms released", "after: refused", "after: told to be at least", "after: sensitivity", "after: norms released"],
            [[case[0].name, str(case[2]), sensitivity(case[0]), f"{before.told:.2f}", f"{before.released:.2f}", *after_fit(after)] for case, before, after in rows],
        ),
    ])


def _studies_needed(target: float) -> int:
    return next(studies for studies in range(1, 10_000) if allowed_below(studies, target) >= 1)


def _head(case: tuple[Site, float, int]) -> list[str]:
    site, prevalence, studies = case
    return [site.name, f"{prevalence:.0%}", str(studies)]


def _taken(rows: list[tuple[tuple[Site, float, int], Outcome]]) -> str:
    return table(
        ["site", "prevalence", "studies", "refused", "true sensitivity, mean", "broken", "norms released, mean", "more released than was told"],
        [[*_head(case), f"{o.refused / o.streams:.2f}", *(["–"] * 4 if o.refused == o.streams else [f"{o.truth:.3f}", f"{o.broken:.3f}", f"{o.released:.3f}", f"{o.more_released:.3f}"])] for case, o in rows],
    )


def _default(rows: list[tuple[tuple[Site, float, int], Outcome]]) -> str:
    return table(
        ["site", "prevalence", "studies", "promised", "true sensitivity", "told to be at least, mean", "broken", "norms released"],
        [[*_head(case), f"{case[0].told:.2f}", f"{o.truth:.2f}", f"{o.told:.2f}", f"{o.broken:.3f}", f"{o.released:.2f}"] for case, o in rows],
    )
