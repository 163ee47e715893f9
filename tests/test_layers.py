"""Imports go only in the direction the architecture draws; files stay small."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "forescale"
FREE = {"errors", "quantities", "shown"}
MAY = {
    "errors": set(),
    "quantities": set(),
    "shown": set(),
    "law": set(),
    "laws": {"law"},
    "rules": {"law"},
    "papers": {"law", "laws", "rules", "studies"},
    "measure": {"runs"},
    "runs": {"law"},
    "studies": {"runs"},
    "fit": {"law", "runs"},
    "check": {"law", "runs", "fit", "plan"},
    "uncertainty": {"law", "runs", "fit"},
    "plan": {"law", "runs", "fit", "uncertainty", "laws", "rules", "forecast"},
    "forecast": {"law", "laws", "runs", "fit", "uncertainty", "measure"},
    "compare": {"law", "laws", "runs", "fit", "uncertainty", "forecast", "measure"},
    "audit": {"law", "laws", "runs", "fit", "forecast", "plan"},
    "ladder": {"runs", "rules", "plan", "forecast"},
    "report": {"plan", "forecast", "fit", "runs", "law", "laws", "compare", "ladder", "audit"},
    "web": {"plan", "forecast", "fit", "runs", "laws", "compare", "studies", "report", "__version__"},
    "cli": None,
    "__init__": None,
    "__main__": None,
}
FILES = sorted(SRC.rglob("*.py"))


def room_of(path):
    part = path.relative_to(SRC).parts[0]
    return part.removesuffix(".py")


def imported_rooms(path):
    depth = len(path.relative_to(SRC).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("forescale"):
            raise AssertionError(f"{path}: import inside the package relatively")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(SRC).as_posix())
def test_imports_follow_the_architecture(path):
    room = room_of(path)
    allowed = MAY[room]
    if allowed is not None:
        assert set(imported_rooms(path)) - {room} <= allowed | FREE


def test_no_file_is_long():
    lengths = {p.name: len(p.read_text().splitlines()) for p in FILES}
    assert max(lengths.values()) <= 500
    assert sorted(lengths.values())[len(lengths) // 2] <= 220
