"""Ours beside the PyPI package `chinchilla` on the same rows and objective: pip install chinchilla, then run.

Prints times and objectives. The peer's documented grid is cut to 3 values a parameter, 243 starts on every core.
"""

import functools
import importlib.metadata
import os
import tempfile
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from chinchilla import Chinchilla
from chinchilla._metrics import log_huber
from fit import chinchilla_rows

from forescale import laws
from forescale.fit import Objective
from forescale.fit.problem import Problem
from forescale.fit.starts import search


def main():
    name, x, y = chinchilla_rows()
    law, objective = laws.get("chinchilla"), Objective()
    problem = Problem(law, [(x, y)], objective)
    search(problem)
    begin = time.perf_counter()
    cost = search(problem, 1).cost[0]
    ours = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        grid = {
            "e": np.array([-1.0, 0.0, 1.0]),
            "a": np.array([1.0, 10.0, 20.0]),
            "b": np.array([1.0, 10.0, 20.0]),
            "alpha": np.array([0.1, 0.5, 1.0]),
            "beta": np.array([0.1, 0.5, 1.0]),
        }
        loss = functools.partial(log_huber, delta=1e-3)
        peer = Chinchilla(folder, grid, loss_fn=loss, log_level=50)
        for n, d, value in zip(x["params"], x["tokens"], y, strict=True):
            peer.database.append(C=6 * n * d, N=n, D=d, loss=value)
        begin = time.perf_counter()
        peer.fit()
        theirs = time.perf_counter() - begin
    found = {k: float(getattr(peer, k)) for k in ("E", "A", "B", "alpha", "beta")}
    residual = np.log(law(found, **x) / y)
    version = importlib.metadata.version("chinchilla")
    print(f"{name}, {len(y)} rows, {objective}")
    print(f"forescale        {ours * 1e3:10.1f} ms   objective {cost:.10g}")
    print(f"chinchilla {version} {theirs * 1e3:10.1f} ms   objective {objective.cost(residual, 1.0).sum():.10g}")
    print(f"ratio of times {theirs / ours:,.0f}")


if __name__ == "__main__":
    main()
