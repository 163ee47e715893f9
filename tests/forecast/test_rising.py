"""Targets that rise without a known end: optimum sizes go on as power laws, scores level off."""

import numpy as np

import forescale as fs
from forescale.forecast.candidates import candidates
from forescale.forecast.local import last_points
from forescale.forecast.question import Question
from forescale.forecast.rates import rises


def test_a_power_law_that_rises_goes_on():
    """Simulated best sizes over one decade of compute, asked up to thirty times beyond: growth is not cut off there."""
    x = np.geomspace(1e18, 1e19, 10)
    held, far = [], []
    for seed in range(6):
        best = 1e7 * (x / 1e18) ** 0.5 * np.exp(0.01 * np.random.default_rng(seed).standard_normal(10))
        found = fs.forecast({"flops": x, "best_size": best}, target="best_size", flops=[1e20, 3e20])
        truth = 1e7 * np.array([100.0, 300.0]) ** 0.5
        held += list((found.low <= truth) & (truth <= found.high))
        far.append(abs(np.log(found.value[1] / truth[1])))
    assert np.mean(held) >= 0.75 and np.median(far) < 0.3


def test_a_score_that_levels_off_does_so_in_its_forecast():
    """Simulated translation scores towards a ceiling that no one names, asked ten times beyond two decades of compute."""
    off, held = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        ceiling, slope, x = rng.uniform(28, 45), rng.uniform(0.1, 0.3), np.geomspace(1e18, 1e20, 12)
        truth = lambda c, a=ceiling, b=slope: a * (1 - 0.6 * (c / 1e18) ** -b)
        score = truth(x) + 0.3 * rng.standard_normal(12)
        found = fs.forecast({"flops": x, "bleu": score}, target="bleu", flops=1e21)
        off.append(abs(found.value[0] - truth(1e21)) / np.ptp(truth(x)))
        held.append(found.low[0] <= truth(1e21) <= found.high[0])
    assert np.median(off) < 0.06 and np.mean(held) >= 0.8


def test_several_inputs_have_a_formula_that_rises(rng):
    """Simulated scores by size and data: what they lack of a ceiling is the grammar's law."""
    params, tokens = (v.ravel() for v in np.meshgrid(np.geomspace(1e8, 3e9, 5), np.geomspace(2e9, 1e11, 5)))
    truth = lambda n, d: 50 - 12 * (n / 1e8) ** -0.3 - 9 * (d / 2e9) ** -0.3
    table = {"params": params, "tokens": tokens, "score": truth(params, tokens) + 0.1 * rng.standard_normal(25)}
    found = fs.forecast(table, target="score", params=2e10, tokens=6e11)
    assert " - (" in found.formula and "params^-" in found.formula
    assert found.low[0] <= truth(2e10, 6e11) <= found.high[0] and abs(found.value[0] - truth(2e10, 6e11)) < 1.0


def test_real_accuracies_under_a_name_that_tells_nothing(study):
    """Four benchmarks of Gemstones without their bounds: larger models are foretold better than by the best fitted one."""
    table = study("gemstones", "evals", loss="error", drop_bad=True)
    table = table.where(table["arm"] == table["arm"][0])
    ours, best = [], []
    for name in sorted(set(table["eval"].tolist()))[:4]:
        rows = table.where(table["eval"] == name)
        fit, held = rows.where(rows["role"] == "fit"), rows.where(rows["held_out"] == "True")
        columns = {n: fit[n] for n in ("run", "params", "tokens")}
        truth, at = 1 - held["loss"], {n: held[n] for n in ("params", "tokens")}
        found = fs.forecast(columns | {"merit": 1 - fit["loss"]}, target="merit", **at)
        ours.append(np.abs(found.value - truth).mean())
        best.append(np.abs((1 - fit["loss"]).max() - truth).mean())
    assert np.mean(ours) < 0.75 * np.mean(best)


def test_baselines_of_what_rises_take_its_upper_frontier():
    x = np.geomspace(1.0, 1e3, 8)
    y = 3 * x**0.2
    y[5] *= 0.5
    q = Question(("x",), x[:, None], y, x, np.array([[1e4]]), np.array([1e4]))
    assert np.isclose(last_points(q, 3, rises=True)[0], 3 * 1e4**0.2) and last_points(q, 3)[0] < 4
    assert rises(y, x) and not rises(y[::-1], x)
    names = [c.name for c in candidates(("x",), "score", rises=True)]
    assert len(names) == len(set(names)) and sum("below a ceiling" in n for n in names) > 5


def test_rows_alike_before_a_rise_are_no_error():
    x = np.geomspace(1e18, 1e20, 12)
    for size in (1.0, 1e9):
        score = size * np.r_[np.full(8, 2.0), 2.5, 3.0, 3.4, 3.6]
        found = fs.forecast({"flops": x, "merit": score}, target="merit", flops=1e21)
        assert 2 * size < found.low[0] <= found.value[0] <= found.high[0]


def test_over_a_loss_nothing_is_progress(rng):
    """Simulated losses on one data set from those on another: a power law above a floor that rises with its input."""
    x = np.geomspace(2.2, 4.0, 20)
    y = 0.5 + 1.1 * (x - 1.7) ** 0.9 * np.exp(0.002 * rng.standard_normal(20))
    found = fs.forecast({"loss": x[8:], "other": y[8:]}, target="other", loss=2.3)
    assert not any("ceiling" in m.name for m in found.members) and abs(found.value[0] / (0.5 + 1.1 * 0.6**0.9) - 1) < 0.05
    u = {"params": np.geomspace(1e7, 1e9, 12), "val_loss": np.linspace(2.5, 3.5, 12)}
    assert not any("ceiling" in m.name for m in fs.forecast(u, target="val_loss", params=1e10).members)
