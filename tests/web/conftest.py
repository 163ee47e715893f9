"""The app as a process of its own."""

from .server import server

__all__ = ["server"]
