"""What a law says about its shape: tested on draws by check_law and again on every fit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """`kind` is decreasing, increasing or floor; `subject` is the input, or the parameter that is the floor."""

    kind: str
    subject: str

    def __str__(self) -> str:
        if self.kind == "floor":
            return f"never falls below {self.subject}"
        return f"{self.kind} in {self.subject}"


def decreasing(name: str) -> Claim:
    """The output falls (never rises) as this input grows, everywhere on the domain."""
    return Claim("decreasing", name)


def increasing(name: str) -> Claim:
    """The output rises (never falls) as this input grows, everywhere on the domain."""
    return Claim("increasing", name)


def floor(name: str) -> Claim:
    """The output stays at or above this parameter."""
    return Claim("floor", name)
