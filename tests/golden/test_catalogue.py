"""Laws of the catalogue against published values, real data and closed forms."""

import numpy as np
import pytest

from forescale import laws
from forescale.fit import Objective
from forescale.fit.problem import Problem
from forescale.fit.starts import search


def fitted(law, x, y, loss="huber", residual="log"):
    problem = Problem(law, [(x, y)], Objective(loss, residual))
    return {k: float(v[0]) for k, v in problem.law_params(search(problem).z[:1]).items()}


@pytest.mark.parametrize(("group", "preset"), [("stack", "stack"), ("pile", "pile")])
def test_parallel_streams_refitted(study, group, preset):
    runs = study("parallel", only=("num_params", "parallel_size", "loss"))
    own = runs.where(np.array([group in str(g).lower() for g in runs["group"]]))
    assert len(own) > 0
    law = laws.get("parallel_streams")
    found = fitted(law, {"params": own["num_params"], "streams": own["parallel_size"]}, own["loss"])
    for name, value in law.preset(preset).items():
        assert found[name] == pytest.approx(value, rel=1e-3), name


def test_rectified_on_the_fine_tuning_curves(study):
    runs = study("finetuning", only=("sft_data_size", "sft_loss"))
    law, y, p = laws.get("rectified"), [], []
    for group in sorted(set(runs["group"].tolist())):
        own = runs.where(runs["group"] == group)
        held = own["held_out"].astype(str) == "True"
        rows = own.where(~held)
        found = fitted(law, {"examples": rows["sft_data_size"]}, rows["sft_loss"], "squares")
        y += own["sft_loss"][held].tolist()
        p += law(found, examples=own["sft_data_size"][held]).tolist()
    y, p = np.array(y), np.array(p)
    assert len(y) == 42 and 1 - np.mean((y - p) ** 2) / y.var() >= 0.99


def test_one_epoch_is_chinchilla_and_repeats_wear_off():
    both = {"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.3527, "beta": 0.3527}
    law, plain = laws.get("data_constrained"), laws.get("chinchilla")
    known = both | {"R": 15.4}
    assert law(known, params=1e9, tokens=5e9, unique_tokens=1e10) == pytest.approx(plain(both, params=1e9, tokens=5e9))
    assert law(known, params=1e9, tokens=1e15, unique_tokens=1e10) == pytest.approx(plain(both, params=1e9, tokens=16.4e10))
    four = law(known, params=1e9, tokens=4e10, unique_tokens=1e10) / plain(both, params=1e9, tokens=4e10)
    assert 1 < four < 1.01  # four epochs cost next to nothing: the paper's rule of thumb


def test_critical_batch_and_encoder_decoder_split():
    batch = laws.get("critical_batch")
    assert batch(batch.preset("webtext2"), loss=3.0) == pytest.approx(2e8 / 3 ** (1 / 0.21))
    law, p = laws.get("encoder_decoder"), {"E": 1.0, "A": 50.0, "p_e": 0.1, "p_d": 0.3}
    share = np.linspace(0.01, 0.99, 9801)
    loss = law(p, encoder_params=1e9 * share, decoder_params=1e9 * (1 - share))
    assert share[loss.argmin()] == pytest.approx(0.25, abs=1e-3)


def test_precision_returns_to_chinchilla_with_many_bits():
    p = {"E": 1.7, "A": 400.0, "B": 900.0, "alpha": 0.34, "beta": 0.3}
    many = laws.get("precision")(p | {"gamma": 2.0}, params=1e9, tokens=1e11, bits=64)
    assert many == pytest.approx(laws.get("chinchilla")(p, params=1e9, tokens=1e11), rel=1e-9)
    few = laws.get("precision")(p | {"gamma": 4 / np.log(2)}, params=2e9, tokens=1e11, bits=4)
    assert few == pytest.approx(laws.get("chinchilla")(p, params=1e9, tokens=1e11), rel=1e-12)


def test_routed_and_languages_by_hand():
    assert laws.get("routed")({"A": 20.0, "a": 0.08, "b": 0.1, "c": -0.002}, params=1e9, experts=1) == pytest.approx(
        20 * 1e9**-0.08
    )
    p = {"E": 1.0, "A": 400.0, "B": 500.0, "alpha": 0.45, "beta": 0.15, "phi": 0.11, "psi": -0.04}
    one = laws.get("languages")(p, languages=1, params=1e9, tokens=1e11)
    assert one == pytest.approx(1 + 400 * 1e9**-0.45 + 500 * 1e11**-0.15)


def test_batch_trajectory_limits_and_the_hyperbola_of_steps_and_data():
    law = laws.get("batch_trajectory")
    p = law.preset("c4")
    wide = law(p, params=1e9, steps=1e4, batch_size=1e15)
    at = {k: p[k] for k in ("N_c", "S_c", "alpha_N", "alpha_S")}
    assert wide == pytest.approx(laws.get("kaplan_steps")(at, params=1e9, steps=1e4), rel=1e-6)
    loss = float(law(p, params=1e9, steps=1e5, batch_size=5e5))
    critical = p["B_c"] * loss ** (-1 / p["alpha_B"])
    least = 1e5 / (1 + critical / 5e5)  # steps to this loss at an unbounded batch
    assert (1e5 / least - 1) * (1e5 * 5e5 / (least * critical) - 1) == pytest.approx(1.0)
    bigger = {"steps": least * (1 + critical / 2e6), "batch_size": 2e6}
    assert law(p, params=1e9, **bigger) == pytest.approx(loss, rel=1e-9)
