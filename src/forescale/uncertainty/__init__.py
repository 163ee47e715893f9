"""Ways to say how sure a fit is. The default of every fit is the run-level bootstrap."""

from .methods import laplace, profile, resampled

__all__ = ["laplace", "profile", "resampled"]
