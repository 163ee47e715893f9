"""The other intervals, against the default and against closed forms."""

import numpy as np
import pytest

import forescale as fs
from forescale.uncertainty import laplace, profile, resampled


@pytest.fixture
def line(rng):
    x = np.geomspace(1, 1e4, 60)
    y = 3 * x**-0.2 * np.exp(0.02 * rng.standard_normal(60))
    return x, y, fs.fit(fs.laws.get("power"), fs.read({"x": x.tolist(), "loss": y.tolist()}), loss="squares", resamples=2000)


def exact_error(x, y):
    """Standard error of the slope of a straight line, the textbook formula."""
    a = np.log(x) - np.log(x).mean()
    slope = (a * np.log(y)).sum() / (a * a).sum()
    rest = np.log(y) - np.log(y).mean() - slope * a
    return np.sqrt((rest**2).sum() / (len(x) - 2) / (a * a).sum())


@pytest.mark.parametrize("method", ["run", "row", "wild", "laplace"])
def test_spread_of_a_straight_line(line, method):
    x, y, found = line
    drawn = resampled(found, method, 2000).draws.params["alpha"]
    assert np.std(drawn) == pytest.approx(exact_error(x, y), rel=0.2)
    assert np.mean(drawn) == pytest.approx(found.params["alpha"], abs=0.3 * exact_error(x, y))


def test_profile_of_a_straight_line(line):
    x, y, found = line
    for level, z in ((0.5, 0.67449), (0.9, 1.64485), (0.999, 3.29053)):
        low, high = profile(found, "alpha", level)
        np.testing.assert_allclose([low, high], found.params["alpha"] + np.array([-z, z]) * exact_error(x, y), rtol=1e-3)


def test_profile_says_which_end_is_open(line):
    x, y, _ = line
    found = fs.fit(fs.laws.get("power_floor"), fs.read({"x": x.tolist(), "loss": y.tolist()}), loss="squares", resamples=20)
    low, high = profile(found, "E")
    assert low == 0.0 < high < y.min()  # a power law without a floor: any smaller floor fits as well


def test_laplace_is_labelled(line):
    assert "fast look" in laplace(line[2]).method


def test_runs_are_drawn_whole(rng):
    x = np.geomspace(1, 1e4, 10).repeat(6)
    shared = (0.05 * rng.standard_normal(10)).repeat(6)
    y = 3 * x**-0.2 * np.exp(shared + 0.001 * rng.standard_normal(60))
    runs = fs.read({"x": x.tolist(), "loss": y.tolist(), "run": [f"r{i}" for i in range(10) for _ in range(6)]})
    found = fs.fit(fs.laws.get("power"), runs, loss="squares")
    by_run, by_row = (np.std(resampled(found, m).draws.params["alpha"]) for m in ("run", "row"))
    assert by_run > 1.5 * by_row


def test_unknown_method(line):
    with pytest.raises(fs.InputError, match="did you mean 'wild'"):
        resampled(line[2], "wlid")
