"""Forecasts of unfinished runs on real logs: python benchmarks/watch.py. Writes docs/watch.md.

Logs: validation losses of the cosine runs of (Mis)Fitting (where the shared studies lie beside the checkout) and the
training losses of the shipped study (linear decay). Each log is cut at a share of its steps; the last loss is hidden.
"""

from pathlib import Path

import numpy as np
import polars as pl

from forescale import studies
from forescale.errors import InputError
from forescale.forecast import watch

ROOT = Path(__file__).parents[1]
MISFITTING = ROOT.parent / "shared" / "studies" / "misfitting" / "curves.parquet"
SHARES = (0.25, 0.5, 0.75, 0.9)


def logs():
    """(study, options) -> list of (steps, loss, until, truth). Truth of a training loss: mean of its last four rows."""
    out = {}
    if MISFITTING.is_file():
        runs = [g.sort("step") for _, g in pl.read_parquet(MISFITTING).group_by("run", maintain_order=True) if len(g) >= 20]
        rows = [(g["step"].to_numpy() * 1.0, g["loss"].to_numpy(), int(g["total_steps"][0])) for g in runs]
        out["misfitting", "cosine", 0.1] = [(s, y, t, y[-1]) for s, y, t in rows]
    curves = pl.read_parquet(Path(studies.__file__).parent / "stdlib" / "curves.parquet")
    runs = [g.sort("step") for _, g in curves.group_by("run", maintain_order=True)]
    rows = [(g["step"].to_numpy() * 1.0, g["train_loss"].to_numpy() * 1.0, int(g["step"].max()) + 1) for g in runs]
    out["stdlib", "linear", 0.0] = [(s, y, t, float(np.mean(y[-4:]))) for s, y, t in rows]
    return out


def judged(rows, share, schedule, final):
    errors, inside, still = [], [], []
    for steps, loss, until, truth in rows:
        seen = steps <= share * until
        warmup = None if schedule == "cosine" else max(10, until // 20)
        try:
            w = watch({"steps": steps[seen], "loss": loss[seen]}, until=until, schedule=schedule, final=final, warmup=warmup)
        except InputError:
            continue
        errors.append(abs(w.value / truth - 1))
        inside.append(w.low <= truth <= w.high)
        still.append(abs(loss[seen][-1] / truth - 1))
    return len(errors), np.mean(errors), np.mean(inside), np.mean(still)


def main():
    lines = [
        "# Unfinished runs",
        "",
        "Printed by `python benchmarks/watch.py`. *now*: the error of taking the latest loss for the last.",
        "",
    ]
    lines += ["The widths were set once on these logs, so their coverage is that of the fitted data.", ""]
    lines += ["| study | schedule | seen | logs | mean error | now | 90 % interval held |", "|---|---|---|---|---|---|---|"]
    for (name, schedule, final), rows in logs().items():
        for share in SHARES:
            count, error, inside, still = judged(rows, share, schedule, final)
            lines.append(f"| {name} | {schedule} | {share:.0%} | {count} | {error:.2%} | {still:.2%} | {inside:.0%} |")
    (ROOT / "docs" / "watch.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
