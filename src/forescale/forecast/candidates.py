"""The candidates that are averaged, by how many inputs there are. Nothing here knows a study.

Compute weights matter most: with w = (C/Cmax)^gamma the small, early and under-tuned runs no longer pull the law away
from the end that is asked about. Several gammas stand beside each other because how many rows are left differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..law import Law
from ..laws import get
from . import local
from .fitted import Fitted, general, named
from .known import known
from .question import Question
from .rising import below, straight
from .surface import corrected, surface

ROWS = 3  # a parameter, at least: laws of the catalogue have up to nine, and go anywhere when fitted to fewer


@dataclass(frozen=True)
class Candidate:
    """`predict` takes questions of the same inputs. `naive` marks the baselines anyone can compute by hand.

    `local` marks shapes that hold near the data only: they fade where the target lies farther out than any back-test.
    `on` names an earlier candidate, whose fits `predict` takes as well. `itself` marks those that can say
    nothing of what a target lacks of a ceiling. `bare` marks laws that lack a floor which another candidate has: they may
    foretell a loss as well, but their valleys lie elsewhere.
    """

    name: str
    predict: Callable[..., list[Fitted]]
    naive: bool = False
    local: bool = False
    on: str = ""
    itself: bool = False
    bare: bool = False


def _each(function: Callable, **options) -> Callable[[Sequence[Question]], list[Fitted]]:
    return lambda questions: [Fitted(function(q, **options)) for q in questions]


def _ridge(gamma: float, penalty: float) -> Candidate:
    kind = "quadratic" if penalty < 0.1 else "stiff quadratic"
    return Candidate(f"{kind} in the logs, weights C^{gamma:g}", _each(local.ridge, gamma=gamma, penalty=penalty), local=True)


def _power() -> Candidate:
    line = _each(local.ridge, gamma=3, penalty=0.0, degree=1, robust=False)
    return Candidate("power law, weights C^3", line)


def _naive(rises: bool = False) -> list[Candidate]:
    last = partial(_each, local.last_points, rises=rises)
    return [Candidate(f"power law through the last {k}", last(count=k), True) for k in (3, 5, 8)]


def _smooth() -> Candidate:
    return Candidate("smooth surface in the logs", _each(surface), local=True)


def _odds() -> Candidate:
    predict = _each(local.log_odds, gamma=1, penalty=0.3)
    return Candidate("stiff quadratic in the log odds, weights C^1", predict, local=True, itself=True)


def one_input() -> list[Candidate]:
    out = [_ridge(0.5, 0.03), _ridge(1, 0.03), _ridge(1, 0.3)]
    out += [_power(), *_naive()]
    for gamma in (1, 2, 3):
        name = f"power laws above averaged floors, weights C^{gamma}"
        out.append(Candidate(name, _each(local.floor_average, gamma=gamma)))
    out.append(Candidate("last value", _each(local.last_value), True, True, itself=True))
    out.append(Candidate("one break, weights C^1", partial(named, get("broken1"), gamma=1, delta=1e-2)))
    for gamma in (1, 2):
        out.append(Candidate(f"power law above a floor, weights C^{gamma}", partial(named, get("power_floor"), gamma=gamma)))
    return [*out, _smooth(), _odds()]


def several_inputs(inputs: Sequence[str], target: str) -> list[Candidate]:
    out = [_ridge(0, 0.03), _ridge(0.5, 0.03), _ridge(1, 0.03), _ridge(1, 0.3), _ridge(2, 0.3), *_naive()]
    for gamma in (0.5, 1, 1.5):
        out.append(Candidate(f"coupled law, weights C^{gamma:g}", partial(general, gamma=gamma)))
    for gamma in (0.5, 1):
        weights = f"weights C^{gamma:g}"
        out.append(Candidate(f"coupled law, smoothly corrected, {weights}", corrected, on=f"coupled law, {weights}"))
    for gamma in (0, 0.5, 1):
        name = f"law straight in linear inputs, weights C^{gamma:g}"
        out.append(Candidate(name, partial(general, gamma=gamma, straight=True)))
    for coupled, gamma in ((True, 0.5), (True, 1), (False, 0.5)):
        name = f"{'coupled' if coupled else 'additive'} law whose optima move, weights C^{gamma:g}"
        out.append(Candidate(name, partial(general, gamma=gamma, coupled=coupled, moving=True)))
    name = "coupled law whose optima move, weights C^0.5"
    out.append(Candidate(name.replace(", w", ", smoothly corrected, w"), corrected, on=name))
    out.append(Candidate("additive law, weights C^1", partial(general, gamma=1, coupled=False)))
    floorless = partial(general, gamma=1, coupled=False, floor=False)
    out.append(Candidate("additive law without floor, weights C^1", floorless, bare=True))
    for k in known(inputs, target):
        for gamma in (0.5, 1):
            predict = partial(named, k.law, gamma=gamma, powers=k.powers, rows=ROWS)
            out.append(Candidate(f"{k.law.name} of the catalogue, weights C^{gamma:g}", predict, itself=True))
    return [*out, _smooth(), _odds()]


def rising(inputs: Sequence[str], target: str) -> list[Candidate]:
    """For a target that rises. A power law above a floor does not; what the target lacks of a ceiling falls as a loss does."""
    falling = _falling(inputs, target)
    own = [_ridge(1, 0.3), *([_power()] if len(inputs) == 1 else []), *_naive(rises=True)]
    own.append(Candidate("straight in the logs, weights C^1", _each(straight, gamma=1)))
    lacking = [c for c in falling if not (c.naive or c.on or c.itself)]
    return [
        *own,
        *(c for c in falling if c.itself),
        *(replace(c, name=f"{c.name}, below a ceiling", predict=below(c.predict)) for c in lacking),
    ]


def _falling(inputs: Sequence[str], target: str) -> list[Candidate]:
    return one_input() if len(inputs) == 1 else several_inputs(inputs, target)


def candidates(inputs: Sequence[str], target: str, laws: Sequence[Law] = (), rises: bool = False) -> list[Candidate]:
    """The stack for these inputs and this target, and laws of the user's own (weights C^1) beside it."""
    stack = rising(inputs, target) if rises else _falling(inputs, target)
    return stack + [Candidate(law.name, partial(named, law, gamma=1)) for law in laws]
