"""fit(law, runs): the one call that fits a law to a table of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import FitError, InputError
from ..law import Law
from ..runs import Runs, read
from ..runs.alike import apart
from .objective import Objective
from .problem import Problem
from .resample import too_few
from .result import Fit
from .starts import search
from .status import edge_warnings, status_of, together, weak_direction


def fit(
    law: Law,
    runs: Runs | Any,
    *,
    loss: str = "huber",
    residual: str = "log",
    delta: float = 1e-3,
    over: float = 1.0,
    weights: np.ndarray | None = None,
    fixed: Mapping[str, float] | None = None,
    starts: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
    spec: str = "",
    progress: Callable[[float], None] | None = None,
) -> Fit:
    """Fit a law globally. The default, Huber with delta 1e-3 on log residuals, is that of Hoffmann et al.

    over > 1 penalises over-estimates; `weights` is one number per row; `fixed` pins parameters of the law.
    `progress` is called with the share of resampled refits that are done.
    Raises InputError for unusable data, FitError where no start gives a finite objective.
    """
    if not isinstance(law, Law):
        raise InputError(f"fit takes a Law and then runs, fit(fs.laws.chinchilla, runs); got {type(law).__name__} {law!r:.60}")
    runs = runs if isinstance(runs, Runs) else read(runs)
    objective = Objective(loss, residual, delta, over)
    x = runs.numbers(law.inputs)
    y = runs[law.output] if law.output in runs.columns else runs["loss"]
    _check(law, runs, x, y, fixed or {}, weights)
    problem = Problem(law, [(x, y)], objective, [weights], fixed)
    found = search(problem, seed, starts)
    if not np.isfinite(found.cost[0]):
        raise FitError(f"law {law.name}: no start gave a finite objective on these {len(y)} rows; check units and start boxes")
    z = found.z[:1]
    params = {k: float(v[0]) for k, v in problem.law_params(z).items()}
    ranges = {k: (float(v.min()), float(v.max())) for k, v in x.items()}
    if {"params", "tokens"} <= set(x):
        flops = 6 * x["params"] * x["tokens"]
        ranges["flops"] = (float(flops.min()), float(flops.max()))
    status = status_of(found)
    weak = weak_direction(problem, z) or together(x)
    notes = list(runs.warnings) + edge_warnings(problem, z) + [n for n in (weak, problem.note) if n]
    if not status.ok:
        notes.append(status.value)
    output = law.output if law.output in runs.columns else "loss"
    if mixed := apart(runs, law.inputs, np.ones(len(y), bool), output):
        notes.append(f"{mixed}; fit one arm or setting, or the best rows (Runs.best, --best)")
    groups = runs.columns["run"] if "run" in runs.columns else np.arange(len(y))
    if few := too_few(problem, groups):
        notes.append(few)
    return Fit(
        law,
        params,
        float(found.cost[0]),
        status,
        int(found.agreed[0]),
        found.polished,
        objective,
        len(y),
        ranges,
        runs.counts,
        runs.sha256,
        tuple(notes),
        spec or law.name,
        resamples,
        seed,
        weak,
        problem,
        z,
        groups,
        _progress=progress,
    )


def _check(law: Law, runs: Runs, x: dict, y: np.ndarray, fixed: Mapping, weights: np.ndarray | None) -> None:
    for name in fixed:
        law.require({n: 0 for n in (*law.names, name)}, law.names, "parameter")
    free = len(law.names) - len(fixed)
    if not free:
        raise InputError(f"law {law.name}: every parameter is fixed; nothing is left to fit")
    if len(y) < free:
        raise InputError(
            f"{runs.source}: {len(y)} rows cannot fit the {free} free parameters of {law.name}; add runs or fix some"
        )
    for name, values in x.items():
        if np.ptp(values) == 0:
            raise InputError(
                f"{runs.source}: every row has {name} = {values[0]:g}; {law.name} needs at least two values of it; "
                "add runs or fit a law without that input"
            )
    if weights is not None and (len(weights) != len(y) or not np.min(weights) >= 0 or not np.any(weights)):
        raise InputError(f"weights must be {len(y)} numbers, none negative, not all zero")
