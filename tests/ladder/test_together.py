"""Runs trained as one program give what they give alone."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from forescale.errors import InputError  # noqa: E402
from forescale.ladder import Ladder  # noqa: E402
from forescale.ladder.together import train_together  # noqa: E402
from forescale.ladder.trainer import train  # noqa: E402

from .conftest import Memory  # noqa: E402


@pytest.mark.parametrize(
    "changes",
    [{}, {"parametrization": "mup", "base_width": 8, "tied": False}, {"mixer": "linear", "feedforward": "swiglu"}],
    ids=["plain", "mup", "linear"],
)
def test_each_run_is_what_it_is_alone(tiny, changes):
    given = [
        {**tiny, **changes, "tokens": 20_480, "seed": s, "learning_rate": r, "weight_decay": w}
        for s, r, w in ((0, 8e-3, 0.1), (1, 8e-3, 0.1), (0, 2e-3, 0.5))
    ]
    points = []
    found = train_together(given, lambda run, step, **m: points.append((run, step, m["train_loss"])))
    for i, g in enumerate(given):
        alone = []
        row = train(g, lambda step, **m: alone.append((step, m["train_loss"])), Memory())["rows"][0]
        assert found[i]["rows"][0]["loss"] == pytest.approx(row["loss"], rel=2e-4)
        for (_, step, loss), (other, expected) in zip([p for p in points if p[0] == i], alone, strict=True):
            assert step == other and loss == pytest.approx(expected, rel=2e-4)


def test_one_that_diverges_leaves_the_others_alone(tiny):
    given = [{**tiny, "tokens": 20_480, "learning_rate": r, "clip": 0.0} for r in (8e-3, 1e25)]
    good, bad = train_together(given)
    assert good["rows"][0]["loss"] < 4 and bad["rows"] == [] and "not finite" in bad["diverged"]


def test_a_ladder_groups_what_is_alike_and_refuses_what_is_not(tiny, tmp_path):
    with pytest.raises(InputError, match="only seed, learning rate and weight decay may differ"):
        train_together([{**tiny, "tokens": 10_240}, {**tiny, "tokens": 20_480}])
    training = {"learning_rate": [4e-3, 8e-3], "batch_size": 512}
    spec = {
        "model": {"context": 64},
        "sizes": [{"width": 16, "depth": 1}],
        "tokens": [5_120, 10_240],
        "seeds": [0],
        "training": training,
    }
    rows = Ladder(spec, tmp_path / "a").run(workers=1, together=8)
    alone = Ladder(spec | {"training": {"learning_rate": [8e-3], "batch_size": 512}}, tmp_path / "b").run(workers=1)
    assert [r["result"]["together"] for r in rows] == [2] * 4
    loss = {r["key"]: r["result"]["rows"][0]["loss"] for r in rows}
    assert len(loss) == 4 and len(alone) == 2
    for b in alone:
        assert loss[b["key"]] == pytest.approx(b["result"]["rows"][0]["loss"], rel=2e-4)
