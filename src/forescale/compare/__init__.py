"""Which arm wins where, whether a trend bends, and which model to tune."""

from .arms import Comparison, Pair, compare, seed_price
from .languages import TransferMatrix, transfer_matrix
from .reuse import ShiftLine, Transfer, shift_line, transfer
from .selection import Selection, select
from .trends import Trend, trend

__all__ = [
    "Comparison",
    "Pair",
    "Selection",
    "ShiftLine",
    "Transfer",
    "TransferMatrix",
    "Trend",
    "compare",
    "seed_price",
    "select",
    "shift_line",
    "transfer",
    "transfer_matrix",
    "trend",
]
