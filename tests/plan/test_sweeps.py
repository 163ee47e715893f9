"""Learning rates and batches from sweeps: simulated ones, with runs that diverge, and real ones with each size held out."""

import numpy as np
import polars as pl
import pytest

from forescale.errors import InputError
from forescale.plan import hparams, measured
from forescale.runs import Runs, read


def sweep(seed, two=False):
    rng, rows = np.random.default_rng(seed), []
    a, b, e = rng.uniform(-0.6, -0.2), rng.uniform(-0.4, 0.2), rng.uniform(0.3, 0.6)
    rate = lambda n, t: np.log(3e-3) + a * np.log(n / 1e8) + b * np.log(t / 2e9)
    batch = lambda t: np.log(5e5) + e * np.log(t / 2e9)
    for n in np.geomspace(2e7, 5e8, 5):
        for t in (10 * n, 40 * n):
            for x in np.log(2e-3 * np.array([0.25, 0.5, 1, 2, 4, 8])):
                for y in np.log(1e6 * np.array([0.125, 0.25, 0.5, 1, 2])) if two else [batch(t)]:
                    u, v = x - rate(n, t), y - batch(t)
                    loss = (2 + 0.3 * (n / 1e8) ** -0.3) * np.exp(
                        0.03 * (u - 0.3 * v) ** 2 + 0.015 * v**2 + 1e-3 * rng.standard_normal()
                    )
                    rows.append((n, t, np.exp(x), np.exp(y), loss))
    names = ("params", "tokens", "learning_rate", "batch_size", "loss")
    return read(pl.DataFrame(dict(zip(names, np.array(rows).T, strict=True)))), np.exp(rate(2e9, 4e10)), np.exp(batch(4e10))


def test_swept_learning_rate_at_a_larger_run():
    held, factors = [], []
    for seed in range(12):
        runs, rate, _ = sweep(seed)
        value, low, high = hparams(runs, params="2B", tokens="40B", resamples=30).values["learning_rate"]
        factors.append(max(value / rate, rate / value))
        held.append(low <= rate <= high)
    assert max(factors) < 1.25 and np.mean(held) >= 0.75


@pytest.mark.parametrize(("sizes", "rates", "noise"), [(3, 4, 0.01), (4, 3, 0.003)])
def test_small_sweeps_at_one_ratio(sizes, rates, noise):
    """Three or four sizes, three or four rates each, carried to ten times the largest size: nine in ten hold (of those from four
    sizes, five in six held before), and no noise sends a rate more than four e-folds off (63 before)."""
    rng, held, off = np.random.default_rng(0), [], []
    for _ in range(20):
        slope, steep, middle = rng.uniform(-0.35, -0.1), rng.uniform(0.01, 0.04), rng.uniform(-0.5, 0.5)
        n, k = (v.ravel() for v in np.meshgrid(np.geomspace(2e7, 3e8, sizes), np.linspace(-1.5, 1.5, rates)))
        best = lambda n, s=slope: 3e-3 * (n / 2e7) ** s
        rate = 3e-3 * 2.0 ** (k + middle) * (n / 2e7) ** (slope / 2)
        loss = (1.75 + 410 * n**-0.34) * np.exp(steep * np.log2(rate / best(n)) ** 2 / 2 + noise * rng.standard_normal(len(n)))
        table = Runs({"params": n, "tokens": 20 * n, "learning_rate": rate, "loss": loss})
        found = hparams(table, params=3e9, tokens=6e10, resamples=30)
        value, low, high = found.values["learning_rate"]
        held.append(low <= best(3e9) <= high)
        off.append(abs(np.log(value / best(3e9))))
    assert np.mean(held) >= 0.8 and max(off) < 4


def test_rates_at_which_runs_diverge():
    """Where a rate far above the best leaves a run at the loss of a guess, the best rate is what it was without those runs."""
    factors, held = [], []
    for seed in range(8):
        runs, rate, _ = sweep(seed)
        cell = {(n, t): runs["loss"][(runs["params"] == n) & (runs["tokens"] == t)].min() for n, t in _places(runs)}
        above = runs["loss"] / np.array([cell[p] for p in _places(runs, every=True)])
        best = {p: runs["learning_rate"][i] for i, p in enumerate(_places(runs, every=True)) if above[i] == 1}
        over = runs["learning_rate"] > 2.5 * np.array([best[p] for p in _places(runs, every=True)])
        loss = np.where(over, 7.5 + 0.3 * np.random.default_rng(seed).standard_normal(len(over)), runs["loss"])
        assert over.sum() > 5
        bad = Runs({**{k: runs[k] for k in ("params", "tokens", "learning_rate")}, "loss": loss})
        found = hparams(bad, params="2B", tokens="40B", resamples=30)
        value, low, high = found.values["learning_rate"]
        factors.append(max(value / rate, rate / value))
        held.append(low <= rate <= high)
        named = next(int(w.split()[0]) for w in found.warnings if "lie far above" in w)
        assert over.sum() <= named < over.sum() + 10
    assert np.median(factors) < 1.25 and max(factors) < 1.7 and np.mean(held) >= 0.75


def _places(runs, every=False):
    pairs = list(zip(runs["params"], runs["tokens"], strict=True))
    return pairs if every else sorted(set(pairs))


def test_swept_rate_and_batch_together():
    runs, rate, batch = sweep(3, two=True)
    found = hparams(runs, params="2B", tokens="40B", settings=("learning_rate", "batch_size"), resamples=20)
    assert found.values["learning_rate"][0] == pytest.approx(rate, rel=0.1)
    assert found.values["batch_size"][0] == pytest.approx(batch, rel=0.1)


def test_misfitting_sweeps_with_each_size_held_out(study):
    """Real sweeps: at each of eleven held-out sizes the median factor off the size's own best rate is below 1.25, the loss
    regret below 0.3 % in the median of every size, and nine of ten intervals hold."""
    runs = study("misfitting", drop_bad=True)
    runs = runs.where(runs["suspect"] == "False")
    own, held = measured(runs), []
    sizes = sorted({c["params"] for c in own})
    assert len(sizes) == 11
    for size in sizes:
        rest = runs.where(np.abs(np.log(runs["params"].astype(float) / size)) > 1e-6)
        factors, regrets = [], []
        for cell in (c for c in own if abs(np.log(c["params"] / size)) < 1e-6):
            value, low, high = hparams(rest, params=size, tokens=cell["tokens"], resamples=25).values["learning_rate"]
            off = abs(np.log(value / cell["learning_rate"]))
            factors.append(np.exp(off))
            regrets.append(cell["steepness"] * off**2)
            held.append(low <= cell["learning_rate"] <= high)
        assert np.median(factors) < 1.25 and np.median(regrets) < 0.003 and max(regrets) < 0.004, size
    assert np.mean(held) > 0.85


@pytest.mark.parametrize("m", [1, 2])
def test_slopes_of_the_bowls_are_their_differences(m, rng):
    from forescale.plan.bowls import left_over, slopes

    rows = rng.standard_normal((42, m)), rng.standard_normal(42), rng.uniform(size=42)
    data = rng.standard_normal((6, 2)), np.repeat(np.arange(6), 7), *rows
    q, step = 0.5 * rng.standard_normal(6 * m + (m == 2)), 1e-6
    by = [(left_over(q + step * e, m, *data)[1] - left_over(q - step * e, m, *data)[1]) / (2 * step) for e in np.eye(len(q))]
    assert slopes(q, m, *data) == pytest.approx(np.stack(by, axis=1), abs=1e-7)


def test_a_sweep_that_cannot_say():
    runs, _, _ = sweep(0)
    with pytest.raises(InputError, match="3 are needed"):
        hparams(runs.where(runs["params"] < 3e7), params="2B", tokens="40B")
    with pytest.raises(InputError, match="takes 1 values"):
        hparams(runs.where(np.abs(runs["learning_rate"] - 2e-3) < 1e-9), params="2B", tokens="40B")


def test_a_sweep_of_noise_is_undecided():
    """Losses that do not depend on the rate: told of in nine sweeps of ten, and never where a bowl of 3 % is seen."""
    rng = np.random.default_rng(0)
    n, k = (v.ravel() for v in np.meshgrid(np.geomspace(2e7, 3e8, 4), np.linspace(-1.5, 1.5, 4)))
    told = {0.0: [], 0.03: []}
    for steep in np.repeat([0.0, 0.03], 20):
        loss = (1.75 + 410 * n**-0.34) * np.exp(steep * k**2 + 0.003 * rng.standard_normal(len(n)))
        table = Runs({"params": n, "tokens": 20 * n, "learning_rate": 3e-3 * 2.0**k, "loss": loss})
        found = hparams(table, params=3e9, tokens=6e10, resamples=3)
        value, low, high = found.values["learning_rate"]
        told[steep].append(any("from noise: undecided" in w for w in found.warnings))
        assert low <= value <= high
    assert np.mean(told[0.0]) > 0.8 and not any(told[0.03])
    same = Runs({"params": n, "tokens": 20 * n, "learning_rate": 3e-3 * 2.0**k, "loss": np.full(len(n), 2.5)})
    with pytest.raises(InputError, match="the same whatever learning_rate"):
        hparams(same, params=3e9, tokens=6e10)
