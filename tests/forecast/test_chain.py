"""Accuracy by item: coverage and error on simulated benchmarks, whose items all follow lines; what it says when it cannot."""

import numpy as np
import pytest

from forescale.errors import InputError
from forescale.forecast import chain_forecast

TARGET = 1e23


def simulated(seed, models=8, items=300, choices=4, outlier=False):
    """log p of every choice: lines in log compute, noise of choices and of models; the right choice starts behind."""
    rng = np.random.default_rng(seed)
    c = np.geomspace(1e18, 1e21, models)
    level = -4.0 + rng.normal(0, 1, (items, choices))
    level[:, 0] -= 1.5
    slope = rng.normal(0.15, 0.12, (items, choices))
    slope[:, 0] += 0.45

    def at(x):
        z = level + slope * x + rng.normal(0, 0.12, (items, choices))
        z[:, 0] += rng.normal(0, 0.08)
        return np.minimum(z - np.maximum(np.logaddexp.reduce(z, axis=1), 0)[:, None], 0.0)

    log_p = np.stack([at(v) for v in np.log10(c) - 18])
    if outlier:
        log_p[3] -= 1.0  # a broken evaluation: everything less likely
    truth = at(np.log10(TARGET) - 18)
    return log_p, np.zeros(items, int), c, (truth[:, 0] > truth[:, 1:].max(axis=1)).mean()


@pytest.mark.slow
def test_accuracy_is_foretold_where_a_line_through_it_fails():
    error, direct, inside = [], [], []
    for seed in range(30):
        log_p, correct, c, truth = simulated(seed)
        found = chain_forecast(log_p, correct, c, TARGET, draws=200)
        value, low, high = found.scores["accuracy"]
        error.append(abs(value - truth))
        direct.append(abs(found.direct - truth))
        inside.append(low <= truth <= high)
    print(np.mean(error), np.mean(direct), np.mean(inside))
    assert np.mean(error) < 0.04 and np.mean(error) < 0.5 * np.mean(direct) and 0.8 <= np.mean(inside)


def test_a_broken_model_moves_it_little():
    log_p, correct, c, truth = simulated(1, outlier=True)
    value, low, high = chain_forecast(log_p, correct, c, TARGET, draws=200).scores["accuracy"]
    assert abs(value - truth) < 0.1 and low <= truth <= high


def test_noise_free_items_are_continued_exactly():
    c = np.geomspace(1e18, 1e21, 5)
    x = np.log10(c) - 21
    right, wrong = -1.0 + 0.1 * x, -1.5 + 0.0 * x
    log_p = np.stack([np.stack([right, wrong], axis=1)] * 6, axis=1)
    found = chain_forecast(log_p, np.zeros(6, int), c, 1e22, draws=50)
    assert found.scores["log_p_correct"][0] == pytest.approx(-0.9, abs=1e-6)
    p = np.exp(-0.9) / (np.exp(-0.9) + np.exp(-1.5))
    assert found.scores["p_choices"][0] == pytest.approx(p, abs=1e-6) and found.scores["accuracy"] == (1.0, 1.0, 1.0)
    assert found.scores["brier"][0] == pytest.approx(2 * (1 - p) ** 2, abs=1e-6)
    assert found.slopes["right"][0] == pytest.approx(0.1) and any("hardly moved" in w for w in found.warnings)


def test_shapes_that_do_not_agree_are_said():
    log_p, correct, c, _ = simulated(0)
    for args, said in (
        ((log_p[:3], correct, c[:3], TARGET), "four or more models"),
        ((log_p, correct, c[:-1], TARGET), "different positive flops"),
        ((log_p + 9, correct, c, TARGET), "at most 0"),
        ((log_p, correct, c, -1), "above zero"),
    ):
        with pytest.raises(InputError, match=said):
            chain_forecast(*args)
