"""Forecasts of unfinished runs on real logs: python benchmarks/watch.py. Writes docs/watch.md.

Logs: validation losses of the cosine runs of (Mis)Fitting and those of Gemstones (constant, and branched off into a cooldown:
wsd), where the published studies lie beside the checkout, and those of the shipped studies: training losses
under linear decay, validation losses under three schedules. Each log is cut at a share of its steps; the last loss is hidden.
"""

import os
from pathlib import Path

import numpy as np
import polars as pl

from forescale import studies
from forescale.errors import InputError
from forescale.forecast import watch

ROOT = Path(__file__).parents[1]
STUDIES = Path(os.environ.get("FORESCALE_STUDIES", ROOT.parent / "shared" / "studies"))
SHARES = (0.25, 0.5, 0.75, 0.9)


def logs():
    """(study, schedule, final) -> list of (steps, loss, until, truth, share that decays). Truth of a training loss: mean of its
    last four rows."""
    out = {}
    if STUDIES.is_dir():
        table = pl.read_parquet(STUDIES / "misfitting" / "curves.parquet")
        runs = [g.sort("step") for _, g in table.group_by("run", maintain_order=True) if len(g) >= 20]
        rows = [(g["step"].to_numpy() * 1.0, g["loss"].to_numpy(), int(g["total_steps"][0])) for g in runs]
        out["misfitting", "cosine", 0.1] = [(s, y, t, y[-1], 0.0) for s, y, t in rows]
        out |= gemstones(pl.read_parquet(STUDIES / "gemstones" / "runs.parquet").filter(pl.col("loss").is_finite()).sort("step"))
    shipped = Path(studies.__file__).parent
    for (_, arm), g in pl.read_parquet(shipped / "annealing" / "curves.parquet").group_by("ladder", "arm", maintain_order=True):
        one = (g["step"].to_numpy() * 1.0, g["loss"].to_numpy(), int(g["step"][-1]), float(g["loss"][-1]), 0.2)
        out.setdefault(("annealing", arm, 0.0), []).append(one)
    curves = pl.read_parquet(shipped / "stdlib" / "curves.parquet")
    runs = [g.sort("step") for _, g in curves.group_by("run", maintain_order=True)]
    rows = [(g["step"].to_numpy() * 1.0, g["train_loss"].to_numpy() * 1.0, int(g["step"].max()) + 1) for g in runs]
    out["stdlib", "linear", 0.0] = [(s, y, t, float(np.mean(y[-4:])), 0.0) for s, y, t in rows]
    return out


def gemstones(table):
    """Runs at a constant rate to their end, and every cooldown that branches off one, behind what came before it."""
    main = {run[0]: g for run, g in table.filter(pl.col("arm") != "cooldown").group_by("run", maintain_order=True)}
    log = lambda g: (g["step"].to_numpy() * 1.0, g["loss"].to_numpy())
    constant = [(*log(g), int(g["step"][-1]), float(g["loss"][-1]), 0.0) for g in main.values()]
    wsd = []
    for row in table.filter(pl.col("arm") == "cooldown").iter_rows(named=True):
        before = main[f"main/{row['width']}x{row['depth']}"].filter(pl.col("step") <= row["cooldown_from_step"])
        if len(before) >= 20:
            wsd.append((*log(before), row["step"], row["loss"], 1 - row["cooldown_from_step"] / row["step"]))
    return {("gemstones", "constant", 0.0): constant, ("gemstones", "wsd", 0.0): wsd}


def judged(rows, share, schedule, final):
    errors, inside, still = [], [], []
    for steps, loss, until, truth, falls in rows:
        seen = steps <= share * until
        plan = {"until": until, "schedule": schedule, "final": final}
        plan |= {"warmup": max(10, until // 20)} if schedule == "linear" else {"decay": falls} if falls else {}
        try:
            w = watch({"steps": steps[seen], "loss": loss[seen]}, **plan)
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
    lines += [
        "The widths (`unfinished.py: UNSURE, TAIL`) were chosen by looking at these logs, every study counting alike, so their",
        "coverage is that of fitted data. Small runs (stdlib and annealing, 33k to 115k params) need them, cooldowns of large",
        "ones (gemstones, 50M to 2B) hold them with room to spare.",
        "",
    ]
    lines += ["| study | schedule | seen | logs | mean error | now | 90 % interval held |", "|---|---|---|---|---|---|---|"]
    for (name, schedule, final), rows in logs().items():
        for share in SHARES:
            count, error, inside, still = judged(rows, share, schedule, final)
            lines.append(f"| {name} | {schedule} | {share:.0%} | {count} | {error:.2%} | {still:.2%} | {inside:.0%} |")
    (ROOT / "docs" / "watch.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
