"""Every rule in the catalogue against every check."""

import numpy as np
import pytest

from forescale import rules


@pytest.mark.parametrize("name", rules.CATALOGUE)
def test_rule(name):
    verdict = rules.check_rule(rules.get(name))
    assert verdict.passed, verdict.summary()


def test_the_check_fails_a_transfer_that_does_not_compose():
    @rules.rule(**{k: getattr(rules.get("lr_batch_sgd"), k) for k in RECORD})
    def broken(a, b):
        """Adds where it should multiply."""
        return 1 + (b.batch_size - a.batch_size) / 1e3

    verdict = rules.check_rule(broken)
    assert not verdict.passed and "FAIL  composition" in verdict.summary()


def test_the_check_fails_a_wrong_worked_point():
    @rules.rule(**{k: getattr(rules.get("lr_batch_sgd"), k) for k in RECORD})
    def broken(a, b):
        """The wrong power."""
        return np.sqrt(b.batch_size / a.batch_size)

    assert "FAIL  worked: 0.1 at 256" in rules.check_rule(broken).summary()


RECORD = ("answers", "inputs", "source", "setting", "holds", "limits", "latex", "worked")
