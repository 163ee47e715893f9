"""Larger runs foretold from checkpoints of smaller ones: python benchmarks/new_runs.py. Writes docs/new-runs.md.

Needs the shared studies beside the checkout, and polars. Whole runs are held out, those of the largest sizes; the referee's
own tasks hold out the ends of runs whose beginnings are fitted, which says little about a run that was never begun.
"""

import os
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import polars as pl

from forescale.forecast import forecast
from forescale.runs import Runs

ROOT = Path(__file__).parents[1]
STUDIES = Path(os.environ.get("FORESCALE_STUDIES", ROOT.parent / "shared" / "studies"))
MOST = 40  # checkpoints of a run
SIZES = (0.5, 0.75)  # share of the sizes that is fitted
HEAD = """# Larger runs from checkpoints of smaller ones

Printed by `python benchmarks/new_runs.py`. Published studies with several checkpoints of each run: the runs of the smaller half,
or three quarters, of the sizes are fitted (at most {most} checkpoints of each), the last loss of every larger run is foretold.
*told*: the table has a column `run`; *not told*: the same rows without it: runs are recognised where their rows go along
smoothly. 90 % intervals, with the calibration in the package, which has seen these studies, but neither these splits nor any
column `run`. What the rows of a run share was put into the intervals, and how runs are recognised chosen, by looking at these
questions and at simulated ladders.

| question | rows | runs | foretold | error, not told | told | coverage, not told | told | score, not told | told |
|---|---|---|---|---|---|---|---|---|---|
"""


def arms():
    """(name, inputs, frame) of the studies whose runs have checkpoints."""
    both = ("params", "tokens")
    gemstones = pl.read_parquet(STUDIES / "gemstones" / "runs.parquet")
    for arm in ("main", "half_lr", "cooldown"):
        own = gemstones.filter(pl.col("arm") == arm)
        yield f"gemstones/{arm}", both, own
        yield f"gemstones/{arm}, width and depth", ("width", "depth", "tokens"), own
    kaplan = pl.read_parquet(STUDIES / "kaplan-vs-chinchilla" / "runs.parquet")
    for arm in sorted(set(kaplan["arm"])):
        own = kaplan.filter(pl.col("arm") == arm)
        counts = "standard" if (own["param_count"] == "standard").any() else "kaplan"
        own = own.filter(pl.col("param_count") == counts)
        if len(own) > 1.5 * own["run"].n_unique():
            yield f"kaplan-vs-chinchilla/{arm}", both, own
    curves = pl.read_parquet(STUDIES / "misfitting" / "curves.parquet")
    for rate in sorted(set(curves["learning_rate"])):
        own = curves.filter(pl.col("learning_rate") == rate)
        if own["run"].n_unique() > 30:
            yield f"misfitting/learning rate {rate:g}", both, own


def question(frame, inputs, share):
    """(columns of the fitted rows, inputs of the last row of each larger run, its loss), or None where too few runs are left."""
    frame = frame.filter(pl.all_horizontal(pl.col("loss", *inputs).cast(float).is_finite()))
    limit = np.quantile(np.unique(frame["params"].to_numpy()), share)
    fitted, held = frame.filter(pl.col("params") <= limit), frame.filter(pl.col("params") > limit)
    if fitted["run"].n_unique() < 6 or not len(held):
        return None
    parts = [
        g.sort("tokens")[np.unique(np.linspace(0, len(g) - 1, min(len(g), MOST)).astype(int))]
        for _, g in fitted.group_by("run", maintain_order=True)
    ]
    rows = pl.concat(parts)
    last = held.sort("tokens").group_by("run", maintain_order=True).last()
    names = dict.fromkeys((*inputs, "loss"))
    columns = {k: rows[k].to_numpy().astype(float) for k in names} | {"run": np.array(rows["run"].cast(str).to_list(), object)}
    return columns, {k: last[k].to_numpy().astype(float) for k in inputs}, last["loss"].to_numpy()


def judged(columns, at, truth):
    """(mean log error, coverage, log interval score) of the 90 % intervals."""
    found = forecast(Runs(columns), **at)
    low, high, value, y = (np.log(v) for v in (found.low, found.high, found.value, truth))
    score = np.mean(high - low + 20 * (np.maximum(low - y, 0) + np.maximum(y - high, 0)))
    return np.mean(np.abs(value - y)), np.mean((low <= y) & (y <= high)), score


def main():
    lines, seen = [], []
    for name, inputs, frame in arms():
        for share in SIZES:
            asked = question(frame, inputs, share)
            if asked is None:
                continue
            columns, at, truth = asked
            told, untold = judged(columns, at, truth), judged({k: v for k, v in columns.items() if k != "run"}, at, truth)
            seen.append((untold, told))
            head = f"{name}, {share:.0%} | {len(columns['loss'])} | {len(set(columns['run']))} | {len(truth)}"
            (e0, c0, s0), (e1, c1, s1) = untold, told
            lines.append(f"| {head} | {e0:.2%} | {e1:.2%} | {c0:.0%} | {c1:.0%} | {s0:.3f} | {s1:.3f} |")
            print(lines[-1], flush=True)
    table = np.array(seen)
    error, score = (np.exp(np.log(table[:, :, k]).mean(axis=0)) for k in (0, 2))
    cover = table[:, :, 1].mean(axis=0)
    lines.append(
        f"| **all** | | | | {error[0]:.2%} | {error[1]:.2%} | {cover[0]:.0%} | {cover[1]:.0%} | {score[0]:.3f} | {score[1]:.3f} |"
    )
    text = HEAD.format(most=MOST) + "\n".join(lines) + "\n\nError and score: geometric means over questions; coverage: mean.\n"
    (ROOT / "docs" / "new-runs.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
