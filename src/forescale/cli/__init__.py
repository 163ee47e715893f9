"""The command line: parse, call, print."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point: an error of ours is one line on standard error and exit code 2."""
    from ..errors import ForescaleError
    from .app import app

    try:
        app()
    except ForescaleError as error:
        print(f"forescale: {error}", file=sys.stderr)
        sys.exit(2)
