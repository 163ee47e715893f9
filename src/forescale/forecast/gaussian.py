"""A Gaussian process on the logit of a share: a plane, a bend, and what models of one family have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EDGE = 0.01  # scores nearer to 0 or 1 count as this in the logit


def sigmoid(v: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(v, -30, 30)))


def logit(share: np.ndarray, edge: float = EDGE) -> np.ndarray:
    kept = np.clip(share, edge, 1 - edge)
    return np.log(kept / (1 - kept))


@dataclass(frozen=True)
class Kernel:
    """Variances of the plane, the bend (which keeps its sign over `reach`), a family's own level, and one model's `noise`^2,
    all in logits over standardised features."""

    plane: float
    bend: float
    reach: float
    family: float
    noise: float

    def __call__(self, a: np.ndarray, of_a: Sequence, b: np.ndarray, of_b: Sequence) -> np.ndarray:
        apart = np.square(a[:, None] - b[None]).sum(axis=2)
        same = np.array([[x is not None and x == y for y in of_b] for x in of_a], float).reshape(len(a), len(b))
        return 1.0 + self.plane * a @ b.T + self.bend * np.exp(-0.5 * apart / self.reach**2) + self.family * same


@dataclass(frozen=True)
class Process:
    """A process fitted to shares at features `at` (n, k) of models of families `of` (n,), None where unknown."""

    kernel: Kernel
    at: np.ndarray
    of: tuple
    pull: np.ndarray
    mean: float
    left_out: np.ndarray
    inverse: np.ndarray

    def __call__(self, features: np.ndarray, families: Sequence) -> np.ndarray:
        """Shares (m,) at features (m, k) of models of these families."""
        return sigmoid(self.mean + self.kernel(features, families, self.at, self.of) @ self.pull)

    def variance(self, features: np.ndarray, families: Sequence) -> np.ndarray:
        """Of the logits (m,) of new models there: it grows away from the fitted ones."""
        near = self.kernel(features, families, self.at, self.of)
        own = np.diag(self.kernel(features, families, features, families))
        return own - np.einsum("ij,jk,ik->i", near, self.inverse, near) + self.kernel.noise**2


def process(kernel: Kernel, at: np.ndarray, of: Sequence, share: np.ndarray) -> Process:
    """Fit to shares (n,); `left_out` (n,) are the shares foretold for each from the others."""
    y = logit(share)
    inverse = np.linalg.inv(kernel(at, of, at, of) + kernel.noise**2 * np.eye(len(y)))
    pull = inverse @ (y - y.mean())
    return Process(kernel, at, tuple(of), pull, float(y.mean()), sigmoid(y - pull / np.diag(inverse)), inverse)
