"""audit(runs): which choice moves the conclusion most, and what a reader of the fit must be told.

The checklist follows Li et al. 2025, (Mis)Fitting: A Survey of Scaling Laws (arXiv:2502.18969): what was measured, how
it was counted, what was fitted and how. Each sensitivity refits (or restates) the law with one choice changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import ForescaleError, InputError
from .fit import fit as run_fit
from .fit.result import Fit
from .forecast.local import weighted_median
from .laws import get
from .plan import optimal_params
from .quantities import format_number, parse_positive
from .runs import Runs, read
from .shown import Shown

OMEGA = 47491.0  # Pearce and Song 2024, arXiv:2406.12907: total = N + OMEGA N^(1/3) with N without embeddings


@dataclass(frozen=True)
class Change:
    """One choice changed: tokens per parameter at the budget, exponent a of N* in C, loss there; `moved` = |log ratio|."""

    group: str
    choice: str
    params: float
    tokens_per_param: float
    exponent: float
    loss: float
    moved: float


@dataclass(frozen=True)
class Audit(Shown):
    """The conclusion (tokens per parameter, exponent, loss at `flops`), what moves it, and the checklist."""

    law: str
    flops: float
    base: Change
    sampling: tuple[float, float]
    changes: tuple[Change, ...]
    checklist: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]

    def groups(self) -> dict[str, float]:
        """The most that each group of choices moves log tokens per parameter, largest first."""
        out: dict[str, float] = {}
        for c in self.changes:
            out[c.group] = max(out.get(c.group, 0.0), c.moved)
        return dict(sorted(out.items(), key=lambda i: -i[1]))

    def summary(self) -> str:
        wide = max(len(c.choice) for c in (self.base, *self.changes))
        head = f"{'choice':{wide}}  {'N*':>8}  {'D*/N*':>7}  {'a':>6}  {'loss':>7}  moved"

        def line(c: Change) -> str:
            moved = f"x{np.exp(c.moved):.2f}" if c is not self.base else ""
            size, ratio = format_number(c.params), c.tokens_per_param
            return f"{c.choice:{wide}}  {size:>8}  {ratio:7.1f}  {c.exponent:6.3f}  {c.loss:7.4f}  {moved}"

        low, high = self.sampling
        lines = [f"{self.law} at {self.flops:.3g} FLOP: what each choice does to the compute-optimal run", head, line(self.base)]
        lines += [line(c) for c in self.changes]
        lines.append(f"resampled runs alone (90 %): D*/N* {low:.1f} to {high:.1f}")
        lines += ["", "checklist"] + [f"  {q}: {a}" for q, a in self.checklist]
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])

    def to_dict(self) -> dict:
        pick = {"law": self.law, "flops": self.flops, "base": vars(self.base), "sampling": list(self.sampling)}
        lists = {"changes": [vars(c) for c in self.changes], "checklist": dict(self.checklist), "warnings": list(self.warnings)}
        return pick | {"groups": self.groups()} | lists


def audit(
    runs: Runs | Any,
    *,
    law: str = "chinchilla",
    flops: float | str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Audit:
    """Audit a law in params and tokens on these runs. `flops` is the budget judged (default: ten times the largest run).

    Raises InputError where the law takes other inputs or the runs cannot be fitted at all.
    """
    runs = runs if isinstance(runs, Runs) else read(runs)
    record = get(law)
    if set(record.inputs) != {"params", "tokens"}:
        raise InputError(f"the audit needs a law in params and tokens; {law} takes {', '.join(record.inputs)}")
    x = runs.numbers(("params", "tokens"))
    table = replace(runs, columns={**runs.columns, **x})
    budget = parse_positive(flops, "flops") if flops is not None else 10 * float((6 * x["params"] * x["tokens"]).max())
    whole = run_fit(record, table)

    def judged(group: str, choice: str, of: Any, params: dict) -> Change:
        n, up = (float(optimal_params(of, params, b)) for b in (budget, 1.1 * budget))
        loss = float(of(params, params=n, tokens=budget / (6 * n)))
        ratio = budget / (6 * n) / n
        return Change(group, choice, n, ratio, float(np.log(up / n) / np.log(1.1)), loss, 0.0)

    base = judged("", "as given", record, dict(whole.params))
    options = list(_choices(record, table, whole))
    found, notes = [], [*whole.undecided, *(w for w in whole.warnings if w != whole.weak)]
    for done, (group, choice, make) in enumerate(options):
        try:
            of, params, back = make()
            c = judged(group, choice, of, params)
            n = back(c.params)
            ratio = budget / (6 * n) / n
            moved = abs(np.log(ratio / base.tokens_per_param))
            found.append(Change(group, choice, n, ratio, c.exponent, c.loss, float(moved)))
        except ForescaleError as error:
            notes.append(f"{choice}: not possible here ({error})")
        if progress:
            progress((done + 1) / len(options))
    drawn = np.asarray(optimal_params(record, whole.draws.params, budget))
    low, high = np.quantile(budget / (6 * drawn) / drawn, [0.05, 0.95])
    found.sort(key=lambda c: -c.moved)
    return Audit(law, budget, base, (float(low), float(high)), tuple(found), tuple(_checklist(table, whole)), tuple(notes))


def _same(n: float) -> float:
    return n


def _choices(record: Any, runs: Runs, whole: Fit) -> Iterator[tuple[str, str, Callable]]:
    """Yield (group, choice, make); make() gives (law, params, how its N is restated in the base's counting)."""

    def refit(rows: Runs = runs, of: Any = record, **options: Any) -> Callable:
        return lambda: (of, dict(run_fit(of, rows, **options).params), _same)

    yield "starts", "other starts (seed 1)", refit(seed=1)
    yield "objective", "least squares on log loss", refit(loss="squares")
    yield "objective", "least squares on loss", refit(loss="squares", residual="plain")
    yield "delta", "Huber delta 1e-4", refit(delta=1e-4)
    yield "delta", "Huber delta 1e-2", refit(delta=1e-2)
    residual = np.abs(np.log(record(whole.params, params=runs["params"], tokens=runs["tokens"]) / runs["loss"]))
    odd = residual > 6 * 1.4826 * weighted_median(residual, np.ones(len(residual)))
    if odd.any():
        yield "outliers", f"without {odd.sum()} rows beyond 6 sd", refit(runs.where(~odd))
    worst = np.argsort(-runs["loss"], kind="stable")[:5]
    keep = np.ones(len(runs), bool)
    keep[worst] = False
    yield "outliers", "without the 5 rows of highest loss", refit(runs.where(keep))
    yield "rounding", "constants as papers print them (exponents to 2 decimals)", lambda: (record, _rounded(record, whole), _same)
    for p in record.published:
        if _describes(record, dict(p.values), runs):
            yield "rounding", f"constants as published: {p.name}", lambda p=p: (record, dict(p.values), _same)
    yield "accounting", "N taken as without embeddings, restated as total", lambda: _recounted(record, runs, _total, _inner)
    yield "accounting", "N taken as total, restated without embeddings", lambda: _recounted(record, runs, _inner, _total)
    if "flops" in runs.columns:
        tokens = runs["flops"] / (6 * runs["params"])
        if not np.allclose(tokens, runs["tokens"], rtol=1e-3):
            yield "accounting", "D = C / 6N from the FLOP column", refit(Runs({**runs.columns, "tokens": tokens}, runs.source))
    compute = 6 * runs["params"] * runs["tokens"]
    yield "range", "without the smallest third by compute", refit(runs.where(compute > np.quantile(compute, 1 / 3)))
    yield "range", "without the largest tenth by compute", refit(runs.where(compute <= np.quantile(compute, 0.9)))
    small = np.quantile(runs["params"], 0.25)
    yield "range", "without the smallest quarter of sizes", refit(runs.where(runs["params"] > small))
    if "learning_rate" in runs.columns:
        yield "tuning", "best learning rate of each N, D only", refit(runs.where(_tuned(runs)))
    for name in ("coupled", "kaplan"):
        if name != record.name:
            yield "form", f"{name} instead of {record.name}", refit(of=get(name))


def _describes(record: Any, params: dict, runs: Runs) -> bool:
    """Whether published constants are about runs like these: half the losses within 5 %."""
    value = record(params, params=runs["params"], tokens=runs["tokens"])
    return bool(np.median(np.abs(np.log(value / runs["loss"]))) < 0.05)


def _rounded(record: Any, whole: Fit) -> dict[str, float]:
    """Constants as papers print them: exponents to two decimals, everything else to four significant digits."""
    size = {p.name: p.domain.name for p in record.params}
    return {k: round(v, 2) if size[k] == "interval" else float(f"{v:.4g}") for k, v in whole.params.items()}


def _total(n: np.ndarray | float) -> Any:
    return n + OMEGA * np.cbrt(n)


def _inner(n: np.ndarray | float) -> Any:
    """The inverse of _total, by bisection on a monotone function."""
    low, high = np.zeros_like(np.asarray(n, float)), np.asarray(n, float)
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = np.where(_total(middle) < n, middle, low), np.where(_total(middle) < n, high, middle)
    return 0.5 * (low + high)


def _recounted(record: Any, runs: Runs, count: Callable, back: Callable) -> tuple:
    """Fit with N counted otherwise and C = 6 N D in that count, then restate N* in the count of the runs."""
    fitted = run_fit(record, Runs({**runs.columns, "params": count(runs["params"])}, runs.source))
    return record, dict(fitted.params), lambda n: float(back(n))


def _tuned(runs: Runs) -> np.ndarray:
    """The best row of each (N, D)."""
    cell = np.round(np.log(runs["params"]), 2) * 1e3 + np.round(np.log(runs["tokens"]), 2)
    best = np.zeros(len(runs), bool)
    for c in np.unique(cell):
        rows = np.flatnonzero(cell == c)
        best[rows[np.argmin(runs["loss"][rows])]] = True
    return best


def _checklist(runs: Runs, whole: Fit) -> Iterator[tuple[str, str]]:
    """What a reader must be told, answered from the table where it can be."""
    x, compute = runs.numbers(("params", "tokens")), 6 * runs["params"] * runs["tokens"]
    ratio = x["tokens"] / x["params"]
    sizes = len(np.unique(np.round(np.log(x["params"]), 2)))
    yield "runs", f"{len(runs)} rows, {sizes} sizes, {np.log10(compute.max() / compute.min()):.1f} decades of compute"
    yield "tokens per parameter", f"{ratio.min():.3g} to {ratio.max():.3g}"
    repeated = "run" in runs.columns and len(np.unique(runs["run"].astype(str))) < len(runs)
    yield "rows of one run", "yes: checkpoints; intervals draw whole runs" if repeated else "each row is a run of its own"
    yield (
        "seeds",
        f"{len(np.unique(runs['seed'].astype(str)))}" if "seed" in runs.columns else "no column seed: run noise unknown",
    )
    lr = "learning_rate" in runs.columns
    yield "learning rate", "column present; see tuning above" if lr else "no column learning_rate: tuning cannot be judged"
    yield (
        "schedule finished",
        "column present" if "schedule" in runs.columns else "not recorded: say if runs end with the schedule",
    )
    yield "parameters counted", f"not recorded beside the table's own count; FLOPs as {whole.counts}"
    yield "objective", f"{whole.objective}; global search, {whole.agreed} of {whole.polished} polished starts agree"
    yield "held out", "column role present" if "role" in runs.columns else "no: use forescale rollout"
