"""Unfinished runs: the law recovered from its own curve, real logs, and errors."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import forescale as fs
from forescale.errors import InputError
from forescale.forecast.schedules import learning_rates
from forescale.laws.training import areas


def curve(until, schedule, gain, memory=0.99):
    rates = learning_rates(schedule, until, until // 100)
    s1, s2 = areas(rates, memory, until // 100)
    return 2.0 + 6.0 * s1**-0.4 - gain * s2 / s2[-1]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd"])
@pytest.mark.parametrize("share", [0.6, 0.85])
def test_the_law_is_recovered_from_its_own_curve(schedule, share, rng):
    y = curve(20_000, schedule, 0.06)
    step = np.arange(100, int(20_000 * share), 50, dtype=float)
    log = {"steps": step, "loss": y[step.astype(int) - 1] * np.exp(0.003 * rng.standard_normal(len(step)))}
    seen = fs.watch(log, until="20k", schedule=schedule)
    assert abs(seen.value / y[-1] - 1) < 0.015 and seen.low < y[-1] < seen.high


def test_areas_against_their_definition():
    rates = learning_rates("cosine", 50, 5)
    s1, s2 = areas(rates, 0.9, 5)
    momentum, total = 0.0, []
    for i in range(50):
        momentum = 0.9 * momentum + (rates[i - 1] - rates[i] if i >= 5 else 0.0)
        total.append(momentum)
    assert np.allclose(s1, np.cumsum(rates)) and np.allclose(s2, np.cumsum(total))


def test_the_interval_narrows_as_the_log_grows():
    y = curve(20_000, "cosine", 0.06)
    step = np.arange(100, 20_000, 50)
    wide = [fs.watch({"steps": step[:n], "loss": y[step[:n] - 1]}, until=20_000) for n in (100, 200, 300, 390)]
    width = [w.high - w.low for w in wide]
    assert all(b < a for a, b in pairwise(width)) and "prior" in wide[0].warnings[-1]


def test_real_logs_at_three_quarters(study):
    """Cosine runs of the (Mis)Fitting study: three quarters of the log give the last validation loss."""
    runs = study("misfitting", "curves", only=("step", "loss", "total_steps"))
    errors, inside = [], []
    for run in sorted(set(runs["run"].tolist())):
        own = runs.where(runs["run"] == run)
        if len(own) >= 20:
            end, late = own["total_steps"][0], own["step"] <= 0.75 * own["total_steps"][0]
            seen = fs.watch(own.where(late), until=end, final=0.1)
            truth = own["loss"][np.argmax(own["step"])]
            errors.append(abs(seen.value / truth - 1))
            inside.append(seen.low < truth < seen.high)
    assert len(errors) > 50 and np.mean(errors) < 0.006 and np.mean(inside) > 0.85


def test_a_log_file_and_errors(tmp_path):
    path = tmp_path / "log.csv"
    pl.DataFrame({"step": range(1, 400), "loss": [3 + 5 * s**-0.5 for s in range(1, 400)]}).write_csv(path)
    assert "final loss" in fs.watch(path, until=1000).summary()
    with pytest.raises(InputError, match="beyond until"):
        fs.watch(path, until=200)
    with pytest.raises(InputError, match="wait for more"):
        fs.watch({"steps": [1.0, 2.0], "loss": [3.0, 2.0]}, until=1000)
    with pytest.raises(InputError, match="unknown schedule"):
        fs.watch(path, until=1000, schedule="cos")


def test_a_log_that_is_being_written(tmp_path):
    """Cut anywhere, as a buffer is flushed, the same rows are read as from the whole lines alone."""
    lines = ["step,loss\n"] + [f"{s},{3 + 5 * s**-0.5:.4f}\n" for s in range(10, 800, 10)]
    text, path = "".join(lines), tmp_path / "log.csv"
    for cut in range(len(text) - 40, len(text)):
        path.write_text(text[:cut])
        whole = text[:cut].count("\n") - 1
        assert fs.watch(path, until=1000).step == 10 * whole


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_run_that_diverged_is_told_of(tmp_path, form):
    rows = [(s, 3 + 5 * s**-0.5 if s < 700 and s != 300 else np.nan) for s in range(10, 800, 10)]
    path = tmp_path / f"log.{form}"
    line = "{},{}\n" if form == "csv" else '{{"step": {}, "loss": {}}}\n'
    path.write_text(("step,loss\n" if form == "csv" else "") + "".join(line.format(*r).replace("nan", "NaN") for r in rows))
    seen = fs.watch(path, until=1000)
    assert seen.step == 690 and any("may have diverged" in w for w in seen.warnings)
    assert any("left out" in w for w in seen.warnings)


def test_one_of_several_runs(tmp_path):
    lines = ["Step,a - eval/loss,a - eval/loss__MIN,b - eval/loss,b - train/loss"]
    lines += [f"{s},{3 + 5 * s**-0.5},0,{4 + 5 * s**-0.5},{2 + 5 * s**-0.5}" for s in range(10, 500, 10)]
    path = tmp_path / "wandb_export.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="2 runs: a, b; name one"):
        fs.watch(path, until=1000)
    a, b = (fs.watch(path, until=1000, run=r) for r in "ab")
    assert b.value > a.value + 0.7 and "b has" not in a.warnings[0] and "train/loss has 49" in b.warnings[0]
    assert fs.watch(path, until=1000, run="b", loss="train/loss").value < a.value
    for wrong, said in (({"loss": "nope"}, "no metric of that name"), ({"params": "train/loss"}, "unknown quantity of a log")):
        with pytest.raises(InputError, match=said):
            fs.watch(path, until=1000, run="b", **wrong)
    frame = pl.DataFrame({"step": [*range(10, 500, 10)] * 2, "loss": [3.0, 2.0] * 49, "run": ["x"] * 49 + ["y"] * 49})
    with pytest.raises(InputError, match="2 runs: x, y"):
        fs.watch(frame, until=1000)
    with pytest.raises(InputError, match="none is 'z'"):
        fs.watch(frame, until=1000, run="z")
    with pytest.raises(InputError, match="does not say where the run ends"):
        fs.watch(frame, run="x")


def test_rates_in_the_log_are_held_against_the_schedule():
    y, step = curve(20_000, "cosine", 0.06), np.arange(100, 12_000, 50)
    log = {"steps": step, "loss": y[step - 1], "learning_rate": 3e-4 * learning_rates("cosine", 20_000, 200)[step - 1]}
    assert not any("learning rate" in w for w in fs.watch(log, until=20_000).warnings)
    for wrong in ({"until": 30_000}, {"until": 20_000, "schedule": "linear"}, {"until": 20_000, "final": 0.3}):
        assert "check schedule" in " ".join(fs.watch(log, **wrong).warnings)


def ramped(critical, noise=0.003, seed=0, outliers=0):
    """A run whose batch is doubled twice: steps count by 1 / (1 + B_crit / B), the loss falls as a power of what they sum to."""
    rng = np.random.default_rng(seed)
    step = np.arange(1, 20_001)
    size = np.where(step <= 3000, 0.25e6, np.where(step <= 8000, 0.5e6, 1e6))
    progress = np.cumsum(1 / (1 + critical / size))
    loss = 1.9 + 8.0 * progress**-0.35
    at = np.arange(100, 20_001, 100) - 1
    noisy = loss[at] * np.exp(noise * rng.standard_normal(len(at)))
    noisy[rng.choice(len(at) // 2, outliers, replace=False)] *= 1.15
    return step[at].astype(float), noisy, size[at], loss[-1]


@pytest.mark.parametrize(("critical", "outliers"), [(1e6, 0), (4e6, 0), (1e6, 4)])
def test_a_batch_that_is_raised_is_counted(critical, outliers):
    aware, blind, inside = [], [], []
    for seed in range(5):
        steps, loss, size, truth = ramped(critical, seed=seed, outliers=outliers)
        seen = steps <= 10_000
        log = {"steps": steps[seen], "loss": loss[seen]}
        found = fs.watch(log | {"batch_size": size[seen]}, until=20_000, schedule="constant")
        aware.append(abs(found.value / truth - 1))
        blind.append(abs(fs.watch(log, until=20_000, schedule="constant").value / truth - 1))
        inside.append(found.low <= truth <= found.high)
    assert np.mean(aware) < 0.6 * np.mean(blind) and sum(inside) >= 4
    known = fs.watch(log | {"batch_size": size[seen]}, until=20_000, schedule="constant", critical_batch=critical, batch="1M")
    assert known.value == pytest.approx(truth, rel=0.02)


def test_a_constant_batch_changes_nothing_and_a_batch_alone_is_refused():
    steps, loss, _, _ = ramped(1e6)
    log = {"steps": steps[:100], "loss": loss[:100]}
    same = fs.watch(log | {"batch_size": [5e5] * 100}, until=20_000, schedule="cosine")
    assert same.value == fs.watch(log, until=20_000, schedule="cosine").value
    more = fs.watch(log | {"batch_size": [5e5] * 100}, until=20_000, schedule="cosine", batch="4M", critical_batch="2M")
    assert more.value < same.value
    with pytest.raises(InputError, match="no column batch_size"):
        fs.watch(log, until=20_000, batch="1M")
