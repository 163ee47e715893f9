"""What a rule is: a closed form that carries a setting from one run to another, or gives a value outright."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import InputError, one_of
from ..law import Source
from ..quantities import parse_number


@dataclass(frozen=True)
class Worked:
    """A worked point: what the rule must say at these values, and within which relative tolerance."""

    start: Mapping[str, float]
    end: Mapping[str, float]
    value: float
    tolerance: float
    where: str


@dataclass(frozen=True)
class Rule:
    """`answers` names the quantity; `inputs` what it depends on.

    A transfer (`transfer` True): factor(a, b) multiplies the value tuned at a to give the one at b. Otherwise
    factor(a, b) is the value at b itself and a is not used. `holds` says what must stay the same, `limits` where the
    rule stops, `setting` what it was shown for, `valid` the range of inputs it was shown on where that is known.
    """

    name: str
    answers: str
    inputs: tuple[str, ...]
    factor: Callable[[Any, Any], Any]
    source: Source
    setting: str
    holds: str
    limits: str
    latex: str
    transfer: bool = True
    unit: str = ""
    doc: str = ""
    worked: tuple[Worked, ...] = field(default=())
    valid: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def cite(self) -> str:
        """A BibTeX entry of the source."""
        return self.source.bibtex()

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the formula, what it was shown for, and where it stops."""
        head = f"**{self.name}**: {self.doc}\n\n$${self.latex}$$\n\n{self.source.title} ({self.source.ref})\n\n"
        return head + f"Shown for {self.setting}. Holding: {self.holds}. Limits: {self.limits}."

    def __call__(self, end: Mapping[str, Any], start: Mapping[str, Any] | None = None, value: Any = None) -> np.ndarray:
        """The factor from `start` to `end` (times `value` where given), or the value at `end`.

        Inputs are numbers, arrays or texts such as 7B. Raises InputError where one is missing or not positive.
        """
        b = self._numbers(end, "end")
        a = self._numbers(start or {}, "start") if self.transfer else None
        out = np.asarray(self.factor(a, b), float)
        return out if value is None or not self.transfer else out * self._numbers({"value": value}, "value", ("value",)).value

    def _numbers(self, given: Mapping[str, Any], which: str, names: tuple[str, ...] | None = None) -> SimpleNamespace:
        wanted = names or self.inputs
        missing = [n for n in wanted if n not in given]
        if missing:
            raise InputError(f"rule {self.name}: {which} lacks {', '.join(missing)}; it takes {', '.join(wanted)}")
        out = {}
        for name in wanted:
            value = given[name]
            number = np.asarray(parse_number(value, name) if isinstance(value, str) else value, float)
            if not (np.isfinite(number).all() and (number > 0).all()):
                raise InputError(f"rule {self.name}: {name} must be positive and finite, got {value!r}")
            out[name] = number
        return SimpleNamespace(**out)


@dataclass(frozen=True)
class Advice:
    """A published rule without numbers: what to do in which case. It answers no `ask` with a value, and is shown beside."""

    name: str
    answers: tuple[str, ...]
    cases: tuple[tuple[str, str], ...]
    source: Source
    setting: str
    limits: str
    doc: str

    def cite(self) -> str:
        return self.source.bibtex()


def rule(**fields: Any) -> Callable[[Callable], Rule]:
    """Decorator: turns factor(a, b) into a Rule; its docstring becomes `doc`, its name the rule's."""

    def build(factor: Callable) -> Rule:
        return Rule(name=factor.__name__, factor=factor, doc=(factor.__doc__ or "").strip(), **fields)

    return build


@dataclass(frozen=True)
class Answer:
    """What one rule says: the factor and, where the old value was given, the new one; or why it cannot say.

    `outside` names the inputs that lie beyond the range the rule was shown on.
    """

    rule: Rule
    factor: float | None
    value: float | None
    why_not: str = ""
    outside: tuple[str, ...] = ()


def ask(rules: list[Rule], quantity: str, end: Mapping[str, Any], start: Mapping[str, Any], value: Any = None) -> list[Answer]:
    """Every rule on one quantity side by side. Inputs that do not change need not be named on both sides."""
    known = sorted({r.answers for r in rules})
    if quantity not in known:
        raise one_of("quantity", quantity, known)
    out = []
    moved = {k for k in end if start.get(k) != end[k]}
    for r in (r for r in rules if r.answers == quantity):
        try:
            if r.transfer and not moved & set(r.inputs):
                raise InputError(f"nothing it depends on ({', '.join(r.inputs)}) changes")
            found = float(r(end, start) if r.transfer else r({**start, **end}))
        except InputError as error:
            out.append(Answer(r, None, None, str(error)))
            continue
        scaled = float(r(end, start, value)) if r.transfer and value is not None else None
        at = vars(r._numbers({**start, **end}, "end"))
        outside = tuple(n for n, (low, high) in r.valid.items() if not low <= at[n] <= high)
        out.append(Answer(r, found if r.transfer else None, scaled if r.transfer else found, outside=outside))
    return out
