"""What to train: from a fit and a budget to a costed configuration, and to the runs that would decide what data cannot."""

from .by_skill import Skills, fit_skills, skills
from .configure import Configuration, configure, penalty
from .experiments import Design, cold_draws, design, grid, power
from .hardware import ACCELERATORS, Accelerator, Budget, accelerator, budget, spend
from .inference import InferencePlan, equivalent_tokens, inference_optimal
from .limited import Pool, best_mixture, best_pools, best_vocabulary, data_limited, switch_points
from .optimum import Plan, numeric_params, optimal_params, optimum, plan
from .shape import Memory, Shape, serve_memory, shape_for, train_memory
from .side_by_side import Approaches, approaches
from .sweeps import Setting, hparams, measured
from .timing import TimeFront, time_front
from .valleys import IsoFlop, frontier, frontier_exponent, isoflop, one_ladder, parabola_shift

__all__ = [
    "ACCELERATORS",
    "Accelerator",
    "Approaches",
    "Budget",
    "Configuration",
    "Design",
    "InferencePlan",
    "IsoFlop",
    "Memory",
    "Plan",
    "Pool",
    "Setting",
    "Shape",
    "Skills",
    "TimeFront",
    "accelerator",
    "approaches",
    "best_mixture",
    "best_pools",
    "best_vocabulary",
    "budget",
    "cold_draws",
    "configure",
    "data_limited",
    "design",
    "equivalent_tokens",
    "fit_skills",
    "frontier",
    "frontier_exponent",
    "grid",
    "hparams",
    "inference_optimal",
    "isoflop",
    "measured",
    "numeric_params",
    "one_ladder",
    "optimal_params",
    "optimum",
    "parabola_shift",
    "penalty",
    "plan",
    "power",
    "serve_memory",
    "shape_for",
    "skills",
    "spend",
    "switch_points",
    "time_front",
    "train_memory",
]
