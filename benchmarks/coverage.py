"""Write docs/coverage.md: python benchmarks/coverage.py [LADDERS]."""

import os
import sys
from contextlib import suppress
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import forescale as fs
from forescale import laws
from forescale.compare import transfer, transfer_matrix
from forescale.errors import InputError
from forescale.forecast import chain_forecast, pass_forecast
from forescale.plan import fit_skills, hparams, isoflop, optimal_params, skills
from forescale.plan.valleys import METHODS
from forescale.runs import Runs
from forescale.uncertainty import resampled
from forescale.uncertainty.coverage import NOISES, coverage

HEAD = """# Coverage of the default interval

Printed by `python benchmarks/coverage.py {ladders}`. Simulated ladders from the law itself (Chinchilla form, the constants
of Besiroglu et al.), fitted with the default objective and judged at ten times the largest compute. Nominal level 90 %.
*usual* is the percentile bootstrap of single rows for the fitted mean, the interval in common use, judged on the same
new runs. Noise is simulated; what no column shows is a law that is wrong in form.

| noise | ladders | new run | N* | usual | median width in log loss |
|---|---|---|---|---|---|
"""

OTHERS = """
## Other intervals

Nominal 90 %, on {count} simulated studies each whose law is the one that is fitted.

| what | noise | judged | held | median width |
|---|---|---|---|---|
"""
FEW = """
## Few runs

A new run of three times the largest size and nine times its compute, foretold by the right law from {checkpoints} checkpoints of
each of a few runs: {count} simulated ladders for each line, nominal 90 %. *drawn again* is the bootstrap of whole runs, which the
default leaves where there are fewer than six of them.

| runs | noise of a run | default | drawn again |
|---|---|---|---|
"""
CHECKPOINTS = 20
FACTS = {"E": 1.5, "A": 900.0, "B": 300.0, "alpha": 0.33, "beta": 0.36}
CODE = {"E": 0.8, "A": 60.0, "B": 2500.0, "alpha": 0.33, "beta": 0.36}
OTHER = 100  # simulated studies each
WORTH = {"fr": 0.5, "ja": 0.05}


def skill_sizes(rng):
    """N* of two skills and of their even mix at 1e22 FLOP: (truth, low, high), logarithms."""
    n, d = (v.ravel() for v in np.meshgrid(np.geomspace(2e7, 2e9, 8), np.geomspace(5e8, 8e10, 6)))
    clean = [laws.get("chinchilla")(t, params=n, tokens=d) for t in (FACTS, CODE)]
    loss = np.concatenate(clean) * np.exp(0.003 * rng.standard_normal(2 * len(n)))
    names = np.repeat(np.array(["facts", "code"], object), len(n))
    runs = Runs({"params": np.tile(n, 2), "tokens": np.tile(d, 2), "loss": loss, "skill": names})
    found = skills(fit_skills(laws.get("chinchilla"), runs, "skill", resamples=300), 1e22)
    for name, truth in (("facts", FACTS), ("code", CODE)):
        yield "N* of a skill", np.log([float(optimal_params(laws.get("chinchilla"), truth, 1e22)), *found.params[name][1:]])
    grid = np.geomspace(1e8, 1e12, 200_001)
    mix = sum(laws.get("chinchilla")(t, params=grid, tokens=1e22 / (6 * grid)) for t in (FACTS, CODE))
    yield "N* of their mix", np.log([grid[mix.argmin()], *found.mix[1:]])


def worths(rng, count=60):
    """What a token of two other languages is worth."""
    tokens = {k: np.where(rng.random(count) < 0.3, 0, 10 ** rng.uniform(8, 10.5, count)) for k in WORTH}
    own, n = 10 ** rng.uniform(8, 10, count), 10 ** rng.uniform(7.5, 9, count)
    data = own + sum(w * tokens[k] for k, w in WORTH.items())
    loss = (1.6 + 300 * n**-0.35 + 400 * data**-0.32) * np.exp(0.005 * rng.standard_normal(count))
    columns = {"params": n, "loss": loss, "de": own, "language": np.array(["de"] * count, object)} | tokens
    found = transfer_matrix(Runs(columns), {k: k for k in ("de", *WORTH)})
    for k, w in WORTH.items():
        yield "worth of a token", np.array([w, *found.worth["de"][k][1:]])


def ramp(rng):
    """The last loss of a run whose batch is raised, from 40 % of its log."""
    step = np.arange(1, 20_001)
    size = np.where(step <= 3000, 0.25e6, np.where(step <= 8000, 0.5e6, 1e6))
    critical = np.exp(rng.uniform(np.log(5e5), np.log(5e6)))
    loss = 1.9 + 8.0 * np.cumsum(1 / (1 + critical / size)) ** -0.35
    at = np.arange(100, 8001, 100) - 1
    log = {
        "step": step[at].astype(float),
        "loss": loss[at] * np.exp(0.003 * rng.standard_normal(len(at))),
        "batch_size": size[at],
    }
    found = fs.watch(log, until=20_000, schedule="constant", batch="1M")
    yield "last loss of a run whose batch is raised", np.log([loss[-1], found.low, found.high])


def items(rng, models=8, many=300, choices=4):
    """Accuracy of a new model at 100 times the compute, from the log probabilities of every choice."""
    level, slope = rng.normal(-4, 1, (many, choices)), rng.normal(0.15, 0.12, (many, choices))
    level[:, 0] -= 1.5
    slope[:, 0] += 0.45

    def at(x):
        z = level + slope * x + rng.normal(0, 0.12, (many, choices))
        z[:, 0] += rng.normal(0, 0.08)
        return np.minimum(z - np.maximum(np.logaddexp.reduce(z, axis=1), 0)[:, None], 0.0)

    flops = np.geomspace(1e18, 1e21, models)
    found = chain_forecast(np.stack([at(v) for v in np.log10(flops) - 18]), np.zeros(many, int), flops, 1e23, draws=200)
    truth = at(5.0)
    yield "accuracy by item", np.array([(truth[:, 0] > truth[:, 1:].max(axis=1)).mean(), *found.scores["accuracy"][1:]])


def arms(rng):
    """The compute one arm needs for the other's loss, at the largest scale of 5, 7 or 12; exponents differ by up to a quarter."""
    count, off, power = int(rng.choice([5, 7, 12])), rng.uniform(-0.03, 0.03), 0.12 + rng.uniform(-0.03, 0.03)
    c = np.geomspace(1e18, 1e20, count)
    loss = np.r_[1.7 + 2 * (c / 1e18) ** -0.12, 1.7 + 2 * np.exp(off) * (c / 1e18) ** -power]
    names = np.repeat(np.array(["a", "b"], object), count)
    noisy = loss * np.exp(0.004 * rng.standard_normal(2 * count))
    (pair,) = fs.compare(Runs({"flops": np.r_[c, c], "loss": noisy, "arm": names}), 1e20).pairs
    needed = 1e18 * (np.exp(-off) * 100.0**-0.12) ** (-1 / power)
    yield "compute of an arm for the other's loss", np.log([needed / 1e20, *pair.multiplier[1:]])


def rates(rng):
    """The best learning rate of a run 300 times the largest swept, from five rates in each of eight cells."""
    by_size, by_data, steep = rng.uniform(-0.35, -0.1), rng.uniform(-0.1, 0.15), rng.uniform(0.01, 0.04)
    n, m, k = (v.ravel() for v in np.meshgrid([2e7, 6e7, 1.8e8, 5e8], [10, 40], [-2, -1, 0, 1, 2]))
    best = lambda n, d: 3e-3 * (n / 2e7) ** by_size * (d / 2e8) ** by_data
    rate, d = 3e-3 * 2.0**k, n * m
    clean = (1.75 + 410 * n**-0.34 + 1900 * d**-0.36) * np.exp(steep * np.log2(rate / best(n, d)) ** 2 / 2)
    loss = clean * np.exp(0.003 * rng.standard_normal(len(n)))
    found = hparams(Runs({"params": n, "tokens": d, "learning_rate": rate, "loss": loss}), params=3e9, tokens=6e10)
    yield "best learning rate", np.log([best(3e9, 6e10), *found.values["learning_rate"][1:]])


def few_rates(rng):
    """The same ten times the largest of three or four sizes at one ratio of tokens, three or four rates each."""
    by_size, steep = rng.uniform(-0.35, -0.1), rng.uniform(0.01, 0.04)
    sizes, many = ((3, 4), (4, 3))[rng.integers(2)]
    n, k = (v.ravel() for v in np.meshgrid(np.geomspace(2e7, 3e8, sizes), np.linspace(-1.5, 1.5, many)))
    best = lambda n: 3e-3 * (n / 2e7) ** by_size
    rate = 3e-3 * 2.0 ** (k + rng.uniform(-0.5, 0.5)) * (n / 2e7) ** (by_size / 2)
    clean = (1.75 + 410 * n**-0.34) * np.exp(steep * np.log2(rate / best(n)) ** 2 / 2)
    loss = clean * np.exp(0.003 * rng.standard_normal(len(n)))
    found = hparams(Runs({"params": n, "tokens": 20 * n, "learning_rate": rate, "loss": loss}), params=3e9, tokens=6e10)
    yield "best learning rate, three or four cells", np.log([best(3e9), *found.values["learning_rate"][1:]])


def valleys(rng):
    """The exponent of N* from the valleys of four to nine budgets, five to nine sizes each."""
    values = {"E": 1.7, "alpha": rng.uniform(0.28, 0.42), "beta": rng.uniform(0.28, 0.42)}
    values |= {"A": rng.uniform(0.36, 0.84) * 1e8 ** values["alpha"], "B": 0.6 * 2e9 ** values["beta"]}
    budgets, sizes = ((4, 5), (5, 7), (9, 9))[rng.integers(3)]
    flops = np.geomspace(3e17, 5e19, budgets)
    best = np.array([float(optimal_params(laws.get("chinchilla"), values, c)) for c in flops])
    n = np.outer(best * np.exp(rng.normal(0, 0.3)), np.geomspace(0.25, 4, sizes)).ravel()
    c = np.repeat(flops, sizes)
    loss = laws.get("chinchilla")(values, params=n, tokens=c / (6 * n)) * np.exp(0.005 * rng.standard_normal(len(n)))
    table = Runs({"params": n, "tokens": c / (6 * n), "flops": c, "loss": loss})
    truth = np.log(best[-1] / best[0]) / np.log(flops[-1] / flops[0])
    for method in METHODS:
        with suppress(InputError):  # the bottoms lie at the edge of the sizes: refused, not judged
            yield f"exponent by isoFLOP, {method}", np.array([truth, *isoflop(table, method, level=0.9).exponent[1:]])


def passes(rng):
    """The pass rate of a new model ten times the largest of four to ten, sampled until it passed two to six times."""
    count, often = int(rng.choice([4, 6, 10])), int(rng.choice([2, 3, 6]))
    n, alpha, end = np.geomspace(3e7, 3e9, count), rng.uniform(0.1, 0.35), rng.uniform(0.7, 5.8)
    rate = np.exp(-end * (n / 3e9) ** -alpha * np.exp(0.1 * rng.standard_normal(count)))
    found = pass_forecast(n, rng.negative_binomial(often, rate) + often, often, 3e10)
    truth = np.exp(-end * 10**-alpha * np.exp(0.1 * rng.standard_normal()))
    yield "pass rate of a new model", np.array([truth, found.low, found.high])


def new_data(rng):
    """The loss of a new run on new data, seven times the largest size, from an old ladder of eight and five pairs of losses."""
    n = np.geomspace(2e7, 1e9, 8)
    law = lambda n: 1.7 + 410 * n**-0.34 + 1900 * (20 * n) ** -0.36
    slope, level = rng.uniform(0.9, 1.1), rng.uniform(0.1, 0.7)
    old = law(n) * np.exp(0.003 * rng.standard_normal(8))
    new = (level + slope * law(n[2:7])) * np.exp(0.003 * rng.standard_normal(5))
    found = transfer(Runs({"params": n, "tokens": 20 * n, "loss": old}), old[2:7], new, params=7e9, tokens=1.4e11)
    truth = (level + slope * law(7e9)) * np.exp(0.003 * rng.standard_normal())
    yield "loss on new data", np.log([truth, found.low, found.high])


def few_runs(count):
    """Shares of intervals that hold a new run: the default, and runs drawn again however few."""
    law, at = laws.get("chinchilla"), {"params": 6e9, "tokens": 2.4e11}
    values = law.preset("besiroglu")
    for runs in (3, 4, 6, 8):
        for noise in (0.002, 0.004):
            held = []
            for seed in range(count):
                rng = np.random.default_rng(seed)
                n = np.repeat(np.geomspace(3e7, 2e9, runs), CHECKPOINTS)
                d = n * 40 * np.tile(np.linspace(0.15, 1, CHECKPOINTS), runs)
                off = np.repeat(noise * rng.standard_normal(runs), CHECKPOINTS) + 0.002 * rng.standard_normal(len(n))
                names = np.repeat(np.array([f"run{i}" for i in range(runs)], object), CHECKPOINTS)
                table = Runs({"params": n, "tokens": d, "loss": law(values, params=n, tokens=d) * np.exp(off), "run": names})
                truth = float(law(values, **at)) * np.exp(noise * rng.standard_normal())
                found = fs.fit(law, table, resamples=150)
                said = [f.predict(**at) for f in (found, resampled(found, "run", 150))]
                held.append([float(p.low) < truth < float(p.high) for p in said])
            ours, again = np.mean(held, axis=0)
            yield f"| {runs} | {noise:.1%} | {ours:.0%} | {again:.0%} |"


def others(count):
    rng, seen = np.random.default_rng(0), {}
    of = {skill_sizes: "0.3 %", worths: "0.5 %", ramp: "0.3 %", items: "0.12 nats"}
    of |= {arms: "0.4 %", rates: "0.3 %", few_rates: "0.3 %", new_data: "0.3 %", valleys: "0.5 %", passes: "10 %"}
    for make, noise in of.items():
        for _ in range(count):
            for what, (truth, low, high) in make(rng):
                seen.setdefault((what, noise), []).append((low <= truth <= high, high - low))
        print(f"{make.__name__} done", file=sys.stderr, flush=True)
    for (what, noise), rows in seen.items():
        held, width = np.mean([h for h, _ in rows]), np.median([w for _, w in rows])
        yield f"| {what} | {noise} | {len(rows)} | {held:.1%} | {width:.3f} |"


def main():
    ladders = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    law = laws.get("chinchilla")
    text = HEAD.format(ladders=ladders)
    for noise in NOISES:
        c = coverage(law, law.preset("besiroglu"), noise, ladders)
        text += f"| {noise} | {ladders} | {c.new_run:.1%} | {c.optimum:.1%} | {c.usual:.1%} | {c.width:.4f} |\n"
    text += (
        OTHERS.format(count=OTHER)
        + "\n".join(others(OTHER))
        + "\n\nWidths of sizes, rates of learning and losses are in logarithms.\n"
    )
    text += FEW.format(checkpoints=CHECKPOINTS, count=OTHER) + "\n".join(few_runs(OTHER)) + "\n"
    path = Path(__file__).parents[1] / "docs" / "coverage.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
