"""Unfinished runs: the law recovered from its own curve, real logs, and errors."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import forescale as fs
from forescale.errors import InputError
from forescale.forecast.unfinished import learning_rates
from forescale.laws.training import areas


def curve(until, schedule, gain, memory=0.99):
    rates = learning_rates(schedule, until, until // 100)
    s1, s2 = areas(rates, memory, until // 100)
    return 2.0 + 6.0 * s1**-0.4 - gain * s2 / s2[-1]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd"])
@pytest.mark.parametrize("share", [0.6, 0.85])
def test_the_law_is_recovered_from_its_own_curve(schedule, share, rng):
    y = curve(20_000, schedule, 0.06)
    step = np.arange(100, int(20_000 * share), 50, dtype=float)
    log = {"steps": step, "loss": y[step.astype(int) - 1] * np.exp(0.003 * rng.standard_normal(len(step)))}
    seen = fs.watch(log, until="20k", schedule=schedule)
    assert abs(seen.value / y[-1] - 1) < 0.015 and seen.low < y[-1] < seen.high


def test_areas_against_their_definition():
    rates = learning_rates("cosine", 50, 5)
    s1, s2 = areas(rates, 0.9, 5)
    momentum, total = 0.0, []
    for i in range(50):
        momentum = 0.9 * momentum + (rates[i - 1] - rates[i] if i >= 5 else 0.0)
        total.append(momentum)
    assert np.allclose(s1, np.cumsum(rates)) and np.allclose(s2, np.cumsum(total))


def test_the_interval_narrows_as_the_log_grows():
    y = curve(20_000, "cosine", 0.06)
    step = np.arange(100, 20_000, 50)
    wide = [fs.watch({"steps": step[:n], "loss": y[step[:n] - 1]}, until=20_000) for n in (100, 200, 300, 390)]
    width = [w.high - w.low for w in wide]
    assert all(b < a for a, b in pairwise(width)) and "prior" in wide[0].warnings[-1]


def test_real_logs_at_three_quarters(study):
    """Cosine runs of the (Mis)Fitting study: three quarters of the log give the last validation loss."""
    runs = study("misfitting", "curves", only=("step", "loss", "total_steps"))
    errors, inside = [], []
    for run in sorted(set(runs["run"].tolist())):
        own = runs.where(runs["run"] == run)
        if len(own) >= 20:
            end, late = own["total_steps"][0], own["step"] <= 0.75 * own["total_steps"][0]
            seen = fs.watch(own.where(late), until=end, final=0.1)
            truth = own["loss"][np.argmax(own["step"])]
            errors.append(abs(seen.value / truth - 1))
            inside.append(seen.low < truth < seen.high)
    assert len(errors) > 50 and np.mean(errors) < 0.006 and np.mean(inside) > 0.85


def test_a_log_file_and_errors(tmp_path):
    path = tmp_path / "log.csv"
    pl.DataFrame({"step": range(1, 400), "loss": [3 + 5 * s**-0.5 for s in range(1, 400)]}).write_csv(path)
    assert "final loss" in fs.watch(path, until=1000).summary()
    with pytest.raises(InputError, match="beyond until"):
        fs.watch(path, until=200)
    with pytest.raises(InputError, match="wait for more"):
        fs.watch({"steps": [1.0, 2.0], "loss": [3.0, 2.0]}, until=1000)
    with pytest.raises(InputError, match="unknown schedule"):
        fs.watch(path, until=1000, schedule="cos")
