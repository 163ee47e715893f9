"""The whole training curve by size, steps and batch: Kaplan's L(N, S_min), S_min from the critical batch of the loss."""

import numpy as np

from ..law import Param, Published, Source, Working, decreasing, implicit, interval, law, positive, real

_ALPHA_N = Param("alpha_N", interval(0, 2), (0.02, 0.8), "size exponent")
_ALPHA_S = Param("alpha_S", interval(0, 3), (0.1, 1.5), "step exponent")
_ALPHA_B = Param("alpha_B", interval(0, 2), (0.1, 0.5), "how fast the critical batch falls with the loss")


def _to_law(q, c):
    scales = {"N_c": q.hN ** (1 / q.alpha_N) * c.params, "S_c": q.hS ** (1 / q.alpha_S) * c.steps}
    return scales | {"B_c": np.exp(q.u) * c.batch_size, "alpha_N": q.alpha_N, "alpha_S": q.alpha_S, "alpha_B": q.alpha_B}


def _from_law(p, c):
    heights = {"hN": (p.N_c / c.params) ** p.alpha_N, "hS": (p.S_c / c.steps) ** p.alpha_S, "u": np.log(p.B_c / c.batch_size)}
    return heights | {"alpha_N": p.alpha_N, "alpha_S": p.alpha_S, "alpha_B": p.alpha_B}


class _Terms:
    def __init__(self, **values):
        self.__dict__.update(values)


def _log_right(s, t):
    """Log of the right-hand side at log loss s: it falls as s rises, since easy losses have small critical batches."""
    steps = t.log_steps + np.logaddexp(0.0, t.log_ratio - s / t.alpha_B)
    return np.logaddexp(t.log_size, t.alpha_S * steps)


@law(
    inputs=("params", "steps", "batch_size"),
    output="loss",
    params=(
        Param("N_c", positive, (1e3, 1e24), "size scale"),
        Param("S_c", positive, (1.0, 1e12), "step scale"),
        Param("B_c", positive, (1e3, 1e12), "critical batch at a loss of 1, tokens"),
        _ALPHA_N,
        _ALPHA_S,
        _ALPHA_B,
    ),
    claims=(decreasing("params"), decreasing("steps"), decreasing("batch_size")),
    latex=r"L = (N_c/N)^{\alpha_N} + \left(\frac{S_c}{S}\left(1 + \frac{B_*}{B L^{1/\alpha_B}}\right)\right)^{\alpha_S}",
    limits="one schedule; six constants of one corpus, context length and tuning: estimate them again",
    valid={"params": (1e7, 1e10), "steps": (1e3, 1e6), "batch_size": (1e4, 1e8)},
    source=Source(
        "arXiv:2403.06563",
        "Su et al. 2024, Unraveling the Mystery of Scaling Laws: Part I",
        "the trajectory law",
        "N non-embedding parameters, S steps, B tokens per step; constants move with context length, rate and batch",
        "unverified",
    ),
    working=Working(
        (
            Param("hN", positive, (0.5, 5.0), "size term at the centre"),
            Param("hS", positive, (0.05, 2.0), "step term at the centre with an unbounded batch"),
            Param("u", real, (0.0, 8.0), "log of the critical batch at loss 1 over the middle batch"),
            _ALPHA_N,
            _ALPHA_S,
            _ALPHA_B,
        ),
        _to_law,
        _from_law,
    ),
    published=(
        Published(
            "c4",
            {"N_c": 1.5e14, "S_c": 2.6e3, "B_c": 1.7e8, "alpha_N": 0.076, "alpha_S": 0.67, "alpha_B": 0.205},
            "arXiv:2403.06563, C4, as quoted second hand",
        ),
    ),
)
def batch_trajectory(p, x):
    """Loss after S steps of batch B, implicit because the critical batch is that of the loss reached."""
    terms = _Terms(
        log_size=p.alpha_N * (np.log(p.N_c) - np.log(x.params)),
        log_steps=np.log(p.S_c) - np.log(x.steps),
        log_ratio=np.log(p.B_c) - np.log(x.batch_size),
        alpha_S=p.alpha_S,
        alpha_B=p.alpha_B,
    )

    def least(t):  # with an unbounded batch
        return np.logaddexp(t.log_size, t.alpha_S * t.log_steps)

    # solved for the log of the loss: the bracket stays short where the batch is far below the critical one
    return np.exp(implicit(lambda s, t: s - _log_right(s, t), least, lambda t: _log_right(least(t), t), terms))
