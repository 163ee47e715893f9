"""The README's Python blocks run, and each comment behind a print is what it printed."""

import contextlib
import io
import re
from pathlib import Path

import pytest

BLOCKS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text(), re.S)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_block_prints_what_it_says(block):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block, "README.md", "exec"), {})
    said = re.findall(r"^print.*\n# (.*)$", block, re.M)
    assert said and printed.getvalue().splitlines() == said


def test_counts_in_the_readme():
    from forescale import laws, papers, rules

    text = (Path(__file__).parents[1] / "README.md").read_text()
    assert f"one of the {len(laws.CATALOGUE)} of" in text
    assert f"{len(laws.CATALOGUE)} laws and {len(rules.CATALOGUE)} rules, {len(papers.every())} papers" in text.replace("\n", " ")
