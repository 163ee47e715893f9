"""Fit: what came out, with predictions, intervals, a summary and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..law import Law
from ..quantities import format_number, tails
from ..shown import Shown
from .objective import Objective
from .resample import Draws, draw
from .status import Status

SCHEMA = 1


@dataclass(frozen=True)
class Prediction(Shown):
    """Predicted output at each query with an interval for a new run and one for the law's mean.

    `factor` is how far the query lies beyond the fitted compute (or the law's one input).
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean_low: np.ndarray
    mean_high: np.ndarray
    level: float
    factor: np.ndarray
    warnings: tuple[str, ...]

    def summary(self) -> str:
        lines = [
            f"{v:.4f}  [{a:.4f}, {b:.4f}] {self.level:.0%} for a new run, {f:.3g}x beyond the data"
            for v, a, b, f in zip(*map(np.atleast_1d, (self.value, self.low, self.high, self.factor)), strict=True)
        ]
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])

    def to_dict(self) -> dict:
        pick = ("value", "low", "high", "mean_low", "mean_high", "factor")
        out: dict[str, Any] = {k: np.asarray(getattr(self, k)).tolist() for k in pick}
        return out | {"level": self.level, "warnings": list(self.warnings)}


@dataclass(frozen=True)
class Fit(Shown):
    """A law fitted to runs. `cost` is the minimised objective, `agreed` of `polished` starts ended at it; `weak` says what the
    data cannot tell apart, if anything."""

    law: Law
    params: Mapping[str, float]
    cost: float
    status: Status
    agreed: int
    polished: int
    objective: Objective
    rows: int
    ranges: Mapping[str, tuple[float, float]]
    counts: str
    sha256: str
    warnings: tuple[str, ...] = ()
    spec: str = ""
    resamples: int = 1000
    seed: int = 0
    weak: str = ""
    _problem: Any = field(default=None, repr=False)
    _z: Any = field(default=None, repr=False)
    _groups: Any = field(default=None, repr=False)
    _draws: Draws | None = field(default=None, repr=False)
    _progress: Any = field(default=None, repr=False)

    @cached_property
    def draws(self) -> Draws:
        """Refits of resampled runs (1,000 unless asked otherwise), made once when first needed."""
        if self._draws is not None:
            return self._draws
        return draw(self._problem, self._z, self._groups, self.resamples, self.seed, self._progress)

    def interval(self, name: str, level: float = 0.9) -> tuple[float, float]:
        """Bootstrap percentile interval of one parameter."""
        low, high = np.quantile(self.draws.params[name], tails(level))
        return float(low), float(high)

    def predict(self, interval: float = 0.9, **inputs: Any) -> Prediction:
        """Predict at inputs (numbers, arrays or texts such as 70B): the value and its interval for a new run.

        The interval draws parameters from the resampled fits and adds run-to-run noise from the residuals.
        It holds only as far as the law itself does.
        """
        ends = tails(interval, "interval")
        value = self.law(self.params, **inputs)
        x = {k: np.atleast_1d(v) for k, v in self.law.numbers(inputs).items()}
        x = dict(zip(x, np.broadcast_arrays(*x.values()), strict=True))
        mean = self.law({k: v[:, None] for k, v in self.draws.params.items()}, **x)
        rng = np.random.default_rng(self.seed)
        new = mean * np.exp(-rng.choice(self.draws.noise, size=(4, *mean.shape))) if len(self.draws.noise) else mean
        shape = np.shape(value)
        low, high = (q.reshape(shape) for q in np.quantile(np.reshape(new, (-1, mean.shape[1])), ends, axis=0))
        mean_low, mean_high = (q.reshape(shape) for q in np.quantile(mean, ends, axis=0))
        factor = self.beyond(x).reshape(shape)
        return Prediction(value, low, high, mean_low, mean_high, interval, factor, self._far(factor))

    def beyond(self, x: Mapping[str, np.ndarray]) -> np.ndarray:
        """Target compute over the largest fitted compute; without params and tokens the largest ratio of any input."""
        if {"params", "tokens"} <= set(x) and "flops" in self.ranges:
            return 6 * x["params"] * x["tokens"] / self.ranges["flops"][1]
        below = lambda k, v: self.ranges[k][0] / v if self.ranges[k][0] > 0 else np.zeros_like(v)  # from zero nothing is below
        return np.max([np.maximum(v / self.ranges[k][1], below(k, v)) for k, v in x.items()], axis=0)

    def _far(self, factor: np.ndarray) -> tuple[str, ...]:
        worst = float(np.max(factor))
        far = (f"{worst:.3g}x beyond the data: the interval assumes that the law still holds there",) if worst > 10 else ()
        return (*self.undecided, *far)

    @property
    def undecided(self) -> tuple[str, ...]:
        """The warning that everything read off this fit carries where the data cannot tell its parameters apart."""
        return (f"undecided: {self.weak}; away from these runs other answers fit as well",) if self.weak else ()

    def summary(self) -> str:
        """Parameters with 90 % intervals, the objective, how starts agreed, warnings."""
        wide = max(map(len, self.law.names))
        lines = [f"{self.law.name}: {self.law.doc}", f"{self.rows} rows, {self.objective}, cost {self.cost:.10g}"]
        for name, value in self.params.items():
            low, high = self.interval(name)
            lines.append(f"  {name:{wide}} {value:12.6g}   [{low:.5g}, {high:.5g}]")
        lines.append(f"{self.agreed} of {self.polished} polished starts agree: {self.status.value}")
        lines.append(f"intervals: 90 %, {self.draws.method}; FLOPs counted as {self.counts}")
        for name, (low, high) in self.ranges.items():
            lines.append(f"fitted on {name} {format_number(low)} to {format_number(high)}")
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])

    def to_dict(self) -> dict:
        return {
            "schema": SCHEMA,
            "law": self.spec or self.law.name,
            "params": dict(self.params),
            "intervals90": {n: self.interval(n) for n in self.law.names},
            "cost": self.cost,
            "status": self.status.name,
            "agreed": self.agreed,
            "polished": self.polished,
            "objective": vars(self.objective),
            "rows": self.rows,
            "ranges": {k: list(v) for k, v in self.ranges.items()},
            "counts": self.counts,
            "data_sha256": self.sha256,
            "warnings": list(self.warnings),
            "weak": self.weak,
            "draws": {k: v.tolist() for k, v in self.draws.params.items()},
            "noise": self.draws.noise.tolist(),
            "method": self.draws.method,
        }


def from_dict(data: dict, law: Law) -> Fit:
    """The inverse of Fit.to_dict; the law is looked up by the caller."""
    if data.get("schema") != SCHEMA:
        raise InputError(f"this fit has schema {data.get('schema')!r}; this version reads {SCHEMA}")
    draws = Draws({k: np.array(v) for k, v in data["draws"].items()}, np.array(data["noise"]), data["method"])
    return Fit(
        law,
        data["params"],
        data["cost"],
        Status[data["status"]],
        data["agreed"],
        data["polished"],
        Objective(**data["objective"]),
        data["rows"],
        {k: tuple(v) for k, v in data["ranges"].items()},
        data["counts"],
        data["data_sha256"],
        tuple(data["warnings"]),
        data["law"],
        weak=data.get("weak", ""),
        _draws=draws,
    )
