"""What people look at: figures of every result, and the report."""

from .plots import plot

__all__ = ["plot"]
