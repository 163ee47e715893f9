"""The shipped tables say what docs/ladders.md says (benchmarks/ladders.py trains them)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import ladders


def test_the_best_rate_stays_under_mup_and_moves_under_standard():
    found = ladders.best_rates()
    rates = lambda arm: found.filter(found["arm"] == arm).sort("width")["best"].to_list()
    assert len(rates("mup")) == 4 and max(rates("mup")) / min(rates("mup")) <= 2
    standard = rates("standard")
    assert standard == sorted(standard, reverse=True) and standard[0] / standard[-1] > 2


def test_the_best_weight_decay_is_linear_in_the_batch():
    found, slope = ladders.best_decays()
    assert len(found) == 4 and 0.75 <= slope <= 1.25


def test_cooldowns_serve_five_durations_for_less_and_the_laws_agree():
    both, rest = ladders.cooldowns()
    assert len(both) == 25 and both["off"].max() < 0.01 and rest["saved"] > 0.4
    spent = ladders.studies.load("cooldowns").to_frame()
    branched = spent.filter(spent["arm"] == "branched").unique("params")["seconds"].sum()
    single = (
        spent.filter((spent["arm"] == "cosine") & (spent["learning_rate"] <= 0.012)).unique(["params", "tokens"])["seconds"].sum()
    )
    assert branched < 0.6 * single  # measured seconds, not only counted steps
    a, b = rest["fits"].values()
    for name in ("alpha", "beta"):
        (low, high), (other_low, other_high) = a.interval(name), b.interval(name)
        assert low <= b.params[name] <= high and other_low <= a.params[name] <= other_high


def test_annealing_foretells_the_wsd_run_given_enough_steps():
    found = ladders.annealing()
    assert abs(found["error"]) < 0.01
    assert abs(ladders.annealing("annealing_short")["error"]) == pytest.approx(0.0168, abs=0.002)  # a miss, and known


def test_arms_are_ranked_as_they_must_be():
    """Any mixer beats none, and feedback alignment lies above backpropagation at every size."""
    found = {r["arm"]: r for r in ladders.arms().iter_rows(named=True)}
    assert len(found) == 19 and all(len(r["losses"]) == 4 for r in found.values())
    attention = found["attention"]["losses"]
    assert all(f > a for f, a in zip(found["feedback"]["losses"], attention, strict=True))
    assert found["feedback"]["winner"] == "attention"
    for mixer in ("attention", "mamba", "h3", "s4d", "monarch", "token_mlp", "linear", "transnormer", "mala"):
        assert found[mixer]["losses"][-1] < found["no_mixer"]["losses"][-1]
