"""Which model to fine-tune, found for a fraction of tuning them all: halving by forecast of the full-data loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import FitError, InputError
from ..forecast import Forecast, forecast
from ..shown import Shown

FIRST = 0.5  # share of the budget spent on all candidates alike before any is dropped
KEEP = 0.5  # share of candidates that go on after each round
LEAST = 4  # points before a curve is forecast; with fewer the last loss stands in


@dataclass(frozen=True)
class Selection(Shown):
    """`ranking` of all candidates, best first; `predicted` loss at the full data; `reached` examples; `spent` of `budget`."""

    ranking: tuple[str, ...]
    predicted: Mapping[str, float]
    reached: Mapping[str, float]
    spent: float
    budget: float
    warnings: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        return self.ranking[0]

    def summary(self) -> str:
        lines = [f"{self.best}, for {self.spent:.3g} of {self.budget:.3g} (cost as given)"]
        for name in self.ranking:
            seen = f"from {self.reached[name]:,.0f} examples"
            lines.append(f"  {name:40} {self.predicted[name]:.4f} at full data, {seen}")
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        return vars(self) | {"best": self.best, "predicted": dict(self.predicted), "reached": dict(self.reached)}


def select(
    tune: Callable[[str, float], float],
    costs: Mapping[str, float],
    sizes: Sequence[float],
    full: float,
    budget: float,
) -> Selection:
    """Pick the candidate of least loss at `full` examples without tuning any on all of them.

    `tune(name, examples)` returns the loss of one fine-tuning; it is called for growing `sizes`, each once. `costs` is the cost
    per example of each candidate, `budget` the sum that may be spent over all calls. Half the budget goes to all alike; then
    the worse half by forecast is dropped and the rest go on, until the budget is used. Raises InputError where the budget
    does not buy the two smallest sizes of every candidate.
    """
    steps = np.sort(np.asarray(sizes, float))
    if len(steps) < 2 or steps[-1] > full or steps[0] <= 0:
        raise InputError("sizes must be two or more, above zero and no larger than the full data")
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in costs}
    known: dict[tuple[str, int], tuple[float, tuple[str, ...]]] = {}
    spent = 0.0

    def look(names: Sequence[str]) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Loss at the full data and warnings, of curves that grew since in one batch."""
        grown = [n for n in names if (n, len(curves[n])) not in known]
        known.update({(n, len(curves[n])): said for n, said in _full_losses({n: curves[n] for n in grown}, full).items()})
        return {n: known[n, len(curves[n])] for n in names}

    def by_forecast(names: Sequence[str]) -> list[str]:
        seen = look(names)
        return sorted(names, key=lambda n: seen[n][0])

    def price(name: str) -> float:
        done = len(curves[name])
        return costs[name] * steps[done] if done < len(steps) else np.inf

    def advance(name: str) -> None:
        nonlocal spent
        spent += price(name)
        size = float(steps[len(curves[name])])
        curves[name].append((size, float(tune(name, size))))

    while all(len(c) < len(steps) for c in curves.values()):
        if spent + sum(price(n) for n in curves) > FIRST * budget:
            break
        for name in curves:
            advance(name)
    if min(len(c) for c in curves.values()) < 2:
        raise InputError(
            f"a budget of {budget:.3g} does not buy {steps[0]:g} and {steps[1]:g} examples of all {len(costs)} candidates"
        )
    alive, dropped = list(curves), []
    while True:
        ranked = by_forecast(alive)
        kept = max(2, int(np.ceil(len(ranked) * KEEP)))
        alive, out = ranked[:kept], ranked[kept:]
        dropped = out + dropped
        moved = False
        for _ in range(2 if len(alive) > 2 else 1):
            for name in alive:
                if spent + price(name) <= budget:
                    advance(name)
                    moved = True
        if not moved:
            break
    ranking = by_forecast(alive) + dropped
    seen = look(ranking)
    predicted = {n: value for n, (value, _) in seen.items()}
    said = tuple(f"{n}: {w}" for n, (_, warnings) in seen.items() for w in warnings)
    return Selection(tuple(ranking), predicted, {n: curves[n][-1][0] for n in ranking}, spent, budget, said)


def _full_losses(curves: Mapping[str, list[tuple[float, float]]], full: float) -> dict[str, tuple[float, tuple[str, ...]]]:
    """The loss forecast at the full data, the last one where it cannot be, and what the forecast warns of."""
    able = [n for n, c in curves.items() if len(c) >= LEAST and c[-1][0] < full]
    out: dict[str, tuple[float, tuple[str, ...]]] = {n: (float(c[-1][1]), ()) for n, c in curves.items()}
    try:
        return out | {n: (float(f.value[0]), f.warnings) for n, f in _forecasts(curves, able, full).items()}
    except (InputError, FitError):  # one of them cannot be: which?
        for name in able:
            try:
                found = _forecasts(curves, [name], full)[name]
                out[name] = (float(found.value[0]), found.warnings)
            except (InputError, FitError) as error:
                out[name] = (out[name][0], (f"not forecast, its last loss stands in ({error})",))
    return out


def _forecasts(curves: Mapping[str, list[tuple[float, float]]], names: Sequence[str], full: float) -> dict[str, Forecast]:
    rows = [(n, x, y) for n in names for x, y in curves[n]]
    if not rows:
        return {}
    table = dict(zip(("candidate", "examples", "loss"), map(np.array, zip(*rows, strict=True)), strict=True))
    return forecast(table, examples=full, group="candidate")
