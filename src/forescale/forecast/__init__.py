"""How well do we predict: the automatic forecaster, its back-tests, its calibrated intervals, unfinished runs."""

from .auto import forecast
from .calibrate import Calibration
from .evaluate import Rollout, rollout
from .result import Forecast
from .unfinished import Watch, watch

__all__ = ["Calibration", "Forecast", "Rollout", "Watch", "forecast", "rollout", "watch"]
