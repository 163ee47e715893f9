"""abc-parametrizations: W_l = n^-a_l w_l, w_l ~ N(0, n^-2b_l), learning rate eta n^-c. Yang and Hu 2020, arXiv:2011.14522.

n is the width. Roles are `input`, `hidden` and `output`. The table for Adam is that of Yang et al. 2022, arXiv:2203.03466.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import one_of

ROLES = ("input", "hidden", "output")


@dataclass(frozen=True)
class ABC:
    """Exponents by role: multiplier a, initialization b; c of the learning rate (SGD), one for all roles."""

    name: str
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    c: float

    def shifted(self, theta: float) -> ABC:
        """The same training with a + theta, b - theta, c - 2 theta: a symmetry under SGD."""
        moved = tuple(v + theta for v in self.a), tuple(v - theta for v in self.b)
        return ABC(self.name, *moved, self.c - 2 * theta)

    @property
    def feature_speed(self) -> float:
        """r: features move as n^-r during training; 0 learns features at infinite width, above 0 is the kernel regime."""
        first, hidden, last = self.a
        return min(last + self.b[2], 2 * last + self.c) + self.c - 1 + min(2 * first + 1, 2 * hidden)


TABLE = {
    "mup": ABC("mup", (-0.5, 0.0, 0.5), (0.5, 0.5, 0.5), 0.0),
    "ntk": ABC("ntk", (0.0, 0.5, 0.5), (0.0, 0.0, 0.0), 0.0),
    "standard": ABC("standard", (0.0, 0.0, 0.0), (0.0, 0.5, 0.5), 0.0),
}
# Adam under muP: exponents of 1/fan_in in the variance and in the learning rate
ADAM_MUP = {"input": (1.0, 0.0), "hidden": (1.0, 1.0), "output": (2.0, 1.0)}


def abc(name: str) -> ABC:
    if name not in TABLE:
        raise one_of("parametrization", name, TABLE)
    return TABLE[name]


def adam_mup(role: str, fan_in: float) -> tuple[float, float]:
    """(initial variance, learning-rate factor) of a tensor under muP with Adam; biases and norms count as input with fan_in 1."""
    if role not in ADAM_MUP:
        raise one_of("role", role, ADAM_MUP)
    variance, rate = ADAM_MUP[role]
    return fan_in**-variance, fan_in**-rate
