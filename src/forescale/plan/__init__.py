"""What to train: the compute-optimal size under a FLOP budget, and the cheapest one to serve."""

from .inference import InferencePlan, inference_optimal
from .optimum import Plan, numeric_params, optimal_params, optimum, plan

__all__ = ["InferencePlan", "Plan", "inference_optimal", "numeric_params", "optimal_params", "optimum", "plan"]
