"""Accuracies of single benchmarks, forecast from smaller models: python benchmarks/rates.py.

Needs the published studies beside the checkout; writes docs/rates.md. Every benchmark that four studies scored their models on
is a table: the models marked for fitting, and the largest of those held out.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from forescale.forecast.calibrate import shipped
from forescale.forecast.candidates import candidates
from forescale.forecast.odd import sound
from forescale.forecast.prepare import prepare
from forescale.forecast.solve import solve
from forescale.runs import Runs

ROOT = Path(__file__).parents[1]
STUDIES = Path(os.environ.get("FORESCALE_STUDIES", ROOT.parent / "shared" / "studies"))
FEWEST = 8  # fitted models
MOST = 40  # held-out models that count
WAYS = {"forecast as error rates where they rise": None, "forecast as they stand": (-np.inf, np.inf)}
PAGE = """# Accuracies of single benchmarks

Printed by `python benchmarks/rates.py` (four minutes on two cores).

Every benchmark that four studies scored their models on, as a table of accuracies: forecast of the larger models held out
from the smaller ones (by `params` and `tokens`, or by `flops` for the last two studies), by `fs.forecast(runs,
target="accuracy")` as it is, and with its knowledge of rates taken away (`bounds=(-inf, inf)`), as the same numbers under a
name that tells nothing are forecast: candidates for targets that rise were chosen by looking at these rows of the table and
at simulated scores. Beside them the best fitted model's accuracy and a straight line in log compute. Points: mean absolute
error in hundredths, averaged over tables. Score: geometric mean over tables of the width of the 90 % interval in points,
twenty times what it misses by added. The calibration in the package has seen 13 of these benchmarks, and means over several;
one benchmark in one study has at times a single model held out, with a few hundred questions, or begins to be solved only
beyond the fitted models: there intervals hold less often than they say.

"""


def tables():
    """(study, name, inputs, fitted rows, held-out rows) with columns accuracy and flops."""
    read = lambda name: pl.read_parquet(STUDIES / f"{name}.parquet")
    yield from _split("overtraining", read("overtraining/evals"), ("arm", "eval"), ("params", "tokens"))
    yield from _split("gemstones", read("gemstones/evals"), ("arm", "eval"), ("params", "tokens"))
    best = read("mammut/best").with_columns(accuracy=1 - pl.col("error"))
    yield from _split("mammut", best, ("pretrain", "scheduler", "arm", "eval", "metric"), ("flops",))
    scores = read("observational/runs").filter(pl.col("kind") == "base").with_columns(accuracy=pl.col("score"))
    yield from _split("observational", scores, ("suite", "eval"), ("flops",))


def _split(study, frame, keys, inputs):
    frame = frame.filter(pl.all_horizontal(pl.col("accuracy", "flops", *inputs).is_finite()))
    for name, rows in frame.group_by(keys, maintain_order=True):
        fit, held = rows.filter(pl.col("role") == "fit"), rows.filter("held_out").sort("flops")[-MOST:]
        right = fit["accuracy"]
        if len(fit) >= FEWEST and len(held) and 0 <= right.min() < right.max() < 1:
            yield study, " ".join(name), inputs, fit, held


def judge(job):
    """Study, then for both ways errors of accuracy (n,), ends of its 90 % interval and truths; errors of the baselines."""
    study, _, inputs, fit, held = job
    warnings.simplefilter("ignore")
    names = dict.fromkeys(("accuracy", "flops", *inputs, *(("run",) if "run" in fit.columns else ())))
    runs = Runs({n: fit[n].to_numpy().astype(object if n == "run" else float) for n in names})
    truth, rule, out = held["accuracy"].to_numpy(), shipped(), []
    for bounds in WAYS.values():
        asked = prepare(runs, "accuracy", {n: held[n].to_numpy() for n in inputs}, bounds=bounds)
        q = sound(asked.questions[0])
        s = solve([q], candidates(q.inputs, "accuracy", (), asked.told.rises))[0]
        half = rule.size(s.features) * rule.quantile(0.9)
        value, *ends = (np.clip(asked.told.back(np.exp(s.value + k * half)), 0, 1) for k in (0, -1, 1))
        out.append((np.abs(value - truth), *np.sort(ends, axis=0), truth))
    x, y = np.log(fit["flops"].to_numpy()), fit["accuracy"].to_numpy()
    line = np.polyval(np.polyfit(x, y, 1), np.log(held["flops"].to_numpy()))
    return study, out, [np.abs(y.max() - truth), np.abs(np.clip(line, 0, 1) - truth)]


def lines(found):
    head = "| study | tables | models | | points off | best fitted | line | 90 % held | score |"
    out = [head, "|---" * 9 + "|"]
    for study in [*dict.fromkeys(f[0] for f in found), "all"]:
        own = [f for f in found if study in (f[0], "all")]
        naive = [100 * np.mean([f[2][i].mean() for f in own]) for i in (0, 1)]
        for i, way in enumerate(WAYS):
            parts = [f[1][i] for f in own]
            off = 100 * np.mean([e.mean() for e, *_ in parts])
            held = np.mean([((low <= t) & (t <= high)).mean() for _, low, high, t in parts])
            score = [
                np.mean(high - low + 20 * np.maximum(low - t, 0) + 20 * np.maximum(t - high, 0)) for _, low, high, t in parts
            ]
            score = 100 * np.exp(np.mean(np.log(np.maximum(score, 1e-4))))
            count = f"{study} | {len(own)} | {sum(len(p[0]) for p in parts)}"
            out.append(f"| {count} | {way} | {off:.1f} | {naive[0]:.1f} | {naive[1]:.1f} | {held:.0%} | {score:.1f} |")
    return out


def main():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        found = list(pool.map(judge, list(tables()), chunksize=4))
    (ROOT / "docs" / "rates.md").write_text(PAGE + "\n".join(lines(found)) + "\n")
    print("\n".join(lines(found)))


if __name__ == "__main__":
    main()
