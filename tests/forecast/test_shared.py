"""Groups share an exponent: simulated arms with one exponent, noisy and with outliers, and arms with exponents of their own."""

import numpy as np
import pytest

import forescale as fs
from forescale.forecast.backtest import fill
from forescale.forecast.candidates import candidates
from forescale.forecast.question import Question
from forescale.forecast.shared import NAME, share


def arms(rng, exponents, outliers=False):
    """One question for each arm: 9 rows over a factor 100, the target 10 times beyond; with the true values."""
    out = []
    for a in exponents:
        x = np.geomspace(1e8, 1e10, 9)
        floor, height = rng.uniform(1.5, 2.5), rng.uniform(0.5, 2.0)

        def law(v, floor=floor, height=height, a=a):
            return floor + height * (v / 1e8) ** -a

        y = law(x) * np.exp(0.003 * rng.standard_normal(9))
        if outliers:
            y[rng.integers(1, 5)] *= 1.1
        out.append((Question(("tokens",), x[:, None], y, x, np.array([[1e11]]), np.array([1e11])), law(1e11)))
    return out


def errors(made):
    """Mean absolute log error of the borrowed candidate, and of the same law with an exponent of its own."""
    questions = [q for q, _ in made]
    banks = share(questions, fill(questions, candidates(questions[0].inputs, "loss")))
    own = "power law above a floor, weights C^2"
    return [
        np.mean([abs(b.target[b.names.index(n), 0] - np.log(t)) for b, (_, t) in zip(banks, made, strict=True)])
        for n in (NAME, own)
    ]


@pytest.mark.parametrize("outliers", [False, True])
def test_arms_with_one_exponent_forecast_better_together(rng, outliers):
    found = np.array([errors(arms(rng, [0.3] * 6, outliers)) for _ in range(6)]).mean(axis=0)
    assert found[0] < 0.7 * found[1]


def test_no_group_shows_what_a_back_test_may_not_see(rng):
    """Rows beyond every back-test's reach are changed in the other arms: the back-tests of an arm stay as they were."""
    questions = [q for q, _ in arms(rng, [0.2, 0.3, 0.4, 0.5])]
    first = share(questions, fill(questions, candidates(questions[0].inputs, "loss")))[0]
    worse = [
        questions[0],
        *(
            Question(q.inputs, q.x, np.where(q.scale == q.scale.max(), 1.3 * q.y, q.y), q.scale, q.x_new, q.scale_new)
            for q in questions[1:]
        ),
    ]
    second = share(worse, fill(worse, candidates(worse[0].inputs, "loss")))[0]
    row = first.names.index(NAME)
    for a, b in zip(first.errors, second.errors, strict=True):
        assert np.allclose(a[row], b[row])
    assert not np.allclose(first.target[row], second.target[row])


def test_only_three_or_more_groups_of_one_input_share(rng):
    columns = {"arm": [], "params": [], "tokens": [], "loss": []}
    for name, (q, _) in zip("abcd", arms(rng, [0.3] * 4), strict=True):
        columns["arm"] += [name] * 9
        columns["params"] += list(q.x[:, 0] / rng.uniform(10, 40, 9))
        columns["tokens"] += list(q.x[:, 0])
        columns["loss"] += list(q.y)
    runs = fs.read({k: np.array(v) for k, v in columns.items()})
    shared = fs.forecast(runs, group="arm", tokens=1e11)
    assert all(NAME in {m.name for m in f.members} for f in shared.values())
    two = runs.where(np.isin(runs["arm"], ["a", "b"]))
    assert not any(NAME in {m.name for m in f.members} for f in fs.forecast(two, group="arm", tokens=1e11).values())
    both = fs.forecast(runs, group="arm", params=5e9, tokens=1e11)
    assert not any(NAME in {m.name for m in f.members} for f in both.values())
    assert NAME not in {m.name for m in fs.forecast(runs, tokens=1e11).members}
