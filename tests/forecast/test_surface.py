"""The smooth surface: exact on planes, close on smooth functions, deaf to odd rows; and what is asked within the rows."""

import numpy as np
import pytest

import forescale as fs
from forescale.forecast.backtest import folds, origins
from forescale.forecast.fitted import general
from forescale.forecast.local import noise
from forescale.forecast.question import Question
from forescale.forecast.surface import Rows, _fit, _lower, corrected, noises, surface


def hills(rng, count=120, noise=0.0):
    """A valley in learning rate that moves with size, which no sum of power laws and no quadratic is."""
    x = np.exp(rng.uniform([16, -9], [21, -3], (count, 2)))
    u, v = (np.log(x[:, 0]) - 18.5) / 2.5, np.log(x[:, 1]) + 6 + 0.3 * (np.log(x[:, 0]) - 18.5)
    return x, np.exp(1.0 - 0.15 * u + 0.1 * np.log1p(v * v) + noise * rng.standard_normal(count))


def question(x, y, new):
    return Question(("params", "learning_rate"), x, y, x[:, 0], new, new[:, 0])


def test_a_plane_in_the_logs_is_continued(rng):
    x = np.exp(rng.uniform(0, 5, (30, 2)))
    new = np.exp(rng.uniform(3, 6, (10, 2)))
    law = lambda v: 2.0 * v[:, 0] ** -0.2 * v[:, 1] ** 0.05
    assert surface(question(x, law(x), new)) == pytest.approx(law(new), rel=5e-3)


@pytest.mark.parametrize("odd", [0, 6, 12])
def test_a_moving_valley_is_found_between_rows(rng, odd):
    x, y = hills(rng, noise=0.005)
    at = rng.choice(len(y), odd, replace=False)
    y[at] *= 1.5
    new, truth = hills(np.random.default_rng(1), 40)
    q = question(x, y, new)
    inside = q.inside
    assert inside.sum() > 25
    assert np.median(np.abs(surface(q) / truth - 1)[inside]) < 0.012


@pytest.mark.parametrize("odd", [0, 6])
def test_what_a_law_leaves_is_followed_near_rows_and_forgotten_far_from_them(rng, odd):
    """A ripple on a right law, 0.3 % noise: near the rows five times better than the law; far from them the law's answer."""
    x = np.exp(rng.uniform([16, 20], [20, 24], (150, 2)))
    law = lambda v: 1.7 + 400 * v[:, 0] ** -0.34 + 400 * v[:, 1] ** -0.28
    ripple = lambda v: np.exp(0.03 * np.sin(2.0 * np.log(v[:, 0])))
    y = law(x) * ripple(x) * np.exp(0.003 * rng.standard_normal(150))
    y[rng.choice(150, odd, replace=False)] *= 1.2
    near, far = np.exp(rng.uniform([16.3, 20.3], [19.7, 23.7], (60, 2))), np.exp([[40.0, 46.0]])
    ask = lambda new: Question(("params", "tokens"), x, y, x.prod(axis=1), new, new.prod(axis=1))
    off = lambda value: np.median(np.abs(value / (law(near) * ripple(near)) - 1))
    asked = [ask(near), ask(far)]
    alone = general(asked, 0.5)
    both = corrected(asked, alone)
    assert off(both[0].value) < 0.2 * off(alone[0].value) and off(both[0].value) < 0.004
    assert both[1].value == pytest.approx(alone[1].value, rel=1e-3)


def test_too_few_rows_for_the_law_leave_nothing_to_correct(rng):
    x = np.exp(rng.uniform(0, 4, (5, 2)))
    asked = [question(x, 1 / x[:, 0], x)]
    assert np.isnan(corrected(asked, general(asked, 1.0))[0].value).all()


def test_likelihood_and_slope_against_definition(rng):
    """The slope that the search follows is that of the likelihood, written with a determinant and an inverse."""
    u = rng.standard_normal((15, 2))
    data = Rows(u, rng.standard_normal(15), np.square(u.T[:, :, None] - u.T[:, None, :]))
    louder = np.ones(15)
    best = _fit(data, louder)

    def cost(t):
        cover = data.plane() + data.kernel(t) + (np.exp(2 * t[-1]) + 1e-8) * np.eye(15)
        away = (t - np.array([np.log(2), np.log(2), np.log(0.3), np.log(0.1)])) / np.array([0.7, 0.7, 1.0, 1.5])
        return 0.5 * data.z @ np.linalg.inv(cover) @ data.z + 0.5 * np.linalg.slogdet(cover)[1] + 0.5 * away @ away

    steps = np.eye(4) * 1e-4
    slope = [(cost(best + s) - cost(best - s)) / 2e-4 for s in steps]
    assert np.allclose(slope, 0, atol=5e-3)
    assert _lower(data, best, louder).shape == (15, 15)


@pytest.mark.parametrize("odd", [0, 6])
def test_noise_is_told_from_shape_and_from_odd_rows(rng, odd):
    """A quadratic takes the valley's walls for noise; the surface does not."""
    x, y = hills(rng, 200, noise=0.01)
    y[rng.choice(200, odd, replace=False)] *= 1.3
    q = question(x, y, x[:1])
    assert noises(q) == pytest.approx((0.01, 0.01), rel=0.3) and noise(q) > 0.02


def test_inside_needs_the_scale_and_every_input():
    x = np.array([[1.0, 1.0], [10.0, 1.0], [1.0, 10.0], [10.0, 10.0]])
    new = np.array([[5.0, 5.0], [5.0, 20.0], [20.0, 5.0], [10.0, 10.0]])
    q = Question(("params", "tokens"), x, np.ones(4), x.prod(axis=1), new, new.prod(axis=1))
    assert q.inside.tolist() == [True, False, False, True]


def test_both_kinds_of_back_test_where_both_are_asked(rng):
    x, y = hills(rng)
    new = np.array([[np.exp(18.0), np.exp(-6.0)], [np.exp(22.0), np.exp(-6.0)]])
    splits = origins(question(x, y, new))
    assert {s.within for s in splits} == {True, False}
    held = np.concatenate([s.new for s in folds(question(x, y, new))])
    assert sorted(held) == list(range(len(y)))


def test_between_rows_a_forecast_is_as_good_as_the_rows_allow():
    """The shipped ladder with every fifth run held out: no farther off than twice the noise of a run, and intervals hold."""
    runs = fs.studies.load("stdlib").role("fit")
    keep = np.arange(len(runs)) % 5 != 2
    shown, asked = runs.where(keep), runs.where(~keep)
    f = fs.forecast(shown, params=asked["params"], tokens=asked["tokens"])
    off = np.abs(np.log(f.value / asked["loss"]))
    assert np.median(off) < 0.02 and np.mean((f.low <= asked["loss"]) & (asked["loss"] <= f.high)) > 0.8
