"""Settings that move with the run: a number, a power law, or a published rule of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..quantities import parse_positive
from ..rules import get

AXES = ("params", "tokens", "flops", "width", "batch_size")


def value_of(policy: Any, name: str, run: Mapping[str, float]) -> float:
    """The value of setting `name` for a run.

    `policy` is a number; `{value, <axis>, exponent}`, value times (run's axis / axis)^exponent; or `{rule: NAME, value,
    from: {...}}`, the rule carrying the value from a tuned run to this one. A rule that gives a value needs neither.
    """
    if not isinstance(policy, Mapping):
        return parse_positive(policy, name) if policy else 0.0
    if "rule" in policy:
        return _by_rule(policy, name, run)
    axes = [a for a in AXES if a in policy]
    if len(axes) != 1 or set(policy) != {"value", axes[0], "exponent"}:
        raise InputError(
            f"{name} must be a number, {{value, {'|'.join(AXES)}, exponent}} or {{rule, value, from}}, got {dict(policy)!r}"
        )
    axis = axes[0]
    if axis not in run:
        raise InputError(f"{name} cannot depend on {axis}: it is not known when {name} is set")
    base = parse_positive(policy[axis], axis)
    return parse_positive(policy["value"], name) * (run[axis] / base) ** float(policy["exponent"])


def _by_rule(policy: Mapping[str, Any], name: str, run: Mapping[str, float]) -> float:
    rule = get(policy["rule"])
    if getattr(rule, "answers", None) != name:
        raise InputError(f"rule {policy['rule']} answers {getattr(rule, 'answers', 'no number')}, not {name}")
    extra = {k: v for k, v in policy.items() if k not in ("rule", "value", "from")}
    if not rule.transfer:
        return float(rule({**run, **extra}))
    if "value" not in policy or "from" not in policy:
        raise InputError(f"rule {rule.name} carries a tuned value: give value, and from with {', '.join(rule.inputs)}")
    return float(rule({**run, **extra}, policy["from"], parse_positive(policy["value"], name)))
