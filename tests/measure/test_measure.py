"""Estimators against simulation, brute force and published values."""

from itertools import combinations

import numpy as np
import pytest

from forescale import measure
from forescale.errors import InputError


def test_pass_at_k_is_the_mean_over_all_subsets():
    right = np.array([1, 0, 0, 1, 0, 0, 0])
    for k in (1, 2, 3, 6):
        brute = np.mean([right[list(s)].any() for s in combinations(range(7), k)])
        assert measure.pass_at_k(7, 2, k) == pytest.approx(brute)
    assert measure.pass_at_k(np.array([10, 10]), np.array([0, 10]), 5).tolist() == [0.0, 1.0]
    with pytest.raises(InputError, match="at least 8 samples"):
        measure.pass_at_k(7, 2, 8)


def test_pass_until_is_unbiased_and_r_over_k_is_not():
    rng, p, r = np.random.default_rng(0), 0.02, 3
    drawn = rng.negative_binomial(r, p, size=200_000) + r
    assert measure.pass_until(drawn, r).mean() == pytest.approx(p, rel=0.01)
    assert (r / drawn).mean() > 1.3 * p
    with pytest.raises(InputError, match="at least 2 passes"):
        measure.pass_until(10, 1)


@pytest.mark.parametrize("d", [2, 5])
def test_intrinsic_dimension_of_a_bent_sheet(rng, d):
    flat = rng.uniform(size=(4000, d))
    sheet = np.hstack([np.sin(flat), np.cos(flat), flat @ rng.standard_normal((d, 12))])
    assert measure.two_nn(sheet) == pytest.approx(d, rel=0.12)
    assert measure.mle_dimension(sheet) == pytest.approx(d, rel=0.12)
    with pytest.raises(InputError, match="finite table"):
        measure.two_nn(np.full((50, 2), np.nan))


def test_label_sharpness_finds_the_steepest_pair(rng):
    x = rng.uniform(size=(40, 3))
    y = (x[:, 0] > 0.5).astype(int)
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)
    exact = (np.not_equal.outer(y, y) / np.where(apart > 0, apart, np.inf)).max()
    assert measure.label_sharpness(x, y, pairs=20_000) == pytest.approx(exact)
    assert measure.label_sharpness(x, 3.0 * x[:, 0], pairs=20_000) <= 3.0
    with pytest.raises(InputError, match="all labels agree"):
        measure.label_sharpness(x, np.zeros(40))


def test_metric_chain_by_hand():
    log_p = np.log(np.array([[0.2, 0.1, 0.1], [0.05, 0.2, 0.05], [0.1, 0.1, 0.1]]))
    chain = measure.metric_chain(log_p, np.array([0, 2, 1]))
    assert chain["p_correct"] == pytest.approx([0.2, 0.05, 0.1])
    assert chain["p_choices"] == pytest.approx([0.5, 1 / 6, 1 / 3])
    assert chain["brier"][0] == pytest.approx(0.5**2 + 0.25**2 + 0.25**2)
    assert chain["accuracy"].tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(InputError, match="at most 0"):
        measure.metric_chain(np.ones((2, 3)), np.array([0, 1]))


def test_every_step_of_the_chain_loses_predictability(rng):
    """Simulated: likelihood of the right choice rises with compute, that of the wrong ones rises too, unevenly."""
    flops, items = np.geomspace(1e18, 1e22, 12), 400
    gain = np.abs(rng.normal([0.3, 0.15, 0.15, 0.15], 0.1, (1, items, 4)))
    log_p = -9 + np.log(flops / flops[0])[:, None, None] * gain + rng.normal(0, 0.5, (12, items, 4))
    log_p = np.minimum(log_p, 0)
    chains = [measure.metric_chain(one, np.zeros(items, int)) for one in log_p]
    spread = {}
    for step in ("log_p_correct", "p_choices", "accuracy"):
        scores = np.array([c[step] for c in chains])
        spread[step] = np.nanmean(measure.scale_correlation(scores, flops))
    assert spread["log_p_correct"] > spread["p_choices"] > spread["accuracy"]


BENCHMARKS = ["MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "GSM8K", "XWinograd", "HumanEval"]


def score_table(study):
    rows = study("observational", loss="score", only=("score",), drop_bad=True)
    keep = (rows["suite"] == "base_benchmark") & (rows["in_paper_families"] == "True") & (rows["preregistered"] == "False")
    rows = rows.where(keep)
    models = sorted(set(rows["run"].tolist()))
    table = np.full((len(models), len(BENCHMARKS)), np.nan)
    for run, name, score in zip(rows["run"], rows["eval"], rows["loss"], strict=True):
        table[models.index(run), BENCHMARKS.index(name)] = score
    return table


def test_principal_components_of_the_observational_table(study):
    """77 models of the paper's families: the first component carries about 80 %, three about 97 %."""
    table = score_table(study)
    assert table.shape == (77, 8)
    found = measure.capabilities(table)
    assert 0.79 <= found.shares[0] <= 0.85 and 0.96 <= found.shares[:3].sum() <= 0.97
    assert found.scores.shape == (77, 3) and (found.loadings[0] > 0).all()


def test_gaps_are_filled_by_the_common_factor(rng):
    factor = rng.uniform(0.2, 0.8, 60)
    full = 0.1 + np.outer(factor, rng.uniform(0.5, 1.0, 6)) + 0.005 * rng.standard_normal((60, 6))
    holes = full.copy()
    holes[rng.integers(60, size=40), rng.integers(6, size=40)] = np.nan
    gap = np.isnan(holes)
    found = measure.capabilities(holes)
    assert np.abs(found.filled - full)[gap].max() < 0.03
    with pytest.raises(InputError, match="no score at all"):
        measure.capabilities(np.where(np.arange(6) == 2, np.nan, full))
    with pytest.raises(InputError, match=r"benchmark 3 of 6 has scores of .* divide percentages by 100"):
        measure.capabilities(np.where(np.arange(6) == 2, 100 * full, full))


def max_margin_error(alpha, keep, hard, seed, d=150):
    """A hard-margin perceptron trained by dual coordinate ascent on pruned Gaussian examples."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((int(alpha * d / keep), d))
    order = np.argsort(np.abs(x[:, 0]))
    kept = x[order[: int(alpha * d)] if hard else order[-int(alpha * d) :]]
    z = kept * np.sign(kept[:, :1])
    size, dual, w = np.square(z).sum(axis=1), np.zeros(len(z)), np.zeros(d)
    for _ in range(150):
        for i in rng.permutation(len(z)):
            new = max(dual[i] + (1 - z[i] @ w) / size[i], 0.0)
            w += (new - dual[i]) * z[i]
            dual[i] = new
    return np.arccos(w[0] / np.linalg.norm(w)) / np.pi


@pytest.mark.parametrize(("keep", "hard"), [(1.0, True), (0.4, True), (0.4, False)])
def test_pruned_perceptron_against_training(keep, hard):
    errors = [max_margin_error(2.0, keep, hard, seed) for seed in range(4)]
    theory = measure.pruned_perceptron(2.0, keep, hard=hard)
    assert np.mean(errors) == pytest.approx(theory, rel=0.12)


def test_pruning_beats_the_power_law_only_with_a_good_metric():
    big = [measure.pruned_perceptron(a) for a in (20.0, 40.0)]
    assert np.log2(big[0] / big[1]) == pytest.approx(1.0, abs=0.02)  # random data: error as 1 / alpha
    # with a perfect metric and the best share for each number of kept examples: faster and faster than 1 / alpha
    shares = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
    kept = [min(measure.pruned_perceptron(p, f) for f in shares) for p in (1.0, 2.0, 3.0)]
    slopes = -np.diff(np.log(kept)) / np.diff(np.log([1.0, 2.0, 3.0]))
    assert 2 < slopes[0] < slopes[1]
    # scarce data: keep the easy ones; abundant: the hard ones
    assert measure.pruned_perceptron(0.5, 0.4, hard=False) < measure.pruned_perceptron(0.5, 1.0)
    assert measure.pruned_perceptron(0.5, 0.4) > measure.pruned_perceptron(0.5, 1.0)
    assert measure.pruned_perceptron(8.0, 0.4) < measure.pruned_perceptron(8.0, 0.4, angle=0.3)
