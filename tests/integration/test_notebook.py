"""The notebook runs from top to bottom and shows what is stored in it."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tutorial.ipynb"


def shown(cell):
    """What a reader sees: printed text and the text of results, without figures, whose numbers are tested elsewhere."""
    out = []
    for output in cell.get("outputs", []):
        out.append(output.get("text") or output.get("data", {}).get("text/html") or output.get("data", {}).get("text/markdown"))
    return out


@pytest.mark.slow
def test_the_notebook_shows_what_it_stores(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    stored = nbformat.read(NOTEBOOK, 4)
    again = nbformat.read(NOTEBOOK, 4)
    nbclient.NotebookClient(again, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [c for c in stored.cells if c.cell_type == "code"]
    assert sum(bool(c["outputs"]) for c in cells) == len(cells) >= 12
    for old, new in zip(stored.cells, again.cells, strict=True):
        assert shown(old) == shown(new), old["source"]
    figures = [o for c in again.cells for o in c.get("outputs", []) if "application/vnd.plotly.v1+json" in o.get("data", {})]
    assert len(figures) == 2 and all(f["data"]["application/vnd.plotly.v1+json"]["data"] for f in figures)
