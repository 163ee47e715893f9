"""Ways to say how sure a fit is. The default of every fit is the run-level bootstrap, or noise drawn anew where runs are few."""

from .methods import laplace, profile, resampled

__all__ = ["laplace", "profile", "resampled"]
