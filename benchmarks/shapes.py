"""Simulated tables in shapes that laws of the field have: what a forecaster meets beside size and data.

Each shape draws groups of (inputs, values, which rows are held out). Constants are rounded from the sources named or drawn
anew for each group; nothing here is measured.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forescale import laws


@dataclass(frozen=True)
class Shape:
    name: str
    held: str
    draw: Callable


def grid(*axes):
    return [a.ravel() for a in np.meshgrid(*axes, indexing="ij")]


def vocabulary(held):
    """Unigram-normalised loss, negative: power terms in size, vocabulary parameters and characters (form of 2407.13623)."""

    def draw(rng):
        sizes, words = np.array([3.3e7, 8.5e7, 1.51e8, 3.02e8, 6.31e8, 1.13e9]), np.geomspace(4096, 98304, 11)
        n, v, d = grid(sizes, words, np.geomspace(1e9, 4e11, 18))
        best = 0.01 * (np.log(v / 3e4) - 0.15 * np.log(n / 1e8)) ** 2
        term = 0.02 * (v * np.sqrt(n) / 1e12) ** -0.67
        y = -5.53 + 0.55 * (n / 1e9) ** -0.45 + term + 2.12 * (d / 1e9) ** -0.46 + best + 0.003 * rng.standard_normal(len(n))
        out = {"vocabulary": v == words[-1], "size": n == sizes[-1], "characters": d > 1.5e11}[held]
        return [({"non_vocab_parameters": n, "vocab_size": v, "num_characters": d}, y, out)]

    return draw


def experts(rng):
    """Routed models whose gain saturates in the number of experts (2202.01169, rounded): the largest dense size is held out."""
    sizes = np.array([1.5e7, 2.5e7, 5.5e7, 1.3e8, 3.7e8, 8.7e8, 1.3e9])
    n, e = grid(sizes, 2.0 ** np.arange(10))
    first, last = 1.85, 314.5
    worth = 1 / (1 / (e - 1 + 1 / (1 / first - 1 / last)) + 1 / last)
    u, v = np.log10(n), np.log10(worth)
    y = 10 ** (1.104 - 0.082 * u - 0.108 * v + 0.009 * u * v) * np.exp(0.003 * rng.standard_normal(len(n)))
    return [({"num_experts": e, "dense_parameter_count": n}, y, n == sizes[-1])]


def repetition(rng):
    """Repeated data (the catalogue's law as published): the two largest sizes and the longest runs are held out."""
    law = laws.get("data_constrained")
    sizes = np.geomspace(7e6, 8.7e9, 10)
    n, u, k = grid(sizes, np.geomspace(1e8, 5e10, 7), np.array([1, 2, 3, 4, 7, 14, 20, 40, 60, 100.0]))
    pick = rng.permutation(np.flatnonzero((u * k / n > 2) & (u * k / n < 300) & (u * k < 2e11)))[:182]
    n, u, d = n[pick], u[pick], (u * k)[pick]
    y = law(law.preset("c4"), params=n, tokens=d, unique_tokens=u) * np.exp(0.004 * rng.standard_normal(len(n)))
    return [({"unique_tokens": u, "params": n, "tokens": d}, y, (n >= sizes[-2]) | (d >= np.quantile(d, 0.97)))]


def mixture(rng):
    """Loss of one domain by five shares (2403.16952) at four sizes: mixtures not tried are asked."""
    pull, base, high = (
        rng.normal(0, 0.6, 5) - rng.uniform(1.5, 4) * (np.arange(5) == 0),
        rng.uniform(1.2, 2.5),
        rng.uniform(0.5, 1.5),
    )
    share = rng.dirichlet(np.full(5, 1.2), 26)
    x, new, out = {f"proportion_domain_{j + 1}": share[:, j] for j in range(5)}, np.arange(26) >= 20, []
    for size in (1.25, 1.12, 1.05, 1.0):
        out.append((x, size * (base + high * np.exp(share @ pull)) * np.exp(0.002 * rng.standard_normal(26)), new))
    return out


def rate_and_batch(rng):
    """Loss about an optimum of rate and batch that moves with size and data (2503.04715): the largest held out."""
    sizes, data = [6e7, 1.2e8, 2.15e8, 2.7e8, 4.3e8, 5.4e8, 1.07e9], [2e9, 4e9, 8e9, 1.1e10, 1.4e10, 2e10, 5e10, 1e11]
    n, d, r, b = grid(sizes, data, np.geomspace(1.2e-4, 2.2e-2, 12), np.array([32, 64, 96, 128, 192, 256, 352, 512, 736, 1024.0]))
    pick = rng.permutation(np.flatnonzero((d / n > 5) & (d / n < 350)))[:900]
    n, d, r, b = n[pick], d[pick], r[pick], b[pick]
    rate, batch = np.log(r / (1.79 * n**-0.713 * d**0.307)), np.log(b * 2048 / (0.58 * d**0.571))
    excess = np.where(rate > 0, 0.02, 0.012) * rate**2 + 0.008 * batch**2 - 0.006 * rate * batch
    y = (1.69 + 406 / n**0.34 + 411 / d**0.28) * (1 + excess) * np.exp(0.002 * rng.standard_normal(len(n)))
    held = ((n == sizes[-1]) & (d >= 2e10)) | (d == data[-1])
    return [({"lr": r, "bsz": b, "data_size": d, "non_embedding_param_size": n}, y, held)]


def turning(rng):
    """A score that worsens before it improves, over the log of compute: its end is held out."""
    out = []
    for _ in range(9):
        x, turn = np.sort(rng.uniform(19.5, 24.8, 44)), rng.uniform(21.5, 22.8)
        hump = rng.uniform(0.03, 0.09) * np.exp(-0.5 * ((x - turn) / 0.7) ** 2)
        y = rng.uniform(0.25, 0.33) - 0.02 * (x - 19.5) / 3 + hump - 0.12 / (1 + np.exp(-(x - turn - 1.2) / 0.35))
        out.append(({"log_flops": x}, y + 0.008 * rng.standard_normal(44), x > np.quantile(x, 0.75)))
    return out


SHAPES = (
    Shape("vocabulary", "the largest vocabulary", vocabulary("vocabulary")),
    Shape("vocabulary", "the largest size", vocabulary("size")),
    Shape("vocabulary", "the most characters", vocabulary("characters")),
    Shape("experts", "the largest size", experts),
    Shape("repetition", "the largest sizes, the longest runs", repetition),
    Shape("mixture", "mixtures not tried", mixture),
    Shape("learning rate and batch", "the largest size and data", rate_and_batch),
    Shape("a score that turns", "the largest quarter of compute", turning),
)
