"""What a token of one language is worth for another: the transfer matrix of a set of languages. arXiv:2510.22037."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..fit import Fit, fit
from ..law import Law, Param, Source, interval, law, positive
from ..quantities import tails
from ..runs import Runs
from ..shown import Shown

MOST = 2.0  # a helper's token is worth at most two of the target's
HELPS = 0.02  # a lower end above this is help

_SOURCE = Source(
    "arXiv:2510.22037",
    "Longpre et al. 2025, ATLAS: Adaptive Transfer Scaling Laws for Multilingual Pretraining",
    "effective data of several languages, without repetition",
    "D tokens of each language seen once",
    "unverified",
)


def pool_law(helpers: Sequence[str], sizes: bool) -> Law:
    """L = E (+ A N^-alpha) + B (D + sum tau_h D_h)^-beta: `helpers` name the columns of the other languages' tokens."""
    taus = [f"tau_{h}" for h in helpers]
    size = (
        Param("A", positive, (1.0, 1e4), "size term at N = 1"),
        Param("alpha", interval(0, 2), (0.1, 0.8), "size exponent"),
    )
    params = (
        Param("E", positive, (0.3, 3.0), "loss left"),
        *(size if sizes else ()),
        Param("B", positive, (1.0, 1e5), "data term at one token"),
        Param("beta", interval(0, 2), (0.1, 0.8), "data exponent"),
        *(
            Param(t, interval(0, MOST), (0.02, 0.8), f"worth of a token of {h} in tokens of the target")
            for t, h in zip(taus, helpers, strict=True)
        ),
    )

    def formula(p: Any, x: Any) -> Any:
        data = x.tokens + sum(getattr(p, t) * getattr(x, h) for t, h in zip(taus, helpers, strict=True))
        rest = p.E + p.B * data**-p.beta
        return rest + p.A * x.params**-p.alpha if sizes else rest

    formula.__doc__ = "Loss of a language from its own tokens and those of others, each counted by its worth."
    inputs = (*(("params",) if sizes else ()), "tokens", *helpers)
    return law(name="pool", inputs=inputs, output="loss", params=params, source=_SOURCE, may_be_zero=tuple(helpers))(formula)


@dataclass(frozen=True)
class TransferMatrix(Shown):
    """`worth[target][helper]` (value, low, high): tokens of the target that a token of the helper is worth; `fits` by target."""

    worth: Mapping[str, Mapping[str, tuple[float, float, float]]]
    fits: Mapping[str, Fit]
    level: float
    warnings: tuple[str, ...]

    def verdict(self, target: str, helper: str) -> str:
        """`helps`, `does not help`, or `undecided` where the interval holds both."""
        _, low, high = self.worth[target][helper]
        return "helps" if low > HELPS else "does not help" if high < 2 * HELPS else "undecided"

    def summary(self) -> str:
        helpers = list(dict.fromkeys(h for row in self.worth.values() for h in row))
        lines = [f"worth of a token of each language (columns) in tokens of the target (rows), {self.level:.0%} intervals"]
        for target, row in self.worth.items():
            cells = [f"{h} {v:.2f} [{a:.2f}, {b:.2f}] {self.verdict(target, h)}" for h, (v, a, b) in row.items() if h in helpers]
            lines.append(f"  {target}: " + "; ".join(cells))
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])

    def to_dict(self) -> dict:
        return {"worth": self.worth, "level": self.level, "warnings": self.warnings}


def transfer_matrix(
    runs: Runs, columns: Mapping[str, str], *, target: str = "language", level: float = 0.9, seed: int = 0
) -> TransferMatrix:
    """Fit each target's losses on the tokens of all languages.

    `runs` has the loss of one language (named in column `target`) in each row; `columns` names, for each language, the column
    of its training tokens, which may be zero. Params are used where they vary. Raises InputError for fewer than two languages,
    or a target whose runs do not vary its own tokens and those of a helper.
    """
    tails(level)  # a wrong one is refused before the long work
    names = np.asarray(runs[target]).astype(str)
    if len(columns) < 2:
        raise InputError("two languages or more are needed")
    for language, column in columns.items():
        if runs[column].dtype.kind != "f" or (runs[column] < 0).any():
            raise InputError(f"column {column} of {language} must be counts of tokens, zero or more")
    worth, fits, notes = {}, {}, []
    for language in dict.fromkeys(names.tolist()):
        if language not in columns:
            raise InputError(f"no column of tokens for target {language!r}; columns name {', '.join(columns)}")
        rows = runs.where(names == language)
        helpers = [k for k in columns if k != language and np.ptp(rows[columns[k]]) > 0]
        if not helpers or np.ptp(rows[columns[language]]) == 0:
            raise InputError(f"{language}: its runs must differ in its own tokens and in those of another language")
        sizes = "params" in rows.columns and np.ptp(rows["params"]) > 0
        table = {"loss": rows["loss"], "tokens": rows[columns[language]]} | {f"D_{h}": rows[columns[h]] for h in helpers}
        table |= {"params": rows["params"]} if sizes else {}
        found = fit(pool_law([f"D_{h}" for h in helpers], sizes), Runs(table, runs.source), seed=seed)
        fits[language] = found
        worth[language] = {h: (found.params[f"tau_D_{h}"], *found.interval(f"tau_D_{h}", level)) for h in helpers}
        notes += [f"{language}: {w}" for w in found.warnings]
    return TransferMatrix(worth, fits, level, tuple(notes))
