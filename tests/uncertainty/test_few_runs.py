"""Where runs are too few to be drawn again: intervals that hold, and words where they cannot."""

import numpy as np
import pytest

import forescale as fs
from forescale import laws
from forescale.fit import from_dict
from forescale.plan import inference_optimal

LAW = laws.get("chinchilla")
VALUES = LAW.preset("besiroglu")
AT = {"params": 6e9, "tokens": 2.4e11}


def checkpoints(seed, runs, noise=0.004):
    """Twenty checkpoints of each run: noise of a run as a whole, and of each row."""
    rng = np.random.default_rng(seed)
    n = np.repeat(np.geomspace(3e7, 2e9, runs), 20)
    d = n * 40 * np.tile(np.linspace(0.15, 1, 20), runs)
    shift = np.repeat(noise * rng.standard_normal(runs), 20) + 0.002 * rng.standard_normal(len(n))
    truth = float(LAW(VALUES, **AT)) * np.exp(noise * rng.standard_normal())
    names = np.repeat([f"run{i}" for i in range(runs)], 20)
    return {"params": n, "tokens": d, "loss": LAW(VALUES, params=n, tokens=d) * np.exp(shift), "run": names}, truth


@pytest.mark.parametrize(("runs", "held"), [(3, 0.7), (4, 0.7), (6, 0.8)])
def test_a_new_run_after_few(runs, held):
    """Of 60 nominal 90 % intervals (each share good to 0.05) 47, 50 and 54 hold; drawing 3 or 4 runs again, 30 and 43 would."""
    inside = []
    for seed in range(60):
        table, truth = checkpoints(seed, runs)
        found = fs.fit(LAW, table, resamples=150)
        seen = found.predict(**AT)
        inside.append(float(seen.low) < truth < float(seen.high))
        assert any("too few" in w for w in found.warnings) == (runs < 6)
        assert ("noise drawn anew" in found.draws.method) == (runs < 6)
    assert np.mean(inside) >= held


def test_one_run_has_an_interval():
    """Of 30 nominal 90 % intervals (each share good to 0.05) 27 hold the exponent; drawing the one run again gives no width."""
    x, inside = np.geomspace(1e8, 1e11, 40), []
    for seed in range(30):
        y = (2 + 3 * (x / 1e8) ** -0.3) * np.exp(0.005 * np.random.default_rng(seed).standard_normal(40))
        found = fs.fit(laws.get("power_floor"), {"x": x, "loss": y, "run": ["only"] * 40}, resamples=150)
        low, high = found.interval("alpha")
        inside.append(low < 0.3 < high)
    assert np.mean(inside) >= 0.75 and any("1 run is too few" in w for w in found.warnings)


def test_what_two_sizes_cannot_tell_is_said_with_every_answer():
    table, _ = checkpoints(0, 2)
    found = fs.fit(LAW, table, resamples=50)
    for said in (found, from_dict(found.to_dict(), LAW)):
        assert "cannot tell" in said.weak
        for answer in (said.predict(**AT), fs.plan(said, 1e22), inference_optimal(said, "1T", loss=2.4)):
            assert answer.warnings[0].startswith("undecided: the data cannot tell")
    whole, _ = checkpoints(0, 6)
    assert not fs.fit(LAW, whole, resamples=50).weak
