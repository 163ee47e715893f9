"""Unit scaling: factors that keep weights, activations and gradients at unit variance from the start."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_UNIT = Source("arXiv:2303.11257", "Blake et al. 2023, Unit Scaling: Out-of-the-Box Low-Precision Training", "3")
_SETTING = "y = x W with unit-variance x, W and incoming gradient"
_SHARED = "forward and input gradient share one factor (the geometric mean) unless the edge is a cut-edge"


def _inverse_root(name, answers, across, doc, symbol):
    def factor(a, b):
        return 1.0 / np.sqrt(getattr(b, across))

    factor.__name__, factor.__doc__ = name, doc
    return rule(
        answers=answers,
        inputs=(across,),
        transfer=False,
        unit="factor on the product",
        source=_UNIT,
        setting=_SETTING,
        holds="weights drawn from N(0, 1)",
        limits=_SHARED,
        latex=rf"1/\sqrt{{\mathrm{{{symbol}}}}}",
        worked=(Worked({}, {across: 4096.0}, 1 / 64, 1e-12, "closed form"),),
    )(factor)


unit_forward = _inverse_root("unit_forward", "forward_scale", "fan_in", "Output of a matrix product.", "fan\\_in")
unit_grad_input = _inverse_root("unit_grad_input", "input_gradient_scale", "fan_out", "Gradient to its input.", "fan\\_out")
unit_grad_weight = _inverse_root("unit_grad_weight", "weight_gradient_scale", "batch_size", "Gradient to its weights.", "batch")


@rule(
    answers="residual_scale",
    inputs=("branch_share",),
    transfer=False,
    unit="factor on the skip",
    source=_UNIT,
    setting="x <- sqrt(1 - t) x + sqrt(t) f(x), t the branch's share of the variance",
    holds="unit variance of the sum where skip and branch are independent",
    limits="t of a branch is a choice; it must lie below one",
    latex=r"\sqrt{1 - \tau}",
    valid={"branch_share": (0.01, 0.9)},
    worked=(Worked({}, {"branch_share": 0.36}, 0.8, 1e-12, "closed form"),),
)
def unit_residual(a, b):
    """Skip connection of a residual block."""
    return np.sqrt(1.0 - b.branch_share)
