"""Plans from runs, no law chosen: against closed forms, laws of other forms, and sizes measured at larger budgets."""

import json

import numpy as np
import pytest

import forescale as fs
from forescale.errors import InputError
from forescale.plan import isoflop, optimum
from forescale.runs import Runs

LAW = fs.laws.chinchilla
VALUES = dict(LAW.preset("besiroglu"))


def table(loss, noise=0.0, seed=0, ratios=(4, 10, 25, 60, 150), sizes=(2e7, 5e7, 1.2e8, 3e8, 8e8)):
    n, r = (v.ravel() for v in np.meshgrid(sizes, np.array(ratios, float)))
    y = loss(n, n * r) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))
    return {"params": n, "tokens": n * r, "loss": y}


def chinchilla(n, d):
    return LAW(VALUES, params=n, tokens=d)


def kaplan(n, d):
    return ((8.8e13 / n) ** (0.076 / 0.095) + 5.4e13 / d) ** 0.095


def test_the_closed_form_comes_back_from_clean_noisy_and_spoilt_runs():
    flops, true = 1e21, optimum(LAW, VALUES, 1e21)["params"]
    clean = fs.plan(Runs(table(chinchilla)), flops)
    assert clean.params[0] == pytest.approx(true, rel=0.1)
    assert clean.loss[0] == pytest.approx(float(chinchilla(true, flops / 6 / true)), rel=0.003)
    spoilt = table(chinchilla, 0.003)
    spoilt["loss"][7] *= 1.5
    for rows in (table(chinchilla, 0.003), spoilt):
        found = fs.plan(Runs(rows), flops)
        assert found.params[1] < true < found.params[2] and found.params[0] == pytest.approx(true, rel=0.7)
    assert any("left out" in w for w in found.warnings)


def test_a_law_of_another_form_is_followed_where_one_law_is_lost():
    """Kaplan's form has no additive terms: the size by Chinchilla's is off by more than a factor three, with an interval that
    leaves the best one out."""
    runs = Runs(table(kaplan, 0.003))
    flops = 6e20
    sizes = np.geomspace(1e6, 1e12, 20001)
    true = sizes[np.argmin(kaplan(sizes, flops / 6 / sizes))]
    one, all_of_them = fs.plan(fs.fit(LAW, runs, resamples=200), flops), fs.plan(runs, flops)
    assert abs(np.log(one.params[0] / true)) > np.log(3) and not one.params[1] < true < one.params[2]
    assert abs(np.log(all_of_them.params[0] / true)) < np.log(2) and all_of_them.params[1] < true < all_of_them.params[2]
    assert "take its form for right" in one.summary() and "averaged over" in all_of_them.summary()


def test_best_sizes_that_were_measured_at_larger_budgets(study):
    """Two arms of arXiv:2406.19146 planned from budgets up to 1.6e18, judged at 6.4e18 and 2.56e19."""
    runs = study("kaplan-vs-chinchilla")
    held, off, alone = [], [], []
    for arm in ("rw/tuned/short/const", "owt2/tuned/short/const"):
        own = runs.where((runs["arm"] == arm) & (runs["param_count"] == "standard"))
        measured = isoflop(own, level=0.9)
        fitted = own.where(own["flops"] < 1.7e18)
        law = fs.fit(LAW, fitted, resamples=200)
        for flops in (6.4e18, 2.56e19):
            i = int(np.argmin(np.abs(np.log(measured.flops / flops))))
            true, error = np.log(measured.params[i]), 1.645 * measured.params_error[i]
            value, low, high = np.log(fs.plan(fitted, flops).params)
            held.append(low - error < true < high + error)
            off.append(abs(value - true))
            alone.append(abs(np.log(fs.plan(law, flops).params[0]) - true))
    assert all(held) and np.median(off) < 0.3 and np.median(off) < 0.6 * np.median(alone)


def test_flops_count_as_the_table_counts_them():
    rows = table(chinchilla, 0.003)
    six = fs.plan(Runs(rows), 1e21)
    double = fs.plan(Runs(rows | {"flops": 12 * rows["params"] * rows["tokens"]}), 2e21)
    assert double.params == pytest.approx(six.params, rel=1e-6) and double.tokens == pytest.approx(six.tokens, rel=1e-6)
    assert double.cost.startswith("the table's flops, 12 N D") and "6 N D" in six.summary()
    assert double.factor == pytest.approx(six.factor, rel=1e-9)


def test_votes_say_how_the_size_came_about():
    seen = []
    found = fs.plan(Runs(table(chinchilla, 0.003)), "1e21", progress=seen.append)
    share = np.array([v.weight for v in found.votes])
    assert share.sum() == pytest.approx(1) and (share > 0).all()
    assert np.exp(share @ np.log([v.params for v in found.votes])) == pytest.approx(found.params[0])
    assert found.params[0] * found.tokens[0] * 6 == pytest.approx(1e21)
    assert found.flat[0] < found.params[0] < found.flat[1] and found.exponent[1] < found.exponent[0] < found.exponent[2]
    assert seen == sorted(seen) and seen[-1] == 1
    assert json.loads(found.to_json())["votes"][0]["name"] == found.votes[0].name
    wider = fs.plan(Runs(table(chinchilla, 0.003)), "1e21", level=0.98)
    assert wider.params[1] < found.params[1] and wider.params[2] > found.params[2]


def test_a_valley_that_no_run_shows_the_far_side_of():
    rows = table(chinchilla, 0.002, ratios=(150, 300, 600, 1200), sizes=(2e7, 5e7, 1.2e8, 3e8))
    found, true = fs.plan(Runs(rows), 1e20), optimum(LAW, VALUES, 1e20)["params"]
    assert any("fewer than any run has (150)" in w for w in found.warnings)
    assert found.params[1] < true < found.params[2]


def test_runs_that_do_not_tell_size_from_data():
    n = np.geomspace(1e7, 1e9, 8)
    with pytest.raises(InputError, match="at every compute there is one size"):
        fs.plan(Runs({"params": n, "tokens": 20 * n, "loss": chinchilla(n, 20 * n)}), 1e21)
    with pytest.raises(InputError, match="add other sizes"):
        fs.plan(Runs({"params": np.full(8, 1e8), "tokens": 20 * n, "loss": chinchilla(1e8, 20 * n)}), 1e21)
    with pytest.raises(InputError, match="buys no model"):
        fs.plan(Runs(table(chinchilla)), 3.0)
