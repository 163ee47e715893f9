"""How well do we predict: the automatic forecaster, its back-tests, its calibrated intervals, unfinished runs."""

from .auto import forecast
from .calibrate import Calibration
from .chain import ChainForecast, chain_forecast
from .evaluate import Rollout, rollout
from .metrics import Downstream, downstream
from .passing import PassForecast, pass_forecast
from .public_models import Observational, informative, observational
from .result import Forecast
from .unfinished import Watch, watch

__all__ = [
    "Calibration",
    "ChainForecast",
    "Downstream",
    "Forecast",
    "Observational",
    "PassForecast",
    "Rollout",
    "Watch",
    "chain_forecast",
    "downstream",
    "forecast",
    "informative",
    "observational",
    "pass_forecast",
    "rollout",
    "watch",
]
