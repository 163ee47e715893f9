"""Simulated ladders from laws the stack does not hold exactly: how often the shipped calibration covers a new run."""

import numpy as np
import pytest

import forescale as fs
from forescale import laws

pytestmark = pytest.mark.slow
NEAR, FAR = 2.2e9, 5e9  # parameters at 20 tokens each: twice and ten times the largest run's compute
CASES = [(NEAR, False, 0.80, 0.012), (FAR, False, 0.72, 0.017), (NEAR, True, 0.78, 0.020)]


@pytest.mark.parametrize("name", ["chinchilla", "kaplan"])
@pytest.mark.parametrize(("size", "failed", "held", "off"), CASES)
def test_new_runs(name, size, failed, held, off):
    """Of 60 nominal 90 % intervals (each share good to 0.05) 54 and 50 hold twice beyond the rows, 48 and 47 ten times beyond,
    where a right law is told from others by little: fewer than they promise. `failed`: one of the three largest runs is 5 to
    100 % too high; 55 and 50 hold."""
    law, inside, errors = laws.get(name), [], []
    values = dict(law.published[-1].values)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n = np.exp(rng.uniform(np.log(1e7), np.log(1e9), 60))
        d = n * np.exp(rng.uniform(np.log(5), np.log(100), 60))
        y = law(values, params=n, tokens=d) * np.exp(0.005 * rng.standard_normal(60))
        truth = float(law(values, params=size, tokens=20 * size)) * np.exp(0.005 * rng.standard_normal())
        if failed:
            y[np.argsort(n * d)[-int(rng.integers(1, 4))]] *= np.exp(rng.uniform(np.log(1.05), np.log(2)))
        f = fs.forecast({"params": n, "tokens": d, "loss": y}, params=size, tokens=20 * size)
        inside.append(f.low[0] < truth < f.high[0])
        errors.append(abs(f.value[0] / truth - 1))
    assert held <= np.mean(inside) and np.mean(errors) < off
