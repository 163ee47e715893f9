"""Simulated ladders from laws the stack does not hold exactly: the shipped calibration covers new runs 10x beyond."""

import numpy as np
import pytest

import forescale as fs
from forescale import laws

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["chinchilla", "kaplan"])
def test_new_runs_ten_times_beyond(name):
    law, inside, errors = laws.get(name), [], []
    values = dict(law.published[-1].values)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n = np.exp(rng.uniform(np.log(1e7), np.log(1e9), 60))
        d = n * np.exp(rng.uniform(np.log(5), np.log(100), 60))
        y = law(values, params=n, tokens=d) * np.exp(0.005 * rng.standard_normal(60))
        size = 2.2e9
        truth = float(law(values, params=size, tokens=20 * size)) * np.exp(0.005 * rng.standard_normal())
        f = fs.forecast({"params": n, "tokens": d, "loss": y}, params=size, tokens=20 * size)
        inside.append(f.low[0] < truth < f.high[0])
        errors.append(abs(f.value[0] / truth - 1))
    assert 0.8 <= np.mean(inside) and np.mean(errors) < 0.012  # a share of 60 is good to 0.04
