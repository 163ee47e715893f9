"""The default interval holds on simulated ladders, ten times beyond the data."""

import pytest

from forescale import laws
from forescale.uncertainty.coverage import NOISES, coverage

LAW = laws.get("chinchilla")


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_default_interval_covers(noise):
    found = coverage(LAW, LAW.preset("besiroglu"), noise, ladders=200, resamples=300)
    # the true coverage is asked to lie in 86 to 95 % and 86 to 97 %; docs/coverage.md has twice as many ladders
    assert 0.86 <= found.new_run <= 0.955
    assert 0.86 <= found.optimum <= 0.97
    assert found.usual < found.new_run
