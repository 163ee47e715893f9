"""Constants and worked values that the papers print."""

import numpy as np
import pytest

from forescale import laws
from forescale.quantities import PF_DAY


def test_kaplan_compute_law_at_one_pf_day():
    law = laws.get("kaplan_compute")
    assert law(law.preset("webtext2"), flops=PF_DAY) == pytest.approx(3.1e8**0.050)


def test_kaplan_joint_law_reduces_to_each_axis():
    law = laws.get("kaplan")
    p = law.preset("webtext2")
    assert law(p, params=1e9, tokens=1e30) == pytest.approx((6.4e13 / 1e9) ** 0.076, rel=1e-6)
    assert law(p, params=1e30, tokens=1e9) == pytest.approx((1.8e13 / 1e9) ** 0.103, rel=1e-6)


def test_chinchilla_optimum_at_its_budget():
    from forescale.plan import optimal_params

    law = laws.get("chinchilla")
    n = float(optimal_params(law, law.preset("hoffmann_rounded"), 5.88e23))
    assert 5.88e23 / 6 / n**2 == pytest.approx(93, abs=3)  # tokens per parameter of the rounded constants


def test_broken_law_without_breaks_is_a_power_law():
    x = np.geomspace(10, 1e6, 9)
    p = {"E": 0.1, "b": 3.0, "c0": 0.3, "c1": 0.0, "d1": 1e3, "f1": 0.5}
    assert laws.get("broken1")(p, x=x) == pytest.approx(0.1 + 3 * x**-0.3)


def test_m4_satisfies_its_equation():
    x = np.geomspace(1, 1e8, 50)
    y = laws.get("m4")({"E": 0.5, "span": 3.0, "alpha": 1.5, "b": 10.0, "c": 0.3}, x=x)
    assert (y - 0.5) / (3.5 - y) ** 1.5 == pytest.approx(10 * x**-0.3, rel=1e-9)
