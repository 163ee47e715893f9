"""The forecaster on studies that no calibration saw: python benchmarks/unseen.py. Writes docs/unseen.md.

The studies are models trained by tools/train_curves.py (benchmarks/unseen/*.csv). The largest rows are held out, 2 to 16
times beyond the rest; the calibration is the one in the package.
"""

import csv
import os
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from forescale.forecast.calibrate import shipped
from forescale.forecast.candidates import candidates
from forescale.forecast.odd import sound
from forescale.forecast.question import Question
from forescale.forecast.solve import solve

ROOT = Path(__file__).parents[1]
HERE = ROOT / "benchmarks" / "unseen"
CUTS = (2, 4, 8, 16)
WITHIN = "within, a fifth"
STACK = "**forescale**"
HEAD = """# The forecaster on studies that no calibration saw

Printed by `python benchmarks/unseen.py`. The studies are models that `python tools/train_curves.py` trained on this
project's own machine: classifiers and regressors on scikit-learn's data and generators, byte models and line classifiers
on Python's standard library (error by training examples), and ridge regression on random features (error by features and
examples). None of them is in the calibration: the intervals were not fitted to them. Some choices looked at them beside the
referee's tasks. In the stack: that, over one input, forecast progress is multiplied by the share of it that came true in
back-tests; the smooth surface, the log odds and one more floor law as candidates; how sharply candidates are told apart
within the rows; and how far astray one may go. In the widths: how a run's noise is estimated.

Error: geometric mean over studies of the root mean square log error of the held-out rows. Score: geometric mean of the log
interval score of the nominal 90 % interval (lower is better). Joint: all held-out rows of a study at once.
"""


def studies(name):
    """{study: (columns of inputs, error)} of a table."""
    with (HERE / name).open() as file:
        head, *rows = csv.reader(file)
    labels = [c for c in head if c in ("data", "model")]
    out = {}
    for row in rows:
        out.setdefault(" / ".join(row[: len(labels)]), []).append([float(v) for v in row[len(labels) :]])
    return tuple(head[len(labels) : -1]), {k: np.array(v) for k, v in out.items()}


def questions(inputs, tables, cut):
    """One for each study with rows enough: those more than `cut` below the largest are fitted."""
    out = []
    for table in tables.values():
        x, y = table[:, :-1], np.log(table[:, -1])
        scale = x.prod(axis=1)
        fit = scale <= scale.max() / cut * (1 + 1e-9)
        if fit.sum() >= 2 * len(inputs) + 4:
            out.append((sound(Question(inputs, x[fit], np.exp(y[fit]), scale[fit], x[~fit], scale[~fit])), y[~fit]))
    return out


def between(inputs, tables):
    """One for each study: a fifth of its rows, drawn at random, are held out; those that lie within the rest are asked."""
    rng, out = np.random.default_rng(0), []
    for table in tables.values():
        held = np.zeros(len(table), bool)
        held[rng.choice(len(table), max(4, len(table) // 5), replace=False)] = True
        x, y = table[:, :-1], table[:, -1]
        scale = x.prod(axis=1)
        q = Question(inputs, x[~held], y[~held], scale[~held], x[held], scale[held])
        if q.inside.any():
            asked = q.x_new[q.inside], q.scale_new[q.inside]
            out.append((sound(Question(inputs, q.x, q.y, q.scale, *asked)), np.log(y[held][q.inside])))
    return out


def judged(asked):
    """{method: log errors by study}, and of our 90 % interval: coverage, joint coverage, score."""
    rule, errors, held = shipped(), {}, []
    solved = solve([q for q, _ in asked], candidates(asked[0][0].inputs, "error"))
    for (_, truth), s in zip(asked, solved, strict=True):
        off, size = np.abs(s.value - truth), rule.size(s.features)
        half, joint = size * rule.quantile(0.9), size * rule.quantile(0.9, len(truth))
        score = np.mean(2 * half + 20 * np.maximum(off - half, 0))
        held.append((np.mean(off <= half), (off <= joint).all(), score))
        errors.setdefault(STACK, []).append(np.sqrt(np.mean(off**2)))
        for name, value in zip(s.names, s.target, strict=True):
            errors.setdefault(name, []).append(np.sqrt(np.mean((value - truth) ** 2)))
    return {k: v for k, v in errors.items() if len(v) == len(asked)}, np.array(held)


def geomean(values):
    return float(np.exp(np.mean(np.log(np.maximum(values, 1e-4)))))


def alone(errors):
    """Errors of the stack and of each candidate that answers everywhere, best first."""
    names = set.intersection(*(set(e) for e in errors.values()))
    table = {n: [geomean(e[n]) for e in errors.values()] for n in names}
    lines = ["| candidate alone | " + " | ".join(errors) + " |", "|---" * (len(errors) + 1) + "|"]
    for name in sorted(table, key=lambda n: (geomean(table[n]), n)):
        lines.append(f"| {name} | " + " | ".join(f"{v:.2%}" for v in table[name]) + " |")
    return lines


def main():
    lines = [HEAD]
    for title, name in (("Curves, one input", "curves.csv"), ("Grids, two inputs", "grids.csv")):
        inputs, tables = studies(name)
        found = {f"{cut}x beyond": judged(questions(inputs, tables, cut)) for cut in CUTS}
        found[WITHIN] = judged(between(inputs, tables))
        lines += [
            f"## {title} ({', '.join(inputs)})",
            "",
            "| held out | studies | error | score | coverage | joint |",
            "|---" * 6 + "|",
        ]
        for cut, (errors, held) in found.items():
            cover, joint = held[:, :2].mean(axis=0)
            error, score = geomean(errors[STACK]), geomean(held[:, 2])
            lines.append(f"| {cut} | {len(held)} | {error:.2%} | {score:.3f} | {cover:.1%} | {joint:.1%} |")
        lines += ["", *alone({cut: errors for cut, (errors, _) in found.items()}), ""]
    text = "\n".join(lines)
    (ROOT / "docs" / "unseen.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
