"""Rules side by side, in numbers a reader can check by hand."""

import pytest

from forescale import rules
from forescale.errors import InputError


def said(found):
    return {a.rule.name: a for a in found}


def test_learning_rate_at_four_times_the_batch():
    found = said(rules.ask("learning_rate", {"batch_size": "1M"}, {"batch_size": "250k"}, "3e-4"))
    assert found["lr_batch_sgd"].value == pytest.approx(12e-4) and found["lr_batch_adam"].value == pytest.approx(6e-4)
    assert "nothing it depends on" in found["lr_width_mup"].why_not
    assert rules.rivals(list(found.values())) == {("batch_size",): pytest.approx([4.0, 2.0])}


def test_absolute_rules_need_no_start():
    found = said(rules.ask("weight_decay", {"params": "610M", "tokens": "12.2B", "batch_size": "1M", "learning_rate": 0.01}))
    tau = 1.084 * 20**-0.527
    assert found["weight_decay_timescale"].value == pytest.approx(1e6 / (tau * 0.01 * 12.2e9))
    assert "start lacks" in found["weight_decay_batch"].why_not


def test_four_epochs_are_nearly_new_data_and_forty_are_not():
    rule = rules.get("effective_tokens")
    assert float(rule({"tokens": 4e11, "unique_tokens": 1e11})) > 3.7e11
    assert float(rule({"tokens": 4e12, "unique_tokens": 1e11})) < 1.6e12
    assert float(rule({"tokens": 5e10, "unique_tokens": 1e11})) == pytest.approx(5e10)


def test_errors():
    with pytest.raises(InputError, match=r"unknown quantity 'learning_rte'.*did you mean 'learning_rate'"):
        rules.ask("learning_rte", {"batch_size": 1})
    with pytest.raises(InputError, match="must be positive"):
        rules.get("lr_batch_sgd")({"batch_size": -1}, {"batch_size": 1})
    with pytest.raises(InputError, match="unknown rule"):
        rules.get("nothing")
