"""The transfer matrix: simulated languages whose worth is known, with noise and with outliers."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from forescale.cli.app import app
from forescale.compare import transfer_matrix
from forescale.errors import InputError
from forescale.runs import Runs

WORTH = {"de": {"fr": 0.5, "zh": 0.0}, "fr": {"de": 0.4, "zh": 0.05}}


def simulated(outliers=0, count=60):
    rng = np.random.default_rng(0)
    parts = {k: [] for k in ("params", "t_de", "t_fr", "t_zh", "loss", "language")}
    some = lambda: np.where(rng.random(count) < 0.3, 0, 10 ** rng.uniform(8, 10.5, count))
    for target, worth in WORTH.items():
        tokens = {k: some() for k in ("de", "fr", "zh")} | {target: 10 ** rng.uniform(8, 10, count)}
        n = 10 ** rng.uniform(7.5, 9, count)
        data = tokens[target] + sum(w * tokens[h] for h, w in worth.items())
        loss = (1.6 + 300 * n**-0.35 + 400 * data**-0.32) * np.exp(0.005 * rng.standard_normal(count))
        loss[rng.choice(count, outliers, replace=False)] *= 1.25
        for k, v in {"params": n, "loss": loss, **{f"t_{k}": v for k, v in tokens.items()}}.items():
            parts[k].append(v)
        parts["language"].append(np.array([target] * count, object))
    return Runs({k: np.concatenate(v) for k, v in parts.items()})


COLUMNS = {"de": "t_de", "fr": "t_fr", "zh": "t_zh"}


@pytest.mark.parametrize("outliers", [0, 5])
def test_worths_are_recovered(outliers):
    found = transfer_matrix(simulated(outliers), COLUMNS)
    for target, row in WORTH.items():
        for helper, worth in row.items():
            value, low, high = found.worth[target][helper]
            assert value == pytest.approx(worth, abs=0.12) and low - 0.05 <= worth <= high + 0.05
    assert found.verdict("de", "fr") == "helps" and found.verdict("fr", "de") == "helps"
    assert found.verdict("de", "zh") == "does not help"
    assert "fr 0." in found.summary() and json.loads(found.to_json())["worth"]["de"]["fr"]


def test_the_command_prints_the_matrix(tmp_path):
    simulated().to_frame().write_parquet(tmp_path / "l.parquet")
    words = ["languages", str(tmp_path / "l.parquet"), "--tokens", "de=t_de,fr=t_fr,zh=t_zh"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0 and "de: fr 0." in said.output and "helps" in said.output


def test_what_cannot_be_told_is_said():
    runs = simulated()
    for table, columns, said in (
        (runs, {"de": "t_de"}, "two languages"),
        (runs, {"de": "t_de", "zh": "t_zh"}, "no column of tokens for target 'fr'"),
        (runs.where(runs["language"] == "de"), {"de": "t_de", "fr": "language"}, "must be counts"),
    ):
        with pytest.raises(InputError, match=said):
            transfer_matrix(table, columns)
    fixed = pl.DataFrame({"t_de": [1e9] * 6, "t_fr": [1e8, 2e8, 3e8, 4e8, 5e8, 6e8], "loss": [3.0, 2.9, 2.8, 2.7, 2.6, 2.5]})
    fixed = Runs({k: fixed[k].to_numpy() for k in fixed.columns} | {"language": np.array(["de"] * 6, object)})
    with pytest.raises(InputError, match="must differ in its own tokens"):
        transfer_matrix(fixed, {"de": "t_de", "fr": "t_fr"})
