"""The field's own laws as candidates: found by their inputs whatever these are called, and worth their place."""

from importlib import import_module

import numpy as np
import pytest

import forescale as fs
from forescale import laws
from forescale.check import sample_inputs, truth
from forescale.forecast.candidates import candidates
from forescale.forecast.known import CONTAINED, known


@pytest.mark.parametrize(
    "inputs, target, name, powers",
    [
        (("params", "tokens"), "loss", "farseer", {"params": {"params": 1}, "tokens": {"tokens": 1}}),
        (("N", "D"), "val_loss", "farseer", {"params": {"N": 1}, "tokens": {"D": 1}}),
        (
            ("num_params", "parallel_size"),
            "pile loss",
            "parallel_streams",
            {"params": {"num_params": 1}, "streams": {"parallel_size": 1}},
        ),
        (("params", "tokens", "vocab_size"), "nll", "vocabulary", {"vocabulary": {"vocab_size": 1}}),
        (("params", "tokens", "epochs"), "loss", "data_constrained", {"unique_tokens": {"tokens": 1, "epochs": -1}}),
        (("params", "unique_tokens", "epochs"), "loss", "data_constrained", {"tokens": {"unique_tokens": 1, "epochs": 1}}),
        (("params", "num_experts"), "loss", "routed", {"experts": {"num_experts": 1}}),
    ],
)
def test_a_law_is_found_by_its_inputs(inputs, target, name, powers):
    found = {k.law.name: k.powers for k in known(inputs, target)}
    assert powers.items() <= found[name].items()
    assert any(c.name.startswith(name) for c in candidates(inputs, target))


@pytest.mark.parametrize(
    "inputs, target",
    [
        (("params", "tokens"), "err_avg_17"),
        (("params", "tokens"), "accuracy"),
        (("params", "tokens"), "lossless_ratio"),
        (("params", "tokens", "temperature"), "loss"),
        (("params", "exp(3*(bits-4))"), "loss"),
        (("tokens",), "loss"),
        (("width", "depth", "tokens"), "loss"),
    ],
)
def test_no_law_is_taken_where_none_speaks_of_the_table(inputs, target):
    assert known(inputs, target) == []


def test_the_laws_left_to_the_grammar_are_in_the_catalogue():
    assert CONTAINED <= set(laws.CATALOGUE)


def table(name, seed, rename, bend=0.0, odd=0):
    """70 rows of a law with 0.5 % noise, a smooth deviation of size `bend` and `odd` rows 10 % too high; the largest are out."""
    law, rng = laws.get(name), np.random.default_rng(seed)
    x = sample_inputs(law, 70, rng)
    logs = np.stack([np.log(v) for v in x.values()])
    logs = (logs - logs.mean(axis=1, keepdims=True)) / logs.std(axis=1, keepdims=True)
    clean = law(truth(law, x, rng), **x) * np.exp(bend * np.sin(rng.standard_normal(len(x)) @ logs))
    y = clean * np.exp(0.005 * rng.standard_normal(70))
    size = np.log(x["params"] * x.get("tokens", 1.0))
    new = size > np.quantile(size, 0.78)
    y[rng.choice(np.flatnonzero(~new), odd, replace=False)] *= 1.1
    x = {rename.get(k, k): v for k, v in x.items()}
    return {k: v[~new] for k, v in x.items()} | {law.output: y[~new]}, {k: v[new] for k, v in x.items()}, clean[new]


@pytest.mark.parametrize(
    ("name", "rename", "bend", "odd"), [("vocabulary", {"vocabulary": "vocab_size"}, 0.0, 4), ("quantized", {}, 0.02, 0)]
)
def test_forecasts_of_their_tables_get_better(name, rename, bend, odd, monkeypatch):
    """With outliers, and where the truth bends away from the law: errors at most 0.95 of those without it."""
    rows, at, clean = table(name, 0, rename, bend, odd)
    ours = fs.forecast(rows, target=laws.get(name).output, **at)
    assert any(name in m.name for m in ours.members)
    monkeypatch.setattr(import_module("forescale.forecast.candidates"), "known", lambda inputs, target: [])
    without = fs.forecast(rows, target=laws.get(name).output, **at)
    off = [np.sqrt(np.mean(np.log(f.value / clean) ** 2)) for f in (ours, without)]
    assert off[0] < 0.95 * off[1]
    assert np.mean((ours.low <= clean) & (clean <= ours.high)) > 0.85
