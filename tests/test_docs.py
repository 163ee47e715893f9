"""Documentation is what the commands print: every console block of docs/questions.md, every Python block of the guides."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forescale import studies
from forescale.cli.app import app

from .conftest import STUDIES

DOCS = Path(__file__).parents[1] / "docs"
CONSOLE = re.findall(r"```console\n\$ forescale (.*?)\n(.*?)\n```", (DOCS / "questions.md").read_text(), re.S)


def test_there_are_twenty_questions():
    assert len(CONSOLE) >= 20


@pytest.mark.parametrize(("command", "said"), CONSOLE, ids=lambda v: v.split("\n")[0][:60])
def test_the_command_prints_what_the_page_says(command, said):
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exception is None
    assert result.output.rstrip() == said


def blocks():
    for page in sorted(DOCS.rglob("*.md")):
        for i, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S)):
            yield pytest.param(block, id=f"{page.relative_to(DOCS)}-{i}")


@pytest.mark.parametrize("block", list(blocks()))
def test_python_block_prints_what_it_says(block, tmp_path, monkeypatch):
    asked = set(re.findall(r'studies.load\("(\w+)"', block)) - set(studies.SHIPPED)
    if asked and not STUDIES.is_dir():
        pytest.skip(f"published study {min(asked)} is not beside this checkout")
    if asked:
        monkeypatch.setenv(studies.FOLDER, str(STUDIES))
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block, "docs", "exec"), {})
    said = re.findall(r"^ *print.*\n((?:# .*\n?)+)", block, re.M)
    lines = [line.removeprefix("# ") for group in said for line in group.splitlines()]
    assert printed.getvalue().splitlines() == lines
