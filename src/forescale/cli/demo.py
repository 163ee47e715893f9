"""The main job on the shipped study, told step by step."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from .. import laws, studies
from ..fit import fit
from ..forecast import forecast
from ..plan import plan
from ..report.canvas import write
from ..report.fitting import fit_figure


def run_demo(figure: Path, out=None) -> dict:
    """Fit, predict and forecast before looking, compare, plan, draw. Returns the numbers."""
    out = out or sys.stdout

    def say(text: str = "") -> None:
        print(text, file=out)

    study = studies.load("stdlib")
    runs, held = study.role("fit"), study.role("held_out")
    factor = held["flops"].min() / runs["flops"].max()
    say(f"{studies.about('stdlib')['title']}:\n{len(runs)} runs fitted, {len(held)} held out at {factor:.2f}x the compute\n")
    found = fit(laws.get("chinchilla"), runs)
    say(found.summary())
    said = found.predict(params=held["params"], tokens=held["tokens"])
    say("\npredicted before looking (nats per byte, 90 % interval for a new run):")
    for n, v, low, high in zip(held["params"], said.value, said.low, said.high, strict=True):
        say(f"  N = {n:>9,.0f}   {v:.4f}   [{low:.4f}, {high:.4f}]")
    auto = forecast(runs, params=held["params"], tokens=held["tokens"])
    say(f"\nthe automatic forecast, {len(auto.members)} candidates weighed by {auto.origins} back-tests, no law chosen:")
    for n, v, low, high in zip(held["params"], auto.value, auto.low, auto.high, strict=True):
        say(f"  N = {n:>9,.0f}   {v:.4f}   [{low:.4f}, {high:.4f}]")
    say("\nmeasured:")
    one = _judged(said, held, "this one law", say)
    many = _judged(auto, held, "automatic forecast", say)
    best = plan(runs, 10 * float(runs["flops"].max()))
    say(best.summary())
    path = write(fit_figure(found, runs, held), figure)
    say(f"\nfigure: {path}")
    return {
        "forecast": auto.to_dict() | {"errors": many[0].tolist(), "held": many[1].tolist()},
        "fit": {k: v for k, v in found.to_dict().items() if k not in ("draws", "noise")},
        "errors": one[0].tolist(),
        "held": one[1].tolist(),
        "plan": best.to_dict(),
        "figure": str(path),
    }


def _judged(said, held, name: str, say) -> tuple[np.ndarray, np.ndarray]:
    """Relative errors and whether each interval held, said row by row."""
    truth = held["loss"]
    errors, inside = said.value / truth - 1, (said.low <= truth) & (truth <= said.high)
    for n, t, e, good in zip(held["params"], truth, errors, inside, strict=True):
        say(f"  N = {n:>9,.0f}   {t:.4f}   error {e:+.2%}   interval {'held' if good else 'missed'}")
    say(f"  {name}: mean absolute error {np.abs(errors).mean():.2%}; its interval held for {inside.sum()} of {len(inside)}\n")
    return errors, inside
