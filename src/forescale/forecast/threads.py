"""One BLAS thread for many small matrices."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps


def one_thread(function: Callable) -> Callable:
    """The function with one BLAS thread while it runs. Matrices are small here: two forecasts on one machine would mostly wait
    for each other's threads; nor do answers depend on how many there are."""

    @wraps(function)
    def alone(*args, **kwargs):
        from threadpoolctl import ThreadpoolController

        with ThreadpoolController().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return alone
