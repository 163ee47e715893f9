"""The automatic forecaster on the referee's tasks beside peers and baselines: python benchmarks/forecast.py [--calibrate].

Needs the shared studies with their referee beside the checkout, and pandas and pyarrow. Writes docs/forecast.md. With
--calibrate it also writes the calibration that ships, learned from all studies; the page always judges intervals both
ways: as shipped, and with the calibration learned without the study that is judged.
"""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
ROOT = Path(__file__).parents[1]
REFEREE = ROOT.parent / "shared" / "referee"
sys.path.insert(0, str(REFEREE))

import numpy as np
import pandas as pd
import score as scorer
import tasks as referee

from forescale import laws
from forescale.forecast import forecast
from forescale.forecast.backtest import fill, roll
from forescale.forecast.calibrate import LEVELS, Past, learn, shipped
from forescale.forecast.candidates import candidates
from forescale.forecast.odd import sound
from forescale.forecast.prepare import recognised
from forescale.forecast.question import Question
from forescale.forecast.rates import Told, rate_bounds
from forescale.forecast.shared import share
from forescale.forecast.solve import solve
from forescale.forecast.stack import combine

SIMULATED, SIMULATED_WEIGHT = 60, 0.1  # ladders whose law is right and whose noise is known: widths must hold there, too
ROLLOUT_WEIGHT = 0.1  # of a task: they reach farther, from fewer rows
WORKERS = 2
COMMAND = "python benchmarks/forecast.py --calibrate"
GOALS = {"loss-ND": (1.5, 0.08), "loss-C": (0.4, 0.03), "curve": (1.4, 0.10), "surface": (2.0, 0.12), "downstream": (9.0, 0.6)}
HEAD = """Error: geometric mean over tasks of a task's mean absolute relative error (RMSLE for curves). *shipped*: intervals with
the calibration in the package, which has seen these studies. *left out*: the calibration learned without the study that
is judged; learning curves count as four studies, one per domain. Both also learn from rollouts and from simulated ladders
whose law is right, a tenth of a task each.
Weights and corrections inside a forecast come from its own back-tests; the constants of the stack were chosen once, by
looking at these tasks, at the shipped study and at those of docs/unseen.md, docs/new-runs.md, docs/hidden-laws.md and
docs/sideways.md, those of the calibration (what stands for size,
the weights of rollouts and of simulated ladders) by looking at this table, at simulated coverage and, the last of them, at
docs/unseen.md; which back-tests count for widths alone, by simulated isoFLOP tables of a few budgets
and the same budgets of published arms; what those count for that reach less far than the target, by the rollouts below;
how noisy few rows are taken to be, by docs/few-runs.md.
""".splitlines()
BASELINES = ("last_value", "power_law_last3", "nearest", "quadratic", "sigmoid")


def study_of(task):
    """Learning curves come from four papers' worth of domains: each counts as a study of its own."""
    return "/".join(task.id.split("/")[:2]) if task.study == "learning-curves" else task.study


def asked(task):
    """The questions of a task (one for each group) as the forecaster takes them, and the positions of their answers."""
    every = list(task.questions())
    ends = rate_bounds(task.target, np.concatenate([q.y for q, _ in every]))
    whole = Told().whole(ends)
    questions = [Question(tuple(q.inputs), q.x, q.y, q.scale, q.x_new, q.scale_new, whole=whole) for q, _ in every]
    questions = [sound(recognised(q)) for q in questions]
    return questions, [where for _, where in every]


def answer(task):
    """Every question of a task: positions and the answer. Groups of a task share, as in forecast(group=)."""
    begin = time.perf_counter()
    questions, places = asked(task)
    out = list(zip(places, solve(questions, candidates(questions[0].inputs, task.target), groups=True), strict=True))
    return out, time.perf_counter() - begin


def arms(task):
    """The study's own grouping of tasks that are one curve each: arms that a user would give as groups."""
    part = task.id.split("/")
    if task.study == "learning-curves":
        return "/".join((*part[:2], part[-1]) if part[1] == "IC" else part[:3] if part[1] == "BB" else part[:2])
    return f"{task.study}, {task.kind}"


def sharing_lines(tasks):
    """Median error ratio of groups of one input that share an exponent against each alone, by study."""
    sets = {}
    for t in tasks:
        if len(t.inputs) == 1 and t.kind in ("curve", "loss-C"):
            sets.setdefault(t.id if t.study == "finetuning" else arms(t), []).append(t)
    found = {}
    for name, of in sets.items():
        questions, banks, truths = [], [], []
        for t in of:
            qs, places = asked(t)
            questions += qs
            banks += fill(qs, candidates(qs[0].inputs, t.target))
            truths += [t.y_new[w] for w in places]
        if len(questions) < 3:
            continue
        both = [[combine(q, b).value for q, b in zip(questions, bs, strict=True)] for bs in (banks, share(questions, banks))]
        off = [[np.mean(np.abs(np.exp(v) / y - 1)) for v, y in zip(vs, truths, strict=True)] for vs in both]
        found.setdefault(study_of(of[0]), []).extend(zip(*off, strict=True))
    lines = ["| study | groups | each alone | sharing an exponent |", "|---|---|---|---|"]
    for study, pairs in sorted(found.items()):
        a, b = (100 * scorer.geomean(v) for v in zip(*pairs, strict=True))
        lines.append(f"| {study} | {len(pairs)} | {a:.3f} % | {b:.3f} % |")
    return lines


def table(tasks, answers, rule_of, method):
    """Predictions in the referee's format, with intervals from the calibration rule_of(task)."""
    rows = []
    for task in tasks:
        rule, (found, seconds) = rule_of(task), answers[task.id]
        low, high = rate_bounds(task.target, np.concatenate([q.y for q in asked(task)[0]])) or (0.0, np.inf)
        for where, s in found:
            size = rule.size(s.features)
            frame = {"row": [task.rows_new[i] for i in where], "median": np.clip(np.exp(s.value), low, high)}
            for level in (50, 80, 90):
                half = size * rule.quantile(level / 100)
                ends = (np.clip(np.exp(s.value + side * half), low, high) for side in (-1, 1))
                frame |= dict(zip((f"lo{level}", f"hi{level}"), ends, strict=True))
            rows.append(pd.DataFrame(frame).assign(method=method, task=task.id, status="ok", seconds=seconds))
    return pd.concat(rows)


def past_of(tasks, answers):
    return [Past(study_of(t), s.features, np.log(t.y_new[where]) - s.value) for t in tasks for where, s in answers[t.id][0]]


def rollouts(task):
    """Forecasts of fitted rows from smaller fitted rows, up to 30x, and how far these lie beyond: they count little, but reach
    other distances."""
    out = []
    for whole in asked(task)[0]:
        splits = roll(whole, 30.0)
        picked = splits[-2:-1] if task.kind == "curve" else splits if len(splits) <= 3 else [splits[0], splits[2], splits[-1]]
        parts = [whole.split(s.fit, s.new) for s in picked]
        for s, split in zip(solve(parts, candidates(whole.inputs, task.target)), picked, strict=True):
            error = np.log(whole.y[split.new]) - s.value
            beyond = whole.scale[split.new] / whole.scale[split.fit].max()
            out.append((Past(study_of(task), s.features, error, ROLLOUT_WEIGHT), beyond))
    return out


def rollout_lines(tasks, rolled, without):
    """Coverage of rollouts by kind and distance, with the calibration learned without their study."""
    lines = ["| kind | rollouts | 1-3x | 3-10x | >10x |", "|---|---|---|---|---|"]
    for kind in GOALS:
        pairs = [pair for t, own in zip(tasks, rolled, strict=True) if t.kind == kind for pair in own]
        held, beyond, weight = [], np.concatenate([b for _, b in pairs]), []
        for p, _ in pairs:
            rule = without[p.study]
            held.append(np.abs(p.error) <= rule.size(p.features) * rule.quantile(0.9))
            weight.append(np.full(len(p.error), 1 / len(p.error)))
        held, weight = np.concatenate(held), np.concatenate(weight)
        cells = [(beyond > low) & (beyond <= high) for low, high in ((1, 3), (3, 10), (10, np.inf))]
        shares = [f"{100 * np.average(held[c], weights=weight[c]):.1f} %" for c in cells]
        lines.append(f"| {kind} | {len(pairs)} | {' | '.join(shares)} |")
    return lines


def simulated(i):
    """Forecast of one new run on a simulated ladder: published constants, normal noise, 1.5 to 15 times the compute.

    tests/statistics judges the widths on other seeds and another design.
    """
    rng = np.random.default_rng(10_000 + i)
    law, rows = laws.get(("chinchilla", "kaplan")[i % 2]), int(rng.integers(25, 120))
    values = dict(law.published[(i // 2) % len(law.published)].values)
    noise = np.exp(rng.uniform(np.log(0.002), np.log(0.01)))
    n = np.exp(rng.uniform(np.log(3e7), np.log(2e9), rows))
    d = n * np.exp(rng.uniform(np.log(4), np.log(120), rows))
    y = law(values, params=n, tokens=d) * np.exp(noise * rng.standard_normal(rows))
    flops = np.max(6 * n * d) * np.exp(rng.uniform(np.log(1.5), np.log(15)))
    size = np.sqrt(flops / 6 / 20)
    truth = float(law(values, params=size, tokens=20 * size)) * np.exp(noise * rng.standard_normal())
    x, new = np.stack([n, d], axis=1), np.array([[size, 20 * size]])
    q = Question(("params", "tokens"), x, y, 6 * n * d, new, np.array([flops]))
    s = solve([q], candidates(q.inputs, "loss"))[0]
    return Past("simulated", s.features, np.log(truth) - s.value, SIMULATED_WEIGHT)


def _able(s):
    return {n for n, v in zip(s.names, s.target, strict=True) if np.isfinite(v).all()}


def singles(tasks, answers):
    """Geometric mean error of each candidate alone, by kind, over the tasks it can answer."""
    out = {}
    for task in tasks:
        able = set.intersection(*(_able(s) for _, s in answers[task.id][0]))
        for name in (n for n in answers[task.id][0][0][1].names if n in able):
            guess = np.empty(len(task.y_new))
            for where, s in answers[task.id][0]:
                guess[where] = np.exp(s.target[s.names.index(name)])
            m = scorer.task_metrics(task.y_new, guess)
            out.setdefault((name, task.kind), []).append(scorer.primary(task.kind, m | {"status": "ok"}))
    return {k: (scorer.geomean(v), len(v)) for k, v in out.items()}


def law_discovery(tasks, answers):
    out = {}
    for study in ("finetuning", "parallel"):
        y, p = [], []
        for t in tasks:
            if t.study == study:
                for where, s in answers[t.id][0]:
                    y.append(t.y_new[where])
                    p.append(np.exp(s.value))
        y, p = np.concatenate(y), np.concatenate(p)
        out[study] = (1 - np.mean((y - p) ** 2) / y.var(), len(y))
    return out


def against_best(res, tasks, ours, summ):
    """Our error over that of the best peer or baseline in hindsight, and over the better of the kind's two leaders, by task."""
    out, lead = [], {kind: leaders(summ, kind) for kind in GOALS}
    for t in tasks:
        mine = scorer.primary(t.kind, res[ours][t.id])
        rest = {m: scorer.primary(t.kind, r[t.id]) for m, r in res.items() if t.id in r and not m.startswith("forescale")}
        rest = {m: v for m, v in rest.items() if v is not None}
        by = min(rest, key=rest.get)
        two = min(rest[m] for m in lead[t.kind])
        out.append((t.id, t.kind, mine, by, rest[by], mine / max(rest[by], 1e-4), mine / max(two, 1e-4)))
    return out


def leaders(summ, kind):
    """The method of the peers and the baseline with the smallest mean error over a kind's tasks, of those that did them all."""
    of = {s["method"]: s["geomean"] for s in summ if s["kind"] == kind and not s["failed"] and not s["not_run"]}
    peers = [m for m in of if m not in BASELINES and not m.startswith("forescale")]
    return min(peers, key=of.get), min((m for m in of if m in BASELINES), key=of.get)


def summary_table(summ, names):
    head = ("kind (tasks)", "goal", "forescale", "best peer", "best baseline", "goal, interval score", "shipped", "left out")
    lines = ["| " + " | ".join((*head, "coverage, shipped", "left out")) + " |", "|---" * (len(head) + 2) + "|"]
    for kind, (goal, wide) in GOALS.items():
        of = {s["method"]: s for s in summ if s["kind"] == kind}
        best, naive = leaders(summ, kind)
        a, b = of[names[0]], of[names[1]]
        lines.append(
            f"| {kind} ({a['tasks']}) | {goal} % | **{100 * a['geomean']:.2f} %** | {100 * of[best]['geomean']:.2f} % {best} "
            f"| {100 * of[naive]['geomean']:.2f} % {naive} | {wide} | {a['winkler90_geo']:.3f} | {b['winkler90_geo']:.3f} "
            f"| {100 * a['cov90']:.1f} % | {100 * b['cov90']:.1f} % |"
        )
    return lines


def joint_lines(tasks, answers, without):
    """Share of questions whose targets all lie inside the joint 90 % interval: as shipped and left out."""
    lines = ["| questions with several targets | count | shipped | left out |", "|---|---|---|---|"]
    for curves in (False, True):
        held = []
        for t in (t for t in tasks if (t.kind == "curve") == curves):
            for where, s in answers[t.id][0]:
                error = np.abs(np.log(t.y_new[where]) - s.value)
                rules = (shipped(), without[study_of(t)])
                if len(where) > 1:
                    held.append([bool((error <= r.size(s.features) * r.quantile(0.9, len(where))).all()) for r in rules])
        a, b = np.mean(held, axis=0)
        lines.append(f"| {'curves' if curves else 'all but curves'} | {len(held)} | {a:.1%} | {b:.1%} |")
    return lines


def timing():
    """Seconds of one whole forecast with its interval on simulated ladders (Chinchilla form, 0.5 % noise)."""
    lines = ["| rows | inputs | seconds |", "|---|---|---|"]
    law, rng = laws.get("chinchilla"), np.random.default_rng(0)
    for rows in (250, 5000):
        n = np.exp(rng.uniform(np.log(1e7), np.log(1e9), rows))
        d = n * np.exp(rng.uniform(np.log(3), np.log(200), rows))
        y = law(law.preset("besiroglu"), params=n, tokens=d) * np.exp(0.005 * rng.standard_normal(rows))
        more = {"learning_rate": np.exp(rng.uniform(-8, -5, rows)), "batch_size": np.exp(rng.uniform(10, 14, rows))}
        at = {"params": 7e9, "tokens": 1.4e11}
        for extra, values in (({}, {}), (more, {"learning_rate": 1e-3, "batch_size": 1e6})):
            begin = time.perf_counter()
            forecast({"params": n, "tokens": d, "loss": y} | extra, **at, **values)
            lines.append(f"| {rows:,} | {2 + len(extra)} | {time.perf_counter() - begin:.1f} |")
    return lines


def page(tasks, answers, res, rows, summ, names, without, rolled):
    cover = [c for c in scorer.coverage_by_factor(rows) if c["method"] in names]
    lines = [
        "# The automatic forecaster, judged",
        "",
        "Printed by `python benchmarks/forecast.py` on the referee's public tasks.",
        "",
    ]
    lines += HEAD
    lines += summary_table(summ, names)
    lines += [
        "",
        "## Coverage of nominal 90 % intervals by distance",
        "",
        "| distance | rows | shipped | left out |",
        "|---|---|---|---|",
    ]
    for curves in (False, True):
        for *_, name in scorer.BINS:
            pick = {c["method"]: c for c in cover if c["factor"] == name and c["curves"] == curves}
            if len(pick) == 2:
                a, b = (pick[n] for n in names)
                lines.append(
                    f"| {name}{' (curves)' * curves} | {a['rows']} | {100 * a['cov90']:.1f} % | {100 * b['cov90']:.1f} % |"
                )
    lines += ["", "Rollouts, the rows marked for fitting forecast from smaller ones of them, left out:", ""]
    lines += rollout_lines(tasks, rolled, without)
    lines += ["", "Joint intervals, nominal 90 % for all targets at once:", "", *joint_lines(tasks, answers, without)]
    lines += ["", "## Each candidate alone", "", "| candidate | " + " | ".join(GOALS) + " |", "|---" * (len(GOALS) + 1) + "|"]
    single = singles(tasks, answers)
    ours = {s["kind"]: s["geomean"] for s in summ if s["method"] == names[0]}
    lines.append("| **all of them, stacked** | " + " | ".join(f"**{100 * ours[k]:.2f} %**" for k in GOALS) + " |")
    for name in dict.fromkeys(n for n, _ in single):
        cells = []
        for kind in GOALS:
            error, count = single.get((name, kind), (None, 0))
            whole = count == sum(t.kind == kind for t in tasks)
            cells.append("" if error is None else f"{100 * error:.2f} %" + ("" if whole else f" ({count} tasks)"))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    found = against_best(res, tasks, names[0], summ)
    over = [f for f in found if f[6] > 2]
    worse = sorted((f for f in found if f[5] > 2), key=lambda f: -f[5])
    lines += ["", "## Against the best in hindsight", ""]
    lines.append(
        f"On {len(worse)} of {len(found)} tasks our error is more than twice that of the best of all peers and baselines, "
        f"chosen in hindsight ({sum(f[1] == 'curve' for f in worse)} of them curves); on {sum(f[5] <= 1 for f in found)} "
        f"it is the smallest. On {len(over)} ({sum(f[1] == 'curve' for f in over)} of them curves) it is more than twice that of "
        "the better of the two methods that lead their kind in the first table."
    )
    lines += ["", "| task | forescale | best in hindsight | error | ratio |", "|---|---|---|---|---|"]
    lines += [f"| {t} | {100 * e:.2f} % | {by} | {100 * b:.3f} % | {r:.1f} |" for t, _, e, by, b, r, _ in worse]
    lines += ["", "## Groups", "", "Geometric mean error over groups of one input, each forecast alone and with `group=`:", ""]
    lines += sharing_lines(tasks)
    lines += ["", "## Law discovery", "", "| study | rows | R2 |", "|---|---|---|"]
    lines += [f"| {k} | {n} | {r:.5f} |" for k, (r, n) in law_discovery(tasks, answers).items()]
    lines += [
        "",
        "## Time",
        "",
        "One whole forecast, back-tests and interval included (simulated rows, one core):",
        "",
        *timing(),
        "",
    ]
    seconds = [answers[t.id][1] for t in tasks]
    lines += [
        f"The tasks above: {np.median(seconds):.2f} s a task in the median, {max(seconds):.1f} s at most (one core each).",
        "",
    ]
    return "\n".join(lines)


def main():
    tasks = referee.build()
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        answers = dict(zip((t.id for t in tasks), pool.map(answer, tasks), strict=True))
        rolled = list(pool.map(rollouts, tasks))
        past = past_of(tasks, answers) + [p for own in rolled for p, _ in own] + list(pool.map(simulated, range(SIMULATED)))
    if "--calibrate" in sys.argv:
        learn(past, COMMAND).to_json()
        shipped.cache_clear()
    without = {s: learn([p for p in past if p.study != s]) for s in {p.study for p in past}}
    names = ("forescale", "forescale, left out")
    mine = [table(tasks, answers, lambda t: shipped(), names[0]), table(tasks, answers, lambda t: without[study_of(t)], names[1])]
    peers = pd.read_parquet(REFEREE / "peers.parquet")
    peers["method"] = peers["method"].astype(str)
    pred = pd.concat([*mine, peers], ignore_index=True)
    res, rows, _ = scorer.score(pred, tasks)
    text = page(tasks, answers, res, rows, scorer.summary(res, rows, tasks), names, without, rolled)
    (ROOT / "docs" / "forecast.md").write_text(text)
    print("\n" + text, f"\nlevels calibrated: {LEVELS}")


if __name__ == "__main__":
    main()
