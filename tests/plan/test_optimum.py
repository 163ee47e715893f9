"""The plan against closed forms and its own warnings."""

import numpy as np
import pytest

import forescale as fs
from forescale.plan import numeric_params, optimal_params

LAW = fs.laws.get("chinchilla")


def test_closed_form_equals_numeric_for_draws():
    p = {k: np.full(3, v) * np.array([1, 1.1, 0.9]) for k, v in LAW.preset("besiroglu").items()}
    assert optimal_params(LAW, p, 1e23) == pytest.approx(numeric_params(LAW, p, 1e23), rel=1e-5)


def test_plan_of_the_shipped_study():
    found = fs.fit(LAW, fs.studies.load().role("fit"))
    best = fs.plan(found, "1e14")
    assert best.params[1] < best.params[0] < best.params[2]
    assert 6 * best.params[0] * best.tokens[0] == pytest.approx(1e14)
    a = found.params["beta"] / (found.params["alpha"] + found.params["beta"])
    assert best.exponent[0] == pytest.approx(a, rel=1e-6)
    assert "6ND" in best.summary() and best.factor == pytest.approx(1e14 / 9.49e12, rel=1e-2)
    assert any("beyond the data" in w for w in best.warnings)


@pytest.mark.parametrize("budget", ["-1", "0", "lots", "nan"])
def test_impossible_budgets(budget):
    found = fs.fit(LAW, fs.studies.load().role("fit"), resamples=10)
    with pytest.raises(fs.InputError, match="flops"):
        fs.plan(found, budget)


def test_a_law_on_one_axis_has_no_plan():
    found = fs.fit(fs.laws.get("power(params)"), fs.studies.load().role("fit"), resamples=10)
    with pytest.raises(fs.InputError, match="needs a law in params and tokens"):
        fs.plan(found, "1e14")
