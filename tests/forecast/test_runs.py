"""Rows that are checkpoints of runs: what rows of a run share is noise of their forecasts, told from the rows' own."""

from dataclasses import replace

import numpy as np
import pytest

import forescale as fs
from forescale import laws
from forescale.forecast.backtest import roll
from forescale.forecast.calibrate import features
from forescale.forecast.local import leverage, run_leverage, run_noise
from forescale.forecast.prepare import recognised
from forescale.forecast.question import Question, alike, several
from forescale.forecast.stack import Stacked

LAW = laws.get("chinchilla")
VALUES = LAW.preset("besiroglu")
AT = {"params": 6e9, "tokens": 2.4e11}


def ladder(seed, runs, noise, own=0.001, checkpoints=12):
    rng = np.random.default_rng(seed)
    n = np.repeat(np.geomspace(3e7, 2e9, runs), checkpoints)
    d = n * 40 * np.tile(np.linspace(0.15, 1, checkpoints), runs)
    shared = np.repeat(noise * rng.standard_normal(runs), checkpoints)
    y = LAW(VALUES, params=n, tokens=d) * np.exp(shared + own * rng.standard_normal(len(n)))
    return n, d, y, np.repeat(np.arange(runs), checkpoints)


def question(n, d, y, run, new=((6e9, 2.4e11),)):
    new = np.array(new, float)
    return Question(("params", "tokens"), np.stack([n, d], axis=1), y, 6 * n * d, new, 6 * new.prod(axis=1), several(run))


def test_which_targets_are_new_runs():
    n, d, y, run = ladder(0, 5, 0.0)
    q = question(n, d, y, run, [(6e9, 2.4e11), (2e9, 3e11), (3e7, 1e9), (1e9, 4e10)])
    assert q.fresh.tolist() == [True, False, False, True]
    assert not question(n, d, y, np.arange(len(n))).fresh.any() and not question(n, d, y, np.zeros(len(n))).fresh.any()
    assert not replace(q, x=np.random.default_rng(0).uniform(1, 2, q.x.shape)).fresh.any()  # nothing stays along a run


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_noise_of_runs_is_recovered(noise):
    """The mean estimate over 40 ladders of 40 runs; a tenth for what the quadratic cannot follow and the scatter."""
    found = [run_noise(question(*ladder(seed, 40, noise, checkpoints=6))) for seed in range(40)]
    assert np.mean(found) == pytest.approx(noise, rel=0.15)


def test_leverage_of_runs_against_its_definition():
    """Twice the variance of the line's value over draws of what runs share; as for rows where each is its own run."""
    n, d, y, run = ladder(0, 8, 0.0)
    q = question(n, d, y, run)
    rng, w, told = np.random.default_rng(0), np.sqrt(q.weights(1.0)), []
    u = np.column_stack([np.ones(len(n)), np.log(q.x)])
    for _ in range(3000):
        z = rng.standard_normal(8)[run]
        told.append(np.r_[1, np.log(q.x_new[0])] @ np.linalg.lstsq(u * w[:, None], z * w, rcond=None)[0])
    assert run_leverage(q)[0] == pytest.approx(2 * np.var(told), rel=0.1)
    assert run_leverage(replace(q, run=np.arange(len(n)))) == pytest.approx(2 * leverage(q))


def test_the_size_of_an_interval_holds_it_for_new_runs_only():
    n, d, y, run = ladder(0, 8, 0.01)
    s = Stacked(np.zeros(2), np.full(2, 0.01), np.full(2, 0.01), np.ones(1), np.ones(1))
    q = question(n, d, y, run, [(6e9, 2.4e11), (2e9, 3e11)])
    with_runs, without = features(q, s)[:, -1], features(replace(q, run=None), s)[:, -1]
    assert with_runs[0] == pytest.approx(np.hypot(without[0], run_noise(q) * np.sqrt(1 + run_leverage(q)[0])))
    assert with_runs[1] == without[1]


def test_whole_runs_are_held_out_for_a_new_one():
    n, d, y, run = ladder(0, 8, 0.01)
    for new, whole in (((6e9, 2.4e11), True), ((2e9, 3e11), False)):
        splits = roll(question(n, d, y, run, [new]), 30.0)
        broken = [np.isin(run[s.new], run[s.fit]).any() for s in splits]
        assert splits and any(broken) != whole


def test_checkpoints_are_recognised_in_a_table_that_names_no_runs():
    n, d, y, run = ladder(0, 8, 0.01)
    table = {"params": n, "tokens": d, "loss": y}
    plain = fs.forecast(table, **AT)
    each = fs.forecast(table | {"run": [str(i) for i in range(len(n))]}, **AT)
    told = fs.forecast(table | {"run": [f"run{i}" for i in run]}, **AT)
    assert told.value == pytest.approx(plain.value) and told.high == pytest.approx(plain.high)
    assert any("taken for 8 runs" in w for w in plain.warnings) and not any(
        "taken for" in w for w in (*each.warnings, *told.warnings)
    )
    assert np.log(told.high / told.low)[0] > 1.3 * np.log(each.high / each.low)[0]


@pytest.mark.parametrize(
    ("noise", "own", "likely"), [(0.005, 0.001, (0.95, 1)), (0.003, 0.001, (0.85, 1)), (0.0, 0.005, (0, 0.1))]
)
def test_rows_trained_apart_are_not_taken_for_checkpoints(noise, own, likely):
    """Of 60 ladders of 12 sizes and 8 rows each."""
    asked = [question(*ladder(seed, 12, noise, own, checkpoints=8)) for seed in range(60)]
    found = [recognised(replace(q, run=None)).run is not None for q in asked]
    assert likely[0] <= np.mean(found) <= likely[1]


def test_what_may_be_runs():
    n, d, _, run = ladder(0, 8, 0.01)
    both = ("params", "tokens")
    x = np.stack([n, d], axis=1)
    assert alike(both, x).tolist() == run.tolist()
    assert alike(both, x[::4]) is None  # three rows of each
    assert alike(("params", "epochs"), x) is None and alike(("params",), x[:, :1]) is None
    assert alike(both, np.stack([n * np.linspace(1, 2, len(n)), d], axis=1)) is None  # no two rows alike


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "noise", "held"), [(6, 0.002, 0.8), (10, 0.004, 0.7)])
def test_new_runs_after_checkpoints(runs, noise, held):
    """Of 20 nominal 90 % intervals (each share good to 0.09) 20 and 16 hold; 12 and 8 where each row is said to be a run."""
    columns, truth = {"params": [], "tokens": [], "loss": [], "run": [], "seed": []}, []
    for seed in range(20):
        n, d, y, run = ladder(seed, runs, noise, own=0.002, checkpoints=20)
        truth.append(float(LAW(VALUES, **AT)) * np.exp(noise * np.random.default_rng(1000 + seed).standard_normal()))
        parts = (n, d, y, [f"{seed}/{r}" for r in run], [str(seed)] * len(n))
        for column, part in zip(columns.values(), parts, strict=True):
            column.extend(part)
    found = fs.forecast({k: np.array(v) for k, v in columns.items()}, group="seed", **AT).values()
    assert np.mean([f.low[0] < t < f.high[0] for f, t in zip(found, truth, strict=True)]) >= held
