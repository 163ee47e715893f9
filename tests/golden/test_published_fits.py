"""Fits that others published, reproduced from their data."""

import numpy as np
import pytest

from forescale import laws
from forescale.fit import Objective, fit
from forescale.fit.problem import Problem
from forescale.fit.starts import search
from forescale.plan import plan

C_CHINCHILLA = 5.88e23


def test_chinchilla_replication(chinchilla_runs):
    found = fit(laws.get("chinchilla"), chinchilla_runs)
    assert found.cost <= 0.0010182741
    published = {"E": 1.817235504, "alpha": 0.347312658, "beta": 0.367182670, "A": 477.84171, "B": 2143.86379}
    for name, value in published.items():
        assert found.params[name] == pytest.approx(value, rel=5e-4)
    best = plan(found, C_CHINCHILLA)
    assert 17 < best.tokens_per_param < 20
    # bootstrap standard errors as Besiroglu et al. print them (with their noise-scale parameter, so about alike)
    for name, se in {"E": 0.0257, "alpha": 0.0154, "beta": 0.0206}.items():
        assert np.std(found.draws.params[name]) == pytest.approx(se, rel=0.5)


def test_chinchilla_from_200_seeds(chinchilla_runs):
    runs = chinchilla_runs
    problem = Problem(laws.get("chinchilla"), [(runs.numbers(("params", "tokens")), runs["loss"])], Objective())
    assert max(search(problem, seed).cost[0] for seed in range(200)) <= 0.0010182741


def test_chinchilla_outliers_move_beta(study):
    found = fit(laws.get("chinchilla"), study("chinchilla"), resamples=10)
    assert found.params["beta"] == pytest.approx(0.453, abs=0.002)
    assert found.params["E"] == pytest.approx(1.891, abs=0.002)


def overtraining_fit(study, table="runs"):
    runs = study("overtraining")
    rows = runs.where((runs["paper_fit_loss"] == "True") & (runs["arm"] == "rpj"))
    return runs, fit(laws.get("overtraining"), rows, loss="squares", residual="plain", resamples=10)


@pytest.mark.parametrize(("multiplier", "size", "error"), [(640, 1.4e9, 0.007103), (20, 6.9e9, 0.00732)])
def test_overtraining_loss(study, multiplier, size, error):
    runs, found = overtraining_fit(study)
    mask = (runs["arm"] == "rpj") & (np.abs(runs["token_multiplier"] / multiplier - 1) < 0.05)
    mask &= np.abs(np.log(runs["params"] / size)) < 0.15
    target = runs.where(mask)
    assert len(target) == 1
    said = found.law(found.params, params=target["params"], tokens=target["tokens"])
    assert abs(said / target["loss"] - 1)[0] == pytest.approx(error, abs=2e-4)


def test_misfitting_hoffmann_form(study):
    found = fit(laws.get("chinchilla"), study("misfitting"), resamples=10)
    assert found.cost <= 0.0050211
    assert found.params["alpha"] == pytest.approx(0.199, abs=0.002)
    assert found.params["beta"] == pytest.approx(0.634, abs=0.004)


def test_porian_exponents(study):
    """The weighted log-log slope of the published optima, for all 15 configurations."""
    import tomllib

    from tests.conftest import STUDIES

    optima = study("kaplan-vs-chinchilla", "optima", loss="log_params_opt_se", drop_bad=True)
    published = tomllib.loads((STUDIES / "kaplan-vs-chinchilla" / "study.toml").read_text())["published"]
    checked = 0
    for arm, values in published.items():
        if "params_exponent" not in values:
            continue
        keys = ("dataset", "hparams", "warmup", "decay", "param_count", "loss_split")
        rows = optima.where(np.array(["-".join(r) for r in zip(*(optima[k] for k in keys), strict=True)]) == arm)
        x = {"x": rows["flops"]}
        problem = Problem(
            laws.get("power"), [(x, rows["params_opt"].astype(float))], Objective("squares"), [rows["loss"] ** -2.0]
        )
        slope = -problem.law_params(search(problem).z)["alpha"][0]
        assert slope == pytest.approx(values["params_exponent"], abs=2e-5)
        checked += 1
    assert checked == 15


def test_overtraining_downstream_error(study):
    """The 17-task average error from the loss: 3.6365 % and 0.0464 % off, as printed by its authors."""
    runs, losses = overtraining_fit(study)
    evals = study("overtraining", "evals", loss="error", drop_bad=True)
    rows = evals.where((evals["in_17"] == "True") & (evals["arm"] == "rpj"))
    error = {name: rows["loss"][rows["run"] == name].mean() for name in np.unique(rows["run"].astype(str))}
    fitted = runs.where((runs["paper_fit_error"] == "True") & (runs["arm"] == "rpj"))
    data = {"loss": fitted["loss"], "error": np.array([error[r] for r in fitted["run"]])}
    law = laws.get("downstream_error")
    problem = Problem(law, [({"loss": data["loss"]}, data["error"])], Objective("squares", "plain"))
    params = {k: float(v[0]) for k, v in problem.law_params(search(problem).z).items()}
    for multiplier, size, wanted in ((640, 1.4e9, 0.036365), (20, 6.9e9, 0.000464)):
        mask = (runs["arm"] == "rpj") & (np.abs(runs["token_multiplier"] / multiplier - 1) < 0.05)
        target = runs.where(mask & (np.abs(np.log(runs["params"] / size)) < 0.15))
        said = law(params, loss=losses.law(losses.params, params=target["params"], tokens=target["tokens"]))
        assert abs(float(said[0]) / error[target["run"][0]] - 1) == pytest.approx(wanted, abs=2e-4)


@pytest.mark.parametrize("fitted", ["to_100b", "to_350b", "half_lr", "cooldown"])
def test_gemstones_approach_3(study, fitted):
    """The published constants give the published objective on our rows, and ours lies at or just below it.

    Theirs stopped short in a flat valley (their exponents of D are up to 0.1 above ours at 0.6 % less objective).
    """
    import tomllib

    from tests.conftest import STUDIES

    runs = study("gemstones", drop_bad=True)
    published = tomllib.loads((STUDIES / "gemstones" / "study.toml").read_text())["published"]
    published = published[f"approach3_params_tokens_{fitted}"]
    mask = (runs["in_paper_fit"] == "True") & (runs["arm"] == (fitted if fitted in ("half_lr", "cooldown") else "main"))
    if fitted == "to_100b":
        mask &= runs["after_100b"] == "False"
    rows = runs.where(mask)
    found = fit(laws.get("chinchilla"), rows, delta=1e-4, resamples=10)
    exponents, logs = published["exponents"], published["log_coefficients"]
    theirs = {"E": np.exp(published["log_E"]), "alpha": exponents["params"], "beta": exponents["tokens"]}
    theirs |= {"A": np.exp(logs["params"]), "B": np.exp(logs["tokens"])}
    residual = np.log(found.law(theirs, params=rows["params"], tokens=rows["tokens"]) / rows["loss"])
    assert Objective(delta=1e-4).cost(residual, 1.0).sum() == pytest.approx(published["objective"], rel=1e-5)
    assert 0.99 * published["objective"] < found.cost <= published["objective"]
    assert found.params["alpha"] == pytest.approx(exponents["params"], rel=0.03)
