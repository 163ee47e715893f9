"""Specs: what they ask for is what runs; what is wrong is said in one line; no torch is needed to read one."""

import subprocess
import sys

import pytest

from forescale.errors import InputError
from forescale.ladder import Config, Ladder
from forescale.ladder.accounting import flops, params
from forescale.ladder.schedule import share
from forescale.ladder.sizes import shape_for
from forescale.ladder.spec import read, runs

GOOD = {"sizes": [20e3, 80e3], "tokens": {"per_param": [10, 20]}, "training": {"learning_rate": 0.01, "batch_size": 1024}}


def changed(**changes):
    return {k: v for k, v in {**GOOD, **changes}.items() if v is not None}


def test_sizes_crossed_with_tokens_arms_seeds_and_swept_rates():
    found = runs(
        read(
            changed(
                arms={"a": {}, "b": {"mixer": "linear"}},
                seeds=[0, 1],
                training={"learning_rate": [0.01, 0.02], "batch_size": "1k"},
            )
        )
    )
    assert len(found) == 2 * 2 * 2 * 2 * 2 and len({p.key for p in found}) == 32
    for p in found:
        c = Config.of(p.config)
        assert p.counts["params"] == params(c) and p.counts["flops"] == flops(c)
        assert abs(p.counts["tokens"] / p.counts["params"] / round(p.counts["tokens"] / p.counts["params"], -1) - 1) < 0.05


def test_isoflop_groups_spend_the_same_and_hold_out_takes_the_dearest():
    found = runs(read(changed(tokens={"isoflop": [1e10, 4e10]}, hold_out=1)))
    for p in found:
        budget = 4e10 if p.held_out else 1e10
        assert 6 * p.counts["params"] * p.counts["tokens"] == pytest.approx(budget, rel=0.05)
    assert sum(p.held_out for p in found) == 2


def test_a_point_is_held_out_in_every_arm_and_seed():
    """Arms differ in exact size and cost; what waits is the point, not the one dearest run."""
    arms = {"dense": {}, "low": {"feedforward": "low_rank"}, "streams": {"streams": 2}}
    found = runs(read(changed(arms=arms, seeds=[0, 1], hold_out=1)))
    held = [(p.counts["arm"], p.config["seed"]) for p in found if p.held_out]
    assert sorted(held) == sorted((a, s) for a in arms for s in (0, 1))
    assert {round(p.counts["tokens"] / p.counts["params"], -1) for p in found if p.held_out} == {20}


def test_settings_follow_power_laws_and_rules():
    rate = {"value": 0.01, "params": "20k", "exponent": -0.5}
    batch = {"value": 1024, "tokens": "400k", "exponent": 1.0}
    found = runs(read(changed(training={"learning_rate": rate, "batch_size": batch})))
    for p in found:
        assert p.config["learning_rate"] == pytest.approx(0.01 * (p.counts["params"] / 20e3) ** -0.5, rel=1e-5)
        assert p.config["batch_size"] == pytest.approx(1024 * p.counts["tokens"] / 4e5, abs=130)
    from forescale import rules

    rule = next(r for r in rules.every() if r.answers == "learning_rate" and r.transfer and r.inputs == ("width",))
    policy = {"rule": rule.name, "value": 0.01, "from": {"width": 16}}
    for p in runs(read(changed(training={"learning_rate": policy}))):
        assert p.config["learning_rate"] == pytest.approx(
            float(rule({"width": p.config["width"]}, {"width": 16}, 0.01)), rel=1e-5
        )


@pytest.mark.parametrize("target", [1e4, 5e4, 1e6, 1.24e8, 7e9, 70e9])
def test_shapes_come_close_to_the_size_asked_for(target):
    width, depth = shape_for(target, {"vocabulary": 256 if target < 1e8 else 50_000})
    n = params(Config(width, depth, 1, 1.0, vocabulary=256 if target < 1e8 else 50_000))
    assert abs(n / target - 1) < 0.12 and 4 < width / depth < 150


def test_branches_are_tokens_or_shares_of_the_run():
    training = {"learning_rate": 0.01, "batch_size": 1024, "schedule": "wsd", "branches": ["50k", 0.5]}
    for p in runs(read(changed(training=training))):
        first, second = p.config["branches"]
        assert first == 50_000 and second == pytest.approx(p.counts["tokens"] / 2, rel=0.01)


def test_a_setting_at_its_default_does_not_change_the_key():
    a, b = (runs(read(changed(model=m)))[0] for m in ({}, {"norm": "rms", "validations": 0}))
    assert a.key == b.key != runs(read(changed(model={"norm": "layer"})))[0].key


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sizes": None}, "lacks sizes and tokens"),
        ({"szies": [1]}, "unknown key of the spec 'szies' .did you mean 'sizes'"),
        ({"training": {}}, "training lacks learning_rate"),
        ({"training": {"learning_rat": 1}}, "unknown setting in model or training 'learning_rat'"),
        ({"arms": {"x": {"mixr": "h3"}}}, "unknown setting in arm x 'mixr'"),
        ({"model": {"mixer": "atention"}}, "unknown mixer 'atention' .did you mean 'attention'"),
        ({"tokens": {"per_parm": [1]}}, "tokens must be a list or one of per_param, isoflop, seconds"),
        ({"tokens": [-5]}, "tokens: -5 must be above zero"),
        ({"sizes": ["big"]}, "cannot read 'big' as a number"),
        ({"sizes": [100]}, "no shape of this model has about 100 parameters; the closest has 7,"),
        ({"hold_out": 4}, "hold_out 4 leaves none of 4 points"),
        ({"hold_out": "all"}, "must be how many"),
        ({"model": {"context": 100}}, "no whole number of sequences|not a whole number"),
        ({"training": {"learning_rate": {"value": 1, "parms": 2, "exponent": 1}}}, "learning_rate must be a number"),
        ({"training": {"learning_rate": 0.1, "branches": ["10k"]}}, "branches need schedule wsd"),
        ({"model": {"parametrization": "unit", "mixer": "mamba"}}, "unit is built for attention"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(change, message):
    with pytest.raises(InputError, match=message) as error:
        runs(read(changed(**change)))
    assert "\n" not in str(error.value)


def test_files_that_are_no_spec(tmp_path):
    for text, message in (("a: [1", "not YAML at line"), ("- 1", "must hold a table"), ("", "must hold a table")):
        (tmp_path / "s.yaml").write_text(text)
        with pytest.raises(InputError, match=message):
            read(tmp_path / "s.yaml")
    with pytest.raises(InputError, match="there is no spec"):
        read(tmp_path / "none.yaml")


def test_schedules():
    base = {"width": 16, "depth": 1, "tokens": 1024 * 100, "learning_rate": 1.0, "batch_size": 1024}
    at = lambda kind, step, **k: share(Config(**base, schedule=kind, warmup=10, **k), step)
    assert at("constant", 99) == 1 and at("cosine", 55) == pytest.approx(0.5) and at("linear", 55) == pytest.approx(0.5)
    assert at("wsd", 79) == 1 and at("wsd", 85) == pytest.approx(1 - 0.5) and 0 < at("wsd", 99) < 0.03
    assert [at(k, 4) for k in ("constant", "wsd")] == [0.5, 0.5]


def test_reading_and_planning_a_spec_loads_no_torch(tmp_path):
    code = (
        "import sys; from forescale.ladder import Ladder\n"
        f"Ladder({GOOD!r}, {str(tmp_path)!r}).planned()\nassert 'torch' not in sys.modules and 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_equal_hardware_time_asks_for_a_speed(tmp_path):
    """Tokens are the measured speed times the seconds, as in the Languini Kitchen."""
    spec = read(changed(tokens={"seconds": [10, 100]}))
    with pytest.raises(InputError, match="need a measured speed"):
        runs(spec)
    found = runs(spec, speed=lambda config: 1e4)
    assert {round(p.counts["tokens"], -4) for p in found} == {100_000, 1_000_000}
    assert isinstance(Ladder(changed(), tmp_path), Ladder)


def test_the_vocabulary_follows_the_tokenizer_and_counts():
    plain, pairs = (runs(read(changed(model={"tokenizer": t})))[-1] for t in ("byte", "bpe:512"))
    assert plain.config["vocabulary"] == 256 and pairs.config["vocabulary"] == 512
    assert pairs.counts["params"] == params(Config.of(pairs.config))
    for tokenizer, message in (("bpe:100", "neither 'byte' nor"), ("words", "neither 'byte' nor")):
        with pytest.raises(InputError, match=message):
            runs(read(changed(model={"tokenizer": tokenizer})))
    with pytest.raises(InputError, match="vocabulary 300 is smaller than the 512 tokens"):
        runs(read(changed(model={"tokenizer": "bpe:512", "vocabulary": 300})))


def test_a_ladder_whose_text_has_changed_is_refused(tmp_path):
    (tmp_path / "t.txt").write_text("some text\n" * 500)
    ladder = Ladder(changed(model={"data": str(tmp_path / "t.txt")}), tmp_path / "l")
    ladder._same_text(ladder.store)
    ladder._same_text(ladder.store)
    (tmp_path / "t.txt").write_text("other text\n" * 500)
    with pytest.raises(InputError, match="is not the one this ladder began with"):
        ladder.run()


def test_a_dry_run_counts_how_often_the_text_is_seen(tmp_path):
    from forescale.ladder.estimate import estimate

    (tmp_path / "t.txt").write_text("x" * 160_000)
    spec = read(changed(model={"data": str(tmp_path / "t.txt")}, tokens=[75_000, 300_000]))
    found = estimate(runs(spec), {"flops_per_second": 1e9})
    assert sorted({round(r["epochs"], 1) for r in found}) == [0.5, 2.0]
    assert all(r["seconds"] == pytest.approx(r["flops"] / 1e9) for r in found)
