"""The planner against published values, simulation and real sweeps."""

import tomllib

import numpy as np
import polars as pl
import pytest

from forescale import laws
from forescale.errors import InputError
from forescale.fit import fit
from forescale.plan import (
    Pool,
    approaches,
    best_mixture,
    best_pools,
    best_vocabulary,
    budget,
    configure,
    data_limited,
    design,
    equivalent_tokens,
    frontier,
    grid,
    inference_optimal,
    isoflop,
    optimum,
    parabola_shift,
    penalty,
    plan,
    power,
    serve_memory,
    shape_for,
    switch_points,
    time_front,
    train_memory,
)
from forescale.plan.shape import Shape
from forescale.runs import Runs, read

CHINCHILLA = laws.get("chinchilla")
VALUES = CHINCHILLA.preset("besiroglu")


# -- budgets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "flops"),
    [
        ("1e23", 1e23),
        ("30 PF-days", 30 * 8.64e19),
        ("2048 H100-hours @ 40% MFU", 2048 * 3600 * 989e12 * 0.4),
        ("30 days on 512 H100 @ 40% MFU", 30 * 24 * 512 * 3600 * 989e12 * 0.4),
        ("$2M at $2.5 per H100-hour @ 35% MFU", 2e6 / 2.5 * 3600 * 989e12 * 0.35),
        ("1.5k A100-days @ 50%", 1500 * 24 * 3600 * 312e12 * 0.5),
        ("3 weeks on 64 TPU-v4 @ 55%", 3 * 168 * 64 * 3600 * 275e12 * 0.55),
    ],
)
def test_budgets_are_read(text, flops):
    assert budget(text).flops == pytest.approx(flops)


def test_a_budget_says_what_it_assumed_and_what_it_takes():
    found = budget("30 days on 512 H100", price=2.0)
    assert "40% of the peak" in found.assumed[0] and not budget("8 H100-hours @ 40% MFU").assumed
    assert found.days == pytest.approx(30) and found.money == pytest.approx(2 * found.hours)
    assert found.kwh == pytest.approx(30 * 24 * 512 * 0.7)


@pytest.mark.parametrize(
    "text", ["$2M", "-5", "0", "2 foo-hours", "plenty", "5 H100-hours @ 140% MFU", "1e23 @ 40% MFU", "$5 at $0 per H100-hour"]
)
def test_impossible_budgets_get_one_line(text):
    with pytest.raises(InputError) as caught:
        budget(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


# -- allocation ------------------------------------------------------------------------------------------

KEYS = ("dataset", "hparams", "warmup", "decay", "param_count", "loss_split")


def test_isoflop_exponents_of_fifteen_configurations(study):
    """Every published exponent lies within our 95 % interval, and ours within theirs but for one, which lies 0.01 off."""
    from tests.conftest import STUDIES

    runs = study("kaplan-vs-chinchilla")
    published = tomllib.loads((STUDIES / "kaplan-vs-chinchilla" / "study.toml").read_text())["published"]
    labels = np.array(["-".join(r) for r in zip(*(runs[k] for k in KEYS), strict=True)])
    within = []
    for name, values in published.items():
        if "params_exponent" not in values:
            continue
        value, low, high = isoflop(runs.where(labels == name), resamples=300).exponent
        theirs = values["params_exponent_ci95"]
        assert low <= values["params_exponent"] <= high, name
        assert abs(value - values["params_exponent"]) < 0.02
        within.append(theirs[0] <= value <= theirs[1])
    assert len(within) == 15 and sum(within) >= 14


@pytest.mark.parametrize("noise", [0.003, 0.01])
@pytest.mark.parametrize(("budgets", "sizes"), [(4, 5), (5, 7)])
def test_exponents_of_few_noisy_runs(budgets, sizes, noise):
    """Nominal 90 % intervals of the exponent from four or five budgets: with a noise of 1 % and five sizes 27 to 35 % held, which
    took noise for 0.3 % whatever the runs showed."""
    held = []
    for seed in range(40):
        rng, law = np.random.default_rng(seed), VALUES | {"alpha": 0.3 + 0.1 * (seed % 3) / 2}
        flops = 3e17 * 3.0 ** np.arange(budgets)
        law["A"] = 0.6 * 1e8 ** law["alpha"]
        runs, best = surface(law, flops, np.geomspace(0.25, 4, sizes) * np.exp(rng.normal(0, 0.2)), noise, seed)
        for method in ("akima", "parabola"):
            try:
                _, low, high = isoflop(runs, method, resamples=200, level=0.9).exponent
            except InputError:
                continue
            held.append(low <= np.log(best[-1] / best[0]) / np.log(flops[-1] / flops[0]) <= high)
    assert len(held) >= 70 and 0.8 <= np.mean(held) <= 0.99


def surface(p, budgets, spread, noise=0.0, seed=0):
    c = np.repeat(budgets, len(spread))
    best = np.array([optimum(CHINCHILLA, p, b)["params"] for b in budgets])
    n = np.repeat(best, len(spread)) * np.tile(spread, len(budgets))
    loss = CHINCHILLA(p, params=n, tokens=c / (6 * n)) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))
    return read(pl.DataFrame({"params": n, "tokens": c / (6 * n), "flops": c, "loss": loss})), best


@pytest.mark.parametrize(("alpha", "beta"), [(0.34, 0.28), (0.30, 0.45), (0.35, 0.35)])
def test_bias_of_the_parabola_matches_theory_and_the_law_has_none(alpha, beta):
    p = {"E": 1.7, "A": 400.0, "B": 700.0, "alpha": alpha, "beta": beta}
    spread = np.geomspace(1 / 8, 8, 15)
    runs, best = surface(p, np.geomspace(1e19, 1e21, 5), spread)
    off = np.log(isoflop(runs, "parabola").params / best).mean()
    theory = parabola_shift(alpha, beta, np.log(spread))
    assert off == pytest.approx(theory, rel=0.25, abs=2e-3)  # the parabola goes through log loss, the theory is for loss
    assert np.sign(round(theory, 6)) == np.sign(alpha - beta)
    assert np.abs(np.log(isoflop(runs, "akima").params / best)).max() < 0.02
    found = fit(CHINCHILLA, runs, resamples=10)
    ours = np.array([optimum(CHINCHILLA, dict(found.params), c)["params"] for c in np.geomspace(1e19, 1e21, 5)])
    assert np.abs(np.log(ours / best)).max() < 1e-4


def test_parabola_shift_for_a_narrow_grid():
    u = np.linspace(-0.5, 0.5, 401)
    assert parabola_shift(0.3, 0.5, u) == pytest.approx(-(0.5 - 0.3) * 0.25 / 10, rel=0.02)


@pytest.mark.parametrize(("method", "width"), [("parabola", 0.3), ("cubic", 0.6)])
def test_the_best_size_has_an_interval(method, width):
    """At a hundred times the dearest run: 18 of 20 nominal 90 % intervals of N* are to hold the law's own. Sizes close about N*,
    where a parabola has next to no bias."""
    held = []
    for seed in range(20):
        runs, _ = surface(VALUES, np.geomspace(1e18, 1e20, 5), np.geomspace(1 / 3, 3, 7), 0.002, seed)
        found = isoflop(runs, method, level=0.9)
        value, low, high = found.params_at(1e22)
        held.append(low < optimum(CHINCHILLA, VALUES, 1e22)["params"] < high)
        assert low < value < high and np.log(high / low) < 3 * width
    assert np.mean(held) >= 0.75
    wider = isoflop(runs, method, level=0.99).params_at(1e22)
    assert wider[1] < low and wider[2] > high and wider[0] == value and "lines" not in found.to_dict()


def test_isoflop_says_what_it_leaves_out():
    runs, _ = surface(VALUES, np.geomspace(1e19, 1e21, 4), np.geomspace(1, 8, 9))
    with pytest.raises(InputError, match="edge of its sizes"):
        isoflop(runs)


def test_frontier_is_the_lower_hull():
    runs, best = surface(VALUES, np.geomspace(1e18, 1e21, 7), np.geomspace(1 / 4, 4, 9))
    assert frontier(runs)["params"] == pytest.approx(best, rel=1e-9)


def test_compute_that_a_table_leaves_out_is_counted():
    runs, _ = surface(VALUES, np.geomspace(1e18, 1e21, 7), np.geomspace(1 / 4, 4, 9))
    bare = Runs({k: runs[k] for k in ("params", "tokens", "loss")})
    whole = approaches(runs, 1e22)
    full, found = whole.params, approaches(bare, 1e22).params
    assert whole.to_dict()["params"]["1 frontier"][1:] == [None, None] and "[9.07B, 9.07B]" in whole.summary()
    assert full["3 parametric law"] == pytest.approx([optimum(CHINCHILLA, VALUES, 1e22)["params"]] * 3, rel=0.01)
    assert all(found[name] == pytest.approx(triple, rel=1e-6, nan_ok=True) for name, triple in full.items())
    assert frontier(bare)["flops"] == pytest.approx(frontier(runs)["flops"], rel=1e-9)
    rows = np.arange(len(bare))
    apart = bare.where((rows % 9 == 4) | (rows == 0))  # a single size of each budget but one
    assert all(len(why) < 300 and "; and 4 more" in why for name, why in approaches(apart).failed.items() if name[0] == "2")


def test_overtraining_planned_at_640(study):
    """Loss planned for 1.4B parameters at 640 tokens each: within 0.75 % of the measured."""
    runs = study("overtraining")
    rows = runs.where((runs["paper_fit_loss"] == "True") & (runs["arm"] == "rpj"))
    found = fit(laws.get("overtraining"), rows, loss="squares", residual="plain", resamples=10)
    target = (
        (runs["arm"] == "rpj") & (np.abs(runs["token_multiplier"] / 640 - 1) < 0.05) & (np.abs(runs["params"] / 1.4e9 - 1) < 0.15)
    )
    one = runs.where(target)
    assert len(one) == 1
    ratio, flops = float(one["tokens"][0] / one["params"][0]), float(6 * one["params"][0] * one["tokens"][0])
    said = penalty(found, flops, ratio)
    assert said["params"][0] == pytest.approx(one["params"][0])
    assert abs(said["loss"][0] / one["loss"][0] - 1) < 0.0075
    assert said["excess"][0] > 0.03 and 0 < said["compute"][0] < 0.8


def test_inference_plans():
    none = inference_optimal(CHINCHILLA, 0, params="13B", values=VALUES)
    assert none.params[0] == pytest.approx(13e9, rel=1e-6) and none.saving[0] == 0 and none.flops == none.baseline_flops
    some = inference_optimal(CHINCHILLA, "2T", params="13B", values=VALUES)
    more = inference_optimal(CHINCHILLA, "20T", params="13B", values=VALUES)
    assert more.params[0] < some.params[0] < 13e9 and more.saving[0] > some.saving[0]
    assert equivalent_tokens("1T", "1T", mfu_train=0.4, mfu_input=0.4, mfu_output=0.1) == pytest.approx(5e12)
    with pytest.raises(InputError, match="does not reach a loss"):
        inference_optimal(CHINCHILLA, "2T", loss=1.5, values=VALUES)
    with pytest.raises(InputError, match="below zero"):
        inference_optimal(CHINCHILLA, -1, loss=2.0, values=VALUES)


def test_configuration_of_a_fit_has_intervals(chinchilla_runs):
    found = fit(CHINCHILLA, chinchilla_runs, resamples=100)
    made = configure(found, "30 days on 512 H100 @ 40% MFU", counting="palm", context=4096)
    assert made.params[1] < made.params[0] < made.params[2]
    spent = made.shape.train_flops_per_token("palm", 4096) * made.tokens[0]
    assert spent == pytest.approx(made.spent.flops)
    plain = configure(CHINCHILLA, made.spent.flops, values=dict(found.params))
    assert plain.params[0] == pytest.approx(optimum(CHINCHILLA, dict(found.params), made.spent.flops)["params"], rel=0.12)
    assert plain.flat[0] < plain.params[0] < plain.flat[1] and "no interval" in plain.summary()
    same = configure(CHINCHILLA, made.spent.flops, values=dict(found.params), counting=lambda s: 6.0 * s.params)
    assert same.params[0] == plain.params[0] and "counted by measured" in same.summary()
    assert "x the largest fitted run" in made.summary() and "counted by palm" in made.summary()


# -- shapes and memory -------------------------------------------------------------------------------------


def test_known_models_count_as_published():
    llama = Shape(4096, 32, 32, 128, 32, 11008, 32_000)
    assert llama.params == pytest.approx(6.738e9, rel=1e-3)
    llama2 = Shape(8192, 80, 64, 128, 8, 28_672, 32_000)
    assert llama2.params == pytest.approx(68.98e9, rel=1e-3)
    gpt3 = Shape(12_288, 96, 96, 128, 96, 49_152, 50_257, gated=False, tied=True)
    assert gpt3.params == pytest.approx(174.6e9, rel=1e-3)
    assert gpt3.train_flops_per_token("6nd") * 300e9 == pytest.approx(3.14e23, rel=2e-3)  # the GPT-3 paper's training compute


def test_shapes_hit_their_target_or_say_why():
    for size in ("125M", "1.3B", "70B"):
        found = shape_for(size)
        assert abs(np.log(found.params / {"125M": 125e6, "1.3B": 1.3e9, "70B": 70e9}[size])) < 0.05
        assert found.width == found.heads * found.head_dim
    with pytest.raises(InputError, match="no shape of 1M"):
        shape_for("1M", vocabulary=256_000)


def test_flop_countings_agree_where_they_should():
    big = shape_for("70B")
    six, palm, chinchilla, kaplan = (big.train_flops_per_token(k, 2048) for k in ("6nd", "palm", "chinchilla", "kaplan"))
    assert six < palm and palm == pytest.approx(chinchilla, rel=2e-3) and kaplan < palm
    attention = 12 * big.depth * 2048 * big.width
    assert palm - six == pytest.approx(attention)


def test_memory_by_zero_stage():
    shape = Shape(4096, 32, 32, 128, 32, 11008, 32_000)
    n = shape.params
    alone = train_memory(shape)
    assert alone.params + alone.gradients + alone.optimizer == pytest.approx(20 * n) and not alone.fits
    by_stage = [train_memory(shape, devices=8, zero=k) for k in range(4)]
    states = [m.params + m.gradients + m.optimizer for m in by_stage]
    assert states == pytest.approx([20 * n, 4 * n + 2 * n, 2 * n + 18 * n / 8, 20 * n / 8])
    assert by_stage[3].fits and "fits on 8 x 80 GB" in by_stage[3].summary()
    cache = serve_memory(Shape(8192, 80, 64, 128, 8, 28_672, 32_000), sequences=1, context=8192)
    assert cache.cache == pytest.approx(2 * 80 * 8 * 128 * 8192 * 2)


def test_time_front_ends():
    front = time_front("7B", "140B", "4M", max_devices=4096)
    assert (np.diff(front.flops) > 0).all() and (np.diff(front.days) < 0).all()
    at = np.interp(4e6, front.batch, front.flops)
    assert at == pytest.approx(2 * 6 * 7e9 * 140e9, rel=0.05)  # twice the least compute at the critical batch
    assert front.steps[-1] > 140e9 / 4e6  # never fewer steps than an unbounded batch needs


# -- limited data ------------------------------------------------------------------------------------------


def test_data_limited_plans():
    p = laws.get("data_constrained").preset("c4")
    plenty, scarce = data_limited(p, 1e22, "100T"), data_limited(p, 1e22, "20B")
    both = {k: p[k] for k in ("E", "A", "B", "alpha", "beta")}
    assert plenty["params"] == pytest.approx(optimum(CHINCHILLA, both, 1e22)["params"], rel=0.01)
    assert scarce["epochs"] > 1 and scarce["loss"] > plenty["loss"] == pytest.approx(scarce["unlimited_loss"])
    assert scarce["params"] > plenty["params"]  # repeated tokens are worth less, so more goes into size


def test_more_data_than_exists_is_said(chinchilla_runs):
    found = fit(CHINCHILLA, chinchilla_runs, resamples=20)
    said = [w for w in plan(found, 5.88e23, unique_tokens="200B").warnings if "distinct" in w]
    assert (
        len(said) == 1
        and "epochs" in said[0]
        and not [w for w in plan(found, 1e21, unique_tokens="200B").warnings if "distinct" in w]
    )


def test_vocabulary_grows_with_compute():
    p = {"E": 1.5, "A": 400.0, "F": 30.0, "B": 600.0, "alpha": 0.35, "phi": 0.5, "beta": 0.3}
    width = lambda n: 64 * (n / 1e6) ** (1 / 3)
    small, large = (best_vocabulary(p, c, width) for c in (1e18, 1e22))
    assert large["vocabulary"] > 2 * small["vocabulary"] and large["params"] > small["params"]
    spent = 6 * (small["params"] + small["vocabulary"] * width(small["params"])) * small["tokens"]
    assert spent == pytest.approx(1e18)


def test_lesser_pools_enter_as_compute_grows():
    pools = [Pool("good", 1e6, 0.30, 2.0), Pool("mid", 1e6, 0.25, 4.0), Pool("poor", 1e6, 0.05, 4.0)]
    chosen = [b["pools"] for b in best_pools(pools, [1e5, 1e6, 3e7, 1e9])]
    assert chosen[0] == chosen[1] == ["good"] and chosen[2] == ["good", "mid"]
    assert all("poor" not in c for c in chosen[:3])


def test_one_pool_is_the_law():
    from forescale.plan.limited import pool_error

    law = laws.get("quality_repetition")
    at = law({"d": 0.1, "a": 2.0, "b": 0.3, "tau": 3.0}, unique_examples=1e6, epochs=5)
    assert pool_error([Pool("one", 1e6, 0.3, 3.0)], 5e6, 2.0, 0.1) == pytest.approx(float(at))


def test_best_mixture_against_a_grid():
    from forescale.laws.mixing import mixture_of

    law = mixture_of("web", "code")
    targets = [
        (law, {"c": 1.9, "k": 0.8, "t_web": -2.0, "t_code": 0.5}, 1.0),
        (law, {"c": 1.0, "k": 0.8, "t_web": 0.2, "t_code": -3.0}, 1.0),
    ]
    found = best_mixture(targets, least=0.05)
    web, code = np.meshgrid(np.linspace(0.05, 0.9, 341), np.linspace(0.05, 0.9, 341))
    ok = web + code <= 0.95
    loss = sum(w * law(p, share_web=web, share_code=code) for law, p, w in targets)[ok]
    assert found["loss"] <= loss.min() + 1e-6 and sum(found["shares"].values()) == pytest.approx(1)


def test_shapes_switch_from_fast_to_good():
    shapes = {
        "patch32": {"c": 0.35, "h": 0.60, "d": 1e17, "b": 0.8},
        "patch16": {"c": 0.25, "h": 0.70, "d": 1e18, "b": 0.6},
        "patch8": {"c": 0.20, "h": 0.75, "d": 1e19, "b": 0.6},
    }
    found = switch_points(shapes, 1e21)
    assert [s["shape"] for s in found] == ["patch32", "patch16", "patch8"]
    law = laws.get("shifted_power")
    alone = min(float(law(v, flops=1e21)) for v in shapes.values())
    assert found[-1]["error"] < alone and found[-1]["to"] == pytest.approx(1e21)


# -- design ------------------------------------------------------------------------------------------------


def test_power_agrees_with_simulation():
    from forescale.fit import Objective
    from forescale.fit.problem import Problem
    from forescale.fit.starts import search

    p = {"E": 1.7, "A": 500.0, "B": 900.0, "alpha": 0.34, "beta": 0.32}
    n, d = (v.ravel() for v in np.meshgrid(np.geomspace(1e7, 1e9, 6), np.geomspace(2e8, 2e10, 6)))
    keep = 6 * n * d < 1e20
    n, d = n[keep], d[keep]
    target = {"params": 1.6e10, "tokens": 3.1e11}  # about 300 times the dearest run
    said = power(CHINCHILLA, p, {"params": n, "tokens": d}, target, noise=0.003)
    rng, errors = np.random.default_rng(0), []
    for _ in range(80):
        loss = CHINCHILLA(p, params=n, tokens=d) * np.exp(0.003 * rng.standard_normal(len(n)))
        problem = Problem(CHINCHILLA, [({"params": n, "tokens": d}, loss)], Objective())
        found = {k: float(v[0]) for k, v in problem.law_params(search(problem).z[:1]).items()}
        errors.append(float(np.log(CHINCHILLA(found, **target) / CHINCHILLA(p, **target))))
    assert 1.6449 * np.sqrt(np.mean(np.square(errors))) == pytest.approx(said, rel=0.2)
    few = {"params": n[:4], "tokens": d[:4]}
    assert power(CHINCHILLA, p, few, target) == np.inf


@pytest.mark.parametrize("criterion", ["forecast", "optimum", "params"])
def test_designs_stay_within_budget_and_narrow_what_they_are_for(criterion):
    offered, target = grid(1e20), {"params": "7B", "tokens": "140B", "flops": 5.9e21}
    found = design(offered, target, 1e20, criterion=criterion)
    assert found.flops.sum() <= 1e20 and len(set(found.picks)) == len(found.picks)
    assert (np.diff(found.halfwidth) <= 1e-12).all() and found.halfwidth[-1] < 0.5 * found.halfwidth[0]
    small = design(offered, target, 1e18, criterion=criterion)
    assert small.halfwidth[-1] > found.halfwidth[-1]
    # better than as many runs at random within the same budget, by the design's own measure of the forecast
    if criterion == "forecast":
        rng, drawn = np.random.default_rng(0), []
        for _ in range(5):
            order, cost, spent = rng.permutation(len(offered["params"])), 6 * offered["params"] * offered["tokens"], 0.0
            pick = []
            for i in order:
                if spent + cost[i] <= 1e20 and len(pick) < len(found.picks):
                    pick.append(i)
                    spent += cost[i]
            drawn.append(design({k: v[pick] for k, v in offered.items()}, target, 1e20).halfwidth[-1])
        assert found.halfwidth[-1] < np.median(drawn)
    assert "x beyond the dearest run picked; counted as" in found.summary()


def test_designed_subset_of_real_runs(study):
    """Half the configurations of a study: a designed tenth of the compute forecasts as well as all of it in the median."""
    runs = study("kaplan-vs-chinchilla")
    labels, ratios = np.array(["-".join(r) for r in zip(*(runs[k] for k in KEYS), strict=True)]), []

    def error(rows, held):
        found = fit(CHINCHILLA, rows, resamples=10)
        return np.mean(np.abs(CHINCHILLA(dict(found.params), params=held["params"], tokens=held["tokens"]) / held["loss"] - 1))

    for label in list(dict.fromkeys(labels.tolist()))[::2]:
        arm = runs.where(labels == label)
        rows, held = arm.role("fit"), arm.role("held_out")
        columns = {k: np.asarray(rows[k], float) for k in ("params", "tokens", "flops")}
        aim = {k: np.asarray(held[k], float) for k in ("params", "tokens", "flops")}
        found = design(columns, aim, 0.1 * columns["flops"].sum())
        pick = np.zeros(len(rows), bool)
        pick[list(found.picks)] = True
        ratios.append(error(rows.where(pick), held) / error(rows, held))
    assert np.median(ratios) < 1.1


def test_impossible_designs():
    offered = grid(1e20)
    with pytest.raises(InputError, match="buys no run"):
        design(offered, {"params": "7B", "tokens": "140B"}, 1e3)
    with pytest.raises(InputError, match="unknown criterion"):
        design(offered, {"params": "7B", "tokens": "140B"}, 1e20, criterion="best")
    with pytest.raises(InputError, match="missing"):
        design({"params": [1e7]}, {"params": "7B", "tokens": "140B"}, 1e20)
