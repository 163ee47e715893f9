"""Readers of training logs, one file per format, on nothing but the standard library, numpy and polars."""

from .growing import Growing, follow
from .log import Log
from .scan import scan
from .tidy import Reading, tidy

__all__ = ["Growing", "Log", "Reading", "follow", "scan", "tidy"]
