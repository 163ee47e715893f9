"""What to train: the compute-optimal size under a FLOP budget, the cheapest one to serve, and the next runs to make."""

from .experiments import Design, design, power
from .inference import InferencePlan, inference_optimal
from .optimum import Plan, numeric_params, optimal_params, optimum, plan

__all__ = [
    "Design",
    "InferencePlan",
    "Plan",
    "design",
    "inference_optimal",
    "numeric_params",
    "optimal_params",
    "optimum",
    "plan",
    "power",
]
