"""The literature index: what each paper offers and what in forescale answers to it; one search over everything."""

from .index import Paper, cite, every, get
from .search import Hit, search

__all__ = ["Hit", "Paper", "cite", "every", "get", "search"]
