"""A law against one or many data sets, as one batched function of unconstrained coordinates.

Letters: b data sets, s rows of a batch (start or resample, each with its data set), n measurements,
k coordinates. Coordinates are the law's `working` ones where declared, else its parameters, each mapped
to the whole real line by its domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from ..law import Law
from ..law.dual import Dual, Unsupported
from .objective import Objective

BLOCK = 32_768  # elements of one evaluation: the Jacobian of a block stays in cache
_ONE = np.ones(())


class Problem:
    """Data sets are padded to one length; padding has weight zero.

    x: per input (b, n); y, weights: (b, n). `note` says how derivatives are taken if not exactly.
    """

    def __init__(
        self,
        law: Law,
        data: Sequence[tuple[Mapping[str, np.ndarray], np.ndarray]],
        objective: Objective,
        weights: Sequence[np.ndarray | None] | None = None,
        fixed: Mapping[str, float] | None = None,
    ):
        self.law, self.objective, self.fixed, self.note = law, objective, dict(fixed or {}), ""
        # fixing names the law's own parameters, so the search then runs in those
        self.working = law.working if law.working and not self.fixed else None
        every = self.working.params if self.working else law.params
        self.coordinates = tuple(p for p in every if p.name not in self.fixed)
        declared = self.working.linear if self.working else law.linear
        self.linear = [j for j, p in enumerate(self.coordinates) if p.name in declared]
        self.k, self.b = len(self.coordinates), len(data)
        self.rows = np.array([len(y) for _, y in data])
        self.n = int(self.rows.max())
        self.x = {name: _padded([np.asarray(x[name], float) for x, _ in data], self.n) for name in law.inputs}
        self.y = _padded([np.asarray(y, float) for _, y in data], self.n)
        given = weights or [None] * self.b
        ones = [np.ones(m) if w is None else np.asarray(w, float) for m, w in zip(self.rows, given, strict=True)]
        self.weights = _padded(ones, self.n, fill=0.0)
        smallest = {k: np.where(v > 0, v, np.inf) if k in law.may_be_zero else v for k, v in self.x.items()}
        low = {k: np.log(np.min(v, axis=1))[:, None] for k, v in smallest.items()}
        high = {k: np.log(np.max(v, axis=1))[:, None] for k, v in self.x.items()}
        self.centre = {k: np.exp(0.5 * (low[k] + high[k])) for k in self.x}
        self.reach = {k: np.maximum(0.5 * (high[k] - low[k]), 1e-6) for k in self.x}
        self.exact = True
        self._try_duals()

    def thinned(self, rows: int, rng: np.random.Generator) -> Problem:
        """The same problem on a random subset of rows, to rank starts by."""
        out = copy(self)
        pick = np.sort(rng.choice(int(self.rows.min()), rows, replace=False))
        out.x = {k: v[:, pick] for k, v in self.x.items()}
        out.y, out.weights = self.y[:, pick], self.weights[:, pick]
        out.n, out.rows = rows, np.full(self.b, rows)
        return out

    def smoothed(self, factor: float) -> Problem:
        """The same problem with a wider Huber delta."""
        out = copy(self)
        out.objective = replace(self.objective, delta=self.objective.delta * factor)
        return out

    # -- coordinates -------------------------------------------------------------------------------------

    def to_values(self, z: np.ndarray) -> np.ndarray:
        """Unconstrained (s, k) to coordinate values (s, k)."""
        out = np.empty_like(z)
        for j, p in enumerate(self.coordinates):
            out[:, j] = p.domain.to_domain(z[:, j])
        return out

    def to_line(self, values: np.ndarray) -> np.ndarray:
        return np.stack([p.domain.to_line(values[:, j]) for j, p in enumerate(self.coordinates)], axis=1)

    def slopes(self, values: np.ndarray) -> np.ndarray:
        out = np.empty_like(values)
        for j, p in enumerate(self.coordinates):
            out[:, j] = p.domain.slope(values[:, j])
        return out

    def law_params(self, z: np.ndarray, which: np.ndarray | int = 0) -> dict[str, np.ndarray]:
        """The law's parameters, each (s,), at unconstrained coordinates (s, k)."""
        named = self._named(self.to_values(z))
        if self.working:
            named = self.working.to_law(SimpleNamespace(**named), self._centre(which))
        named |= {k: np.float64(v) for k, v in self.fixed.items()}
        return {n: np.broadcast_to(named[n], (len(z), 1))[:, 0] for n in self.law.names}

    def from_params(self, params: Mapping[str, float], which: int = 0) -> np.ndarray:
        """Unconstrained coordinates (1, k) of one set of the law's parameters."""
        named = {k: np.full((1, 1), float(v)) for k, v in params.items()}
        if self.working:
            named = self.working.from_law(SimpleNamespace(**named), self._centre(which))
        values = np.concatenate([np.broadcast_to(named[p.name], (1, 1)) for p in self.coordinates], axis=1)
        return self.to_line(values)

    def _named(self, values: np.ndarray) -> dict[str, np.ndarray]:
        return {p.name: values[:, j : j + 1] for j, p in enumerate(self.coordinates)}

    def _centre(self, which: np.ndarray | int) -> SimpleNamespace:
        pick = 0 if self.b == 1 else which
        reach = SimpleNamespace(**{k: np.atleast_2d(v[pick]) for k, v in self.reach.items()})
        return SimpleNamespace(**{k: np.atleast_2d(v[pick]) for k, v in self.centre.items()}, reach=reach)

    # -- evaluation --------------------------------------------------------------------------------------

    def _inputs(self, which: np.ndarray, rows: slice) -> tuple[SimpleNamespace, np.ndarray, np.ndarray]:
        pick = 0 if self.b == 1 else which
        return (
            SimpleNamespace(**{k: v[pick, rows] for k, v in self.x.items()}),
            self.y[pick, rows],
            self.weights[pick, rows],
        )

    def predict(self, values: np.ndarray, which: np.ndarray, x: SimpleNamespace) -> np.ndarray:
        """Law values (s, n) at coordinate values (s, k)."""
        named = self._named(values)
        if self.working:
            named = dict(self.working.to_law(SimpleNamespace(**named), self._centre(which)))
        out = self.law.formula(SimpleNamespace(**named, **self.fixed), x)
        return np.broadcast_to(out, (len(values), self._width(x)))

    @staticmethod
    def _width(x: SimpleNamespace) -> int:
        return next(iter(vars(x).values())).shape[-1]

    def jacobian(self, values: np.ndarray, which: np.ndarray, x: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
        """Law values (s, n) and derivatives by coordinate value (s, k, n)."""
        if not self.exact:
            return self._differences(values, which, x)
        named = self._named(values)
        chain, names = None, [p.name for p in self.coordinates]
        if self.working:
            seeds = {k: Dual(v, {j: _ONE}) for j, (k, v) in enumerate(named.items())}
            mapped = self.working.to_law(SimpleNamespace(**seeds), self._centre(which))
            names = list(self.law.names)
            chain = np.zeros((len(values), self.k, len(names)))
            for i, name in enumerate(names):
                entry = mapped[name]
                named[name] = np.broadcast_to(entry.value, (len(values), 1))
                for j, partial in entry.partials.items():
                    chain[:, j, i : i + 1] = partial
        seeded = {name: Dual(named[name], {i: _ONE}) for i, name in enumerate(names)}
        out = self.law.formula(SimpleNamespace(**seeded, **self.fixed), x)
        shape = (len(values), self._width(x))
        jac = np.empty((shape[0], len(names), shape[1]))
        for i in range(len(names)):
            jac[:, i] = out.partials.get(i, 0.0)
        value = np.broadcast_to(out.value, shape)
        return value, jac if chain is None else chain @ jac

    def _differences(self, values: np.ndarray, which: np.ndarray, x: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
        base = self.predict(values, which, x)
        jac = np.empty((len(values), self.k, base.shape[1]))
        for j in range(self.k):
            step = 6e-6 * np.maximum(np.abs(values[:, j]), 1e-8)
            up, down = values.copy(), values.copy()
            up[:, j] += step
            down[:, j] -= step
            jac[:, j] = (self.predict(up, which, x) - self.predict(down, which, x)) / (2 * step)[:, None]
        return base, jac

    def _try_duals(self) -> None:
        middle = self.to_values(np.stack([_middle(p) for p in self.coordinates])[None])
        x, _, _ = self._inputs(np.zeros(1, int), slice(0, 2))
        with np.errstate(all="ignore"):
            try:
                self.jacobian(middle, np.zeros(1, int), x)
            except (Unsupported, AttributeError, TypeError) as error:
                self.exact = False
                self.note = f"derivatives by central differences: {error} has no exact rule"

    def blocks(self, s: int) -> tuple[list[slice], list[slice]]:
        """Batch slices and row slices so that one evaluation has about BLOCK elements."""
        rows = min(self.n, 8192)
        step = max(1, BLOCK // rows)
        return [slice(i, i + step) for i in range(0, s, step)], [slice(i, i + rows) for i in range(0, self.n, rows)]

    def residual(self, value: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
        """Residuals and the factor that turns derivatives of the law into derivatives of the residual."""
        if self.objective.residual == "plain":
            return value - y, 1.0
        return np.log(value / y), 1.0 / value

    def cost(self, z: np.ndarray, which: np.ndarray, resample: np.ndarray | None = None) -> np.ndarray:
        """Objective (s,) at unconstrained coordinates; inf where the law is not finite."""
        values, total = self.to_values(z), np.zeros(len(z))
        with np.errstate(all="ignore"):
            for part in self.blocks(len(z))[0]:
                for rows in self.blocks(len(z))[1]:
                    x, y, w = self._inputs(which[part], rows)
                    r, _ = self.residual(self.predict(values[part], which[part], x), y)
                    w = w if resample is None else w * resample[part, rows]
                    total[part] += self.objective.cost(r, w).sum(axis=1)
        return np.where(np.isfinite(total), total, np.inf)

    def normal(
        self, z: np.ndarray, which: np.ndarray, resample: np.ndarray | None, blend: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Objective (s,), gradient (s, k) and curvature (s, k, k) by unconstrained coordinates."""
        values, s, k = self.to_values(z), len(z), self.k
        total, gram = np.zeros(s), np.zeros((s, k + 1, k + 1))
        with np.errstate(all="ignore"):
            for part in self.blocks(s)[0]:
                for rows in self.blocks(s)[1]:
                    x, y, w = self._inputs(which[part], rows)
                    w = w if resample is None else w * resample[part, rows]
                    value, jac = self.jacobian(values[part], which[part], x)
                    r, factor = self.residual(value, y)
                    total[part] += self.objective.cost(r, w).sum(axis=1)
                    g, c = self.objective.curvature(r, w, blend[part, None])
                    root = np.sqrt(c)
                    stacked = np.empty((len(r), k + 1, r.shape[1]))
                    np.multiply(jac, np.broadcast_to(root * factor, r.shape)[:, None], out=stacked[:, :k])
                    stacked[:, k] = g * r / np.maximum(root, 1e-300)  # where root is zero, so is g
                    gram[part] += stacked @ stacked.transpose(0, 2, 1)
            slope = self.slopes(values)
            gradient = gram[:, :k, k] * slope
            curvature = gram[:, :k, :k] * slope[:, :, None] * slope[:, None, :]
        bad = ~(np.isfinite(total) & np.isfinite(curvature).all((1, 2)) & np.isfinite(gradient).all(1))
        return np.where(bad, np.inf, total), gradient, curvature


def _padded(arrays: list[np.ndarray], n: int, fill: float | None = None) -> np.ndarray:
    """Stack to (b, n); the tail repeats the last entry, or is `fill`."""
    out = np.empty((len(arrays), n))
    for row, a in zip(out, arrays, strict=True):
        row[: len(a)] = a
        row[len(a) :] = a[-1] if fill is None else fill
    return out


def _middle(p) -> float:
    low, high = (float(p.domain.to_line(np.float64(v))) for v in p.start)
    return 0.5 * (low + high)
