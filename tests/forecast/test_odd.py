"""A diverged or untuned run at the large end does not carry the forecast away; good runs and sound tables stay whole."""

import numpy as np
import pytest

import forescale as fs
from forescale import laws
from forescale.forecast.odd import odd
from forescale.forecast.question import Question

LAW = laws.get("chinchilla")
VALUES = LAW.preset("besiroglu")
AT = {"params": 7e9, "tokens": 1.4e11}


def ladder(seed, rows=40, noise=0.003):
    rng = np.random.default_rng(seed)
    n = np.sort(np.exp(rng.uniform(np.log(2e7), np.log(2e9), rows)))
    d = n * np.exp(rng.uniform(np.log(10), np.log(60), rows))
    return n, d, LAW(VALUES, params=n, tokens=d) * np.exp(noise * rng.standard_normal(rows))


def question(n, d, y):
    return Question(("params", "tokens"), np.stack([n, d], axis=1), y, 6 * n * d, np.array([[7e9, 1.4e11]]), np.array([5.9e21]))


@pytest.mark.parametrize("times", [1.08, 1.5, 1e6])
def test_a_failed_largest_run_is_left_out_and_named(times):
    n, d, y = ladder(0)
    last = np.argmax(n * d)
    y[last] *= times
    found = fs.forecast({"params": n, "tokens": d, "loss": y}, **AT)
    assert found.value[0] == pytest.approx(float(LAW(VALUES, **AT)), rel=0.02)
    note = next(w for w in found.warnings if "left out" in w)
    assert f"loss {y[last]:.4g}" in note and "keep_odd" in note
    kept = fs.forecast({"params": n, "tokens": d, "loss": y}, keep_odd=True, **AT)
    assert kept.rows == found.rows + 1 and abs(kept.value[0] / found.value[0] - 1) > 0.02


def test_a_rollout_says_that_it_left_rows_out():
    n, d, y = ladder(0, rows=60)
    runs = {"params": n, "tokens": d, "loss": y}
    assert not any("left out" in w for w in fs.rollout(runs, ["params", "tokens"]).warnings)
    y[np.argsort(n * d)[30]] *= 1.5
    assert any("left out of the fits" in w for w in fs.rollout(runs, ["params", "tokens"]).warnings)


def test_sound_ladders_stay_whole():
    left = sum(odd(question(*ladder(seed, rows))).sum() for rows in (12, 30, 80) for seed in range(10))
    assert left == 0


def test_what_is_better_than_foretold_stays():
    n, d, y = ladder(1)
    y[np.argmax(n * d)] *= 0.9
    assert not odd(question(n, d, y)).any()


def test_for_a_score_worse_means_lower():
    n, d, y = ladder(2)
    last = np.argmax(n * d)
    for factor, gone in ((0.9, True), (1.1, False)):
        score = 1 / y
        score[last] *= factor
        assert odd(question(n, d, score))[last] == gone


def test_many_odd_rows_are_shape_and_few_rows_cannot_tell():
    n, d, y = ladder(3)
    y[::5] *= 1.3
    assert not odd(question(n, d, y)).any()
    n, d, y = ladder(4, rows=8)
    y[-1] *= 3
    assert not odd(question(n, d, y)).any()


def test_without_an_order_or_a_difference_nothing_is_odd():
    n, d, y = ladder(6)
    for q in (question(n, 1 / n, y), question(n, d, np.full(40, 2.0))):
        assert not odd(q).any()


def test_rows_beyond_those_that_the_surface_takes_are_judged_too():
    n, d, y = ladder(5, rows=900)
    rng = np.random.default_rng(0)
    bad = rng.choice(900, 12, replace=False)
    y[bad] *= 1.2
    assert (np.flatnonzero(odd(question(n, d, y))) == np.sort(bad)).all()


def test_each_group_names_its_own():
    """A failed run of one group is no business of the others."""
    rng = np.random.default_rng(0)
    c = np.geomspace(1e18, 1e21, 20)
    loss = np.concatenate([k * (1.7 + (c / 1e18) ** -0.15) * np.exp(0.002 * rng.standard_normal(20)) for k in (1.0, 1.1)])
    loss[18] *= 1.3
    table = {"flops": np.r_[c, c], "loss": loss, "data": np.repeat(["web", "code"], 20)}
    found = fs.forecast(table, flops=1e22, group="data")
    assert any(w.startswith("left out, far worse") for w in found["web"].warnings)
    assert not any("left out" in w for w in found["code"].warnings)
