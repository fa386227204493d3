"""Rules on streams without labels, against mixtures whose parts are known."""

from functools import partial

import numpy as np
import pytest

from norma_training.unlabelled import Site, allowed_below, as_shipped, interval, order_at, order_threshold, simulate, upper_bound
from norma_training.unlabelled_results import keeps_or_refuses, order_rule, report


def site(power: float, name: str = "known") -> Site:
    """Norms score uniformly, the share of pathologies below t is t ** power."""
    steps = (np.arange(2000) + 0.5) / 2000
    return Site(name, steps, steps ** (1 / power), 0.5, 0.95, steps)


def test_the_room_below_a_threshold_is_that_of_wilks():
    assert [allowed_below(studies, 0.95) for studies in (58, 59, 92, 93, 124, 300)] == [-1, 0, 0, 1, 2, 8]
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59))


def test_too_few_and_equal_scores_are_refused():
    assert order_threshold(np.linspace(0, 1, 92), 0.95) is None
    assert order_threshold(np.repeat([0.2, 0.9], 50), 0.95) is None
    told = order_threshold(np.arange(93) / 93, 0.95)
    assert told.threshold == pytest.approx(1 / 93) and told.sensitivity[0] >= 0.95


@pytest.mark.parametrize("power", [1.0, 3.0])
@pytest.mark.parametrize("prevalence", [0.1, 0.6])
def test_what_is_told_is_kept_where_the_order_holds(power, prevalence):
    for rule in (partial(order_threshold, target=0.8), partial(order_at, threshold=0.3)):
        outcome = simulate(site(power), rule, 100, prevalence, np.random.default_rng(0), streams=400)
        assert outcome.refused == 0 and outcome.broken <= 0.08 and outcome.more_released <= 0.08


def test_a_leak_is_seen():
    reversed_order = site(0.2)
    outcome = simulate(reversed_order, partial(order_threshold, target=0.8), 300, 0.1, np.random.default_rng(0), streams=200)
    assert outcome.broken > 0.9
    assert simulate(reversed_order, partial(as_shipped, reversed_order), 40, 0.3, np.random.default_rng(0), streams=50).off == 1


def test_an_interval_is_clopper_and_pearsons():
    assert interval(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-4)
    assert interval(0, 10) == pytest.approx((0, 0.3085), abs=5e-4) and interval(10, 10)[1] == 1


@pytest.mark.parametrize("studies", [40, 100, 300])
def test_a_fit_keeps_within_a_twentieth_of_what_it_tells_or_refuses(studies):
    outcome = simulate(site(3.0), order_rule(0.95, studies), studies, 0.3, np.random.default_rng(1), streams=400)
    assert keeps_or_refuses(outcome) and (outcome.refused == 400) == (studies == 40)
    leak = simulate(site(0.2), order_rule(0.95, 300), 300, 0.1, np.random.default_rng(1), streams=200)
    assert not keeps_or_refuses(leak)


def test_the_report_says_when_the_rule_did_not_keep_its_word(monkeypatch):
    monkeypatch.setattr("norma_training.unlabelled_results.STREAM_SIZES", (100,))
    monkeypatch.setattr("norma_training.unlabelled_results.PREVALENCES", (0.1, 0.3))
    kept = report([site(3.0)], 1, 2)
    assert "It was kept in every" in kept and "so on each source" in kept and "1 norm is at hand and 2\npathologies" in kept
    broken = report([site(0.2)], 0, 1)
    assert "**not kept**" in broken and "not so on known" in broken
