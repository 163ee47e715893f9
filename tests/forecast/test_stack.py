"""What back-tests do to a stacked forecast, on banks whose errors are written down."""

import numpy as np
import pytest

from forescale.forecast.backtest import Bank, Split, fill
from forescale.forecast.candidates import candidates
from forescale.forecast.question import Question
from forescale.forecast.stack import FARTHER, HARDLY, REALISED, WILD, combine


def bank(came, told, target, ends=True):
    """One candidate whose forecast progress was `told` and came out as `came` (lists over origins) from a level of zero."""
    came, told = np.asarray(came, float), np.asarray(told, float)
    splits = tuple(Split(np.arange(6), np.arange(6, 9), 2.0 + 0.01 * i) for i in range(len(came)))
    errors = tuple(np.full((1, 3), t - c) for t, c in zip(told, came, strict=True))
    truth = tuple(np.full(3, c) for c in came)
    levels = (0.0,) * (1 + len(came)) if ends else ()
    return Bank(("one",), np.array([target], float), errors, splits, (False,), (False,), ("",), truth, levels)


def question(new):
    x, new = np.geomspace(1, 10, 9), np.asarray(new, float)
    return Question(("tokens",), x[:, None], np.ones(9), x, new[:, None], new)


def test_progress_is_cut_to_the_share_that_came_true():
    s = combine(question([20.0]), bank([-0.05] * 4, [-0.1] * 4, [-0.2]))
    unsure = (0.003 / 0.1) ** 2  # origins agree: only what counts as no error is left
    assert s.value[0] == pytest.approx(-0.2 * (1 - 0.5 * REALISED**2 / (REALISED**2 + unsure)), rel=1e-9)
    more = combine(question([20.0]), bank([-0.12] * 4, [-0.1] * 4, [-0.2]))
    assert more.value[0] < -0.2


def test_origins_that_disagree_change_little():
    s = combine(question([20.0]), bank([0.1, -0.2, 0.05, -0.15], [-0.1] * 4, [-0.2]))
    assert s.value[0] == pytest.approx(-0.2, rel=0.1)


def test_targets_within_the_rows_are_not_scaled():
    s = combine(question([5.0, 20.0]), bank([-0.05] * 4, [-0.1] * 4, [0.3, -0.2]))
    assert s.value[0] == 0.3 and -0.2 < s.value[1] < -0.1


def test_a_back_test_counts_as_far_as_the_target_lies():
    """Back-tests reach 2x: of a target there the error is what they show, of one at 16x it grows with log distance."""
    b = bank([0.1] * 4, [0.12] * 4, [0.3, 0.3])
    s = combine(question([20.0, 160.0]), b)
    assert s.backtest[0] == pytest.approx(0.02, rel=0.02)
    assert s.backtest[1] == pytest.approx(s.backtest[0] * (np.log(16) / np.log(2.015)) ** FARTHER, rel=0.01)


def test_several_inputs_take_off_half_of_an_error_that_persists():
    s = combine(question([20.0]), bank([-0.05] * 4, [-0.1] * 4, [-0.2], ends=False))
    assert s.value[0] == pytest.approx(-0.2 + 0.5 * 0.05, abs=1e-3)


def test_a_candidate_that_goes_astray_is_drawn_in():
    """Nine that agree and one that triples, alike in the back-tests: it counts as being WILD typical distances off."""
    target = np.array([[v] for v in (*np.linspace(-0.01, 0.01, 9), 1.1)])
    names = tuple(f"c{i}" for i in range(10))
    errors = (np.full((10, 3), 0.01),) * 2
    splits = tuple(Split(np.arange(6), np.arange(6, 9), f) for f in (1.9, 2.1))
    b = Bank(names, target, errors, splits, (False,) * 10, (False,) * 10, ("",) * 10, (np.zeros(3),) * 2)
    reach = WILD * (1.4826 * 0.005 + HARDLY)
    s = combine(question([20.0]), b)
    assert s.value[0] == pytest.approx(0.1 * reach - 0.5 * 0.01, abs=2e-3) and s.spread[0] > 0.3


def test_rows_of_a_law_are_forecast_nearly_as_by_the_law():
    """200 rows, 2 % noise, three times beyond: one law fitted to noise used to carry a forecast off by a fifth."""
    x, off = np.geomspace(1e5, 1e8, 200), []
    new = np.array([3e8])
    for seed in range(12):
        y = (1.7 + 5 * (x / 1e5) ** -0.35) * np.exp(0.02 * np.random.default_rng(seed).standard_normal(200))
        q = Question(("tokens",), x[:, None], y, x, new[:, None], new)
        off.append(combine(q, fill([q], candidates(q.inputs, "loss"))[0]).value[0] - np.log(1.7 + 5 * 3000**-0.35))
    assert np.sqrt(np.mean(np.square(off))) < 0.025 and np.max(np.abs(off)) < 0.06


def test_a_bank_knows_the_level_where_rows_end():
    x = np.geomspace(1, 1e3, 30)
    y = 2 * x**-0.1
    q = Question(("tokens",), x[:, None], y, x, np.array([[4e3]]), np.array([4e3]))
    b = fill([q], candidates(q.inputs, "loss"))[0]
    for end, part in zip(b.ends, (q, *(q.split(s.fit, s.new) for s in b.splits)), strict=True):
        assert end == pytest.approx(np.log(part.y.min()), abs=2e-3)
    assert all(np.allclose(t, np.log(y[s.new])) for t, s in zip(b.truth, b.splits, strict=True))
