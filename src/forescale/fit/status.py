"""How a fit ended, in sentences for users, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from itertools import combinations

import numpy as np

from .problem import Problem
from .starts import Search

LINE = 0.1  # log distance from a line that is still rounding


class Status(Enum):
    CONVERGED = "several independent starts ended at the same best optimum"
    FEW_AGREE = "fewer than three starts found the best optimum: another may exist; give more data or a simpler law"
    NOT_SETTLED = "the search stopped before the objective came to rest: the parameters are not to be trusted"

    @property
    def ok(self) -> bool:
        return self is Status.CONVERGED


def status_of(search: Search, index: int = 0) -> Status:
    if not search.settled[index]:
        return Status.NOT_SETTLED
    return Status.CONVERGED if search.agreed[index] >= 3 else Status.FEW_AGREE


def edge_warnings(problem: Problem, z: np.ndarray) -> list[str]:
    """Coordinates that ran to the edge of their domain or no longer matter."""
    out, values = [], problem.to_values(z)[0]
    _, jac = problem.jacobian(problem.to_values(z), np.zeros(1, int), problem._inputs(np.zeros(1, int), slice(None))[0])
    size = np.abs(problem.y[0]).mean()
    for j, p in enumerate(problem.coordinates):
        effect = np.abs(jac[0, j]).max() * float(np.abs(p.domain.slope(values[j : j + 1])[0])) / size
        if p.domain.name == "interval":
            share = (values[j] - p.domain.low) / (p.domain.high - p.domain.low)
            if min(share, 1 - share) < 1e-3:
                out.append(f"{p.name} = {values[j]:.4g} lies at the edge of {p.domain}: the data do not bound it")
        elif p.domain.name == "positive" and effect < 1e-6:
            out.append(f"{p.name} vanished ({values[j]:.3g}): its term has no effect on these data")
    return out


def together(x: Mapping[str, np.ndarray]) -> str:
    """Names two inputs that move together in all rows, as sizes at a fixed ratio of tokens do; else empty."""
    logs = {k: np.log(v) for k, v in x.items() if (v > 0).all() and v.max() > v.min() * (1 + 1e-6)}
    for (a, u), (b, v) in combinations(logs.items(), 2):
        if np.abs(v - np.polyval(np.polyfit(u, v, 1), u)).max() < LINE:
            return f"{a} and {b} move together in all rows: what one does cannot be told from what the other does"
    return ""


def weak_direction(problem: Problem, z: np.ndarray, limit: float = 1e-5) -> str:
    """Names the combination of coordinates the data cannot tell apart, from the singular values of the Jacobian; else empty."""
    values = problem.to_values(z)
    value, jac = problem.jacobian(values, np.zeros(1, int), problem._inputs(np.zeros(1, int), slice(None))[0])
    matrix = (jac[0] / value[0] * problem.slopes(values)[0][:, None]).T * np.sqrt(problem.weights[0])[:, None]
    norm = np.linalg.norm(matrix, axis=0)
    if not np.isfinite(matrix).all() or (norm == 0).any():
        return "a parameter has no effect on any row"
    _, s, vt = np.linalg.svd(matrix / norm, full_matrices=False)
    if s[-1] > limit * s[0]:
        return ""
    part = sorted(zip(np.abs(vt[-1]), problem.coordinates, strict=True), key=lambda t: -t[0])
    names = [p.name for a, p in part if a > 0.2]
    return f"the data cannot tell {', '.join(names)} apart (singular value {s[-1] / s[0]:.1e} of the largest)"
