"""Which model to fine-tune, found for a fraction of tuning them all: halving by forecast of the full-data loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import FitError, InputError
from ..forecast import forecast
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

    def ahead(name: str) -> float:
        key = (name, len(curves[name]))
        if key not in known:
            known[key] = _full_loss(curves[name], full)
        return known[key][0]

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
        ranked = sorted(alive, key=ahead)
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
    ranking = sorted(alive, key=ahead) + dropped
    predicted = {n: ahead(n) for n in ranking}
    said = tuple(f"{n}: {w}" for n in ranking for w in known[n, len(curves[n])][1])
    return Selection(tuple(ranking), predicted, {n: curves[n][-1][0] for n in ranking}, spent, budget, said)


def _full_loss(curve: list[tuple[float, float]], full: float) -> tuple[float, tuple[str, ...]]:
    """The loss forecast at the full data, the last one where it cannot be, and what the forecast warns of."""
    x, y = np.array(curve).T
    if len(x) < LEAST or x[-1] >= full:
        return float(y[-1]), ()
    try:
        found = forecast({"examples": x, "loss": y}, examples=full)
    except (InputError, FitError) as error:
        return float(y[-1]), (f"not forecast, its last loss stands in ({error})",)
    return float(found.value[0]), found.warnings
