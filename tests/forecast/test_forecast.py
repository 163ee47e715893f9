"""The automatic forecaster on real runs, and on runs made to break it."""

import warnings

import numpy as np
import pytest

import forescale as fs
from forescale import laws, studies
from forescale.errors import InputError


@pytest.fixture(scope="module")
def ladder():
    runs = studies.load()
    return runs.role("fit"), runs.role("held_out")


def asked(rows, names=("params", "tokens")):
    return {n: rows[n] for n in names}


def simulated(rng, count=80, noise=0.004):
    law = laws.get("chinchilla")
    n = np.exp(rng.uniform(np.log(1e7), np.log(1e9), count))
    d = n * np.exp(rng.uniform(np.log(3), np.log(200), count))
    y = law(law.preset("besiroglu"), params=n, tokens=d) * np.exp(noise * rng.standard_normal(count))
    return {"params": n, "tokens": d, "loss": y}, float(law(law.preset("besiroglu"), params=7e9, tokens=1.4e11))


def test_the_shipped_ladder_is_forecast_within_its_interval(ladder):
    fit, held = ladder
    f = fs.forecast(fit, **asked(held))
    assert np.mean(np.abs(f.value / held["loss"] - 1)) < 0.02
    assert np.all((f.low < held["loss"]) & (held["loss"] < f.high))
    naive = min(np.mean(np.abs(m.value / held["loss"] - 1)) for m in f.members if m.naive)
    assert np.mean(np.abs(f.value / held["loss"] - 1)) < naive
    assert f.origins >= 2 and abs(sum(m.weight for m in f.members) - 1) < 1e-9


def test_units_do_not_matter(ladder):
    fit, held = ladder
    one = fs.forecast(fit, **asked(held))
    table = {"params": fit["params"] / 1e6, "tokens": fit["tokens"] / 1e9, "loss": fit["loss"]}
    two = fs.forecast(table, params=held["params"] / 1e6, tokens=held["tokens"] / 1e9)
    assert np.allclose(one.value, two.value, rtol=2e-3)
    assert np.allclose(one.high - one.low, two.high - two.low, rtol=0.1)


def test_diverged_runs_hardly_move_it(rng):
    table, truth = simulated(rng)
    clean = fs.forecast(table, params="7B", tokens="140B")
    table["loss"][::16] *= 1.7
    dirty = fs.forecast(table, params="7B", tokens="140B")
    assert abs(clean.value[0] / truth - 1) < 0.02
    assert abs(dirty.value[0] / truth - 1) < 0.04
    assert dirty.low[0] < truth < dirty.high[0]


def test_a_law_of_the_users_own_joins_the_stack(rng):
    table, truth = simulated(rng)
    f = fs.forecast(table, laws=[laws.get("chinchilla")], params="7B", tokens="140B")
    mine = next(m for m in f.members if m.name == "chinchilla")
    assert abs(mine.value[0] / truth - 1) < 0.02 and mine.weight > 0.05
    with pytest.raises(InputError, match="takes params, tokens; the target gives tokens"):
        fs.forecast(table, laws=[laws.get("chinchilla")], tokens="140B")


def test_other_inputs_and_negative_targets(rng):
    x = np.geomspace(1e3, 1e6, 30)
    f = fs.forecast({"examples": x, "score": 0.5 - 30 * x**-0.5}, target="score", examples=4e6)
    assert abs(f.value[0] - (0.5 - 30 * 4e6**-0.5)) < 0.01 and "at or below zero" in f.warnings[-1]


def test_mixture_proportions_enter_linearly_and_zeros_are_no_obstacle(rng):
    def law(r):
        return 1.8 + 0.9 * np.exp(-1.2 * r[:, 0] - 0.4 * r[:, 1])

    r, new = rng.dirichlet([1, 1, 1], 40), rng.dirichlet([1, 1, 1], 50)
    r[:3] = np.eye(3)
    names = ("web", "code", "books")
    table = dict(zip(names, r.T, strict=True)) | {"loss": law(r) * np.exp(0.002 * rng.standard_normal(40))}
    f = fs.forecast(table, **dict(zip(names, new.T, strict=True)))
    assert 1 - np.mean((f.value - law(new)) ** 2) / law(new).var() > 0.99
    assert f.origins == 5 and "taken as linear" in f.warnings[-1] and np.allclose(f.points["web"], new[:, 0])


def test_experts_are_a_modifier_of_the_size(rng):
    e, n = np.repeat([1.0, 2, 4, 8, 16, 32], 5), np.tile(np.geomspace(1e7, 1e9, 5), 6)
    y = 1.6 + 30 * n**-0.2 * e**-0.05
    held = (e == 32) | (n == 1e9)
    at = {"num_experts": e[held], "dense_parameter_count": n[held]}
    f = fs.forecast({"num_experts": e[~held], "dense_parameter_count": n[~held], "loss": y[~held]}, **at)
    assert np.max(np.abs(f.value / y[held] - 1)) < 0.005 and "dense_parameter_count^-0.2 " in f.formula


def test_several_targets_and_bounds(rng):
    x = np.geomspace(1e3, 1e6, 20)
    table = {"examples": x, "error": np.minimum(2 * x**-0.1, 0.99) * np.exp(0.1 * rng.standard_normal(20)), "loss": x**-0.1}
    both = fs.forecast(table, target=("error", "loss"), bounds=(0, 0.4), examples=1e7)
    assert set(both) == {"error", "loss"} and both["error"].high[0] == 0.4
    assert both["loss"].value[0] == pytest.approx(1e7**-0.1, rel=0.02)
    with pytest.raises(InputError, match="lower and a higher"):
        fs.forecast(table, target="error", bounds=(1, 0), examples=1e7)


def test_groups_are_forecast_on_their_own(study):
    runs = study("finetuning", only=("sft_data_size", "sft_loss"))
    fit, held = (runs.where(runs["held_out"].astype(str) == v) for v in ("False", "True"))
    y, p = [], []
    for name, f in fs.forecast(fit, target="sft_loss", group="group", sft_data_size=held["sft_data_size"].max()).items():
        y += held["sft_loss"][held["group"] == name].tolist()
        p += f.value.tolist()
    y, p = np.array(y), np.array(p)
    assert len(y) == 42 and 1 - np.mean((y - p) ** 2) / y.var() >= 0.99


def test_parallel_streams_are_discovered_by_the_same_path(study):
    runs = study("parallel", only=("num_params", "parallel_size", "loss"))
    y, p = [], []
    for group in sorted(set(runs["group"].tolist())):
        own = runs.where(runs["group"] == group)
        held = own["held_out"].astype(str) == "True"
        at = asked(own.where(held), ("num_params", "parallel_size"))
        f = fs.forecast(own.where(~held), **at)
        y += own["loss"][held].tolist()
        p += f.value.tolist()
        assert "parallel_size" in f.formula
    y, p = np.array(y), np.array(p)
    assert len(y) == 12 and 1 - np.mean((y - p) ** 2) / y.var() >= 0.999


@pytest.mark.parametrize(("name", "arm", "most"), [("chinchilla", None, 0.014), ("gemstones", "main", 0.012)])
def test_published_studies(study, name, arm, most):
    runs = study(name)
    runs = runs if arm is None else runs.where((runs["arm"] == arm) & (runs["in_paper_fit"].astype(str) == "True"))
    fit, held = runs.role("fit"), runs.where(runs["held_out"].astype(str) == "True")
    f = fs.forecast(fit, **asked(held))
    assert np.mean(np.abs(f.value / held["loss"] - 1)) < most
    assert np.mean((f.low < held["loss"]) & (held["loss"] < f.high)) >= 0.82


def test_joint_intervals_hold_every_single_one(ladder):
    fit, held = ladder
    f = fs.forecast(fit, **asked(held))
    assert np.all(f.joint_low < f.low) and np.all(f.joint_high > f.high)
    alone = fs.forecast(fit, params=held["params"][0], tokens=held["tokens"][0])
    assert np.allclose(alone.joint_high, alone.high)


def test_what_cannot_be_predicted_is_flagged(rng):
    x = np.geomspace(1e3, 1e5, 12)
    f = fs.forecast({"flops": x, "loss": np.exp(rng.normal(0, 0.8, 12))}, flops=1e7)
    assert any("undecided" in text for text in f.flags)
    n = np.geomspace(1e6, 1e9, 30)
    line = fs.forecast({"params": n, "tokens": 20 * n, "loss": 2 + 400 * n**-0.3}, params=1e9, tokens=1e12)
    assert any("params and tokens move together" in text for text in line.flags)
    few = fs.forecast({"params": n[:4], "tokens": 20 * n[:4] ** 1.01, "loss": 2 + 400 * n[:4] ** -0.3}, params=1e9, tokens=2e10)
    assert any("too few rows" in text for text in few.flags)
    six = {"params": n[::5], "loss": 2 + 400 * n[::5] ** -0.3}
    flags = lambda far: [f for f in fs.forecast(six, params=far * n[25]).flags if f.startswith("back-tests reach 3.3x")]
    assert not flags(10) and len(flags(12)) == 1


def test_two_values_of_an_input_are_flagged_where_its_bend_would_matter(rng):
    """A column that says yes or no, and a batch tried at two sizes: asked at a measured value, no bend is needed."""
    n, moe = (v.ravel() for v in np.meshgrid(np.geomspace(1e7, 1e9, 12), [0.0, 1.0]))
    batch = rng.choice([256.0, 512.0], 24)
    table = {"params": n, "moe": moe, "batch_size": batch, "loss": (1.5 + 90 * n**-0.3) * 0.97**moe * (batch / 256) ** -0.01}
    flags = lambda **at: [f for f in fs.forecast(table, params=4e9, **at).flags if "two values" in f]
    assert not flags(moe=1, batch_size=512)
    assert flags(moe=1, batch_size=1024) == ["batch_size has two values only: its curvature is not identified; add a third"]
    assert [f.split()[0] for f in flags(moe=0.5, batch_size=[256, 300])] == ["moe", "batch_size"]


def test_a_target_in_other_units_than_the_table_is_flagged(ladder):
    """7 for 7B lies below every run, so no distance beyond the data says it."""
    flags = fs.forecast(ladder[0], params=7, tokens="2M").flags
    assert [f for f in flags if f.startswith("params") and "below the data" in f and "units of the table" in f]
    assert not [f for f in fs.forecast(ladder[0], params="1M", tokens="20M").flags if "units" in f]


def test_flops_alone_of_runs_that_spend_it_differently_is_said(study):
    """Every run of the isoFLOP study: a usual run is no optimal one, and the forecast says so. Of its best runs it does not."""
    runs = study("chinchilla").role("fit")
    c, loss = runs["flops"], runs["loss"]
    best = np.array([y <= loss[c <= 1.05 * x].min() for x, y in zip(c, loss, strict=True)])
    whole, front = fs.forecast(runs, flops=1e22), fs.forecast(runs.where(best), flops=1e22)
    assert any("of a usual run, not of the best" in w for w in whole.warnings)
    assert not any("usual run" in w for w in front.warnings) and front.value < whole.value


def test_the_largest_gpt2_from_the_three_smaller():
    """Radford et al. 2019, Table 3: WikiText-103 perplexity and LAMBADA accuracy, zero-shot. Three rows leave much open."""
    params = [117e6, 345e6, 762e6]
    found = fs.forecast({"params": params, "perplexity": [37.50, 26.37, 22.05]}, target="perplexity", params=1542e6)
    assert found.low[0] < 17.48 < found.high[0] and found.low[0] < 0.9 * found.high[0]
    assert any("too few rows" in f for f in found.flags)
    found = fs.forecast({"params": params, "accuracy": [0.4599, 0.5548, 0.6012]}, target="accuracy", params=1542e6)
    assert found.low[0] < 0.6324 < found.high[0] and found.high[0] - found.low[0] > 0.03


def test_targets_in_any_list(ladder):
    pd = pytest.importorskip("pandas")
    fit, _ = ladder
    n, d = [3e9, 1e10], [6e10, 2e11]
    want = fs.forecast(fit, params=n, tokens=d).value.tolist()
    for made in (np.array, pd.Series, tuple, lambda v: [f"{x:g}" for x in v]):
        assert fs.forecast(fit, params=made(n), tokens=made(d)).value.tolist() == want
    assert fs.forecast(fit, params=np.array(3e9), tokens=6e10).value.shape == (1,)


def test_absurd_targets_have_numbers_and_no_numpy_warning():
    """Simulated: few noisy rows asked ten orders of magnitude beyond them, below them, and far off in a linear input."""
    rng = np.random.default_rng(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (3, 4, 6, 20):
            n, share = np.exp(rng.uniform(8, 10, rows)), rng.choice([0.0, 0.25, 0.5, 1.0], rows)
            table = {"params": n, "share": share, "loss": np.exp(rng.standard_normal(rows))}
            for at in ({"params": 1e30, "share": 150.0}, {"params": 1e-9, "share": 0.5}):
                found = fs.forecast(table, **at)
                assert np.isfinite([found.value, found.low, found.high]).all() and found.low < found.value < found.high
                assert found.flags


def test_a_target_that_never_changes_is_refused():
    with pytest.raises(InputError, match=r"every row has accuracy = 0; how it changes cannot be learned.*passk"):
        fs.forecast({"params": [1e7, 1e8, 1e9, 1e10], "accuracy": [0.0] * 4}, target="accuracy", params=1e11)


def test_errors_say_what_to_do(ladder):
    fit, _ = ladder
    with pytest.raises(InputError, match="say what to forecast"):
        fs.forecast(fit)
    with pytest.raises(InputError, match="no column 'sequence'"):
        fs.forecast(fit, sequence=3)
    with pytest.raises(InputError, match="must be positive"):
        fs.forecast(fit, params=-1, tokens=3)
    with pytest.raises(InputError, match="tokens has no value"):
        fs.forecast(fit, params=1e9, tokens=[])
    with pytest.raises(InputError, match="needs at least 3"):
        fs.forecast({"flops": [1.0, 2.0], "loss": [2.0, 1.0]}, flops=4)
    with pytest.raises(InputError, match="every row has params"):
        fs.forecast({"params": [5.0] * 6, "tokens": [1.0, 2, 3, 4, 5, 6], "loss": [6.0, 5, 4, 3, 2, 1]}, params=9, tokens=9)
    with pytest.raises(InputError, match="not numeric"):
        fs.forecast(fit, target="run", params=9, tokens=9)


def test_json_round_trip(ladder, tmp_path):
    import json

    fit, held = ladder
    f = fs.forecast(fit, **asked(held))
    f.to_json(tmp_path / "f.json")
    data = json.loads((tmp_path / "f.json").read_text())
    assert data["value"] == f.value.tolist() and data["schema"] == 1
    assert f.to_frame().shape == (4, 8) and f._repr_html_().startswith("<pre>")


def test_first_tenth_of_each_run_is_left_out():
    n = np.repeat([1e6, 3e6, 1e7], 20)
    d = np.tile(np.linspace(5e6, 1e8, 20), 3)
    table = {"params": n, "tokens": d, "loss": 2 + 400 * n**-0.3 + 300 * d**-0.3, "run": np.repeat(["a", "b", "c"], 20)}
    f = fs.forecast(table, params=3e7, tokens=3e8)
    assert f.rows == 57 and "first tenth" in f.warnings[-1]


def test_blas_has_one_thread_while_candidates_are_fitted_and_its_own_after(ladder):
    """Not timed: two forecasts at once took five to nine times as long as one while their threads waited for each other."""
    from threadpoolctl import threadpool_info, threadpool_limits

    fit, _ = ladder
    threads = lambda: {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"}
    seen = []
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        fs.forecast(fit, params=1e10, tokens=2e11, progress=lambda share: seen.append(threads()))
        assert threads() == before
    assert seen and all(s == {1} for s in seen)
