"""The forecaster where a law of the catalogue is the truth and nobody says which: python benchmarks/hidden_laws.py.

Writes docs/hidden-laws.md. Simulated: tables are drawn from each law with noise, the largest rows held out. Beside the
forecaster stands a fit of the very law that made the rows, which no user can know, and a power law through the last points.
"""

import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import forescale as fs
from forescale import laws
from forescale.check import sample_inputs, truth
from forescale.forecast.general import is_resource

ROOT = Path(__file__).parents[1]
ROWS, HELD, NOISE, SEEDS, RESAMPLES = 130, 0.22, 0.005, (0, 1), 200
NAIVE = "power law through the last 5"
WORKERS = 2
HEAD = """# Where a law of the catalogue is the truth

Printed by `python benchmarks/hidden_laws.py`. Simulated: {rows} rows of each law (published constants, or the middle of its
start boxes; inputs spread over ordinary ranges; noise {noise:.1%}), of which the {held:.0%} largest are held out: by the
product of the inputs that are resources (*scale*), or by one input drawn at random (*one input*); {seeds} seeds each. The
forecaster is not told the law and knows its inputs by name alone. *right law*: a fit of the very law that made the rows
(`fs.fit`, bootstrap of {resamples}), the least error there can be. The calibration in the package has seen other simulated
ladders, none of these; one candidate (the law straight in linear inputs) was added after looking at tables like them, and so
was the rule that shares of a mixture need not all be given. Since laws of the catalogue are candidates where their inputs are
those of the table, the right law is one of some twenty that are averaged, for most of the tables of several inputs: look at
docs/forecast.md and docs/sideways.md for truths that no law holds exactly.

Error: root mean square, in per cent of the mean size of the held-out values; geometric means over tables. Coverage: share of the
held-out rows, noise included, inside the nominal 90 % interval.
"""


def table(name: str, seed: int, sideways: bool):
    """(law, rows fitted, inputs held out, their values without noise, with noise)."""
    law, rng = laws.get(name), np.random.default_rng(seed)
    x = sample_inputs(law, ROWS, rng)
    with np.errstate(all="ignore"):
        clean = np.broadcast_to(law(truth(law, x, rng), **x), ROWS)
    y = clean * np.exp(NOISE * rng.standard_normal(ROWS))
    resources = [n for n in law.inputs if is_resource(n)] or list(law.inputs)
    size = np.log(x[rng.choice(law.inputs)]) if sideways else sum(np.log(x[n]) for n in resources)
    new = size > np.quantile(size, 1 - HELD)
    rows = {k: np.asarray(v, float)[~new] for k, v in x.items()} | {law.output: y[~new]}
    return law, fs.runs.Runs(rows), {k: v[new] for k, v in x.items()}, clean[new], y[new]


def judged(job: tuple[str, int, bool]):
    """Errors of the forecaster, the right law and the naive baseline; coverage of the first two; seconds of the first."""
    law, rows, at, clean, y = table(*job)
    if not np.isfinite(rows[law.output]).all() or np.std(clean) < 0.01 * np.abs(np.mean(clean)):
        return job, None  # nothing to foretell
    begin = time.process_time()
    ours = fs.forecast(rows, target=law.output, **at)
    spent = time.process_time() - begin
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right = fs.fit(law, rows, resamples=RESAMPLES).predict(**at)
    naive = next(m.value for m in ours.members if m.name == NAIVE)
    off = lambda value: float(np.sqrt(np.mean((value - clean) ** 2)) / np.mean(np.abs(clean)))
    held = lambda f: float(np.mean((f.low <= y) & (y <= f.high)))
    return job, (off(ours.value), off(right.value), off(naive), held(ours), held(right), spent)


def geomean(values) -> float:
    return float(np.exp(np.mean(np.log(np.maximum(values, 1e-5)))))


def line(name: str, found: np.ndarray) -> str:
    errors = " | ".join(f"{geomean(found[:, i]):.2%}" for i in range(3))
    return f"| {name} | {len(found)} | {errors} | {found[:, 3].mean():.0%} | {found[:, 4].mean():.0%} |"


def page(results: dict[tuple[str, int, bool], tuple]) -> list[str]:
    kinds = {
        "one input, by scale": lambda n, s: len(laws.get(n).inputs) == 1,
        "several inputs, by scale": lambda n, s: len(laws.get(n).inputs) > 1 and not s,
        "several inputs, by one input": lambda n, s: len(laws.get(n).inputs) > 1 and s,
    }
    heads = (
        "| tables | forecaster | right law | last 5 points | coverage, forecaster | right law |\n|---|---|---|---|---|---|---|"
    )
    lines = [f"\n| held out {heads}"]
    for kind, of in kinds.items():
        lines.append(line(kind, np.array([v for (n, _, s), v in results.items() if of(n, s)])))
    lines.append(line("**all**", np.array(list(results.values()))))
    lines += ["\n## By law\n", f"| law {heads}"]
    for name in dict.fromkeys(n for n, *_ in results):
        lines.append(line(name, np.array([v for (n, *_), v in results.items() if n == name])))
    spent = np.array([v[5] for v in results.values()])
    return [*lines, "", f"A forecast took {np.median(spent):.1f} s in the median, {spent.max():.1f} s at most (one core)."]


def main() -> None:
    jobs = [(n, s, sideways) for n in laws.CATALOGUE for s in SEEDS for sideways in (False, True)]
    jobs = [j for j in jobs if len(laws.get(j[0]).inputs) > 1 or not j[2]]
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        results = {}
        for job, found in pool.map(judged, jobs):
            print(*job, "nothing to foretell" if found is None else " ".join(f"{v:.4f}" for v in found), flush=True)
            if found is not None:
                results[job] = found
    head = HEAD.format(rows=ROWS, noise=NOISE, held=HELD, seeds=len(SEEDS), resamples=RESAMPLES)
    text = "\n".join([head, *page(results)]) + "\n"
    (ROOT / "docs" / "hidden-laws.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
