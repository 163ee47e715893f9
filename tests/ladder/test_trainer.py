"""The built-in trainer: learns, repeats itself to the last bit when interrupted, branches, diverges honestly."""

import math

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

import numpy as np  # noqa: E402

from forescale import studies  # noqa: E402
from forescale.errors import InputError  # noqa: E402
from forescale.ladder import Diverged  # noqa: E402
from forescale.ladder.config import FEEDFORWARDS, MIXERS, OPTIMIZERS, Config  # noqa: E402
from forescale.ladder.schedule import segments, trained_steps  # noqa: E402
from forescale.ladder.trainer import Session, train  # noqa: E402

from .conftest import Memory  # noqa: E402


def collect():
    points = []
    return points, lambda step, **metrics: points.append((step, tuple(sorted(metrics.items()))))


def test_a_shipped_run_is_reproduced():
    runs = studies.load().role("fit")
    i = int(np.argmin(runs["flops"] + 1e20 * (runs["width"] != 16)))
    pick = {k: int(runs[k][i]) for k in ("width", "depth", "tokens", "batch_size", "seed")}
    loss = train({**pick, "learning_rate": float(runs["learning_rate"][i])}, lambda *a, **k: None, Memory())["rows"][0]["loss"]
    assert abs(math.log(loss / runs["loss"][i])) < 0.015  # another order of the data, the same recipe


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"schedule": "wsd", "branches": [16_384, 32_768], "average": "swa"},
        {"optimizer": "spectral", "average": "ema"},
        {"noise_every": 5},
    ],
    ids=["plain", "branches", "spectral", "noise"],
)
def test_resuming_from_any_checkpoint_gives_the_same_bits(tiny, changes):
    given = {**tiny, "tokens": 60 * 512 + 30_720, **changes}
    whole, report = collect()
    memory = Memory(every=17)
    result = train(given, report, memory)
    assert len(memory.kept) >= 4
    for state in memory.kept:
        again, report = collect()
        other = train(given, report, Memory(state))
        assert other["rows"] == result["rows"] and set(again) <= set(whole) and again


def test_a_cooldown_is_bit_for_bit_the_run_made_for_that_duration(tiny):
    given = {**tiny, "schedule": "wsd", "warmup": 10}
    branched = train({**given, "tokens": 61_440, "branches": [20_480, 40_960]}, lambda *a, **k: None, Memory())["rows"]
    for row in branched:
        assert train({**given, "tokens": row["tokens"]}, lambda *a, **k: None, Memory())["rows"] == [row]
    config = Config.of({**given, "tokens": 61_440, "branches": [20_480, 40_960]})
    assert trained_steps(config) == 96 + 8 + 16 + 24 and [s[0] for s in segments(config)] == ["trunk", "cooldown"] * 3


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("parametrization", ["standard", "mup"])
def test_every_optimizer_learns(tiny, optimizer, parametrization):
    rate = {"adamw": 8e-3, "sgd": 0.3, "sign": 4e-3, "spectral": 0.02, "column": 0.3}[optimizer]
    given = {
        **tiny,
        "tokens": 122_880,
        "optimizer": optimizer,
        "parametrization": parametrization,
        "learning_rate": rate,
        "base_width": 8,
    }
    assert train(given, lambda *a, **k: None, Memory())["rows"][0]["loss"] < 3.3  # a uniform guess has 5.5


ARMS = (
    *({"mixer": m} for m in MIXERS[1:]),
    *({"feedforward": f} for f in FEEDFORWARDS[1:]),
    {"streams": 2},
    {"learning": "dfa", "tied": False},
    {"parametrization": "unit", "learning_rate": 0.1},
    {"norm": "dyt"},
    {"precision": "bf16"},
)


@pytest.mark.parametrize("changes", ARMS, ids=lambda c: " ".join(map(str, c.values())))
def test_every_arm_learns(tiny, changes):
    given = {**tiny, "tokens": 61_440, "depth": 2, "blocks": 2, "experts": 4, **changes}
    assert train(given, lambda *a, **k: None, Memory())["rows"][0]["loss"] < 3.4


def test_orthogonalised_updates_have_singular_values_near_one():
    from forescale.ladder.optim import orthogonalise, spectral

    torch.manual_seed(0)
    for shape in ((32, 64), (64, 32)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.min() > 0.5 and values.max() < 1.3
    assert torch.linalg.svdvals(spectral(torch.randn(64, 16))).mean() == pytest.approx(2.0, rel=0.25)


def test_noise_scale_is_the_trace_over_the_squared_gradient():
    """Against its definition from per-sequence gradients, at fixed weights."""
    from forescale.ladder.model import loss_of
    from forescale.ladder.noise import NoiseScale
    from forescale.ladder.tokens import batches

    config = Config(16, 1, 10**6, 1e-3, 512, context=64, noise_every=1)
    model, stream = Session(config).model, batches(config)
    flat = lambda: torch.cat([p.grad.flatten() for p in model.parameters()])
    grads = []
    for _ in range(40):
        for row in torch.from_numpy(next(stream)):
            model.zero_grad()
            loss_of(model, row[None]).backward()
            grads.append(flat().clone())
    grads = torch.stack(grads)
    trace = grads.var(dim=0).sum()
    signal = grads.mean(0).square().sum() - trace / len(grads)
    exact = float(trace / signal) * 64
    measured = NoiseScale(config)
    signal = noise = 0.0
    for _ in range(60):
        model.zero_grad()
        one = NoiseScale(config)
        one.backward(model, torch.from_numpy(next(stream)))
        signal, noise = signal + one.signal, noise + one.noise
    assert noise / signal == pytest.approx(exact, rel=0.35)
    assert measured.latest() == {}


def test_diverged_runs_say_so(tiny):
    with pytest.raises(Diverged, match="step"):
        train(
            {**tiny, "tokens": 204_800, "learning_rate": 30.0, "optimizer": "sgd", "clip": 0, "warmup": 1},
            lambda *a, **k: None,
            Memory(),
        )


def test_text_comes_from_files_byte_pairs_and_data_sets(tmp_path, tiny):
    from forescale.ladder.tokens import text

    for i in range(3):
        (tmp_path / f"{i}.txt").write_text(f"the quick brown fox {i} jumps over the lazy dog\n" * 400)
    by_bytes = text(str(tmp_path), "byte")
    by_pairs = text(str(tmp_path / "*.txt"), "bpe:300")
    assert by_pairs.bytes_per_token > 2 and by_bytes.bytes_per_token == 1
    assert len(by_pairs.valid) * by_pairs.bytes_per_token == pytest.approx(len(by_bytes.valid))
    row = train(
        {**tiny, "tokens": 10_240, "data": str(tmp_path), "tokenizer": "bpe:300", "vocabulary": 300},
        lambda *a, **k: None,
        Memory(),
    )["rows"][0]
    assert row["bits_per_byte"] == pytest.approx(row["loss"] / math.log(2) / by_pairs.bytes_per_token)
    with pytest.raises(InputError, match="no text files"):
        text(str(tmp_path / "none*"), "byte")


def test_a_hugging_face_data_set_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    from forescale.ladder.corpus import load

    found = datasets.Dataset.from_dict({"text": [f"document {i} " * 20 for i in range(50)]})
    for folder in ("here", "there"):
        found.save_to_disk(str(tmp_path / folder))
    corpus = load(f"datasets:{tmp_path / 'here'}")
    assert corpus.files == 50 and b"document 7" in corpus.train + corpus.valid
    assert corpus == load(f"datasets:{tmp_path / 'there'}")  # the same data, split the same way, wherever it lies
    with pytest.raises(InputError, match="no column 'body'; it has text"):
        load(f"datasets:{tmp_path / 'here'}:body")
    datasets.DatasetDict({"test": found}).save_to_disk(str(tmp_path / "test"))
    with pytest.raises(InputError, match="no split train; it has test"):
        load(f"datasets:{tmp_path / 'test'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty cannot be read: "):
        load(f"datasets:{tmp_path / 'empty'}")
    datasets.Dataset.from_dict({"text": ["a text", None] * 20}).save_to_disk(str(tmp_path / "gaps"))
    with pytest.raises(InputError, match=r"row 1 of column 'text' .* holds NoneType, not text"):
        load(f"datasets:{tmp_path / 'gaps'}")


def test_some_text_is_held_out_whatever_the_documents_are_called():
    from forescale.ladder.corpus import split

    for word in range(200):
        for many in (5, 32, 40):
            corpus = split([(f"{word}/{i}", f"document {i}".encode() * 9) for i in range(many)])
            assert corpus.valid and len(corpus.train) > 2 * len(corpus.valid)


def test_unit_scaling_starts_with_weights_outputs_and_gradients_near_one():
    """Root mean squares within a factor 5 of one at widths 64 and 512 (attention averages, and is not compensated for that)."""
    from forescale.ladder.model import Model, loss_of

    PARTS = ((0, "qkv"), (0, "out"), (1, "up"), (1, "down"))
    spread = {}
    for kind in ("unit", "standard"):
        found = []
        for width in (64, 512):
            torch.manual_seed(0)
            config = Config(width, 2, 10**6, 0.1, 2048, context=64, parametrization=kind)
            model, rows = Model(config), torch.randint(0, 256, (32, 65))
            sizes = [p.detach().square().mean().sqrt() for p in model.parameters() if p.ndim == 2]
            h = model.enter(rows[:, :-1])
            for block in model.blocks:
                h = block(h)
                sizes.append(h.detach().square().mean().sqrt())
            (loss_of(model, rows) * rows[:, 1:].numel()).backward()  # of the summed loss
            sizes += [
                block.parts[i].get_submodule(n).weight.grad.square().mean().sqrt() for block in model.blocks for i, n in PARTS
            ]
            found += [float(s) for s in sizes]
        spread[kind] = max(max(v, 1 / v) for v in found)
    assert spread["unit"] < 5 < 30 < spread["standard"]


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_averages_are_those_of_the_weights_along_the_run(tiny, kind):
    """Against weights collected by hand at every step of the same run."""
    from forescale.ladder.averages import EVERY
    from forescale.ladder.schedule import share
    from forescale.ladder.tokens import batches
    from forescale.ladder.trainer import validation_loss

    config = Config.of({**tiny, "tokens": 100 * 512, "average": kind, "ema": 0.9, "schedule": "constant"})
    session, seen = Session(config), []
    for step, rows in zip(range(config.steps), batches(config), strict=False):
        session.train_step(torch.from_numpy(rows), config.learning_rate * share(config, step))
        session.average.update(step)
        seen.append([p.detach().clone() for p in session.model.parameters()])
    if kind == "ema":
        expected = seen[0]
        for now in seen[1:]:
            expected = [0.9 * a + 0.1 * b for a, b in zip(expected, now, strict=True)]
    else:
        kept = [seen[s] for s in range(80, 100, EVERY)]  # the last fifth
        expected = [torch.stack(w).mean(0) for w in zip(*kept, strict=True)]
    for a, b in zip(session.average.weights, expected, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    averaged = session.average.loss(lambda model: validation_loss(model, config))
    for p, w in zip(session.model.parameters(), expected, strict=True):
        p.data.copy_(w)
    assert averaged[f"loss_{kind}"] == pytest.approx(validation_loss(session.model, config), rel=1e-6)
