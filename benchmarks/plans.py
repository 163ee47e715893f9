"""Is the planned size the best one? python benchmarks/plans.py. Writes docs/plans.md.

Needs the shared studies beside the checkout, and polars. Published: isoFLOP budgets up to a cut are planned from, the best size
at larger budgets is known from the runs made there. Simulated: tables from laws whose valley is known.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import polars as pl

import forescale as fs
from forescale.errors import ForescaleError
from forescale.plan import isoflop
from forescale.runs import Runs

ROOT = Path(__file__).parents[1]
STUDIES = Path(os.environ.get("FORESCALE_STUDIES", ROOT.parent / "shared" / "studies"))
KEYS = ["dataset", "hparams", "warmup", "decay", "param_count", "loss_split"]
BUDGETS = np.array([6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21])  # of Hoffmann et al.; their runs are read off a figure
NEAR = 0.15  # log distance from a budget
FEWEST = 4  # budgets planned from
AHEAD = (2, 4, 6)  # budgets beyond the last one planned from
FACTORS = (1.0, 4.0, 30.0)
FRESH = 100
ENDS, WITHIN = (1.01, 3, 10, 50), ("1x", "1-3x", "3-10x", "10-50x", ">50x")
NOISES, SEEDS, RESAMPLES = (0.003, 0.01), 2, 300
WORKERS = 2
HEAD = """# Is the planned size the best one?

Printed by `python benchmarks/plans.py`. N* at a budget beyond the runs, 90 % intervals. *runs*: `fs.plan(runs, flops)`, which
chooses no law. *one law*: the Chinchilla form fitted with the default objective, intervals by its bootstrap, as in common use.
*parabola* and *akima*: a line through the bottoms of isoFLOP valleys (approach 2), `forescale allocate`. Off: median factor
between N* and the best size. The rules that *runs* averages by (which laws vote, how sharply, the weight of the valleys) were
chosen by looking at the published ones and at simulated ones like the second part; intervals were not fitted to them.

"""
PUBLISHED = """## Published

The {configurations} configurations of Porian et al. (arXiv:2406.19146) and the isoFLOP runs of Hoffmann et al.
(arXiv:2203.15556), planned from all budgets up to a cut. The best size is where an Akima curve through the runs of a larger
budget is lowest, so *akima* has the truth's own method on its side; its error, {error:.0%} in the median, is added to every
interval in quadrature. Configurations share runs and are not independent.

"""
SIMULATED = """
## Simulated

Tables from eight laws: Chinchilla's form with the constants of Hoffmann et al. and of Besiroglu et al., that of Kaplan et al.,
two with a coupled exponent, one whose data exponent changes with size (its valley lies outside of what the designs below show
but for isoFLOP runs), and Besiroglu's with runs that are worse the fewer tokens they see (warm-up) or the smaller they are
(under-tuned). Four designs: five isoFLOP budgets of seven sizes, six sizes at five ratios of tokens, five sizes at three
amounts of tokens, 40 runs at random; noise {noise}; budgets {factors} times the dearest run.

"""
DRAWN = """
## Laws drawn at random

Looked at once, when the rules were as they are: {fresh} tables of coupled laws whose exponents (0.25 to 0.55), coupling (0.5 to
1.2), floor and best ratio of tokens are drawn, half of them with small or short runs that are worse than their law, in designs
whose number of runs (12 to 60) and noise (0.2 to 1.5 %) are drawn too; asked 1 to 50 times beyond the dearest run.

"""


def additive(floor, a, alpha, b, beta):
    return lambda n, d: floor + a * n**-alpha + b * d**-beta


BESIROGLU = additive(1.8172, 482.01, 0.3478, 2085.43, 0.3658)
TRUTHS = {
    "Besiroglu et al.": BESIROGLU,
    "Hoffmann et al.": additive(1.69, 406.4, 0.34, 410.7, 0.28),
    "Kaplan et al.": lambda n, d: ((8.8e13 / n) ** (0.076 / 0.095) + 5.4e13 / d) ** 0.095,
    "coupled, 0.75": lambda n, d: 1.9 + 1.6 * ((n / 3e6) ** -0.55 + (d / 2e8) ** -0.5) ** 0.75,
    "coupled, 0.55": lambda n, d: 1.5 + 2.2 * ((n / 3e6) ** -0.45 + (d / 2e8) ** -0.55) ** 0.55,
    "exponent moves with size": lambda n, d: (
        1.7 + np.exp(6.1) * n**-0.34 + np.exp(7.224 - 0.072 * np.log(n)) * d ** (-0.178 - 0.006 * np.log(n))
    ),
    "worse at few tokens": lambda n, d: BESIROGLU(n, d) * np.exp(6e7 / d),
    "worse when small": lambda n, d: BESIROGLU(n, d) * np.exp(0.03 * (5e7 / n) ** 0.7),
}


def best_size(law, flops):
    n = np.geomspace(1e4, flops / 6e4, 40001)
    with np.errstate(over="ignore"):
        return float(n[np.argmin(law(n, flops / (6 * n)))])


def designed(kind, law, rng):
    """params and tokens of a design."""
    if kind == "isoFLOP":
        flops = np.repeat(1e18 * 10 ** (0.5 * np.arange(5)), 7)
        centre = np.array([best_size(law, c) * np.exp(0.1 * rng.standard_normal()) for c in flops[::7]])
        n = (centre[:, None] * np.geomspace(1 / 6, 6, 7)).ravel()
        return n, flops / (6 * n)
    if kind == "ratios":
        n, r = (v.ravel() for v in np.meshgrid(np.geomspace(2e7, 1e9, 6), [5.0, 10, 20, 40, 80]))
        return n, n * r
    if kind == "few":
        n, d = np.meshgrid(np.geomspace(5e7, 1e9, 5), [1e9, 4e9, 16e9])
        return n.ravel(), d.ravel()
    n = np.exp(rng.uniform(np.log(2e7), np.log(2e9), 40))
    return n, n * np.exp(rng.uniform(np.log(3), np.log(200), 40))


def simulated():
    """(part, row of the table, columns, [(budget, best size, its log error)])."""
    for number, (name, law) in enumerate(TRUTHS.items()):
        for kind in ("isoFLOP", "ratios", "few", "random"):
            for noise in NOISES:
                for seed in range(SEEDS):
                    rng = np.random.default_rng([seed, number, len(kind), int(noise * 1e4)])
                    n, d = designed(kind, law, rng)
                    loss = law(n, d) * np.exp(noise * rng.standard_normal(len(n)))
                    top = float((6 * n * d).max())
                    asked = [(f * top, best_size(law, f * top), 0.0) for f in FACTORS]
                    yield "simulated", (name, kind), {"params": n, "tokens": d, "flops": 6 * n * d, "loss": loss}, asked


def fresh():
    """Tables of laws, designs, noise and budgets drawn at random."""
    for seed in range(FRESH):
        rng = np.random.default_rng([seed, 2026])
        alpha, beta, coupling = *rng.uniform(0.25, 0.55, 2), rng.uniform(0.5, 1.2)
        floor, height, ratio = rng.uniform(1.2, 2.2), rng.uniform(0.5, 1.5), np.exp(rng.uniform(np.log(8), np.log(60)))
        spoilt, worse = rng.uniform() < 0.5, rng.uniform(0.0, 0.06)

        def law(n, d, a=alpha / coupling, b=beta / coupling, k=coupling, e=floor, h=height, r=ratio, w=spoilt * worse):
            spent = (n / 1e8) ** -a + (a / b) * (d / (r * 1e8)) ** -b
            return (e + h * spent**k) * np.exp(w * np.sqrt(2e7 / n))

        count, noise = int(rng.integers(12, 61)), np.exp(rng.uniform(np.log(0.002), np.log(0.015)))
        kind = ("isoFLOP", "grid", "random")[seed % 3]
        if kind == "isoFLOP":
            budgets, own = 10 ** np.linspace(17.5, 17.5 + rng.uniform(1.2, 2.5), max(3, count // 7)), 7
            n = np.concatenate([best_size(law, c) * np.geomspace(1 / 5, 5, own) * np.exp(rng.normal(0, 0.3)) for c in budgets])
            d = np.repeat(budgets, own) / (6 * n)
        elif kind == "grid":
            many = max(4, count // 5)
            n = np.repeat(np.geomspace(1e7, 1e7 * 3.0 ** (many / 2), many), 4)
            d = n * np.tile(ratio * np.array([0.3, 1, 3, 9]), many)
        else:
            n = np.exp(rng.uniform(np.log(1e7), np.log(1e9), count))
            d = n * ratio * np.exp(rng.uniform(-1.5, 2.5, count))
        loss = law(n, d) * np.exp(noise * rng.standard_normal(len(n)))
        flops = float((6 * n * d).max() * np.exp(rng.uniform(0, np.log(50))))
        rows = {"params": n, "tokens": d, "flops": 6 * n * d, "loss": loss}
        yield "fresh", ("spoilt" if spoilt else "as their law", kind), rows, [(flops, best_size(law, flops), 0.0)]


def published():
    frame = pl.read_parquet(STUDIES / "kaplan-vs-chinchilla" / "runs.parquet")
    names = ("params", "tokens", "flops", "loss")
    for _, own in frame.group_by(KEYS, maintain_order=True):
        yield from cut("Porian et al.", {k: own[k].to_numpy().astype(float) for k in names})
    frame = pl.read_parquet(STUDIES / "chinchilla" / "runs.parquet").filter(pl.col("role") != "outlier")
    n, c, loss = (frame[k].to_numpy().astype(float) for k in ("params", "flops", "loss"))
    off = np.abs(np.log(c[:, None] / BUDGETS))
    near = off.min(axis=1) < NEAR
    c = BUDGETS[off.argmin(axis=1)]
    rows = {"params": n, "tokens": c / (6 * n), "flops": c, "loss": loss}
    yield from cut("Hoffmann et al.", {k: v[near] for k, v in rows.items()})


def cut(study, rows):
    full = isoflop(Runs(rows), "akima", level=0.9)
    for last in range(FEWEST - 1, len(full.flops) - AHEAD[0]):
        keep = rows["flops"] <= 1.01 * full.flops[last]
        at = [last + k for k in AHEAD if last + k < len(full.flops)]
        asked = [(float(full.flops[i]), float(full.params[i]), float(full.params_error[i])) for i in at]
        yield "published", (study, ""), {k: v[keep] for k, v in rows.items()}, asked


def answers(rows, flops):
    """(method, N*, low, high) of every method that has an answer."""
    runs = Runs(rows)
    told = {"runs": lambda: fs.plan(runs, flops).params}
    told["one law"] = lambda: fs.plan(fs.fit(fs.laws.chinchilla, runs, resamples=RESAMPLES), flops).params
    for method in ("parabola", "akima"):
        told[method] = lambda method=method: isoflop(runs, method, level=0.9).params_at(flops)
    for name, ask in told.items():
        try:
            yield name, *ask()
        except ForescaleError:
            continue


def judged(job):
    part, row, rows, asked = job
    top, out = float(rows["flops"].max()), []
    for flops, true, error in asked:
        for method, value, low, high in answers(rows, flops):
            off, down, up = np.log(value / true), np.log(value / low), np.log(high / value)
            reach = np.hypot(down if off > 0 else up, 1.645 * error)
            out.append((part, *row, flops / top, method, abs(off), bool(abs(off) <= reach), down + up, error))
    return out


def table(frame, by, title):
    methods = ("runs", "one law", "parabola", "akima")
    lines = [f"| {title} | questions | " + " | ".join(f"{m}: off, held, ends apart" for m in methods) + " |"]
    lines.append("|---" * (2 + len(methods)) + "|")
    for (name,), own in frame.group_by(by, maintain_order=True):
        cells = []
        for m in methods:
            mine = own.filter(pl.col("method") == m)
            cells.append(
                f"{np.exp(mine['off'].median()):.2f}x, {mine['held'].mean():.0%}, {np.exp(mine['width'].median()):.1f}x"
                if len(mine)
                else ""
            )
        count = own.filter(pl.col("method") == "runs").height
        lines.append(f"| {name} | {count} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    jobs = [*published(), *simulated(), *fresh()]
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        found = [row for rows in pool.map(judged, jobs) for row in rows]
    names = ["part", "what", "design", "factor", "method", "off", "held", "width", "error"]
    frame = pl.DataFrame(found, schema=names, orient="row")
    distance = pl.col("factor").map_elements(lambda f: WITHIN[np.searchsorted(ENDS, f)], str)
    frame = frame.with_columns(distance=distance).sort("factor", maintain_order=True)
    parts = {p: frame.filter(pl.col("part") == p) for p in ("published", "simulated", "fresh")}
    real, made, new = parts.values()
    text = HEAD + PUBLISHED.format(configurations=15, error=np.expm1(real["error"].median()))
    text += table(real, "distance", "beyond the dearest run") + "\n" + table(real.sort("what"), "what", "study")
    text += SIMULATED.format(noise=" and ".join(f"{n:.1%}" for n in NOISES), factors=", ".join(f"{f:g}" for f in FACTORS))
    text += table(made, "distance", "beyond the dearest run")
    text += "\n" + table(made.sort("what"), "what", "law") + "\n" + table(made.sort("design"), "design", "design")
    text += DRAWN.format(fresh=FRESH) + table(new, "distance", "beyond the dearest run")
    text += "\n" + table(new.sort("what"), "what", "runs") + "\n" + table(new.sort("design"), "design", "design")
    (ROOT / "docs" / "plans.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
