"""The published table has every record of the catalogue, all green."""

import re
from pathlib import Path

from forescale import laws, rules

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()


def test_the_table_is_whole_and_green():
    rows = set(re.findall(r"^\| (\w+) \|", PAGE, re.M))
    assert rows == set(laws.CATALOGUE) | set(rules.CATALOGUE)
    assert "FAIL" not in PAGE
    assert f"{len(laws.CATALOGUE)} laws and {len(rules.CATALOGUE)} rules" in PAGE


def test_no_record_without_source_limits_and_bibtex():
    for record in [*laws.every(), *rules.every(), *rules.ADVICE.values()]:
        assert record.source.title and record.source.ref.startswith("arXiv:") and record.limits and record.doc
        assert "title = {" in record.cite() and record.source.checked in ("refitted", "known", "unverified")
