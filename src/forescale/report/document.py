"""The report on a table of runs: data, fit, forecast, plan, audit, sensitivity, provenance and how to cite, as one HTML file."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable, Mapping
from html import escape
from importlib.metadata import version
from typing import Any

import numpy as np

from .. import laws
from ..audit import Audit, audit
from ..errors import InputError
from ..fit import Fit, fit
from ..forecast import Forecast, forecast
from ..plan import plan
from ..quantities import format_number, parse_positive
from ..runs import Runs
from .fitting import fit_figure
from .forecasting import forecast_figure
from .page import page, plot, slider, table, warnings
from .planning import plan_figure, spread

BUDGETS = 61  # positions of the slider, from the largest run down a decade to a thousand times it
LABELS = {
    "budget": "FLOP",
    "params": "parameters",
    "tokens": "tokens",
    "ratio": "tokens per parameter",
    "loss": "loss of a new run",
    "flat": "sizes within 0.5 % of the best loss",
    "factor": "times the largest run",
    "warning": "mind",
}


def report(
    runs: Runs,
    *,
    law: str = "chinchilla",
    flops: float | str | None = None,
    at: Mapping[str, Any] | None = None,
    level: float = 0.9,
    keep_odd: bool = False,
    command: str = "",
    progress: Callable[[float], None] = lambda share: None,
) -> str:
    """One HTML file with everything in it. `flops` is the budget of the plan (default: ten times the largest run), `at` the
    target of the forecast (default: the plan's size and data); `keep_odd` as in forecast.

    Raises InputError for runs without params, tokens and loss, or a law that takes other inputs.
    """
    record = laws.get(law)
    if set(record.inputs) != {"params", "tokens"}:
        raise InputError(f"a report needs a law in params and tokens; {law} takes {', '.join(record.inputs)}")
    held = runs.role("held_out") if "role" in runs.columns and "held_out" in set(runs["role"].astype(str)) else None
    used = runs.role("fit") if held is not None and "fit" in set(runs["role"].astype(str)) else runs
    largest = float(used.numbers(("flops",))["flops"].max())
    budget = parse_positive(flops, "flops") if flops is not None else 10 * largest
    found = fit(record, used)
    progress(0.1)
    best = plan(found, budget, level)
    ahead = forecast(used, interval=level, keep_odd=keep_odd, **(at or {"params": best.params[0], "tokens": best.tokens[0]}))
    progress(0.3)
    checked = audit(used, law=law, flops=budget, progress=lambda share: progress(0.3 + 0.6 * share))
    sections = [
        ("data", "Data", _data(runs, used, held)),
        ("fit", "Fit", _fit(found, used, held)),
        ("forecast", "Forecast", _forecast(ahead, used)),
        ("plan", "Plan", _plan(found, budget, largest, level) + _by_all(used, budget, level)),
        ("audit", "Audit", _audit(checked)),
        ("provenance", "Provenance", _provenance(runs, found, command)),
    ]
    progress(1.0)
    return page(f"Scaling report: {runs.source}", sections)


def _data(runs: Runs, used: Runs, held: Runs | None) -> str:
    x = used.numbers(("params", "tokens", "flops", "loss"))
    rows = [
        (k, format_number(float(v.min())), format_number(float(np.median(v))), format_number(float(v.max())))
        for k, v in x.items()
    ]
    text = f"<p>{len(runs)} runs in {escape(runs.source)}; {len(used)} are fitted"
    text += f", {len(held)} are held out and only looked at.</p>" if held is not None else ".</p>"
    return text + table(("", "smallest", "median", "largest"), rows, "What is fitted") + warnings(runs.warnings)


def _fit(found: Fit, used: Runs, held: Runs | None) -> str:
    rows = [
        (n, f"{found.params[n]:.5g}", *(f"{v:.5g}" for v in found.interval(n)), found.law.params[i].doc)
        for i, n in enumerate(found.law.names)
    ]
    head = ("parameter", "value", "low", "high", "meaning")
    text = f"<p>{escape(found.law.doc)} <span class=soft>({escape(found.law.source.ref)})</span></p>"
    text += plot(fit_figure(found, used, held), "Loss against compute: runs, the law's best loss and its interval", True)
    text += table(head, rows, "Parameters with 90 % intervals")
    if held is not None:
        x = held.numbers(("params", "tokens"))
        predicted = found.predict(**x)
        rows = [
            (
                format_number(n),
                format_number(d),
                f"{v:.4f}",
                f"{p:.4f} [{low:.4f}, {high:.4f}]",
                f"{p / v - 1:+.1%}",
                "yes" if low <= v <= high else "no",
            )
            for n, d, v, p, low, high in zip(
                x["params"], x["tokens"], held["loss"], predicted.value, predicted.low, predicted.high, strict=True
            )
        ]
        text += table(("params", "tokens", "measured", "this law", "error", "inside"), rows, "Held-out runs, by this law alone")
    return text + warnings(found.warnings)


def _forecast(ahead: Forecast, used: Runs) -> str:
    rows = [
        (format_number(n), format_number(d), f"{v:.4f}", f"{low:.4f}", f"{high:.4f}", f"{f:.3g}x")
        for n, d, v, low, high, f in zip(
            ahead.points["params"], ahead.points["tokens"], ahead.value, ahead.low, ahead.high, ahead.factor, strict=True
        )
    ]
    head = ("params", "tokens", ahead.target, "low", "high", "beyond the data")
    members = [
        (m.name, f"{m.weight:.0%}", f"{m.value[0]:.4f}", f"{m.backtest:.2%}" if np.isfinite(m.backtest) else "-")
        for m in ahead.members
    ]
    members = sorted(members, key=lambda m: -float(m[1].rstrip("%")))[:8]
    text = table(head, rows, f"Many laws weighed by back-test, {ahead.level:.0%} interval of a new run")
    text += plot(forecast_figure(ahead, used), "The forecast beside the measured runs and what each candidate says", False)
    return (
        text
        + table(("candidate", "weight", "says", "back-test error"), members, "Sensitivity to the law: who says what")
        + warnings((*ahead.flags, *ahead.warnings))
    )


def plan_row(found: Fit, flops: float, level: float) -> dict[str, str]:
    """What the slider shows at a budget: `plan` in words."""
    best = plan(found, flops, level)
    triple = lambda t, f=format_number: "{}   [{}, {}]".format(*map(f, t))
    return {
        "budget": f"{best.flops:.3g}",
        "params": triple(best.params),
        "tokens": triple(best.tokens),
        "ratio": f"{best.tokens_per_param:.1f}",
        "loss": triple(best.loss, lambda v: f"{v:.4f}"),
        "flat": " to ".join(map(format_number, best.flat)),
        "factor": f"{best.factor:.3g}",
        "warning": "; ".join(best.warnings) or "-",
    }


def _plan(found: Fit, budget: float, largest: float, level: float) -> str:
    at = spread(largest, BUDGETS)
    at[np.argmin(np.abs(np.log(at / budget)))] = budget  # the budget asked for is one of the positions
    at = np.sort(at)
    start = int(np.flatnonzero(at == budget)[0])
    note = f"<p>Compute-optimal, {level:.0%} intervals; every position was computed by <code>forescale plan</code>.</p>"
    return note + slider([plan_row(found, float(c), level) for c in at], start, LABELS)


def _by_all(runs: Runs, budget: float, level: float) -> str:
    """The plan at the budget by every law, or why there is none."""
    note = "<p>The slider takes the law for right; with no law chosen:</p>"
    try:
        best = plan(runs, budget, level)
    except InputError as error:
        return note + warnings([str(error)])
    return (
        note
        + f"<pre>{escape(best.summary())}</pre>"
        + plot(plan_figure(best), "Who votes for which size, and the interval of all together", False)
    )


def _audit(found: Audit) -> str:
    rows = [
        (
            c.group or "as given",
            c.choice,
            format_number(c.params),
            f"{c.tokens_per_param:.1f}",
            f"{c.exponent:.3f}",
            f"{c.loss:.4f}",
            f"x{np.exp(c.moved):.2f}",
        )
        for c in (found.base, *sorted(found.changes, key=lambda c: -c.moved))
    ]
    head = ("group", "choice", "N*", "D*/N*", "a", "loss", "moved")
    low, high = found.sampling
    text = table(head, rows, f"What each choice does to the plan at {found.flops:.3g} FLOP")
    text += f"<p>Resampled runs alone: {low:.1f} to {high:.1f} tokens per parameter.</p>"
    return text + table(("question", "answer"), list(found.checklist), "Checklist") + warnings(found.warnings)


def _provenance(runs: Runs, found: Fit, command: str) -> str:
    release = version("forescale")
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = [
        ("data", runs.source),
        ("sha256 of the data", runs.sha256),
        ("columns", ", ".join(f"{q} = {c}" for q, c in runs.mapping.items())),
        ("counted as", found.counts),
        ("forescale", f"{release}, Python {platform.python_version()}, numpy {np.__version__}"),
        ("made", made),
        ("command", command or "forescale.report.document.report(runs)"),
    ]
    cite = f"{found.law.cite()}\n\n@software{{forescale, title = {{forescale}}, version = {{{release}}}, year = {{{made[:4]}}}}}"
    return table(("", ""), rows, "Where these numbers come from") + f'<h3>Cite</h3><pre tabindex="0">{escape(cite)}</pre>'
