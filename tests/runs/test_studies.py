"""Studies by name: shipped, and from a local folder."""

import pytest
from typer.testing import CliRunner

from forescale import studies
from forescale.cli.app import app
from forescale.errors import InputError

from ..conftest import STUDIES


def test_every_shipped_study_loads_and_says_what_it_is(monkeypatch):
    monkeypatch.delenv(studies.FOLDER, raising=False)
    for name in studies.SHIPPED:
        about = studies.about(name)
        assert about["slug"] == name and about["licence"] and len(studies.load(name)) > 5
        for table in studies.tables(name):
            assert len(studies.load(name, table))
    with pytest.raises(InputError, match=r"unknown study 'gemstoness'.*set FORESCALE_STUDIES"):
        studies.load("gemstoness")
    with pytest.raises(InputError, match="unknown table of study mup 'curves'"):
        studies.load("mup", "curves")


@pytest.mark.skipif(not STUDIES.is_dir(), reason="published studies are not beside this checkout")
def test_a_local_folder_adds_its_studies(monkeypatch):
    monkeypatch.setenv(studies.FOLDER, str(STUDIES))
    assert {"gemstones", "observational", "stdlib"} <= set(studies.names())
    assert len(studies.load("gemstones")) == 5049 and studies.tables("gemstones") == ("evals", "other_val", "runs")
    assert len(studies.load("observational", only=("score",))) > 20_000
    assert studies.about("gemstones")["paper"]["arxiv"] == "2502.06857"
    said = CliRunner().invoke(app, ["studies", "list"]).output
    assert "gemstones" in said and "evals, other_val, runs" in said


def test_a_folder_that_is_none_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv(studies.FOLDER, str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"FORESCALE_STUDIES names .*none, which is no folder"):
        studies.load("gemstones")
