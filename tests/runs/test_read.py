"""Every kind of bad input has its own line that names row, column and remedy."""

import json

import numpy as np
import polars as pl
import pytest

from forescale.errors import InputError
from forescale.fit import fit
from forescale.laws import get
from forescale.runs import Runs, read
from forescale.runs.plain import plain

GOOD = "params,tokens,loss\n1e6,2e7,4.0\n2e6,2e7,3.8\n4e6,3e7,3.5\n8e6,4e7,3.3\n1e7,9e7,3.1\n2e7,2e8,2.9\n"


def write(tmp_path, text, name="runs.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("params,tokens,loss\n", "no rows"),
        ("params,tokens\n1,2\n", "no loss column"),
        ("params,tokens,val_loss,eval_loss\n1e6,2e7,3,3\n", "val_loss, eval_loss could all be loss"),
        (GOOD.replace("3.5", "abc"), "row 3, column loss: 'abc'"),
        (GOOD.replace("3.5", "0"), "row 3, column loss: '0': loss must be above zero"),
        (GOOD.replace("3.5", "-3.5"), "must be above zero"),
        (GOOD.replace("3e7", "-3e7"), "row 3, column tokens"),
        (GOOD.replace("3.5", "3,5"), "4 fields where the header has 3"),
        (GOOD[:-5], "2 fields where the header has 3"),
        (GOOD.replace("params,", "loss,"), "twice"),
        (GOOD.replace("params,tokens,loss\n", ""), "no header"),
        (GOOD.replace("3.5", "1_0"), "not a number"),
        (GOOD.replace("3.5", "\x00"), "zero byte"),
    ],
)
def test_bad_csv(tmp_path, text, said):
    with pytest.raises(InputError, match=None) as caught:
        read(write(tmp_path, text))
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("cell", ["nan", "", "inf", "NA"])
def test_missing_losses_are_left_out_and_listed(tmp_path, cell):
    runs = read(write(tmp_path, GOOD.replace("3.5", cell)))
    assert len(runs) == 5 and runs.dropped[0][0] == 3
    assert "1 row left out: row 3" in runs.warnings[0]


def test_a_file_cut_inside_its_last_number_is_said(tmp_path):
    assert any("no line end" in w for w in read(write(tmp_path, GOOD[:-2])).warnings)


def test_repeated_rows_are_said(tmp_path):
    runs = read(write(tmp_path, GOOD + "2e7,2e8,2.9\n"))
    assert "repeat another row" in runs.warnings[0] and len(runs) == 7


def test_units_and_aliases(tmp_path):
    runs = read(write(tmp_path, "N,D,val_loss\n7B,1.4T,2.0\n70b,1.4t,1.9\n"))
    assert runs["params"].tolist() == [7e9, 7e10] and runs["tokens"][0] == 1.4e12
    assert any("'val_loss' is read as loss" in w for w in runs.warnings)
    assert runs.numbers(["flops"])["flops"][0] == 6 * 7e9 * 1.4e12


def test_explicit_map_wins_and_unknown_column_is_said(tmp_path):
    path = write(tmp_path, GOOD.replace("loss", "a,b").replace("\n", ",1\n").replace("b,1", "b"))
    assert read(path, loss="a")["loss"][0] == 4.0
    with pytest.raises(InputError, match="no column 'c'"):
        read(path, loss="c")


def test_formats_agree(tmp_path):
    csv = read(write(tmp_path, GOOD))
    frame = pl.read_csv(write(tmp_path, GOOD))
    frame.write_parquet(tmp_path / "r.parquet")
    frame.write_ndjson(tmp_path / "r.jsonl")
    for other in (tmp_path / "r.parquet", tmp_path / "r.jsonl", frame, frame.to_dict(as_series=False)):
        assert read(other)["loss"].tolist() == csv["loss"].tolist()


def test_pandas_frame(tmp_path):
    pandas = pytest.importorskip("pandas")
    assert read(pandas.read_csv(write(tmp_path, GOOD)))["params"][0] == 1e6


def test_truncated_parquet_and_jsonl(tmp_path):
    pl.DataFrame({"loss": [1.0] * 100}).write_parquet(tmp_path / "r.parquet")
    (tmp_path / "r.parquet").write_bytes((tmp_path / "r.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match="no readable Parquet"):
        read(tmp_path / "r.parquet")
    with pytest.raises(InputError, match="line 2: not JSON"):
        read(write(tmp_path, '{"loss": 3}\n{"loss": 2', "r.jsonl"))


def test_too_few_rows_and_one_size(tmp_path):
    law = get("chinchilla")
    with pytest.raises(InputError, match="4 rows cannot fit the 5 free parameters"):
        fit(law, read(write(tmp_path, "\n".join(GOOD.splitlines()[:5]))))
    one = "params,tokens,loss\n" + "".join(f"1e6,{i}e7,{4 - i / 10}\n" for i in range(1, 9))
    with pytest.raises(InputError, match="every row has params = 1e"):
        fit(law, read(write(tmp_path, one)))


def test_a_mapped_input_must_be_positive_unless_named_as_one_that_matters():
    table = {"score": [1.0, -2.0], "loss": [2.0, 1.0]}
    with pytest.raises(InputError, match="x must be above zero"):
        read(table, x="score")
    assert read(table, only=("score",))["score"].tolist() == [1.0, -2.0]


@pytest.mark.parametrize("empty", [{}, {"loss": [], "params": []}])
def test_a_table_without_rows_is_said(empty):
    with pytest.raises(InputError, match="the dataframe has no rows"):
        read(empty)


def test_runs_made_by_hand_are_floats_of_one_length():
    runs = Runs({"params": [10, 20], "loss": np.array([3, 2]), "arm": ["a", "b"]})
    assert runs["params"].dtype == runs["loss"].dtype == float and runs["arm"].tolist() == ["a", "b"]
    with pytest.raises(InputError, match="columns must be lists of one length, got params 2, loss 1"):
        Runs({"params": [1e6, 2e6], "loss": [3.0]})


@pytest.mark.parametrize("names", [["a", "b"], ["0", "1"], ["", "x"]])
def test_a_label_may_have_another_name(tmp_path, names):
    lines = GOOD.splitlines()
    text = "\n".join([f"{lines[0]},wandb_id", *(f"{line},{names[i % 2]}" for i, line in enumerate(lines[1:]))]) + "\n"
    runs = read(write(tmp_path, text), run="wandb_id")
    assert len(runs) == 6 and len(set(runs["run"].tolist())) == 2 and runs["wandb_id"].tolist() == runs["run"].tolist()
    named = read(write(tmp_path, text), cluster="wandb_id", only=("loss",)) if names[0] == "a" else None
    assert named is None or named["cluster"].tolist() == names * 3


@pytest.mark.parametrize("header", ["run_id", "Run Name", "runid"])
def test_the_column_of_runs_has_other_names(tmp_path, header):
    lines = GOOD.splitlines()
    text = "\n".join([f"{lines[0]},{header}", *(f"{line},{i // 3}" for i, line in enumerate(lines[1:]))]) + "\n"
    runs = read(write(tmp_path, text))
    assert runs["run"].tolist() == [0, 0, 0, 1, 1, 1] and f"column {header!r} is read as run" in runs.warnings
    mapped = read(write(tmp_path, text), group=header)
    assert "run" not in mapped.columns and mapped["group"].tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("name", ["scores.csv", "scores.tsv", "scores.jsonl", "scores.parquet"])
def test_a_plain_table_is_read_from_every_kind(tmp_path, name):
    frame = pl.DataFrame({"model": ["1", "b"], "score": [0.5, None], "right": [True, False], "note": ["x", None]})
    write_as = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}
    path = tmp_path / name
    kind = path.suffix[1:]
    frame.write_csv(path, separator="\t") if kind == "tsv" else write_as[kind](path)
    found = plain(path, ("score",), labels=("model",), gaps=("score",))
    assert found["model"].tolist() == ["1", "b"] and found["right"].tolist() == [1, 0] and found["note"].tolist() == ["x", ""]
    assert found["score"][0] == 0.5 and np.isnan(found["score"][1])
    with pytest.raises(InputError, match=f"{name} row 2, column score: .*no value"):
        plain(path, ("score",))
    with pytest.raises(InputError, match=f"{name} row 1, column note: 'x': not a number"):
        plain(path, ("note",))
    with pytest.raises(InputError, match=f"{name} lacks flops; it has model, score"):
        plain(path, ("flops",))


@pytest.mark.parametrize(("column", "ends"), [("State", "finished crashed running"), ("status", "FINISHED FAILED RUNNING")])
def test_runs_that_crashed_or_still_run_are_told_of(tmp_path, column, ends):
    path = tmp_path / "wandb.csv"
    rows = [f"{i},{e},{10**i},{10**i},{5 - i}" for i, e in enumerate(ends.split() + ends.split()[:1], 1)]
    path.write_text(f"Name,{column},params,tokens,loss\n" + "\n".join(rows) + "\n")
    (said,) = (w for w in read(path).warnings if column in w)
    assert f"1 {ends.split()[1].lower()}, 1 running of 4" in said
    path.write_text(path.read_text().replace(ends.split()[1], "finished").replace(ends.split()[2], "finished"))
    assert not any(column in w for w in read(path).warnings)


def test_any_table_in_memory_reads_the_same():
    pd = pytest.importorskip("pandas")
    plain = {"params": [1e7, 1e8], "tokens": [2e8, 2e9], "loss": [4.0, 3.0]}
    frame = pd.DataFrame(plain)
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    whole = frame.astype({"params": "Int64", "tokens": "int64"})
    same = (
        frame,
        rows,
        whole,
        frame.set_index(["params", "tokens"]),
        pl.DataFrame(plain),
        {k: np.array(v) for k, v in plain.items()},
    )
    for table in (*same, frame.astype(str)):
        found = read(table)
        assert all(found[k].tolist() == v for k, v in plain.items())
    for table, said in (
        (pl.DataFrame(plain).lazy(), "collect it first"),
        (pd.concat([frame], axis=1, keys=["x"]), r"named \('x', 'params'\), which is no text"),
        (pd.DataFrame(frame.to_numpy()), "named 0, which is no text"),
        (frame.assign(loss=["40%", "30%"]), "write it without the sign"),
    ):
        with pytest.raises(InputError, match=said):
            read(table)


@pytest.mark.parametrize("orient", ["records", "list", "columns", "index"])
def test_json_as_pandas_writes_it(tmp_path, orient):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"params": [1e7, 1e8], "tokens": [2e8, 2e9], "loss": [4.0, 3.0], "arm": ["a", "b"]})
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(frame.to_dict("list")) if orient == "list" else frame.to_json(orient=orient))
    if orient == "index":  # rows by number: no column is named there
        with pytest.raises(InputError, match="no loss column"):
            read(path)
        return
    found = read(path)
    assert found["loss"].tolist() == [4.0, 3.0] and found["arm"].tolist() == ["a", "b"]
    path.write_text(path.read_text()[:-3])
    with pytest.raises(InputError, match=r"runs.json line 1: not JSON .*cut off"):
        read(path)
    for text, said in (
        ("3", "holds no table"),
        ('{"loss": [1], "params": [1, 2]}', "differ in length"),
        ("[]", "holds no table"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read(path)
