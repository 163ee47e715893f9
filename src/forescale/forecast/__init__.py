"""How well do we predict: the automatic forecaster, its back-tests, its calibrated intervals, the audit."""

from .auto import forecast
from .calibrate import Calibration
from .result import Forecast

__all__ = ["Calibration", "Forecast", "forecast"]
