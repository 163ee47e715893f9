"""What a law is: the record, its domains and its claims."""

from .claims import Claim, decreasing, floor, increasing
from .domains import Domain, interval, positive, real
from .implicit import implicit
from .load import load_law
from .spec import Law, Param, Published, Source, Working, law

__all__ = [
    "Claim",
    "Domain",
    "Law",
    "Param",
    "Published",
    "Source",
    "Working",
    "decreasing",
    "floor",
    "implicit",
    "increasing",
    "interval",
    "law",
    "load_law",
    "positive",
    "real",
]
