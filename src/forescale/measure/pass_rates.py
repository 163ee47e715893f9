"""Unbiased pass rates from samples."""

from __future__ import annotations

import numpy as np

from ..errors import InputError


def pass_at_k(samples: np.ndarray, correct: np.ndarray, k: int) -> np.ndarray:
    """1 - C(n - c, k) / C(n, k), per problem: unbiased for the chance that one of k samples is right.

    `samples` n drawn and `correct` c right ones per problem, integers of one shape. Chen et al. 2021, arXiv:2107.03374.
    Raises InputError where k exceeds n or c is not within 0 and n.
    """
    n, c = np.broadcast_arrays(np.asarray(samples), np.asarray(correct))
    if k < 1 or np.any(n < k):
        raise InputError(f"pass@{k} needs at least {k} samples of each problem, the fewest are {n.min()}")
    if np.any((c < 0) | (c > n)):
        raise InputError("correct must lie between 0 and the number of samples")
    # the product over i of (n - c - i) / (n - i) is zero as soon as n - c < k
    steps = np.arange(k).reshape((k,) + (1,) * n.ndim)
    return 1.0 - np.prod(np.maximum(n - c - steps, 0) / (n - steps), axis=0)


def pass_until(drawn: np.ndarray, passes: int) -> np.ndarray:
    """(r - 1) / (K - 1): unbiased pass rate where K samples were `drawn` until the r-th pass. arXiv:2310.03262.

    Raises InputError for fewer than two passes, where no unbiased estimate exists, or K below r.
    """
    total = np.asarray(drawn, float)
    if passes < 2:
        raise InputError(f"an unbiased rate needs at least 2 passes, got {passes}")
    if np.any(total < passes):
        raise InputError(f"{passes} passes cannot come from {total.min():g} samples")
    return (passes - 1) / (total - 1)
