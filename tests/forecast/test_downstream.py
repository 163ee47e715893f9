"""Metrics through the loss, emergent tasks, and public models."""

import numpy as np
import polars as pl
import pytest

from forescale import measure
from forescale.errors import InputError
from forescale.forecast import downstream, informative, observational, pass_forecast
from forescale.runs import Runs, read


def overtraining(study):
    runs = study("overtraining")
    evals = study("overtraining", "evals", loss="error", drop_bad=True)
    rows = evals.where((evals["in_17"] == "True") & (evals["arm"] == "rpj"))
    error = {name: rows["loss"][rows["run"] == name].mean() for name in np.unique(rows["run"].astype(str))}
    own = runs.where(runs["arm"] == "rpj")
    columns = {k: own[k] for k in ("run", "params", "tokens", "flops", "loss", "role", "token_multiplier")}
    return pl.DataFrame({**columns, "error": [error[r] for r in own["run"]]})


def test_17_task_error_of_the_two_large_models(study):
    """The authors' path is off by 3.64 and 0.05 %; through our own forecast less on average, and both within the interval."""
    frame = overtraining(study)
    fitted = read(frame.filter(pl.col("role") == "fit"))
    off = []
    for multiplier, size in ((640, 1.4e9), (20, 6.9e9)):
        near = ((pl.col("token_multiplier") / multiplier - 1).abs() < 0.05) & ((pl.col("params") / size - 1).abs() < 0.15)
        one = frame.filter(near)
        assert len(one) == 1
        truth = float(one["error"][0])
        found = downstream(fitted, "error", params=float(one["params"][0]), tokens=float(one["tokens"][0]))
        assert found.low < truth < found.high
        off.append(abs(found.value / truth - 1))
    assert np.mean(off) < 0.8 * np.mean([0.036365, 0.000464]) and max(off) < 0.02


def test_downstream_says_what_it_cannot(study):
    frame = overtraining(study).filter(pl.col("role") == "fit")
    found = downstream(read(frame), "error", items=1000, params="7B", tokens="140B")
    plain = downstream(read(frame), "error", params="7B", tokens="140B")
    assert found.high - found.low > plain.high - plain.low and any("below every measured" in w for w in found.warnings)
    with pytest.raises(InputError, match="needs 5"):
        downstream(read(frame.head(4)), "error", params="7B", tokens="140B")
    with pytest.raises(InputError, match="must be a fraction"):
        downstream(read(frame.with_columns(error=pl.col("error") * 100)), "error", params="7B", tokens="140B")


def test_no_step_leaves_a_fraction():
    """A simulated accuracy near its ceiling, through which the exponential alone would go beyond one."""
    rng = np.random.default_rng(1)
    n = np.exp(rng.uniform(np.log(2e7), np.log(1e9), 40))
    d = n * np.exp(rng.uniform(np.log(5), np.log(80), 40))
    loss = (1.82 + 482 / n**0.348 + 2085 / d**0.366) * np.exp(0.004 * rng.standard_normal(40))
    table = Runs({"params": n, "tokens": d, "loss": loss, "acc": 1 / (1 + np.exp(3 * (loss - 2.9)))})
    found = downstream(table, "acc", params=7e9, tokens=1.4e11)
    assert found.low <= found.value <= found.high <= 1 and max(found.steps.values()) == 1
    assert found.value == pytest.approx(np.mean(list(found.steps.values())))


def test_second_steps_on_nine_benchmarks(study):
    """Gemstones, each benchmark from the loss beyond its fitted range: the mean of the steps beats the exponential by a tenth."""
    from forescale.forecast.metrics import STEPS

    losses = study("gemstones", drop_bad=True)
    scores = study("gemstones", "evals", loss="error", drop_bad=True)
    loss_at = dict(zip(zip(losses["run"], losses["steps"], strict=True), losses["loss"], strict=True))
    loss = np.array([loss_at.get(k, np.nan) for k in zip(scores["run"], scores["steps"], strict=True)])
    ours, theirs = [], []
    for name in sorted(set(scores["eval"].tolist())):
        mine = (scores["eval"] == name) & np.isfinite(loss)
        fit, held = mine & (scores["role"] == "fit"), mine & (scores["held_out"] == "True")
        weights = np.ones((1, fit.sum()))
        said = {k: step(loss[fit], scores["loss"][fit], weights)[0](loss[held]) for k, step in STEPS.items()}
        truth = scores["loss"][held]
        assert loss[held].max() < loss[fit].min() + 0.2
        ours.append(np.mean(np.abs(np.mean(list(said.values()), axis=0) - truth)))
        theirs.append(np.mean(np.abs(said["exponential"] - truth)))
    assert len(ours) == 9 and np.exp(np.mean(np.log(ours))) < 0.9 * np.exp(np.mean(np.log(theirs)))


@pytest.mark.parametrize("rate", [1e-2, 1e-4, 1e-6])
def test_pass_until_has_no_bias_at_tiny_rates(rate):
    rng = np.random.default_rng(0)
    drawn = rng.negative_binomial(3, rate, size=50_000) + 3
    assert measure.pass_until(drawn, 3).mean() == pytest.approx(rate, rel=0.05)


def test_emergent_task_at_ten_times_the_largest_model():
    """Rates from 1e-6 up: the held-out model lies in the interval; a line through pass@1 of an ordinary evaluation fails."""
    rng, held, failed = np.random.default_rng(0), [], []
    for _ in range(100):
        n, alpha = np.geomspace(3e7, 1e9, 6), rng.uniform(0.2, 0.4)
        c = 13.5 * 3e7**alpha * rng.uniform(0.6, 1)
        rate = np.exp(-c * n**-alpha * np.exp(0.03 * rng.standard_normal(6)))
        drawn = rng.negative_binomial(6, rate) + 6
        truth = np.exp(-c * 1e10**-alpha * np.exp(0.03 * rng.standard_normal()))
        found = pass_forecast(n, drawn, 6, 1e10)
        held.append(found.low <= truth <= found.high)
        once = rng.binomial(164, rate) / 164
        line = np.polyval(np.polyfit(np.log(n), once, 1), np.log(1e10))
        failed.append(abs(line - truth) > 0.5 * truth)
    assert np.mean(held) >= 0.87 and np.mean(failed) > 0.9
    with pytest.raises(InputError, match="two or more passes"):
        pass_forecast(n, drawn, 1, 1e10)


def test_pass_rates_from_two_passes_each():
    """The logarithm of the unbiased rate is low by 0.4 where a task is passed twice: nine forecasts in ten were too low."""
    rng, held, below = np.random.default_rng(0), [], []
    for _ in range(400):
        n, alpha, end = np.geomspace(3e7, 3e9, 10), rng.uniform(0.1, 0.35), rng.uniform(0.7, 5.8)
        found = pass_forecast(n, rng.negative_binomial(2, np.exp(-end * (n / 3e9) ** -alpha)) + 2, 2, 3e10)
        truth = np.exp(-end * 10**-alpha)
        held.append(found.low <= truth <= found.high)
        below.append(found.value < truth)
    assert 0.92 <= np.mean(held) <= 0.98 and 0.42 < np.mean(below) < 0.58


BENCHMARKS = ["MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "GSM8K", "XWinograd", "HumanEval"]


def public(study):
    rows = study("observational", only=("score",))  # zeros are scores too
    base = rows.where(rows["suite"] == "base_benchmark")
    base = base.where(np.isfinite(base["flops"].astype(float)))
    models = sorted(set(base["run"].tolist()))
    table = np.full((len(models), len(BENCHMARKS)), np.nan)
    info = {}
    columns = (base[k] for k in ("run", "arm", "flops", "role", "eval", "score"))
    for run, arm, flops, role, name, score in zip(*columns, strict=True):
        table[models.index(run), BENCHMARKS.index(name)] = score
        info[str(run)] = (str(arm), float(flops), str(role))
    return rows, models, table, info


def plain_sigmoid(s, y, new):
    """The source's own second step: least squares of a sigmoid on three components."""
    from scipy.optimize import least_squares

    sigmoid = lambda v: 1 / (1 + np.exp(-np.clip(v, -30, 30)))
    fits = []
    for seed in range(4):
        start = np.r_[0.0, np.random.default_rng(seed).normal(0, 2, s.shape[1])]
        fits.append(least_squares(lambda q: sigmoid(q[0] + s @ q[1:]) - y, start, max_nfev=400))
    q = min(fits, key=lambda f: f.cost).x
    return sigmoid(q[0] + new @ q[1:])


@pytest.mark.slow
def test_public_models_above_the_cut_off(study):
    """Fitted up to 8.4e22 FLOP: no worse than the plain fit in each family of tasks, a tenth better over all."""
    rows, models, table, info = public(study)
    ours, theirs, inside = {}, {}, []
    space = measure.capabilities(table)
    for suite in ("emergent", "leaderboard_v2", "post_training"):
        own = rows.where(rows["suite"] == suite)
        for task in sorted(set(own["eval"].tolist())):
            mine = own.where(own["eval"] == task)
            score = {str(r): float(v) for r, v in zip(mine["run"], mine["score"], strict=True) if str(r) in info}
            fit = {m: v for m, v in score.items() if info[m][2] == "fit"}
            test = {m: v for m, v in score.items() if info[m][2] == "held_out"}
            values = np.array(list(score.values()))
            if len(fit) < 12 or len(test) < 5 or values.min() < 0 or values.max() > 1 or values.std() < 0.03:
                continue
            found = observational(table, models, fit, family={m: info[m][0] for m in models})
            said = {m: found.predict(m) for m in test}
            at = lambda names: space.scores[[models.index(m) for m in names]]
            other = plain_sigmoid(at(fit), np.array(list(fit.values())), at(test))
            truth = np.array(list(test.values()))
            ours.setdefault(suite, []).append(np.mean(np.abs([said[m][0] for m in test] - truth)))
            theirs.setdefault(suite, []).append(np.mean(np.abs(other - truth)))
            inside += [said[m][1] <= test[m] <= said[m][2] for m in test]
    # errors below a point of score are noise of the scores themselves: they count as one
    mean = lambda v: np.exp(np.mean(np.log(np.maximum(v, 0.01))))
    assert set(ours) == {"emergent", "leaderboard_v2", "post_training"}
    for suite in ours:
        assert mean(ours[suite]) <= 1.01 * mean(theirs[suite]), suite
    print({s: (len(ours[s]), mean(ours[s]), mean(theirs[s])) for s in ours}, np.mean(inside))
    assert 0.85 < np.mean(inside) < 0.95
    assert mean([e for v in ours.values() for e in v]) < 0.9 * mean([e for v in theirs.values() for e in v])


@pytest.mark.slow
def test_larger_public_models_from_a_few_small_ones(study):
    """The next six by compute after 4, 6, 8 or 12 scored ones: by left-out models alone intervals held 72 % of these."""
    rows, models, table, info = public(study)
    rng, inside = np.random.default_rng(0), []
    for suite in ("emergent", "leaderboard_v2", "post_training"):
        own = rows.where(rows["suite"] == suite)
        for task in sorted(set(own["eval"].tolist()))[:25]:
            mine = own.where(own["eval"] == task)
            score = {str(r): float(v) for r, v in zip(mine["run"], mine["score"], strict=True) if str(r) in info and 0 <= v <= 1}
            for count in (4, 6, 8, 12):
                some = rng.permutation(list(score))[: count + 6]
                if len(some) < count + 6:
                    continue
                names = sorted((str(m) for m in some), key=lambda m: info[m][1])
                found = observational(table, models, {m: score[m] for m in names[:count]}, family={m: info[m][0] for m in models})
                said = {m: found.predict(m) for m in names[count:]}
                inside += [said[m][1] <= score[m] <= said[m][2] for m in said]
    assert len(inside) > 500 and 0.86 < np.mean(inside) < 0.95


def test_what_no_scored_model_has_learned_is_told_of():
    rng = np.random.default_rng(0)
    ability = np.sort(rng.uniform(-2, 2, 20))
    table = 1 / (1 + np.exp(-(ability[:, None] + rng.normal(0, 0.3, (20, 5)))))
    models = [f"m{i}" for i in range(20)]
    found = observational(table, models, {m: 0.25 + 0.02 * rng.uniform() for m in models[:10]}, low=0.25)
    assert any("clearly above 0.25" in w for w in found.warnings)
    assert found.predict("m19")[2] == 1.0 and found.predict("m2")[2] < 0.4


def test_families_equivalents_and_informative_models(study):
    rows, models, table, info = public(study)
    own = rows.where(
        (rows["suite"] == "emergent") & (rows["eval"] == sorted(set(rows["eval"][rows["suite"] == "emergent"].tolist()))[0])
    )
    score = {str(r): float(v) for r, v in zip(own["run"], own["score"], strict=True) if str(r) in info and 0 <= v <= 1}
    family, flops = ({m: info[m][k] for m in models} for k in (0, 1))
    found = observational(table, models, score, flops=flops, family=family)
    assert "Llama-2" in found.families and found.families["Llama-2"][0] > 0
    one = next(m for m in models if family[m] == "Llama-2")
    assert found.equivalent(one, "Llama-2") == pytest.approx(flops[one], rel=1.5)
    low, high = (found.at("Llama-2", c)[0] for c in (1e22, 1e24))
    assert 0 <= low <= 1 and 0 <= high <= 1
    chosen = informative(found.space, 8)
    assert len(set(chosen)) == 8
    with pytest.raises(InputError, match="no line for family"):
        found.at("nobody", 1e22)
    with pytest.raises(InputError, match="are needed"):
        observational(table, models, dict(list(score.items())[:3]))
    assert observational(table, models, dict(list(score.items())[:6])).space.scores.shape[1] == 2  # what six scores can fix
    with pytest.raises(InputError, match=f"{models[0]} stands 2 times"):
        observational(np.r_[table, table[:1]], [*models, models[0]], score)


def test_a_benchmark_that_all_models_pass_alike_says_nothing():
    rng = np.random.default_rng(0)
    ability = rng.uniform(-2, 2, 24)
    table = 1 / (1 + np.exp(-(ability[:, None] + rng.normal(0, 0.3, (24, 5)))))
    table[:, 4] = 1.0
    models = [f"m{i}" for i in range(24)]
    score = {m: float(1 / (1 + np.exp(-a))) for m, a in zip(models[:16], ability[:16], strict=True)}
    found = observational(table, models, score)
    said = np.array([found.predict(m) for m in models[16:]])
    assert np.isfinite(said).all() and np.abs(said[:, 0] - 1 / (1 + np.exp(-ability[16:]))).max() < 0.25
