"""What can go wrong, said in one line: what was found, where, and what to do."""

from __future__ import annotations


class ForescaleError(Exception):
    """Base of every error raised on purpose. The command line prints it as one line and exits with 2."""


class InputError(ForescaleError):
    """The user's data or arguments cannot be used as given."""


class LawError(ForescaleError):
    """A law record is declared wrongly or cannot be found."""


class FitError(ForescaleError):
    """No usable fit came out."""


def one_of(what: str, given: object, allowed) -> InputError:
    """An error for a name that is not in a list: shows the closest allowed names first."""
    from difflib import get_close_matches

    names = [str(a) for a in allowed]
    close = get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return InputError(f"unknown {what} {given!r}{hint}; allowed: {', '.join(names)}")
