"""What one run is, and the rungs of the standard-library ladder. No torch here: a dry run needs none."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

VOCABULARY = 256  # bytes
CONTEXT = 128

# (width, depth): about a factor 1.5 in parameters from one size to the next
SHAPES = (
    (8, 1),
    (16, 1),
    (16, 2),
    (24, 1),
    (32, 1),
    (32, 2),
    (40, 2),
    (48, 2),
    (64, 2),
    (64, 3),
    (80, 3),
    (80, 4),
    (96, 4),
    (112, 5),
    (128, 5),
    (160, 6),
)
GROUPS = tuple(3e10 * 10 ** (k / 2) for k in range(6))  # FLOP budgets of the fitted isoFLOP groups
HELD_OUT = 4e13  # 4.2 times the largest fitted budget
SECOND_SEED = (GROUPS[2], GROUPS[4])  # groups trained with two seeds
TOKENS_PER_PARAM = (1.5, 400.0)


@dataclass(frozen=True)
class RunSpec:
    """One training run. `tokens` are bytes seen; `flops` is 6 * params * tokens, params counted in total."""

    width: int
    depth: int
    tokens: int
    batch_sequences: int
    learning_rate: float
    seed: int
    role: str  # fit | held_out | lr_sweep
    budget: float

    @property
    def params(self) -> int:
        """Blocks (attention 4 d^2, MLP 8 d^2, two norms), the final norm and the tied 256 x d embedding."""
        d = self.width
        return self.depth * (12 * d * d + 2 * d) + d + VOCABULARY * d

    @property
    def steps(self) -> int:
        return max(1, round(self.tokens / (self.batch_sequences * CONTEXT)))

    @property
    def flops(self) -> float:
        return 6.0 * self.params * self.steps * self.batch_sequences * CONTEXT

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def params_of(shape: tuple[int, int]) -> int:
    return RunSpec(*shape, 0, 1, 0.0, 0, "fit", 0.0).params


def batch_for(tokens: float) -> int:
    """Sequences per step: grows as tokens^0.4, the published growth of the best batch with data."""
    return max(4, round(8 * (tokens / 4e5) ** 0.4))


def sweep_centre(params: int) -> float:
    return 8e-3 * (params / 3e4) ** -0.3


def sweep(shape: tuple[int, int], factors: tuple[float, ...]) -> list[RunSpec]:
    """Learning rates `factors` times the centre, at 20 tokens per parameter or 2.5e12 FLOP."""
    n = params_of(shape)
    tokens = int(min(20 * n, 2.5e12 / (6 * n)))
    return [RunSpec(*shape, tokens, batch_for(tokens), round(sweep_centre(n) * f, 6), 0, "lr_sweep", 0.0) for f in factors]


def isoflop_group(budget: float, max_tokens: float, learning_rate, role: str) -> Iterator[RunSpec]:
    """The runs of one budget: every shape whose tokens per parameter are sensible and fit the corpus once."""
    low, high = TOKENS_PER_PARAM
    if role == "held_out":
        low, high = 5.0, 80.0
    for shape in SHAPES:
        n = params_of(shape)
        tokens = budget / (6 * n)
        if not (low <= tokens / n <= high) or tokens > max_tokens:
            continue
        for seed in (0, 1) if budget in SECOND_SEED else (0,):
            yield RunSpec(*shape, int(tokens), batch_for(tokens), round(learning_rate(n), 6), seed, role, budget)


def ladder(max_tokens: float, learning_rate) -> list[RunSpec]:
    """Every isoFLOP run, small budgets first, the held-out group last."""
    runs = [r for budget in GROUPS for r in isoflop_group(budget, max_tokens, learning_rate, "fit")]
    return runs + list(isoflop_group(HELD_OUT, max_tokens, learning_rate, "held_out"))


def fit_learning_rate(points: list[tuple[int, float]]):
    """Power law through the best learning rates: points are (params, best rate); returns params -> rate."""
    x = [math.log(n) for n, _ in points]
    y = [math.log(r) for _, r in points]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)
    return lambda n: math.exp(my + slope * (math.log(n) - mx))
