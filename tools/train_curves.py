"""Train small models on this machine and keep how they scale: python tools/train_curves.py (needs scikit-learn; 12 minutes).

Writes benchmarks/unseen/curves.csv (error by training examples, one curve for each model and data set) and grids.csv
(error by number of random features and of examples). They judge the forecaster on studies that its calibration never saw:
data bundled with scikit-learn, its generators, and the text of Python's standard library.
"""

import csv
import lzma
import os
import sysconfig
import warnings
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from sklearn import datasets
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

OUT = Path(__file__).parents[1] / "benchmarks" / "unseen"
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
CLASSIFIERS = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
    "naive Bayes": GaussianNB,
    "neighbours": lambda: KNeighborsClassifier(3),
    "forest": lambda: RandomForestClassifier(40, random_state=0),
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "kernel": SVC,
    "network": lambda: MLPClassifier(hidden_layer_sizes=(64,), max_iter=100, random_state=0),
}
REGRESSORS = {
    "ridge": Ridge,
    "neighbours": KNeighborsRegressor,
    "forest": lambda: RandomForestRegressor(30, random_state=0),
    "boosting": lambda: GradientBoostingRegressor(random_state=0),
    "kernel": SVR,
    "network": lambda: make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=150, random_state=0)),
}


def counts(low, high, how_many):
    return np.unique(np.geomspace(low, high, how_many).astype(int))


def sampled(x, y, models, sizes, seeds):
    """Error on the last third of the shuffled rows, averaged over shuffles: share of mistakes, or squared error / variance."""
    labels = y.dtype.kind in "iu"
    for name, make in models.items():
        curve = []
        for n in sizes:
            errors = []
            for seed in range(seeds):
                order = np.random.default_rng(seed).permutation(len(y))
                train, test = order[:n], order[-len(y) // 3 :]
                if labels and len(np.unique(y[train])) < 2:
                    continue
                guess = make().fit(x[train], y[train]).predict(x[test])
                errors.append(np.mean(guess != y[test]) if labels else np.mean((guess - y[test]) ** 2) / y[test].var())
            if errors:
                curve.append((int(n), float(np.mean(errors))))
        yield name, curve


def tables():
    """(data set, x, y, models, sizes, seeds)"""
    digits, cancer = datasets.load_digits(return_X_y=True), datasets.load_breast_cancer(return_X_y=True)
    yield "digits", *digits, CLASSIFIERS, counts(20, 1190, 22), 8
    yield "breast cancer", *cancer, CLASSIFIERS, counts(10, 375, 18), 20
    some = {k: CLASSIFIERS[k] for k in ("logistic", "neighbours", "forest", "network")}
    for k, (width, informative, apart) in enumerate([(20, 5, 1.0), (40, 10, 0.6), (15, 15, 0.8)]):
        options = {"n_informative": informative, "n_redundant": 0, "n_classes": 3, "class_sep": apart, "flip_y": 0.02 * k}
        yield (
            f"clusters {k}",
            *datasets.make_classification(20000, width, random_state=k, **options),
            some,
            counts(20, 8000, 24),
            3,
        )
    x, y = datasets.make_hastie_10_2(20000, random_state=0)
    few = {k: CLASSIFIERS[k] for k in ("neighbours", "forest", "kernel")}
    yield "sphere", x, (y > 0).astype(int), few, counts(20, 8000, 24), 3
    yield "friedman 1", *datasets.make_friedman1(15000, noise=0.5, random_state=0), REGRESSORS, counts(20, 6000, 24), 3
    few = {k: REGRESSORS[k] for k in ("neighbours", "forest", "boosting")}
    yield "friedman 2", *datasets.make_friedman2(15000, noise=10, random_state=0), few, counts(20, 6000, 24), 3
    few = {k: REGRESSORS[k] for k in ("ridge", "neighbours", "forest", "boosting")}
    yield "diabetes", *datasets.load_diabetes(return_X_y=True), few, counts(10, 290, 18), 20


def sources():
    files = sorted(p for p in LIBRARY.rglob("*.py") if "site-packages" not in p.parts and p.stat().st_size > 200)
    return [files[i] for i in np.random.default_rng(0).permutation(len(files))]


def byte_models():
    """Bits per byte on held-out files: n-gram models (smoothed as Witten and Bell), a compressor that read the training bytes."""
    data = [p.read_bytes() for p in sources()]
    test, pool = b"".join(data[:150])[:200_000], b"".join(data[150:])[:10_000_000]
    sizes = counts(2e3, len(pool), 26)
    train, held = (np.frombuffer(b, np.uint8).astype(np.uint64) for b in (pool, test))
    for order in range(1, 7):
        yield f"{order + 1}-gram bytes", [(int(n), ngram_bits(train[:n], held, order)) for n in sizes]
    pieces = [test[i : i + 4000] for i in range(0, 48000, 4000)]
    curve = []
    for n in sizes[sizes < 6e6]:
        alone = len(lzma.compress(pool[:n]))
        curve.append((int(n), float(np.mean([8 * (len(lzma.compress(pool[:n] + p)) - alone) / len(p) for p in pieces[:4]]))))
    yield "lzma bytes", curve


def ngram_bits(train, held, order):
    def grams(a, k):
        out = np.zeros(len(a) - order, np.uint64)
        for i in range(order - k, order + 1):  # the byte in question and the k before it
            out = out * np.uint64(257) + a[i : len(a) - order + i] + np.uint64(1)
        return out

    def look(values, found, wanted):
        at = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
        return np.where(values[at] == wanted, found[at], 0)

    p = np.full(len(held) - order, 1 / 256)
    for k in range(order + 1):
        grown, times = np.unique(grams(train, k), return_counts=True)
        context = (grown - np.uint64(1)) // np.uint64(257)
        before, kinds = np.unique(context, return_counts=True)
        total = np.zeros(len(before))
        np.add.at(total, np.searchsorted(before, context), times)
        wanted = grams(held, k)
        above = (wanted - np.uint64(1)) // np.uint64(257)
        n, seen, new = look(before, total, above), look(grown, times, wanted), look(before, kinds, above)
        p = np.where(n > 0, (seen + new * p) / np.maximum(n + new, 1), p)
    return float(-np.mean(np.log2(p)))


def line_labels():
    """Which of the twelve largest packages of the standard library a line of code comes from."""
    lines, label = [], []
    for path in sources():
        package = path.relative_to(LIBRARY).parts[0]
        for line in path.read_bytes().decode("utf8", "replace").splitlines():
            if len(line.strip()) > 20:
                lines.append(line)
                label.append(package)
    names, times = np.unique(label, return_counts=True)
    largest = list(names[np.argsort(-times)[:12]])
    keep = np.flatnonzero(np.isin(label, largest))
    keep = np.random.default_rng(1).permutation(keep)[:160_000]
    y, text = np.array([largest.index(label[i]) for i in keep]), [lines[i] for i in keep]
    kinds = {"words": ("word", (1, 1)), "characters": ("char_wb", (2, 4))}
    models = {"linear": lambda: SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=8, tol=None, random_state=0)}
    models["naive Bayes"] = lambda: MultinomialNB(alpha=0.05)
    for kind, (analyzer, grams) in kinds.items():
        x = HashingVectorizer(analyzer=analyzer, ngram_range=grams, n_features=2**18, alternate_sign=False).transform(text)
        for name, make in models.items():
            sizes = counts(300, 130_000, 22)
            yield (
                f"{name}, {kind}",
                [(int(n), float(np.mean(make().fit(x[:n], y[:n]).predict(x[130_000:]) != y[130_000:]))) for n in sizes],
            )


def spectrum(rows, rng, width=400, slope=1.0):
    """Inputs whose variances fall as a power law, and a target that is a smooth function of many directions."""
    x = rng.standard_normal((rows, width)) * np.arange(1, width + 1) ** -slope
    weight = rng.standard_normal((width, 3))
    return x, np.tanh(x @ weight).sum(axis=1) + 0.05 * rng.standard_normal(rows)


def grids():
    """Ridge regression on random features: error by features and examples, the penalty tuned on held-out rows."""
    rng = np.random.default_rng(0)
    digits, labels = datasets.load_digits(return_X_y=True)
    yield "digits", features_grid(digits / 16, np.eye(10)[labels], counts(10, 1000, 10), counts(30, 1000, 10))
    x, y = datasets.make_friedman1(12000, noise=0.5, random_state=0)
    yield "friedman 1", features_grid(x, y[:, None], counts(10, 1500, 10), counts(40, 6000, 12))
    x, y = datasets.make_friedman3(12000, noise=0.1, random_state=0)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    yield "friedman 3", features_grid(x, y[:, None], counts(10, 1500, 10), counts(40, 6000, 12))
    for slope in (0.7, 1.0):
        x, y = spectrum(12000, rng, slope=slope)
        yield f"spectrum {slope}", features_grid(x, y[:, None], counts(10, 1500, 10), counts(40, 6000, 12))


def features_grid(x, y, widths, sizes):
    rng = np.random.default_rng(1)
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    weight, bias = rng.standard_normal((x.shape[1], widths[-1])) / x.shape[1] ** 0.5, 0.3 * rng.standard_normal(widths[-1])
    hidden = np.maximum(x @ weight + bias, 0)
    third = (len(x) - sizes[-1]) // 2
    tune, test = slice(sizes[-1], sizes[-1] + third), slice(sizes[-1] + third, None)
    for width in widths:
        for n in sizes:
            yield int(width), int(n), ridge_error(hidden[:, :width], y, slice(n), tune, test)


def ridge_error(phi, y, train, tune, test):
    """Squared error over variance on `test` with the penalty that is best on `tune`."""
    middle, height = phi[train].mean(axis=0), y[train].mean(axis=0)
    u, s, v = np.linalg.svd(phi[train] - middle, full_matrices=False)
    right, best = u.T @ (y[train] - height), (np.inf, np.nan)
    for penalty in np.geomspace(1e-8, 1, 17) * s[0] ** 2:
        beta = v.T @ ((s / (s * s + penalty))[:, None] * right)
        off = [np.mean(((phi[r] - middle) @ beta + height - y[r]) ** 2) / y[r].var(axis=0).mean() for r in (tune, test)]
        best = min(best, tuple(off))
    return float(best[1])


def write(name, head, rows):
    OUT.mkdir(exist_ok=True)
    with (OUT / name).open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    for data, *rest in tables():
        for model, curve in sampled(*rest):
            print(data, model, curve[-1], flush=True)
            rows += [(data, model, n, f"{e:.5g}") for n, e in curve if e > 0]
    for data, made in (("standard library", byte_models()), ("lines of code", line_labels())):
        for model, curve in made:
            print(data, model, curve[-1], flush=True)
            rows += [(data, model, n, f"{e:.5g}") for n, e in curve if e > 0]
    write("curves.csv", ("data", "model", "examples", "error"), rows)
    rows = []
    for data, grid in grids():
        rows += [(data, p, n, f"{e:.5g}") for p, n, e in grid]
        print(data, rows[-1], flush=True)
    write("grids.csv", ("data", "features", "examples", "error"), rows)


if __name__ == "__main__":
    main()
