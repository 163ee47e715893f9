"""One batched engine: problem, objective, starts, solver, resampling, result."""

from .api import fit
from .objective import Objective
from .resample import Draws
from .result import Fit, Prediction, from_dict
from .status import Status

__all__ = ["Draws", "Fit", "Objective", "Prediction", "Status", "fit", "from_dict"]
