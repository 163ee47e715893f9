"""Ours beside the PyPI packages `chinchilla` and `simple-scaling-laws` (Python >= 3.12), on the same rows and objective.

pip install chinchilla simple-scaling-laws, then: python benchmarks/peers.py. A package that is absent is left out, and
said so. Writes docs/benchmarks-peers.md. Each peer is called as its documentation shows; `chinchilla`'s grid is cut to
3 values a parameter (243 starts, every core); simple-scaling-laws resamples as often as we do.
"""

import functools
import importlib.metadata
import os
import tempfile
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from fit import chinchilla_rows

import forescale as fs
from forescale import laws
from forescale.fit import Objective
from forescale.fit.problem import Problem
from forescale.fit.starts import search

OUT = Path(__file__).parents[1] / "docs" / "benchmarks-peers.md"
NAMES = ("E", "A", "B", "alpha", "beta")


def cost_of(found, x, y, objective):
    value = laws.get("chinchilla")(found, **x)
    residual = np.log(value / y) if objective.residual == "log" else value - y
    return float(objective.cost(residual, 1.0).sum())


def ours_alone(x, y, objective):
    """Seconds and cost of the global fit alone."""
    problem = Problem(laws.get("chinchilla"), [(x, y)], objective)
    search(problem)
    begin = time.perf_counter()
    cost = search(problem, 1).cost[0]
    return time.perf_counter() - begin, float(cost)


def chinchilla_peer(x, y):
    from chinchilla import Chinchilla
    from chinchilla._metrics import log_huber

    objective = Objective()
    three = {
        "e": (-1.0, 0.0, 1.0),
        "a": (1.0, 10.0, 20.0),
        "b": (1.0, 10.0, 20.0),
        "alpha": (0.1, 0.5, 1.0),
        "beta": (0.1, 0.5, 1.0),
    }
    with tempfile.TemporaryDirectory() as folder:
        grid = {k: np.array(v) for k, v in three.items()}
        peer = Chinchilla(folder, grid, loss_fn=functools.partial(log_huber, delta=1e-3), log_level=50)
        for n, d, value in zip(x["params"], x["tokens"], y, strict=True):
            peer.database.append(C=6 * n * d, N=n, D=d, loss=value)
        begin = time.perf_counter()
        peer.fit()
        seconds = time.perf_counter() - begin
    found = {k: float(getattr(peer, k)) for k in NAMES}
    return "global fit", objective, ours_alone(x, y, objective), (seconds, cost_of(found, x, y, objective))


def simple_peer(x, y, resamples=1000):
    import polars as pl
    from simple_scaling_laws import fit

    objective = Objective("squares", "plain")
    run = [f"run{i}" for i in range(len(y))]
    table = {"training_run_id": run, "model_size__params": x["params"], "dataset_size__tokens": x["tokens"], "test_loss__ce": y}
    frame = pl.DataFrame(
        table | {"test_set_id": ["one"] * len(y), "optimizer_seed": [0] * len(y), "train_set_id": ["one"] * len(y)}
    )
    fit(frame, n_draws=2)
    begin = time.perf_counter()
    theirs = fit(frame, n_draws=resamples)
    seconds = time.perf_counter() - begin
    found = dict(theirs.params("test_loss__ce"))
    middle = [theirs.observed_domain[c]["reference"] for c in ("model_size__params", "dataset_size__tokens")]
    found["A"] *= middle[0] ** found["alpha"]  # its amplitudes stand at the middle of the data
    found["B"] *= middle[1] ** found["beta"]
    law, runs = laws.get("chinchilla"), {**x, "loss": y, "run": np.array(run)}
    fs.fit(law, runs, loss="squares", residual="plain", resamples=2)
    begin = time.perf_counter()
    mine = fs.fit(law, runs, loss="squares", residual="plain", resamples=resamples)
    assert len(mine.draws) == resamples  # they are made when first asked for: here, inside the clock
    ours = time.perf_counter() - begin, cost_of(dict(mine.params), x, y, objective)
    return f"fit with {resamples:,} resamples", objective, ours, (seconds, cost_of(found, x, y, objective))


def main():
    name, x, y = chinchilla_rows()
    lines = ["# Beside other packages", "", "Printed by `python benchmarks/peers.py` (one BLAS thread).", ""]
    lines += [f"Rows: `{name}`, {len(y)}. The law is E + A/N^alpha + B/D^beta; both objectives are computed by our code.", ""]
    lines += ["| peer | job | objective | forescale, s | peer, s | ratio of times | forescale's cost | peer's cost |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for package, call in (("chinchilla", chinchilla_peer), ("simple-scaling-laws", simple_peer)):
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"| {package} | not installed | | | | | | |")
            continue
        job, objective, (ours, our_cost), (theirs, their_cost) = call(x, y)
        lines.append(
            f"| {package} {version} | {job} | {objective} | {ours:.3g} | {theirs:.3g} | **{theirs / ours:,.0f}** "
            f"| {our_cost:.10g} | {their_cost:.10g} |"
        )
    OUT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
