"""Headers as people write them: other spellings, units in brackets, separators."""

import pytest

from forescale.errors import InputError
from forescale.runs import look, read
from forescale.runs.headers import named, scale

ROWS = {"Params (M)": [20, 50], "Tokens (B)": [0.4, 1.5], "val/loss": [3.2, 2.9]}


def test_units_of_the_header_are_counted_in_and_said():
    runs = read(ROWS)
    assert runs["params"].tolist() == [2e7, 5e7] and runs["tokens"].tolist() == [4e8, 1.5e9] and runs["loss"][0] == 3.2
    assert "column 'Params (M)' is read as params, times 1e+06" in runs.warnings
    assert look(ROWS).candidates["params"] == ("Params (M)",)


@pytest.mark.parametrize(
    ("header", "quantity", "factor"),
    [
        ("Params (M)", "params", 1e6),
        ("model size [B]", "params", 1e9),
        ("n_params_M", "params", 1e6),
        ("Training tokens (billions)", "tokens", 1e9),
        ("tokens in billions", "tokens", 1e9),
        ("Tokens (B tokens)", "tokens", 1e9),
        ("Compute (1e18)", "flops", 1e18),
        ("FLOPs (EFLOPs)", "flops", 1e18),
        ("Total FLOPs (x10^20 FLOPs)", "flops", 1e20),
        ("Compute (PF-days)", "flops", 8.64e19),
        ("Params (N)", "params", 1.0),  # a symbol is no unit
        ("Batch size (B)", "batch_size", 1.0),
        ("Loss (nats)", "loss", 1.0),
        ("validation loss", "loss", 1.0),
        ("eval/loss", "loss", 1.0),
    ],
)
def test_header(header, quantity, factor):
    assert named([header], quantity) == [header] and scale(header, quantity) == factor


@pytest.mark.parametrize("header", ["Params (GB)", "batch_B", "loss (M)", "train/loss", "tokens per second (M)", "n (M) (B)"])
def test_what_is_not_known_is_not_guessed(header):
    assert all(named([header], q) == [] for q in ("params", "tokens", "flops", "loss", "batch_size", "steps"))


def test_names_without_a_unit_come_first_and_an_explicit_map_counts_the_unit():
    table = {"n_params": [1e6, 2e6], **ROWS}
    assert read(table)["params"].tolist() == [1e6, 2e6]
    assert read(table, params="Params (M)")["params"].tolist() == [2e7, 5e7]


def test_a_unit_beside_a_unit_is_refused():
    with pytest.raises(InputError, match=r"row 2, column Params \(M\): '50M': a unit of its own beside that of the header"):
        read(ROWS | {"Params (M)": ["20", "50M"]})


def test_counts_too_small_to_be_plain_are_said():
    runs = read({"params": [20.0, 50.0], "tokens": [4e8, 1e9], "loss": [3.2, 2.9]})
    assert [w for w in runs.warnings if "params is 50 parameters at the largest" in w and "'params (M)'" in w]
    assert not [w for w in runs.warnings if w.startswith("tokens")]


def test_semicolons_and_decimal_commas(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("N;D;loss\n1e6;1e8;3.5\n2e6;1e8;3.2\n")
    assert read(path)["loss"].tolist() == [3.5, 3.2]
    path.write_text("N;D;loss\n1e6;1e8;3,5\n2e6;1e8;3,2\n")
    with pytest.raises(InputError, match="'3,5': not a number; write it without commas"):
        read(path)
