"""Targets told in other words, and tables of a few budgets."""

import numpy as np
import pytest

import forescale as fs
from forescale.errors import InputError
from forescale.forecast.backtest import roll
from forescale.forecast.prepare import prepare
from forescale.runs import Runs


@pytest.fixture
def budgets(rng):
    """Five budgets by six sizes (0.3 % noise), Chinchilla's form: (params, tokens, loss)."""
    c = np.repeat(1e17 * 10 ** (0.5 * np.arange(5)), 6)
    n = np.sqrt(c / 120) * np.tile(np.geomspace(0.25, 4, 6), 5)
    d = c / (6 * n)
    return n, d, truth(n, d) * np.exp(0.003 * rng.standard_normal(30))


def truth(n, d):
    return 1.7 + 400 * n**-0.34 + 410 * d**-0.28


def same(a, b):
    return a.inputs == b.inputs and all(
        np.allclose(u, v) for u, v in ((a.x, b.x), (a.x_new, b.x_new), (a.scale_new, b.scale_new))
    )


@pytest.mark.parametrize("counted", [1.0, 1.3])
def test_flops_beside_params_or_tokens_tell_the_other(budgets, counted):
    """As C = 6 N D, or as the table counts. Before, flops ordered the rows only, and 1B and 7B had the same forecast."""
    n, d, y = budgets
    bare = Runs({"params": n, "flops": 6 * n * d, "loss": y})
    wanted = prepare(bare, "loss", {"params": 1e9, "tokens": 1e11}).questions[0]
    assert same(prepare(bare, "loss", {"params": 1e9, "flops": 6e20}).questions[0], wanted)
    whole = Runs({"params": n, "tokens": d, "flops": counted * 6 * n * d, "loss": y})
    told = prepare(whole, "loss", {"params": 1e9, "flops": counted * 6e20})
    assert same(told.questions[0], prepare(whole, "loss", {"params": 1e9, "tokens": 1e11}).questions[0])
    assert any("tokens of the target taken as flops / (6 params)" in t for t in told.notes)
    assert any("as this table counts" in t for t in told.notes) == (counted != 1)
    other = prepare(whole, "loss", {"tokens": 1e11, "flops": counted * 6e20}).questions[0]
    assert set(other.inputs) == {"tokens", "params"} and other.x_new[0, other.inputs.index("params")] == pytest.approx(1e9)


def test_flops_beside_other_inputs_are_an_input(budgets, rng):
    """Beside params and tokens they are told already and order the rows."""
    n, d, y = budgets
    table = Runs({"params": n, "tokens": d, "flops": 6 * n * d, "experts": rng.choice([1.0, 4.0, 8.0], 30), "loss": y})
    assert prepare(table, "loss", {"flops": 1e20, "experts": 8}).questions[0].inputs == ("flops", "experts")
    assert prepare(table, "loss", {"params": 1e9, "tokens": 1e11, "flops": 6e20}).questions[0].inputs == ("params", "tokens")
    with pytest.raises(InputError, match="no column 'tokens'"):
        prepare(Runs({"params": n, "loss": y}), "loss", {"params": 1e9, "flops": 1e20})


def test_tokens_per_parameter_tell_the_tokens(budgets):
    n, d, y = budgets
    table = {"params": n, "tokens_per_param": d / n, "loss": y}
    told = prepare(Runs(table), "loss", {"params": 1e9, "tokens_per_param": [20, 100]})
    plain = Runs({"params": n, "tokens": d, "loss": y})
    assert same(told.questions[0], prepare(plain, "loss", {"params": 1e9, "tokens": [2e10, 1e11]}).questions[0])
    assert "tokens taken as params times tokens_per_param" in told.notes
    apart = prepare(Runs(table | {"tokens": 3 * d}), "loss", {"params": 1e9, "tokens_per_param": 20})  # another ratio: as it is
    assert apart.questions[0].inputs == ("params", "tokens_per_param")


def test_rows_of_one_budget_judge_no_candidate(budgets):
    """A hundred times beyond five budgets: the back-test from one budget alone is counted for the width, not for the forecast.
    When it chose and corrected, these forecasts were 5 % too low."""
    n, d, y = budgets
    new = np.sqrt(1e21 / 120) * np.array([0.7, 1.4])
    at = {"params": new, "tokens": 1e21 / (6 * new)}
    q = prepare(Runs({"params": n, "tokens": d, "loss": y}), "loss", at).questions[0]
    splits = roll(q, 200.0)
    assert [len(np.unique(np.round(np.log(q.scale[s.fit]), 6))) for s in splits if s.thin] == [1]
    assert len(splits) > 2 and sum(s.thin for s in splits) == 1
    found = fs.forecast({"params": n, "tokens": d, "loss": y}, **at)
    assert np.abs(found.value / truth(new, at["tokens"]) - 1).max() < 0.025
    assert ((found.low < truth(new, at["tokens"])) & (truth(new, at["tokens"]) < found.high)).all()
    two = fs.forecast({"params": n[:12], "tokens": d[:12], "loss": y[:12]}, **at)
    assert any("one budget" in f for f in two.flags) and not any("one budget" in f for f in found.flags)
    assert np.ptp([m.weight for m in two.members]) < 1e-9


def test_a_ladder_at_one_ratio_is_not_thin(rng):
    """Tokens rounded to three digits at twenty a parameter: the rounding is no direction that back-tests must show. A batch that
    the smaller runs never varied is."""
    n = np.geomspace(1e7, 1e9, 12)
    d = np.array([float(f"{20 * v:.2e}") for v in n])
    table = {"params": n, "tokens": d, "loss": truth(n, d)}
    at = {"params": 1e10, "tokens": 2e11}
    assert not any(s.thin for s in roll(prepare(Runs(table), "loss", at).questions[0], 30.0))
    batch = np.where(np.arange(12) < 8, 256.0, rng.choice([256.0, 1024.0], 12))
    batch[8:10] = 256, 1024
    splits = roll(prepare(Runs(table | {"batch_size": batch}), "loss", at | {"batch_size": 256}).questions[0], 1e3)
    assert splits and [s.thin for s in splits] == [np.ptp(batch[s.fit]) == 0 for s in splits]


def test_few_rows_of_one_input_are_a_back_test():
    """They show little of the one direction there is, but a law can be told from them, and candidates by it."""
    x = np.exp(5 * np.linspace(0, 1, 60) ** 3)
    splits = roll(prepare(Runs({"x": x, "loss": 1 + x**-0.5}), "loss", {"x": 1e3}).questions[0], 1e3)
    assert min(np.std(np.log(x[s.fit])) for s in splits) < 0.1 * np.std(np.log(x)) and not any(s.thin for s in splits)


def test_intervals_of_ladders_at_one_ratio_hold(budgets):
    """Ten sizes at twenty tokens a parameter are one direction, whatever the inputs: sixteen ladders (simulated, Chinchilla's
    form, 0.2 % noise), ten times beyond. When two inputs counted as two, seven in ten held."""
    n, d, y = budgets
    assert (
        prepare(Runs({"params": n, "tokens": d, "loss": y}), "loss", {"params": 1e9, "tokens": 1e11}).questions[0].directions == 2
    )
    held, n = [], np.geomspace(1e7, 5e8, 10)
    for seed in range(16):
        rng = np.random.default_rng(seed)
        table = {"params": n, "tokens": 20 * n, "loss": truth(n, 20 * n) * np.exp(0.002 * rng.standard_normal(10))}
        at = {"params": 5e8 * 10**0.5, "tokens": 1e10 * 10**0.5}
        assert prepare(Runs(table), "loss", at).questions[0].directions == 1
        f, new = fs.forecast(table, **at), truth(*at.values()) * np.exp(0.002 * rng.standard_normal())
        held.append(f.low[0] < new < f.high[0])
    assert np.mean(held) >= 0.8


def test_a_ladder_at_one_ratio_is_forecast_along_its_line():
    """Seven simulated sizes at twenty tokens a parameter: by params and tokens, or by their compute, the forecast is one."""
    n = np.geomspace(7e7, 2e9, 7)
    loss = (1.69 + 406.4 / n**0.34 + 410.7 / (20 * n) ** 0.28) * np.exp(0.003 * np.random.default_rng(0).standard_normal(7))
    table = {"params": n, "tokens": 20 * n, "loss": loss, "flops": 6 * n * 20 * n}
    both = fs.forecast(table, params="10B", tokens=["200B", "210B"])
    flops = fs.forecast(table, flops=[6 * 1e10 * 2e11, 6 * 1e10 * 2.1e11])
    assert both.value == pytest.approx(flops.value, rel=1e-3) and both.high == pytest.approx(flops.high, rel=2e-3)
    assert any("along their line" in w for w in both.warnings) and not both.flags and set(both.points) == {"params", "tokens"}
    off = fs.forecast(table, params="10B", tokens="2T")
    assert any("the target lies off it" in f for f in off.flags) and not any("along their line" in w for w in off.warnings)
