"""The rules that ship, by name, and the one question to ask of them: rules.ask("learning_rate", to=..., start=...)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import one_of
from . import batch, horizon, width
from .spec import Answer, Rule, Worked, rule
from .spec import ask as _ask
from .verify import Verdict, check_rule

CATALOGUE = {r.name: r for room in (batch, width, horizon) for r in vars(room).values() if isinstance(r, Rule)}


def get(name: str) -> Rule:
    if name not in CATALOGUE:
        raise one_of("rule", name, CATALOGUE)
    return CATALOGUE[name]


def every() -> list[Rule]:
    return list(CATALOGUE.values())


def ask(quantity: str, to: Mapping[str, Any], start: Mapping[str, Any] | None = None, value: Any = None) -> list[Answer]:
    """What every rule says about a quantity when a run changes from `start` to `to`; `value` is its value at `start`."""
    return _ask(every(), quantity, to, start or {}, value)


def rivals(answers: list[Answer]) -> dict[tuple[str, ...], list[float]]:
    """Factors of transfers that answer across the same inputs, where there are at least two."""
    out: dict[tuple[str, ...], list[float]] = {}
    for a in answers:
        if a.factor is not None:
            out.setdefault(a.rule.inputs, []).append(a.factor)
    return {k: v for k, v in out.items() if len(v) > 1}


__all__ = ["CATALOGUE", "Answer", "Rule", "Verdict", "Worked", "ask", "check_rule", "every", "get", "rivals", "rule"]
