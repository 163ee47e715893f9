"""The rules that ship, by name, and the one question to ask of them: rules.ask("learning_rate", to=..., start=...)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError, one_of
from ..quantities import canonical
from . import allocation, batch, cost, horizon, noise, precision, rates, width
from .advice import ADVICE
from .spec import Advice, Answer, Rule, Worked, rule
from .spec import ask as _ask
from .verify import Verdict, check_rule

_ROOMS = (rates, batch, noise, width, horizon, allocation, cost, precision)
CATALOGUE = {r.name: r for room in _ROOMS for r in vars(room).values() if isinstance(r, Rule)}


def get(name: str) -> Rule | Advice:
    """A rule, or a published rule without numbers, by name."""
    known = CATALOGUE | ADVICE
    if name not in known:
        raise one_of("rule", name, known)
    return known[name]


def every() -> list[Rule]:
    return list(CATALOGUE.values())


def ask(quantity: str, to: Mapping[str, Any], start: Mapping[str, Any] | None = None, value: Any = None) -> list[Answer]:
    """What every rule says about a quantity when a run changes from `start` to `to`; `value` is its value at `start`.

    Names are the rules' inputs or aliases of quantities (batch, N). Raises InputError for a name that no rule knows.
    """
    return _ask(every(), canonical(quantity), _known(to), _known(start or {}), value)


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    inputs = sorted({n for r in every() for n in r.inputs})
    out = {canonical(k) if k not in inputs else k: v for k, v in given.items()}
    for name in out:
        if name not in inputs:
            raise one_of("input of the rules", name, inputs)
    if len(out) < len(given):
        raise InputError(f"an input is given twice under two names: {', '.join(given)}")
    return out


def rivals(answers: list[Answer]) -> dict[tuple[str, ...], list[float]]:
    """Factors of transfers that answer across the same inputs, where there are at least two."""
    out: dict[tuple[str, ...], list[float]] = {}
    for a in answers:
        if a.factor is not None:
            out.setdefault(a.rule.inputs, []).append(a.factor)
    return {k: v for k, v in out.items() if len(v) > 1}


def advice(quantity: str) -> list[Advice]:
    """Rules without numbers on a quantity."""
    return [a for a in ADVICE.values() if quantity in a.answers]


__all__ = [
    "ADVICE",
    "CATALOGUE",
    "Advice",
    "Answer",
    "Rule",
    "Verdict",
    "Worked",
    "advice",
    "ask",
    "check_rule",
    "every",
    "get",
    "rivals",
    "rule",
]
