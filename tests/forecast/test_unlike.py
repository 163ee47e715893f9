"""Rows that differ in more than what is asked: told of, named by the column that tells them apart, and the best of them kept."""

import numpy as np
import pytest

import forescale as fs
from forescale.errors import InputError

USUAL = "of a usual one, not of the best"


def sweep(rng, effect=0.02, noise=0.002):
    """Simulated: four sizes at 20 tokens a parameter, five learning rates and two seeds each, the middle rate best."""
    n, k, seed = (v.ravel() for v in np.meshgrid([2e7, 6e7, 2e8, 6e8], [-2, -1, 0, 1, 2], [0, 1], indexing="ij"))
    loss = (1.7 + 60 * n**-0.25) * np.exp(effect * k**2 / 4 + noise * rng.standard_normal(len(n)))
    return {"params": n, "tokens": 20 * n, "lr": 1e-3 * 2.0**k, "seed": seed, "loss": loss}


def test_a_sweep_is_told_of_and_seeds_are_not(rng):
    table = sweep(rng)
    said = [w for w in fs.forecast(table, params=2e9, tokens=4e10).warnings if USUAL in w]
    assert len(said) == 1 and "learning_rate (5 values)" in said[0] and "seed" not in said[0]
    only = {k: v[table["lr"] == 1e-3] for k, v in table.items()}
    assert not any(USUAL in w for w in fs.forecast(only, params=2e9, tokens=4e10).warnings)
    given = fs.forecast(table, params=2e9, tokens=4e10, lr=1e-3)
    assert not any(USUAL in w for w in given.warnings)


def test_the_best_of_a_sweep_is_kept(rng):
    table = sweep(rng, noise=0.0)
    found = fs.forecast(table, params=2e9, tokens=4e10, best=True)
    alone = fs.forecast({k: v[(table["lr"] == 1e-3) & (table["seed"] == 0)] for k, v in table.items()}, params=2e9, tokens=4e10)
    assert found.value == pytest.approx(alone.value) and found.rows == 4
    assert any("lowest loss is kept: 36 left out" in w for w in found.warnings)
    score = {**table, "accuracy": 1 - table["loss"] / 10}
    right = fs.forecast(score, target="accuracy", params=2e9, tokens=4e10, best=True)
    assert any("highest accuracy is kept" in w for w in right.warnings)
    with pytest.raises(InputError, match="above zero only"):
        fs.forecast({**table, "share": np.zeros(40) + (table["lr"] > 1e-3)}, params=2e9, share=0.5, best=True)


def test_arms_of_a_published_study(study):
    """Porian et al.: nine arms with the same sizes and tokens; asked within an arm nothing is to be said."""
    runs = study("kaplan-vs-chinchilla")
    own = runs.where((runs["param_count"] == "standard") & (runs["role"] == "fit"))
    (said,) = (w for w in fs.forecast(own, params=1e9, tokens=2e10).warnings if USUAL in w)
    assert "arm (" in said
    one = own.where(own["arm"] == own["arm"][0])
    assert not any(USUAL in w for w in fs.forecast(one, params=1e9, tokens=2e10).warnings)


def test_the_best_learning_rates_of_a_published_study(study):
    """Li et al. mark the runs of the best rate for each size and length; the rule finds them."""
    runs = study("misfitting")
    fit = runs.where(runs["role"] == "fit")
    found = fs.forecast(fit, params=1e9, tokens=2e10, best=True)
    marked = fs.forecast(fit.where(fit["best_lr"].astype(str) == "True"), params=1e9, tokens=2e10)
    assert found.rows == marked.rows and found.value == pytest.approx(marked.value)
