"""What was measured: the Runs table and its readers."""

from .table import Look, Runs, look, read

__all__ = ["Look", "Runs", "look", "read"]
