"""The API says what Python says, and nothing else can be had from it."""

import http.client
import io
import pickle
import socket

import numpy as np
import pytest

import forescale as fs
from forescale import studies
from forescale.plan import accelerator, design, grid, spend

FIT = {"study": "stdlib", "role": "fit"}


@pytest.fixture(scope="module")
def runs():
    return studies.load().role("fit")


def close(got, want):
    np.testing.assert_allclose(np.array(got, float), np.array(want, float), rtol=1e-12)


@pytest.mark.parametrize("law", ["chinchilla", "coupled"])
def test_plan_equals_python_on_a_grid(server, runs, law):
    found = fs.fit(fs.laws.get(law), runs)
    for flops in np.geomspace(1e12, 1e17, 12):
        for level in (0.5, 0.9):
            body = {"data": FIT, "law": law, "flops": float(flops), "level": level, "chip": "A100", "mfu": 0.35, "price": 1.8}
            status, got = server.ask("/api/plan", body)
            want = fs.plan(found, float(flops), level)
            assert status == 200 and got["plan"]["warnings"] == list(want.warnings)
            for name in ("params", "tokens", "loss", "exponent", "flat"):
                close(got["plan"][name], getattr(want, name))
            cost = spend(float(flops), accelerator("A100"), 0.35, price=1.8)
            close([got["cost"]["hours"], got["cost"]["money"]], [cost.hours, cost.hours * 1.8])


def test_fit_forecast_compare_and_design_equal_python(server, runs):
    found = fs.fit(fs.laws.chinchilla, runs)
    _, got = server.ask("/api/fit", {"data": FIT})
    close([p["value"] for p in got["params"]], list(found.params.values()))
    close([(p["low"], p["high"]) for p in got["params"]], [found.interval(n) for n in found.params])
    _, got = server.ask("/api/forecast", {"data": FIT, "params": "1.3M", "tokens": "30M"})
    want = fs.forecast(runs, params="1.3M", tokens="30M")
    close(got["value"] + got["low"] + got["high"], [*want.value, *want.low, *want.high])
    _, got = server.ask("/api/plan/laws", {"data": FIT, "flops": "1e14"})
    want = fs.plan(runs, "1e14")
    close(got["params"] + got["loss"], [*want.params, *want.loss])
    assert [v["name"] for v in got["votes"]] == [v.name for v in want.votes]
    _, got = server.ask("/api/design", {"data": FIT, "params": "5M", "tokens": "100M", "budget": "1e14"})
    want = design(grid(1e14), {"params": "5M", "tokens": "100M"}, 1e14, source=found)
    assert got["picks"] == list(want.picks)
    arms = studies.load("arms")
    arms = arms.where(np.isin(arms["arm"], sorted(set(arms["arm"]))[:3]))
    _, sent = send(server, "arms.csv", arms.to_frame().write_csv().encode())
    _, got = server.ask("/api/compare", {"data": {"upload": sent["upload"]}, "by": "arm"})
    want = fs.compare(arms)
    close([p["wins"] for p in got["pairs"]], [p.wins for p in want.pairs])
    assert [p["winner"] for p in got["pairs"]] == [p.winner for p in want.pairs]


def test_a_failed_run_is_left_out_unless_it_is_to_stay(server, runs):
    frame = runs.to_frame().select("params", "tokens", "loss")
    largest = (frame["params"] * frame["tokens"]).arg_max()
    frame[largest, "loss"] = 2 * frame[largest, "loss"]
    _, sent = send(server, "failed.csv", frame.write_csv().encode())
    said = {}
    for keep in (False, True):
        body = {"data": {"upload": sent["upload"]}, "params": "1.3M", "tokens": "30M", "keep_odd": keep}
        _, said[keep] = server.ask("/api/forecast", body)
    assert said[True]["rows"] == said[False]["rows"] + 1
    assert "left out" in said[False]["summary"] and "left out" not in said[True]["summary"]


def test_figures_hold_the_measured_points(server, runs):
    for kind in ("fit", "residuals", "excess", "frontier"):
        status, got = server.ask("/api/figure", {"data": FIT, "kind": kind, "by": "params"})
        assert status == 200 and got["data"]
    _, got = server.ask("/api/figure", {"data": FIT, "kind": "fit"})
    drawn = next(t for t in got["data"] if t["name"] == "fitted")["y"]
    if isinstance(drawn, dict):
        import base64

        drawn = np.frombuffer(base64.b64decode(drawn["bdata"]), drawn["dtype"])
    close(drawn, runs["loss"])


def send(server, name, raw):
    return server.ask(f"/api/tables/{name}", method="PUT", raw=raw)


def test_an_upload_is_read_as_python_reads_it(server, runs, tmp_path):
    text = runs.to_frame().select(n_params="params", D="tokens", val_loss="loss", mine="loss").write_csv()
    status, got = send(server, "my%20runs.csv", text.encode())
    assert status == 200
    data = {"upload": got["upload"], "map": {"params": "n_params", "loss": "mine"}}
    _, seen = server.ask("/api/look", {"data": data})
    assert seen["rows"] == len(runs) and seen["candidates"]["loss"] == ["val_loss"] and seen["name"] == "my runs.csv"
    _, fitted = server.ask("/api/fit", {"data": data})
    (tmp_path / "my runs.csv").write_text(text)
    want = fs.fit(fs.laws.chinchilla, fs.read(tmp_path / "my runs.csv", params="n_params", loss="mine"))
    close([p["value"] for p in fitted["params"]], list(want.params.values()))


def test_bad_tables_get_one_line(server):
    for name, raw, said in (
        ("a.csv", b"", "empty"),
        ("a.csv", b"x,y\n1,2\n", "no loss column"),
        ("a.pkl", pickle.dumps({"loss": [1]}), "unknown kind"),
        ("a.parquet", b"PAR1 nothing PAR1", "Parquet"),
        ("a.csv", b"params,tokens,loss\n1,2\n", "fields"),
        ("a.csv", b"params,tokens,loss\n1e6,1e7,-3\n", "above zero"),
    ):
        status, got = send(server, name, raw)
        if status == 200:
            status, got = server.ask("/api/fit", {"data": {"upload": got["upload"]}})
        assert status == 400 and said in got["error"] and "\n" not in got["error"], (name, got)


def test_broken_files_never_break_the_app(server, runs):
    buffer = io.BytesIO()
    runs.to_frame().write_parquet(buffer)
    whole, rng = buffer.getvalue(), np.random.default_rng(0)
    for i in range(60):
        raw = bytearray(whole[: rng.integers(1, len(whole))] if i % 2 else whole)
        for at in rng.integers(0, len(raw), 8):
            raw[at] = rng.integers(256)
        status, got = send(server, "f.parquet", bytes(raw))
        if status == 200:
            status, got = server.ask("/api/fit", {"data": {"upload": got["upload"]}})
        assert status in (200, 400), got


def test_the_token_guards_every_call(server):
    for path in ("/api/about", "/api/openapi.json", "/api/nothing"):
        assert server.ask(path, authorization="")[0] == 401
        assert server.ask(path, authorization="Bearer wrong")[0] == 401
        assert server.ask(path, authorization=f"Bearer {server.token}é")[0] == 401
    assert server.ask("/api/plan", {"data": FIT, "flops": 1e15}, authorization="")[0] == 401
    assert server.ask("/?token=wrong")[0] == 401


def test_other_hosts_and_other_pages_are_refused(server):
    assert server.ask("/api/about", host="evil.example")[0] == 421
    assert server.ask("/", host="evil.example")[0] == 421
    assert server.ask("/api/about", origin="http://evil.example")[0] == 403
    assert server.ask("/api/about", origin="http://127.0.0.1:1")[0] == 403
    assert server.ask("/api/about", origin=server.base)[0] == 200


def test_it_listens_on_loopback_alone(server):
    port = int(server.base.rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: names the address this machine has outwards
        outward = probe.getsockname()[0]
    if outward.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    with pytest.raises(OSError), socket.create_connection((outward, port), timeout=3):
        pass


def test_long_uploads_are_cut_off(server):
    host, port = server.base.removeprefix("http://").split(":")
    who = {"authorization": f"Bearer {server.token}"}
    line = http.client.HTTPConnection(host, int(port), timeout=60)
    line.putrequest("PUT", "/api/tables/a.csv")
    for name, value in (who | {"content-length": str(64 * 2**20 + 1)}).items():
        line.putheader(name, value)
    line.endheaders()  # refused by its length, before a byte of it is sent
    answer = line.getresponse()
    assert answer.status == 413 and b"MiB" in answer.read()
    line.close()
    line = http.client.HTTPConnection(host, int(port), timeout=60)
    chunks = (b"x" * 2**20 for _ in range(70))  # chunked: no length is said
    try:
        line.request("PUT", "/api/tables/a.csv", chunks, who, encode_chunked=True)
        assert line.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # cut off while sending
    finally:
        line.close()
    assert not [f for f in server.uploads.rglob("*") if f.is_file() and f.stat().st_size > 2**20]


def test_a_small_file_of_very_many_rows_is_refused(server):
    import polars as pl

    buffer = io.BytesIO()
    pl.DataFrame({"loss": np.ones(21_000_000)}).write_parquet(buffer)
    assert len(buffer.getvalue()) < 2**20
    status, got = send(server, "bomb.parquet", buffer.getvalue())
    assert status == 400 and "cells" in got["error"]


def test_no_path_leads_out_and_nothing_is_executed(server, tmp_path):
    evil = tmp_path / "evil.py"
    evil.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    for law in (f"{evil}:law", "power(tokens)", "../x", "__class__"):
        status, got = server.ask("/api/fit", {"data": FIT, "law": law[:60]})
        assert status == 400 and "unknown law" in got["error"]
    assert not (tmp_path / "ran").exists()
    for data in ({"study": "../../etc"}, {"study": "stdlib", "table": "../mup/runs"}, {"study": "/etc/passwd"}):
        assert server.ask("/api/look", {"data": data})[0] == 400
    assert server.ask("/api/look", {"data": {"upload": "../" * 10}})[0] == 422
    raw = b"params,tokens,loss\n1e6,1e7,3\n"
    for name in ("..%2F..%2Fout.csv", "%2Fetc%2Fout.csv", "..%5C..%5Cout.csv", "....csv", "%00.csv"):
        assert send(server, name, raw)[0] in (200, 400, 404)
    for file in server.uploads.rglob("*"):
        assert file.resolve().is_relative_to(server.uploads.resolve())
    assert {f.name for f in server.uploads.parent.iterdir()} == {"uploads"}
    for path in ("/../pyproject.toml", "/app.js/../../server.py", "/static/app.js", "/%2e%2e/x"):
        assert server.ask(path)[0] == 404


def test_pages_are_sealed(server):
    for path in ("/", "/app.js", "/plotly.js", "/api/about", "/nothing"):
        server.ask(path)
        assert "default-src 'none'" in server.headers["content-security-policy"]
        assert server.headers["x-content-type-options"] == "nosniff"


def test_the_description_is_open_api(server):
    status, got = server.ask("/api/openapi.json")
    assert status == 200 and got["openapi"].startswith("3.")
    assert {"/api/fit", "/api/plan", "/api/forecast", "/api/compare", "/api/design", "/api/report"} <= set(got["paths"])
