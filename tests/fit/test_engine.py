"""The engine against closed forms, scipy and itself."""

import numpy as np
import pytest
from scipy.optimize import least_squares

import forescale as fs
from forescale.fit import Objective
from forescale.fit.lm import descend
from forescale.fit.problem import Problem
from forescale.fit.resample import bootstrap, multinomial
from forescale.fit.starts import search

LAW = fs.laws.get("chinchilla")
TRUTH = {"E": 1.7, "A": 400.0, "B": 1500.0, "alpha": 0.34, "beta": 0.36}


def ladder(rng, noise=0.005, rows=60):
    n = np.exp(rng.uniform(np.log(3e7), np.log(3e9), rows))
    d = n * np.exp(rng.uniform(np.log(3), np.log(200), rows))
    return {"params": n, "tokens": d}, LAW(TRUTH, params=n, tokens=d) * np.exp(noise * rng.standard_normal(rows))


def table(x, y):
    return fs.read({**{k: v.tolist() for k, v in x.items()}, "loss": y.tolist()})


@pytest.mark.parametrize("loss", ["squares", "huber"])
@pytest.mark.parametrize("residual", ["log", "plain"])
def test_noise_free_recovery(rng, loss, residual):
    found = fs.fit(LAW, table(*ladder(rng, 0)), loss=loss, residual=residual, resamples=10)
    for name, value in TRUTH.items():
        assert found.params[name] == pytest.approx(value, rel=1e-3)


def test_squares_agree_with_scipy(rng):
    x, y = ladder(rng)
    found = fs.fit(LAW, table(x, y), loss="squares", resamples=10)

    def residual(q):
        return np.log(q[0] + np.exp(q[1] - q[3] * np.log(x["params"])) + np.exp(q[2] - q[4] * np.log(x["tokens"]))) - np.log(y)

    end = least_squares(residual, [1.7, 6.0, 7.3, 0.34, 0.36], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert found.cost == pytest.approx(end.cost, rel=1e-9)
    assert found.params["alpha"] == pytest.approx(end.x[3], rel=1e-5)


def test_huber_withstands_outliers_where_squares_do_not(rng):
    x, y = ladder(rng, 0.002)
    y[:5] *= 1.3
    errors = {}
    for loss in ("huber", "squares"):
        p = fs.fit(LAW, table(x, y), loss=loss, resamples=10)
        errors[loss] = abs(float(LAW(p.params, params=1e10, tokens=2e11)) / float(LAW(TRUTH, params=1e10, tokens=2e11)) - 1)
    assert errors["huber"] < 0.005 < errors["squares"]


def test_huber_is_not_least_squares(rng):
    x, y = ladder(rng, 0.02)
    a, b = (fs.fit(LAW, table(x, y), loss=k, resamples=10).params["alpha"] for k in ("huber", "squares"))
    assert abs(a / b - 1) > 1e-3


def test_asymmetric_cost_moves_the_curve_down(rng):
    x, y = ladder(rng, 0.01)
    plain, low = (fs.fit(LAW, table(x, y), loss="squares", over=o, resamples=10) for o in (1.0, 20.0))
    over = [np.mean(LAW(f.params, **x) > y) for f in (plain, low)]
    assert over[1] < 0.3 < over[0]


def test_zero_weight_equals_leaving_out(rng):
    x, y = ladder(rng)
    weights = np.ones(60)
    weights[::7] = 0
    kept = weights > 0
    a = fs.fit(LAW, table(x, y), weights=weights, resamples=10)
    b = fs.fit(LAW, table({k: v[kept] for k, v in x.items()}, y[kept]), resamples=10)
    assert a.cost == pytest.approx(b.cost, rel=1e-9)


def test_fixed_parameter_stays(rng):
    found = fs.fit(LAW, table(*ladder(rng)), fixed={"E": 1.7}, resamples=20)
    assert found.params["E"] == 1.7 and set(found.draws.params["E"]) == {1.7}


def test_many_data_sets_at_once_equal_one_by_one(rng):
    sets = [ladder(rng, rows=m) for m in (30, 44, 60)]
    together = search(Problem(LAW, sets, Objective()))
    for i, one in enumerate(sets):
        assert together.cost[i] == pytest.approx(search(Problem(LAW, [one], Objective())).cost[0], rel=1e-9)


def test_bootstrap_refits_reach_their_own_minima(rng):
    """Warm refits must move to the minimum of their resample, not linger: the error that understates by 28 times."""
    x, y = ladder(rng, 0.01)
    problem = Problem(LAW, [(x, y)], Objective("squares"))
    best = search(problem)
    draws = bootstrap(problem, best.z, np.arange(60), 20, seed=3)
    weights = multinomial(np.arange(60), 20, np.random.default_rng(3))
    for i in range(20):
        cold = search(Problem(LAW, [(x, y)], Objective("squares"), [weights[i]]))
        alpha = float(problem.law_params(cold.z)["alpha"][0])
        assert draws.params["alpha"][i] == pytest.approx(alpha, rel=1e-3)


def test_a_law_with_no_derivative_rule_says_so(rng):
    from scipy.special import erf

    @fs.law(
        inputs=("x",),
        output="loss",
        params=(fs.Param("a", fs.positive, (0.1, 10), ""), fs.Param("b", fs.positive, (0.1, 10), "")),
        source=fs.Source("test"),
    )
    def odd(p, x):
        return p.a * (1 + erf(p.b / x.x))

    x = np.geomspace(0.5, 20, 30)
    found = fs.fit(odd, fs.read({"x": x.tolist(), "loss": (2 * (1 + erf(1.5 / x))).tolist()}), loss="squares", resamples=10)
    assert found.params["b"] == pytest.approx(1.5, rel=1e-4)
    assert any("central differences" in w for w in found.warnings)


def test_unidentifiable_law_is_said(rng):
    @fs.law(
        inputs=("x",),
        output="loss",
        params=tuple(fs.Param(n, fs.positive, (0.1, 10), "") for n in "abc"),
        source=fs.Source("test"),
    )
    def twins(p, x):
        return p.a * p.b * x.x**-p.c

    x = np.geomspace(1, 100, 20)
    found = fs.fit(twins, fs.read({"x": x.tolist(), "loss": (2 * x**-0.5).tolist()}), loss="squares", resamples=10)
    assert any("cannot tell a, b apart" in w or "cannot tell b, a apart" in w for w in found.warnings)


def test_rows_beyond_a_block_are_summed(rng):
    x, y = ladder(rng, rows=20_000)
    problem = Problem(LAW, [(x, y)], Objective("squares"))
    z = problem.from_params(TRUTH)
    whole = 0.5 * np.sum(np.log(LAW(TRUTH, **x) / y) ** 2)
    assert problem.cost(z, np.zeros(1, int))[0] == pytest.approx(whole)
    end = descend(problem, z, np.zeros(1, int))
    assert end.settled[0] and end.cost[0] < whole


def test_json_round_trip(rng, tmp_path):
    import json

    from forescale.fit import from_dict

    found = fs.fit(LAW, table(*ladder(rng)), resamples=50)
    found.to_json(tmp_path / "fit.json")
    again = from_dict(json.loads((tmp_path / "fit.json").read_text()), LAW)
    a, b = (f.predict(params="7B", tokens="140B") for f in (found, again))
    assert (a.value, a.low, a.high) == (b.value, b.low, b.high)
    with pytest.raises(fs.InputError, match="schema"):
        from_dict({"schema": 99}, LAW)


def test_an_input_that_may_be_zero_is_fitted_and_others_are_refused():
    """Annealing: a constant-rate run has no annealing area at all."""
    law = fs.laws.get("annealing")
    truth = {"L0": 1.3, "A": 0.5, "alpha": 0.5, "C": 0.2}
    s1 = np.tile(np.linspace(0.5, 8, 40), 2)
    s2 = np.concatenate((np.zeros(40), np.linspace(0, 0.3, 40)))
    noise = np.random.default_rng(0).normal(0, 0.002, 80)
    found = fs.fit(law, {"s1": s1, "s2": s2, "loss": law(truth, s1=s1, s2=s2) * np.exp(noise)})
    assert all(abs(found.params[k] / v - 1) < 0.15 for k, v in truth.items())
    assert abs(found.predict(s1=9.0, s2=0.25).value / law(truth, s1=9.0, s2=0.25) - 1) < 0.003
    with pytest.raises(fs.InputError, match="s1 must be positive"):
        law(truth, s1=0.0, s2=0.0)
