"""Error rates and accuracies: their ends, and one forecast however they are told."""

from dataclasses import replace

import numpy as np
import pytest

import forescale as fs
from forescale.errors import InputError
from forescale.forecast.prepare import prepare
from forescale.forecast.rates import rate_bounds, usual_noise


def test_rates_stay_between_their_ends():
    """Made-up error rates that models come to: no error above one, no accuracy below nought is foretold."""
    x = np.geomspace(1e20, 1e22, 14)
    wrong = 0.2 * (x / 1e20) ** 0.3 * (1 + 0.05 * np.random.default_rng(0).standard_normal(14))
    found, free = (
        fs.forecast({"flops": x, "error": wrong}, target="error", flops=[2e22, 1e23], bounds=b) for b in (None, (0, np.inf))
    )
    assert free.high.max() > 1 and found.high.max() <= 1 and found.joint_high.max() <= 1 and found.value.max() <= 1
    early = 0.001 + 0.15 * np.random.default_rng(1).random(14) * (x / 1e20) ** 0.1
    found = fs.forecast({"flops": x, "accuracy": early}, target="accuracy", flops=1e24)
    assert 0 <= found.low[0] < found.value[0] < found.high[0] < 1


def test_errors_and_accuracies_have_one_forecast(study):
    """Real error rates of the over-training study, told as accuracies, in per cent, and under a benchmark's name."""
    runs = study("overtraining", "evals", loss="error", drop_bad=True)
    runs = runs.where((runs["in_17"] == "True") & (runs["arm"] == "rpj"))
    names = np.unique(runs["run"].astype(str))
    of = lambda column: np.array([runs[column][runs["run"] == n].astype(float).mean() for n in names])
    table = {"params": of("params"), "tokens": of("tokens")}
    error, at = of("loss"), {"params": "7B", "tokens": ["140B", "1T"]}
    wrong = fs.forecast(table | {"error": error}, target="error", **at)
    for name, high in (("accuracy", 1.0), ("acc", 100.0), ("arc_easy", 1.0)):
        right = fs.forecast(table | {name: high * (1 - error)}, target=name, **at)
        assert right.value == pytest.approx(high * (1 - wrong.value), rel=1e-3)
        assert right.low == pytest.approx(high * (1 - wrong.high), rel=1e-3)
        assert right.high == pytest.approx(high * (1 - wrong.low), rel=1e-3)
        assert right.joint_low == pytest.approx(high * (1 - wrong.joint_high), rel=1e-3)
        assert np.all(right.low < right.value) and np.all(right.value < right.high)
        assert right.formula.startswith(f"{high:g} - ") and any(f"as {high:g} - {name}" in w for w in right.warnings)


def test_few_rates_that_go_along_smoothly_do_so_by_luck():
    """Six made-up accuracies on a curve, as shares, in per cent and as errors: they do not show that there is no noise, and the
    same numbers under the name of a loss have a narrower interval. Forty rows show it."""
    widths = {}
    for count in (6, 40):
        x = np.geomspace(1e20, 1e22, count)
        wrong = 0.2 + 0.5 * (x / 1e20) ** -0.15
        tables = {"error": wrong, "accuracy": 1 - wrong, "acc": 100 * (1 - wrong), "loss": wrong}
        ends = {"loss": (0.0, np.inf)}
        found = {n: fs.forecast({"flops": x, n: y}, target=n, flops=5e22, bounds=ends.get(n)) for n, y in tables.items()}
        widths[count] = {n: float(f.high[0] - f.low[0]) / (100 if n == "acc" else 1) for n, f in found.items()}
        assert widths[count]["accuracy"] == pytest.approx(widths[count]["error"], rel=1e-3)
        assert widths[count]["acc"] == pytest.approx(widths[count]["error"], rel=1e-3)
    assert widths[6]["error"] > 1.5 * widths[6]["loss"]
    assert widths[40]["error"] < 1.1 * widths[40]["loss"]


def test_usual_noise_is_that_of_answers(rng):
    right = rng.binomial(300, [[0.1], [0.5], [0.9]], size=(3, 20_000)) / 300
    assert usual_noise(np.array([0.1, 0.5, 0.9])) == pytest.approx(right.std(axis=1), rel=0.03)
    assert np.all(usual_noise(np.array([0.0, 1.0])) > 0)


def test_a_fall_or_a_full_score_is_told_as_it_is(rng):
    x = np.geomspace(1e20, 1e22, 14)
    noise = 1 + 0.01 * rng.standard_normal(14)
    falling = fs.forecast({"flops": x, "accuracy": 0.6 * (x / 1e20) ** -0.05 * noise}, target="accuracy", flops=1e23)
    assert not any("forecast as" in w for w in falling.warnings) and falling.value[0] < 0.5
    full = np.minimum(0.6 * (x / 1e20) ** 0.12 * noise, 1.0)
    assert full.max() == 1.0
    found = fs.forecast({"flops": x, "accuracy": full}, target="accuracy", flops=1e23)
    assert 0.8 < found.value[0] <= found.high[0] <= 1


def test_a_rate_of_no_known_name_is_asked_for():
    x = np.geomspace(1e20, 1e22, 14)
    table = {"flops": x, "merit": 1 - 0.7 * (x / 1e20) ** -0.1}
    plain, told = (fs.forecast(table, target="merit", flops=1e24, bounds=b) for b in (None, (0, 1)))
    assert any("if it is a rate" in w for w in plain.warnings) and not any("if it is a rate" in w for w in told.warnings)
    assert told.value[0] == pytest.approx(1 - 0.7 * 1e4**-0.1, rel=0.01) and told.high[0] < 1


def test_few_right_answers_are_undecided():
    """A task hardly begun: the error is well known, the accuracy is not."""
    x = np.geomspace(1e20, 1e22, 12)
    right = np.random.default_rng(3).binomial(500, 0.004 * (x / 1e20) ** 0.2) / 500 + 0.002
    found = fs.forecast({"flops": x, "accuracy": right}, target="accuracy", flops=1e24)
    assert found.high[0] > 2 * found.low[0] and any("undecided" in f for f in found.flags)


@pytest.mark.parametrize(
    ("name", "values", "ends"),
    [
        ("error", [0.2, 1.0], (0, 1)),
        ("hellaswag_acc", [0.3, 0.9], (0, 1)),
        ("Accuracy", [30, 90], (0, 100)),
        ("pass_rate", [0.0, 0.5], (0, 1)),
        ("MMLU", [0.25, 0.7], (0, 1)),
        ("gsm8k", [2.0, 55.0], (0, 100)),
        ("arc:easy", [0.3, 0.8], (0, 1)),
        ("pass@1", [0.0, 0.4], (0, 1)),
        ("humaneval_pass_at_10", [5, 40], (0, 100)),
        ("squad F1", [40, 80], (0, 100)),
        ("top-5", [0.5, 0.9], (0, 1)),
        ("mmlu_error", [30, 75], (0, 100)),
        ("stop_10", [0.5, 0.9], None),
        ("lambada_ppl", [5, 40], None),
        ("mmlu_loss", [0.25, 0.7], None),
        ("hellaswag", [1.1, 130.0], None),
        ("error", [0.2, 1.5], None),  # a mean squared error, say
        ("accuracy", [-0.1, 0.5], None),
        ("loss", [0.2, 0.5], None),
        ("learning_rate", [0.1, 0.2], None),
        ("accuracy", [np.nan], None),
    ],
)
def test_ends_of_rates(name, values, ends):
    assert rate_bounds(name, np.array(values, float)) == ends


def test_a_score_that_stands_still_is_told_of():
    rng = np.random.default_rng(0)
    n = np.geomspace(7e7, 7e9, 8)
    guesses, learned = 0.25 + 0.004 * rng.standard_normal(8), np.linspace(0.3, 0.5, 8) + 0.004 * rng.standard_normal(8)
    told_of = lambda **columns: {k: any("stands still" in w for w in _said(k, columns, n)) for k in columns}
    assert told_of(acc=guesses, acc_2=learned, err=1 - guesses) == {"acc": True, "acc_2": False, "err": True}
    assert told_of(acc=100 * guesses, acc_2=100 * learned) == {"acc": True, "acc_2": False}
    loss = 1.7 + 40 * n**-0.3
    found = fs.downstream(
        fs.read({"params": n, "tokens": 20 * n, "loss": loss, "acc": guesses}), "acc", params=7e10, tokens=1.4e12
    )
    assert any("stands still" in w for w in found.warnings)


def _said(target, columns, n):
    return fs.forecast({"params": n, target: columns[target]}, target=target, params=7e10).warnings


def test_models_that_got_nothing_right_count(rng):
    """Sampled tasks have models at exactly nought; per cent is refused by name."""
    n = np.geomspace(1e8, 5e9, 12)
    loss = 1.7 + 400 * n**-0.34
    right = np.clip(0.9 - 2 * (loss - 1.9), 0, 1)
    assert (right == 0).sum() >= 2
    table = fs.Runs({"params": n, "tokens": 20 * n, "loss": loss, "accuracy": right})
    found = fs.downstream(table, "accuracy", params="10B", tokens="200B")
    assert found.low < 0.9 - 2 * (1.7 + 400 * 1e10**-0.34 - 1.9) < found.high
    with pytest.raises(InputError, match="divide per cent by 100"):
        fs.downstream(fs.Runs({**table.columns, "accuracy": 100 * right}), "accuracy", params="10B", tokens="200B")


def test_a_rollout_says_what_its_errors_are_of():
    x = np.geomspace(1e20, 1e23, 16)
    right = 1 - 0.7 * (x / 1e20) ** -0.1 * (1 + 0.005 * np.random.default_rng(5).standard_normal(16))
    told = fs.rollout(fs.Runs({"flops": x, "accuracy": right}), ["flops"], target="accuracy")
    as_error = fs.rollout(fs.Runs({"flops": x, "error": 1 - right}), ["flops"], target="error")
    assert told.target == "1 - accuracy" and "error of 1 - accuracy in held-out rows" in told.summary()
    assert as_error.target == "error" and [x.error for x in told.lines] == pytest.approx(
        [x.error for x in as_error.lines], rel=1e-6
    )


def test_accuracies_on_the_line():
    """Simulated accuracies on shifted data, whose probits lie on a line over those on the old (arXiv:2107.04649)."""
    law, held, off = fs.laws.get("accuracy_line"), [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        old = np.sort(rng.uniform(0.3, 0.75, 25))
        values = {"slope": rng.uniform(0.7, 1.1), "shift": rng.uniform(-1, -0.2)}
        new = law(values, accuracy=old) + 0.005 * rng.standard_normal(25)
        found = fs.forecast({"accuracy": old, "acc_new": new}, target="acc_new", accuracy=0.93)
        truth = float(law(values, accuracy=0.93))
        held.append(found.low[0] < truth < found.high[0])
        off.append(abs(found.value[0] - truth))
    assert np.mean(held) >= 0.8 and np.mean(off) < 0.03
    table, at = fs.Runs({"accuracy": old, "acc_new": new}), {"accuracy": 0.93}
    assert prepare(table, "acc_new", at).questions[0].inputs == ("(1/(1 - accuracy))",)
    assert prepare(table, "acc_new", at, own_terms=True).questions[0].inputs == ("accuracy",)


def test_a_law_of_the_user_speaks_of_the_accuracy_itself():
    """A law of the accuracy stands in the stack as it was given, though 1 - accuracy is what is forecast."""

    @fs.law(
        inputs=("flops",),
        output="accuracy",
        params=(
            fs.Param("a", fs.interval(0, 1), start=(0.2, 0.6), doc="accuracy at 1e20 FLOP"),
            fs.Param("b", fs.interval(0, 1), start=(0.01, 0.2), doc="gain by e-fold"),
        ),
        source=fs.Source("arXiv:2203.15556"),
    )
    def logarithmic(p, x):
        """accuracy = a + b log(C / 1e20)"""
        return p.a + p.b * np.log(x.flops / 1e20)

    x = np.geomspace(1e20, 1e22, 15)
    y = 0.3 + 0.06 * np.log(x / 1e20) + 0.004 * np.random.default_rng(2).standard_normal(15)
    found = fs.forecast({"flops": x, "accuracy": y}, target="accuracy", laws=[logarithmic], flops=5e22)
    own = next(m for m in found.members if m.name == "logarithmic")
    assert own.value[0] == pytest.approx(0.3 + 0.06 * np.log(500), abs=0.02)
    lower = replace(logarithmic, formula=lambda p, x: logarithmic.formula(p, x) - 0.5)
    shifted = fs.forecast({"flops": x, "merit": y - 0.5}, target="merit", laws=[lower], flops=5e22)
    own = next(m for m in shifted.members if m.name == "logarithmic")
    assert own.value[0] == pytest.approx(0.06 * np.log(500) - 0.2, abs=0.02)
