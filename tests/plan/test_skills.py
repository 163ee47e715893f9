"""Optima by skill against the closed form, on noisy data with outliers, and on real validation sets."""

import numpy as np
import pytest

import forescale as fs
from forescale.errors import InputError
from forescale.plan import fit_skills, optimal_params, skills
from forescale.runs import Runs

FACTS = {"E": 1.5, "A": 900.0, "B": 300.0, "alpha": 0.33, "beta": 0.36}  # wants parameters
CODE = {"E": 0.8, "A": 60.0, "B": 2500.0, "alpha": 0.33, "beta": 0.36}  # wants data


def simulated(noise, outliers=0, seed=0):
    rng = np.random.default_rng(seed)
    n = np.tile(np.geomspace(2e7, 2e9, 8), 6)
    d = np.repeat(np.geomspace(5e8, 8e10, 6), 8)
    parts = []
    for truth in (FACTS, CODE):
        loss = fs.laws.chinchilla(truth, params=n, tokens=d) * np.exp(noise * rng.standard_normal(len(n)))
        loss[rng.choice(len(n), outliers, replace=False)] *= 1.2
        parts.append(loss)
    names = np.repeat(np.array(["facts", "code"], object), len(n))
    return Runs({"params": np.r_[n, n], "tokens": np.r_[d, d], "loss": np.concatenate(parts), "skill": names})


def mixed_optimum(weights, flops):
    """N* of the mix of the true laws by a fine grid: independent of the search that is tested."""
    n = np.geomspace(1e7, 1e13, 600_001)
    loss = sum(w * fs.laws.chinchilla(t, params=n, tokens=flops / (6 * n)) for w, t in zip(weights, (FACTS, CODE), strict=True))
    return n[loss.argmin()]


@pytest.mark.parametrize(("noise", "outliers"), [(1e-6, 0), (0.003, 0), (0.003, 4)])
def test_each_skill_and_the_mix_find_the_true_optimum(noise, outliers):
    fits = fit_skills(fs.laws.chinchilla, simulated(noise, outliers), "skill")
    found = skills(fits, 1e22, {"facts": 3, "code": 1})
    exact = noise < 1e-4
    for name, truth in (("facts", FACTS), ("code", CODE)):
        best = float(optimal_params(fs.laws.chinchilla, truth, 1e22))
        value, low, high = found.params[name]
        assert value == pytest.approx(best, rel=1e-2 if exact else 0.4) and (exact or low * 0.8 < best < high * 1.25)
    mix = mixed_optimum((0.75, 0.25), 1e22)
    assert found.mix[0] == pytest.approx(mix, rel=1e-2 if exact else 0.4)
    assert found.weights == {"facts": 0.75, "code": 0.25} and found.pull["facts"] > 1 > found.pull["code"]
    moved = mixed_optimum((0.9 * 0.75, 0.9 * 0.25 + 0.1), 1e22) / mix
    assert found.pull["code"] == pytest.approx(moved, rel=1e-2 if exact else 0.1)
    assert found.spread == pytest.approx(found.params["facts"][0] / found.params["code"][0])
    assert not any("undecided" in w for w in found.warnings)


def test_real_validation_sets_lean_as_published(study):
    """arXiv:2503.10061: code asks for more data per parameter than text. Here every interval overlaps, and it says so."""
    runs = study("overtraining", "losses")
    runs = runs.where((runs["arm"] == "c4_original") & (runs["role"] == "fit"))
    found = skills(fit_skills(fs.laws.chinchilla, runs, "val_set"), "1e21")
    assert found.params["paloma_code_100"][0] < found.params["c4"][0]
    assert any("undecided" in w for w in found.warnings) and "mix" in found.summary()


def test_mistakes_are_said():
    fits = fit_skills(fs.laws.chinchilla, simulated(0.003), "skill")
    for change, said in (
        (lambda: skills({"facts": fits["facts"]}, 1e22), "two or more"),
        (lambda: skills(fits, 1e22, {"math": 1}), "must name skills"),
        (lambda: skills(fits, 1e22, {"facts": -1, "code": 1}), "zero or more"),
        (lambda: skills(fits, -1), "above zero"),
    ):
        with pytest.raises(InputError, match=said):
            change()
