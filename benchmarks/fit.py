"""Speed and objective beside scipy, in one run: python benchmarks/fit.py [--quick]. Writes docs/benchmarks.md.

The rows and the objective are the same for everyone. scipy's multi-start is a careful one: laws and gradients written
out by hand (by_hand.py), logarithms of the scale parameters, tight tolerances, `least_squares(method="lm")` for squares
and L-BFGS for Huber. Each method's chance that one
start ends at the best known optimum is measured, and its time is that of as many starts as reach the success
probability we reached. The 4,500-start grid is the script in common use (default tolerances, finite differences).
"""

import argparse
import itertools
import math
import resource
import time
from pathlib import Path

import numpy as np
from by_hand import by_hand
from scipy.optimize import least_squares, minimize

from forescale import laws
from forescale.fit import Objective
from forescale.fit.problem import Problem
from forescale.fit.resample import bootstrap, multinomial
from forescale.fit.starts import search
from forescale.runs import read

ROOT = Path(__file__).parents[1]
STUDIES = ROOT.parent / "shared" / "studies"
ZERO = np.zeros(1, int)


def chinchilla_rows():
    """The 240 published points where they are beside the checkout, else the shipped study."""
    path = STUDIES / "chinchilla" / "runs.parquet"
    if path.is_file():
        runs = read(path)
        runs, name = runs.where(runs["role"] != "outlier"), "chinchilla"
    else:
        from forescale import studies

        runs, name = studies.load().role("fit"), "stdlib"
    return name, runs.numbers(("params", "tokens")), runs["loss"]


def simulated(law, truth, seed, noise=0.005):
    rng = np.random.default_rng(seed)
    if law.inputs == ("x",):
        x = {"x": np.geomspace(1e2, 1e8, 60)}
    else:
        n = np.exp(rng.uniform(np.log(3e7), np.log(3e9), 120))
        x = {"params": n, "tokens": n * np.exp(rng.uniform(np.log(3), np.log(200), 120))}
    y = law(truth, **x)
    return f"simulated {seed}", x, y * np.exp(noise * rng.standard_normal(len(y)))


def data_sets():
    """(law, list of data sets): the published rows and simulated ones, named so."""
    one = {"E": 0.3, "b": 8.0, "c0": 0.1, "c1": 0.25, "d1": 3e4, "f1": 0.4}
    two = {"c2": -0.2, "d2": 3e6, "f2": 0.3}
    cases = []
    published = chinchilla_rows()
    for name in ("chinchilla", "kaplan"):
        law = laws.get(name)
        cases.append((law, [published, *(simulated(law, dict(law.published[-1].values), s) for s in (1, 2))]))
    cases.append((laws.get("broken1"), [simulated(laws.get("broken1"), one, s) for s in (1, 2, 3)]))
    cases.append((laws.get("broken2"), [simulated(laws.get("broken2"), one | two, s) for s in (1, 2, 3)]))
    farseer = laws.get("farseer")
    problem = Problem(farseer, [published[1:]], Objective("squares"))
    truth = {k: float(v[0]) for k, v in problem.law_params(search(problem).z).items()}
    cases.append((farseer, [published, *(simulated(farseer, truth, s) for s in (1, 2))]))
    return cases


def scipy_start(log_law, q, y, squares):
    """One start of a well-written local fit: hand-written derivatives, tight tolerances. Returns its cost."""
    log_y = np.log(y)
    with np.errstate(all="ignore"):
        if squares:

            def residual(q):
                return np.nan_to_num(log_law(q)[0] - log_y, nan=1e3, posinf=1e3, neginf=-1e3)

            def jacobian(q):
                return np.nan_to_num(log_law(q)[1].T, posinf=1e6, neginf=-1e6)

            return least_squares(residual, q, jacobian, method="lm", xtol=1e-12, ftol=1e-12, gtol=1e-12).cost

        def objective(q):
            value, jac = log_law(q)
            r = value - log_y
            size = np.abs(r)
            cost = np.where(size <= 1e-3, 0.5 * r * r, 1e-3 * (size - 5e-4)).sum()
            if not np.isfinite(cost):
                return 1e10, np.zeros(len(q))
            return cost, jac @ np.clip(r, -1e-3, 1e-3)

        options = {"ftol": 1e-14, "gtol": 1e-10, "maxiter": 3000, "maxcor": 20}
        return minimize(objective, q, jac=True, method="L-BFGS-B", options=options).fun


def compare(law, name, x, y, loss, seeds, starts):
    problem = Problem(law, [(x, y)], Objective(loss))
    log_law, starts_at = by_hand(law.name, x, np.random.default_rng(0), starts)
    search(problem)
    costs, begin = [], time.perf_counter()
    for seed in range(seeds):
        costs.append(search(problem, seed).cost[0])
    ours = (time.perf_counter() - begin) / seeds
    theirs, begin = [], time.perf_counter()
    for q in starts_at:
        try:
            theirs.append(scipy_start(log_law, q, y, loss == "squares"))
        except ValueError:  # least_squares refuses a start where the law overflows
            theirs.append(np.inf)
    each = (time.perf_counter() - begin) / starts
    best = min(min(costs), min(theirs))
    success = float(np.mean(np.array(costs) <= best * (1 + 1e-9)))
    single = float(np.mean(np.array(theirs) <= best * (1 + 1e-6)))
    # at equal success: no fewer starts than reach the share of seeds we can resolve
    goal = min(success, 1 - 1 / seeds) or 0.5
    needed = math.inf if single == 0 else max(1, math.ceil(math.log(1 - goal) / math.log(1 - min(single, 1 - 1e-9))))
    bound = max(1, math.ceil(math.log(1 - goal) / math.log(1 - 1 / starts))) if single == 0 else needed
    return {
        "law": law.name, "data": name, "loss": loss, "ours_ms": ours * 1e3, "success": f"{round(success * seeds)}/{seeds}",
        "start_ms": each * 1e3, "single": single, "needed": bound, "ratio": bound * each / ours, "bound": single == 0,
        "cost": min(costs), "scipy_cost": min(theirs),
    }  # fmt: skip


def grid(x, y, limit):
    """The 4,500-start L-BFGS grid of Hoffmann et al.; with `limit`, every k-th start, scaled up."""
    log_n, log_d, log_y = np.log(x["params"]), np.log(x["tokens"]), np.log(y)

    def objective(p):
        terms = np.stack((p[0] - p[3] * log_n, p[1] - p[4] * log_d, np.full_like(log_n, p[2])))
        r = np.logaddexp.reduce(terms, axis=0) - log_y
        size = np.abs(r)
        return np.where(size <= 1e-3, 0.5 * r * r, 1e-3 * (size - 5e-4)).sum()

    starts = list(itertools.product(range(0, 30, 5), range(0, 30, 5), np.arange(-1, 1.5, 0.5), *[np.arange(0, 2.5, 0.5)] * 2))
    picked = starts[:: max(1, len(starts) // limit)]
    begin = time.perf_counter()
    costs = [minimize(objective, s, method="L-BFGS-B").fun for s in picked]
    return (time.perf_counter() - begin) * len(starts) / len(picked), min(costs), len(starts), len(picked)


def resampling(x, y, ours=4000, theirs=100):
    """Time per refit of resampled data, ours in one batch, scipy's one after another from the same warm start."""
    problem = Problem(laws.get("chinchilla"), [(x, y)], Objective("squares"))
    best = search(problem)
    begin = time.perf_counter()
    draws = bootstrap(problem, best.z, np.arange(len(y)), ours)
    batch = (time.perf_counter() - begin) / ours
    weights = multinomial(np.arange(len(y)), ours, np.random.default_rng(0))[:theirs]
    inputs, _, _ = problem._inputs(ZERO, slice(None))
    begin, gap = time.perf_counter(), 0.0
    for i, w in enumerate(np.sqrt(weights)):

        def both(q, w=w):
            values = problem.to_values(q[None])
            value, jac = problem.jacobian(values, ZERO, inputs)
            return w * np.log(value[0] / y), (w * jac[0] / value[0] * problem.slopes(values)[0][:, None]).T

        end = least_squares(lambda q: both(q)[0], best.z[0], lambda q: both(q)[1], xtol=1e-10, ftol=1e-10, gtol=1e-10)
        gap = max(gap, abs(problem.law_params(end.x[None])["alpha"][0] / draws.params["alpha"][i] - 1))
    return batch, (time.perf_counter() - begin) / theirs, gap


def scaling(rows):
    """Time of a fit and peak memory of the process over numbers of rows, simulated."""
    law, out = laws.get("chinchilla"), []
    rng = np.random.default_rng(0)
    for n in rows:
        size = np.exp(rng.uniform(np.log(3e7), np.log(3e9), n))
        x = {"params": size, "tokens": size * np.exp(rng.uniform(np.log(3), np.log(200), n))}
        y = law(law.preset("besiroglu"), **x) * np.exp(0.005 * rng.standard_normal(n))
        begin = time.perf_counter()
        search(Problem(law, [(x, y)], Objective()))
        out.append((n, time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer seeds and starts")
    quick = parser.parse_args().quick
    name, x, y = chinchilla_rows()
    lines = ["# Speed and objectives", "", f"Printed by `python benchmarks/fit.py{' --quick' if quick else ''}`.", ""]
    lines += ["| rows | seconds of one global fit | peak memory of the process, GiB |", "|---|---|---|"]
    lines += [f"| {n:,} | {t:.2f} | {m:.2f} |" for n, t, m in scaling((240, 10_000, 100_000, 1_000_000))]
    seconds, cost, count, picked = grid(x, y, 60 if quick else 300)
    problem = Problem(laws.get("chinchilla"), [(x, y)], Objective())
    begin = time.perf_counter()
    found = [search(problem, s).cost[0] for s in range(20)]
    ours = (time.perf_counter() - begin) / 20
    lines += [
        "",
        f"Against the {count:,}-start L-BFGS grid on `{name}` ({len(y)} rows, Huber 1e-3 on log loss): {seconds:.0f} s "
        f"({picked} starts timed, scaled up) against {ours * 1e3:.1f} ms, **{seconds / ours:,.0f} x**; objective "
        f"{cost:.10g} against {max(found):.10g}.",
    ]
    batch, single, gap = resampling(x, y)
    lines += [
        "",
        f"4,000 bootstrap refits: {batch * 4000:.2f} s against {single * 4000:.1f} s of `scipy.optimize.least_squares` "
        f"(100 timed, scaled up), **{single / batch:.1f} x**; exponents differ by {gap:.1e} at most.",
        "",
        "Multi-start at equal success probability. *one start*: the share of scipy's starts that end at the best optimum.",
        "Where none did, it is counted as one, so the starts needed are a lower bound.",
        "",
        "| law | data | objective | ours, ms | seeds at the optimum | scipy, ms a start | one start | needed | ratio "
        "| cost, ours/scipy - 1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    ratios = []
    for law, sets in data_sets():
        full = 100 if law.name in ("broken2", "farseer") else 500
        for data, inputs, target in sets:
            for loss in ("squares", "huber"):
                r = compare(law, data, inputs, target, loss, 20 if quick else full, 40 if quick else 100)
                ratios.append(r["ratio"])
                mark = ">= " if r["bound"] else ""
                lines.append(
                    f"| {r['law']} | {r['data']} | {loss} | {r['ours_ms']:.1f} | {r['success']} | {r['start_ms']:.1f} | "
                    f"{r['single']:.0%} | {mark}{r['needed']} | {mark}{r['ratio']:.1f} | {r['cost'] / r['scipy_cost'] - 1:+.0e} |"
                )
                print(lines[-1], flush=True)
    mean = np.exp(np.mean(np.log(ratios)))
    lines += ["", f"Geometric mean of the ratios: **{mean:.1f} x**, least {min(ratios):.1f} x."]
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
