"""Diagnostics measured on a data set, a model's answers, or a table of scores."""

from .capabilities import Capabilities, capabilities
from .intrinsic import label_sharpness, mle_dimension, two_nn
from .metric_chain import metric_chain, scale_correlation
from .pass_rates import pass_at_k, pass_until
from .pruning import pruned_perceptron

__all__ = [
    "Capabilities",
    "capabilities",
    "label_sharpness",
    "metric_chain",
    "mle_dimension",
    "pass_at_k",
    "pass_until",
    "pruned_perceptron",
    "scale_correlation",
    "two_nn",
]
