"""Every law in the catalogue against every check."""

import pytest

from forescale import laws
from forescale.check import check_law

# the searches of these are ten times heavier; ./dev check runs them, the core suite leaves them out
HEAVY = {"broken2", "broken3", "farseer", "width_depth_params", "width_depth"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in laws.CATALOGUE])
def test_law(name):
    verdict = check_law(laws.get(name))
    assert verdict.passed, verdict.summary()


def test_every_law_names_its_source():
    for law in laws.every():
        assert law.source.ref.startswith("arXiv:") and law.source.title and law.latex and law.doc
        assert law.source.ref.removeprefix("arXiv:") in law.cite()
