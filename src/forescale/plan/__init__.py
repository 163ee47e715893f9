"""What to train: for now the compute-optimal size under a FLOP budget."""

from .optimum import Plan, numeric_params, optimal_params, plan

__all__ = ["Plan", "numeric_params", "optimal_params", "plan"]
