"""500 mutated CSV files: an error of ours, or exactly the numbers that stand in the file."""

import csv
import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forescale.errors import ForescaleError
from forescale.runs import read

BASE = "run,params,tokens,loss\n" + "".join(f"r{i},{i}e6,{i * 20}e6,{5 / i**0.1:.4f}\n" for i in range(1, 9))
EDIT = st.tuples(st.sampled_from("insert delete replace swap cut".split()), st.integers(0, len(BASE)), st.text(max_size=3))


def mutate(text, edits):
    for kind, at, piece in edits:
        at = min(at, len(text))
        if kind == "insert":
            text = text[:at] + piece + text[at:]
        elif kind == "delete":
            text = text[:at] + text[at + len(piece) + 1 :]
        elif kind == "replace":
            text = text[:at] + piece + text[at + len(piece) :]
        elif kind == "swap":
            text = text[at:] + text[:at]
        else:
            text = text[:at]
    return text


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.lists(EDIT, min_size=1, max_size=4))
def test_mutated_csv(tmp_path, edits):
    path = tmp_path / "runs.csv"
    raw = mutate(BASE, edits).encode("utf-8", "surrogatepass")
    path.write_bytes(raw)
    try:
        runs = read(path)
    except ForescaleError as error:
        assert "\n" not in str(error)
        return
    # an independent reading of the same bytes: every loss kept must stand in the file in that row
    rows = [r for r in csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")) if any(c.strip() for c in r)]
    column = [h.strip() for h in rows[0]].index(runs.mapping["loss"])
    gone = {i for i, _ in runs.dropped}
    kept = [r[column] for i, r in enumerate(rows[1:], 1) if i not in gone]
    assert runs["loss"].tolist() == [float(c) for c in kept]
    assert len(runs) + len(runs.dropped) == len(rows) - 1
