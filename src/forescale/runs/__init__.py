"""What was measured: the Runs table and its readers."""

from .table import Runs, read

__all__ = ["Runs", "read"]
