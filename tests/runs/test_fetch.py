"""Published studies fetched over HTTP, checked, converted by our recipes; the tables equal those prepared independently."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from forescale import studies
from forescale.cli.app import app
from forescale.errors import InputError
from forescale.studies import download

from ..conftest import STUDIES

RAW = STUDIES.parent / "raw"
pytestmark = pytest.mark.skipif(not RAW.is_dir(), reason="the raw files of published studies are not beside this checkout")
# what the prepared tables add from elsewhere than the raw files: whom the papers fitted, which tasks they averaged
NOTES = {"in_paper_fit", "paper_fit_error", "paper_fit_loss", "err_avg_17", "in_17", "in_46", "preregistered", "code_family"}
NOTES |= {"in_paper_families"}
KEYS = ("run", "step", "val_set", "eval", "suite", "sft_data_size")


class Quiet(http.server.SimpleHTTPRequestHandler):
    asked = []

    def log_message(self, *args):
        self.asked.append(self.path)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server that has the files where their authors' host has them, and an empty cache."""
    site = tmp_path / "site"
    for study in studies.PUBLISHED.values():
        place = site / study.repo / study.commit
        place.parent.mkdir(parents=True)
        place.symlink_to(RAW / study.repo.replace("/", "+"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(studies.FOLDER, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        monkeypatch.setenv(download.MIRROR, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        Quiet.asked.clear()
        yield site
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", studies.PUBLISHED)
def test_our_recipes_make_the_same_tables(mirror, name):
    place = studies.fetch(name)
    assert studies.tables(name)
    for table in studies.tables(name):
        mine, theirs = pl.read_parquet(place / f"{table}.parquet"), pl.read_parquet(STUDIES / name / f"{table}.parquet")
        assert set(theirs.columns) - set(mine.columns) <= NOTES and set(mine.columns) <= set(theirs.columns)
        keys = [k for k in KEYS if k in mine.columns]
        mine, theirs = mine.sort(keys), theirs.select(mine.columns).sort(keys)
        assert len(mine) == len(theirs)
        for column in mine.columns:
            a, b = mine[column], theirs[column]
            if a.dtype.is_numeric():
                np.testing.assert_allclose(a.cast(float), b.cast(float), rtol=1e-12, err_msg=column)
            else:
                assert a.to_list() == b.to_list(), column


def test_a_study_is_fetched_once_and_then_needs_no_network(mirror, monkeypatch):
    said = CliRunner().invoke(app, ["studies", "list"]).output
    assert "gemstones" in said and "to fetch" in said and "gemstones" not in studies.names()
    runs = studies.load("gemstones")
    assert len(runs) == 5049 and len(Quiet.asked) == 4 and "gemstones" in studies.names()
    monkeypatch.setenv(download.MIRROR, "http://127.0.0.1:9")
    assert len(studies.load("gemstones")) == 5049 and len(Quiet.asked) == 4
    assert studies.about("gemstones")["commit"] == studies.PUBLISHED["gemstones"].commit
    assert "MIT" in CliRunner().invoke(app, ["studies", "fetch", "gemstones"]).output


def test_what_cannot_be_reached_is_said_in_one_line(mirror, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv(download.MIRROR, "http://127.0.0.1:9")
    said = r"svg_extracted_data.csv cannot be fetched from http://127.0.0.1:9/.*FORESCALE_STUDIES"
    with pytest.raises(InputError, match=said) as caught:
        studies.load("chinchilla")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="unknown study 'chinchila'"):
        studies.load("chinchila")


def test_a_file_that_is_not_the_published_one_is_refused(mirror, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    study = studies.PUBLISHED["chinchilla"]
    place = mirror / study.repo / study.commit
    real = place.resolve()
    place.unlink()
    shutil.copytree(real, place)
    file = place / "data" / "svg_extracted_data.csv"
    file.chmod(0o644)
    file.write_text(file.read_text().replace("5.0", "5.1", 1))
    with pytest.raises(InputError, match="is not what was published: its checksum differs"):
        studies.load("chinchilla")
    assert "chinchilla" not in studies.names()


def test_names_cannot_lead_out_of_the_folder(mirror, monkeypatch, tmp_path):
    monkeypatch.setenv(studies.FOLDER, str(STUDIES))
    (tmp_path / "study.toml").write_text("")
    for name in ("../studies/chinchilla", str(tmp_path), ".", ""):
        with pytest.raises(InputError, match="unknown study"):
            studies.load(name)
    assert Path(str(studies.path("chinchilla"))).is_relative_to(STUDIES)
