"""check_rule: what every rule record must pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..shown import Shown
from .spec import Rule


@dataclass(frozen=True)
class Verdict(Shown):
    rule: str
    checks: tuple[tuple[str, bool, str], ...]

    @property
    def passed(self) -> bool:
        return all(good for _, good, _ in self.checks)

    def summary(self) -> str:
        lines = [f"{'pass' if good else 'FAIL'}  {name:22} {detail}" for name, good, detail in self.checks]
        return "\n".join([f"rule {self.rule}", *lines])


def check_rule(rule: Rule, seed: int = 0) -> Verdict:
    """Broadcasting, identity and composition of transfers, worked points, and a record that says where it holds."""
    rng = np.random.default_rng(seed)
    ends = {n: np.log(rule.valid.get(n, (np.e, np.e**8))) for n in rule.inputs}
    a, b, c = ({n: np.exp(rng.uniform(*ends[n], 50)) for n in rule.inputs} for _ in range(3))
    out = []
    value = rule(b, a)
    out.append(("broadcasts", value.shape == (50,) and np.isfinite(value).all() and (value > 0).all(), "50 positive values"))
    if rule.transfer:
        same = float(np.abs(rule(a, a) - 1).max())
        out.append(("identity", same < 1e-12, f"from a to a differs from one by {same:.0e}"))
        gap = float(np.abs(rule(c, b) * value / rule(c, a) - 1).max())
        out.append(("composition", gap < 1e-9, f"a to b to c against a to c: {gap:.0e}"))
    for w in rule.worked:
        got = float(rule(w.end, w.start))
        out.append((f"worked: {w.where}", abs(got / w.value - 1) <= w.tolerance, f"{got:.6g}, should be {w.value:.6g}"))
    words = all((rule.doc, rule.setting, rule.holds, rule.limits, rule.latex, rule.source.title))
    out.append(("record", bool(words and rule.worked), "source, setting, what it holds, limits, a worked point"))
    return Verdict(rule.name, tuple(out))
