"""Forecasts from tables of few runs: python benchmarks/few_runs.py.

Needs the published studies beside the checkout; writes docs/few-runs.md. Most people have five to twenty runs, not hundreds:
families of models, one size at several token counts, and draws of a few runs from published ones.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

import forescale as fs

ROOT = Path(__file__).parents[1]
STUDIES = Path(os.environ.get("FORESCALE_STUDIES", ROOT.parent / "shared" / "studies"))
FAMILIES, THROUGH = "families, accuracies", "families, accuracies through the loss"
SIZES, LADDERS = "one size, more tokens, accuracies", "one size, more tokens, losses"
OPTIMA, DRAWN, SCORED = "best runs of budgets, losses", "drawn runs, losses", "drawn runs, accuracies"
FAR = (("1-3x", 1, 3), ("3-10x", 3, 10), (">10x", 10, np.inf))
CHOSEN = (FAMILIES, DRAWN)  # the noise of few rows was chosen by looking at tables of these kinds
PAGE = """# Forecasts from few runs

Printed by `python benchmarks/few_runs.py` (four minutes on two cores).

Tables of three to twenty runs, cut out of published studies, and one larger run that is not in them: `fs.forecast` as it is.

- *families*: models of one family by size or compute, every benchmark a table; over-training: five sizes at 20 tokens per
  parameter and the 6.9B model, 23 times their compute; observational: families of four to eight public models, the largest
  or the two largest held out. *through the loss*: those of over-training by `fs.downstream`, from the loss on C4.
- *one size, more tokens*: over-training, one model size at four to seven token counts, forecast at 2 or 8 times the last.
- *best runs of budgets*: the optima of 15 isoFLOP configurations at five to eight budgets, one or three budgets on.
- *drawn runs*: 6 to 20 runs by `params` and `tokens`, drawn at random from those of a study, and a larger one, 2 to 20 times
  their compute.

Error: geometric mean of the relative error of a loss, of the error in points of an accuracy. Held: share of nominal 90 %
intervals that hold the larger run. Score: geometric mean of the width of the interval (per cent of the forecast, or points) and
twenty times what it misses by. The calibration in the package has seen these studies, but learned from their whole tables; how
noisy few rows are taken to be, however smoothly they go (`calibrate.py: USUAL, DRAWN`, `rates.py: QUESTIONS`), was chosen by
looking at {chosen}. Before that, 74 % of the
intervals of families held, 79 % of those of drawn losses, 61 % of drawn accuracies.

"""


@dataclass(frozen=True)
class Table:
    kind: str
    study: str
    target: str
    columns: dict[str, np.ndarray]  # the runs
    at: dict[str, float]  # the larger one
    truth: float


def read(name):
    return pl.read_parquet(STUDIES / f"{name}.parquet")


def cut(kind, study, rows, inputs, target, held, via=()):
    """The table of all rows but the last `held`, asked for the last of them; none where it says nothing."""
    y = rows[target].to_numpy().astype(float)
    fine = target != "accuracy" or (0 <= y.min() and y.max() < 1)
    if len(rows) - held >= 3 and len(np.unique(y[:-held])) >= 3 and fine:
        columns = {n: rows[n].to_numpy()[:-held].astype(float) for n in (*inputs, *via, target)}
        yield Table(kind, study, target, columns, {n: float(rows[n][-1]) for n in inputs}, float(y[-1]))


def families():
    scored = read("overtraining/evals").filter((pl.col("tokens") / pl.col("params")).round() == 20)
    for _, rows in scored.group_by("arm", "eval", maintain_order=True):
        yield from cut(FAMILIES, "overtraining", rows.sort("params"), ("params",), "accuracy", 1)
    for _, rows in scored.join(read("overtraining/runs").select("run", "loss"), on="run").group_by(
        "arm", "eval", maintain_order=True
    ):
        yield from cut(THROUGH, "overtraining", rows.sort("params"), ("params", "tokens"), "accuracy", 1, ("loss",))
    scores = read("observational/runs").rename({"score": "accuracy"}).filter(pl.col("kind") == "base")
    scores = scores.filter(pl.col("suite").is_in(["base_benchmark", "emergent", "leaderboard_v2"]))
    scores = scores.filter(pl.all_horizontal(pl.col("accuracy", "flops").is_finite()))
    for _, rows in scores.group_by("suite", "arm", "eval", maintain_order=True):
        rows = rows.unique("flops", keep="first", maintain_order=True).sort("flops")
        for held in (1, 2):
            if len(rows) >= 4:
                yield from cut(FAMILIES, "observational", rows, ("flops",), "accuracy", held)


def ladders():
    for kind, table, per, target in ((SIZES, "evals", "eval", "accuracy"), (LADDERS, "losses", "val_set", "loss")):
        for number, (_, rows) in enumerate(read(f"overtraining/{table}").group_by("arm", per, "params", maintain_order=True)):
            if len(rows) >= 7 and (target == "loss" or number % 3 == 0):
                for held in (1, 3):
                    yield from cut(kind, "overtraining", rows.sort("tokens"), ("tokens",), target, held)
    optima = read("kaplan-vs-chinchilla/optima").rename({"loss_opt": "loss"}).filter(pl.col("loss").is_finite())
    for _, rows in optima.group_by("arm", "loss_split", maintain_order=True):
        rows = rows.sort("flops")
        for fitted, on in ((5, 1), (5, 3), (6, 1), (6, 3), (8, 1), (8, 3)):
            if len(rows) >= fitted + on:
                picked = pl.concat([rows[:fitted], rows[fitted + on - 1 : fitted + on]])
                yield from cut(OPTIMA, "kaplan-vs-chinchilla", picked, ("flops",), "loss", 1)


def drawn():
    rng = np.random.default_rng(0)
    yield from draws(rng, "chinchilla", read("chinchilla/runs").filter(pl.col("role") != "outlier"), "loss", 60)
    best = read("misfitting/runs").filter(~pl.col("suspect")).group_by("params", "tokens", maintain_order=True)
    yield from draws(rng, "misfitting", best.agg(pl.col("loss").min()), "loss", 60)
    arms = read("kaplan-vs-chinchilla/runs").group_by("arm", maintain_order=True)
    for _, rows in list(arms)[::3]:
        yield from draws(rng, "kaplan-vs-chinchilla", rows, "loss", 15)
    for _, rows in read("overtraining/losses").group_by("arm", "val_set", maintain_order=True):
        yield from draws(rng, "overtraining", rows, "loss", 6)
    for _, rows in read("overtraining/evals").group_by("arm", "eval", maintain_order=True):
        yield from draws(rng, "overtraining", rows, "accuracy", 2)
    yield from draws(rng, "gemstones", read("gemstones/runs").filter(pl.col("arm") == "main"), "loss", 40)


def draws(rng, study, rows, target, count):
    """`count` times: runs of a band of compute, and one of those that lie about so many times beyond it."""
    rows = rows.filter(pl.all_horizontal(pl.col("params", "tokens", target).is_finite()))
    n, d, y = (rows[c].to_numpy().astype(float) for c in ("params", "tokens", target))
    flops = n * d
    for _ in range(count):
        size, far = int(rng.choice([6, 8, 10, 14, 20])), float(rng.choice([2, 5, 15]))
        top = flops.max() / far * np.exp(-rng.uniform(0, np.log(4)))
        low = np.flatnonzero((flops <= top) & (flops > top / 300))
        high = np.flatnonzero((flops >= 0.7 * far * top) & (flops <= 1.5 * far * top))
        if len(low) < size or not len(high):
            continue
        own, one = rng.choice(low, size, replace=False), int(rng.choice(high))
        fine = target == "loss" or (len(np.unique(y[own])) >= 3 and 0 <= y[own].min() and y.max() < 1)
        if len(np.unique(n[own])) >= 3 and fine:
            kind = DRAWN if target == "loss" else SCORED
            columns = {"params": n[own], "tokens": d[own], target: y[own]}
            yield Table(kind, study, target, columns, {"params": n[one], "tokens": d[one]}, float(y[one]))


def judge(table):
    """(rows, how far, error, that of a power law through the last three, whether it held, score); None where it is refused."""
    warnings.simplefilter("ignore")
    inputs = {n: v for n, v in table.columns.items() if n in table.at}
    try:
        f = fs.forecast({**inputs, table.target: table.columns[table.target]}, target=table.target, **table.at)
        through = fs.downstream(fs.read(table.columns), table.target, **table.at) if table.kind == THROUGH else None
    except fs.InputError:
        return None
    low, high, value = (float(v[0]) for v in (f.low, f.high, f.value))
    if through:
        low, high, value = through.low, through.high, through.value
    unit = table.truth if table.target == "loss" else 1.0
    last = next(float(m.value[0]) for m in f.members if m.name == "power law through the last 3")
    missed = max(low - table.truth, table.truth - high, 0.0)
    off = [abs(v - table.truth) / unit for v in (value, last)]
    return f.rows, float(f.factor[0]), *off, missed == 0, (high - low + 20 * missed) / unit


def line(name, found):
    a = np.array(found, float)
    mean = lambda v: 100 * np.exp(np.mean(np.log(np.maximum(v, 1e-4))))
    off, last, held, score = mean(a[:, 2]), mean(a[:, 3]), 100 * a[:, 4].mean(), mean(a[:, 5])
    return f"| {name} | {len(a)} | {off:.2f} | {last:.2f} | {held:.0f}% | {score:.1f} |"


def lines(tables, found):
    pairs = [(t, f) for t, f in zip(tables, found, strict=True) if f]
    pick = lambda test: [f for t, f in pairs if test(t, f)]
    head = ["| | tables | error | last three | held | score |", "|---|---|---|---|---|---|"]
    out = [*head]
    for kind in dict.fromkeys(t.kind for t in tables):
        out.append(line(f"**{kind}**", pick(lambda t, f, k=kind: t.kind == k)))
        studies = dict.fromkeys(t.study for t in tables if t.kind == kind)
        for s in studies if len(studies) > 1 else ():
            out.append(line(s, pick(lambda t, f, k=kind, s=s: (t.kind, t.study) == (k, s))))
    for target in ("loss", "accuracy"):
        out += ["", f"By rows and by distance, {target}:", "", *head]
        own = [f for t, f in pairs if t.target == target and t.kind != THROUGH]
        out += [
            line(f"{a} to {b} runs", [f for f in own if a <= f[0] <= b])
            for a, b in ((3, 3), (4, 5), (6, 7), (8, 10), (11, 20))
            if any(a <= f[0] <= b for f in own)
        ]
        out += [line(name, [f for f in own if a < f[1] <= b]) for name, a, b in FAR]
    refused = sum(f is None for f in found)
    return out if not refused else [*out, "", f"{refused} tables were refused (an input that does not vary)."]


def main():
    tables = [*families(), *ladders(), *drawn()]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        found = list(pool.map(judge, tables, chunksize=8))
    page = PAGE.format(chosen=" and ".join(f"*{k}*" for k in CHOSEN)) + "\n".join(lines(tables, found)) + "\n"
    (ROOT / "docs" / "few-runs.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
